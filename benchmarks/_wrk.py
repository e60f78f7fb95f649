"""One slice of wrk: requests a second over loopback, every answer looked at."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory


class WrkFailed(RuntimeError):
    """wrk is missing, or an answer was not 2xx."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Requests a second, and the seconds within which 99 of 100 were answered."""

    rate: float
    p99_s: float


UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


def rate(url: str, *, clients: int, seconds: int, script: str = "") -> float:
    """Return the requests a second that were answered with success.

    Raises:
        WrkFailed: an answer was none, or wrk is not installed.
    """
    return measured(url, clients=clients, seconds=seconds, script=script).rate


def measured(url: str, *, clients: int, seconds: int, script: str = "") -> Slice:
    """Return the same, and how long the slowest hundredth took.

    Raises:
        WrkFailed: an answer was none, or wrk is not installed.
    """
    program = shutil.which("wrk")
    if program is None:
        raise WrkFailed("wrk is missing: apt-get install wrk")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "wrk.lua"
        path.write_text(script)
        command = [
            program,
            "-t2",
            f"-c{clients}",
            f"-d{seconds}s",
            "--latency",
            "--timeout=120s",
            "-s",
            str(path),
            url,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"^Requests/sec: +([\d.]+)", done.stdout, re.MULTILINE)
    slow = re.search(r"^ +99% +([\d.]+)(us|ms|s|m)", done.stdout, re.MULTILINE)
    bad = "Non-2xx" in done.stdout or "Socket errors" in done.stdout
    if done.returncode or not found or not slow or bad:
        raise WrkFailed(done.stdout + done.stderr)
    return Slice(float(found[1]), float(slow[1]) * UNITS[slow[2]])
