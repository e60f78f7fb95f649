"""One slice of pgbench: a script's transactions a second, every statement prepared."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from app.settings import Settings


class PgbenchFailed(RuntimeError):
    """pgbench ended with an error; its own words follow."""


def rate(
    settings: Settings, script: Path, *, clients: int, seconds: int, variables: dict[str, float]
) -> float:
    """Return the transactions a second of `script`, the time to connect left out.

    Raises:
        PgbenchFailed: a statement failed, or pgbench is not installed.
    """
    options = f"-c search_path={settings.schema},public -c jit=off -c max_parallel_workers_per_gather=0"
    command = [
        _program(),
        "--no-vacuum",
        "--protocol=prepared",
        f"--client={clients}",
        "--jobs=2" if clients > 1 else "--jobs=1",
        f"--time={seconds}",
        f"--file={script}",
        *(f"--define={name}={value!r}" for name, value in variables.items()),
        settings.database_url,
    ]
    environ = {**os.environ, "PGOPTIONS": options}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    if done.returncode or not found or "ERROR" in done.stderr:
        raise PgbenchFailed(done.stderr[-2_000:] or done.stdout)
    return float(found[1])


def _program() -> str:
    found = shutil.which("pgbench") or next(
        (str(p) for p in sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), reverse=True)), None
    )
    if found is None or not os.access(found, os.X_OK):
        raise PgbenchFailed("pgbench is missing; it comes with the PostgreSQL server's package")
    return found
