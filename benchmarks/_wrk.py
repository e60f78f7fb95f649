"""One slice of wrk: requests a second over loopback, every answer looked at."""

import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory


class WrkFailed(RuntimeError):
    """wrk is missing, or an answer was not 2xx."""


def rate(url: str, *, clients: int, seconds: int, script: str = "") -> float:
    """Return the requests a second that were answered with success.

    Raises:
        WrkFailed: an answer was none, or wrk is not installed.
    """
    program = shutil.which("wrk")
    if program is None:
        raise WrkFailed("wrk is missing: apt-get install wrk")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "wrk.lua"
        path.write_text(script)
        command = [program, "-t2", f"-c{clients}", f"-d{seconds}s", "--latency", "-s", str(path), url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"^Requests/sec: +([\d.]+)", done.stdout, re.MULTILINE)
    bad = "Non-2xx" in done.stdout or "Socket errors" in done.stdout
    if done.returncode or not found or bad:
        raise WrkFailed(done.stdout + done.stderr)
    return float(found[1])
