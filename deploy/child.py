"""Run another program: its output goes into a log, and its failure shows the log's last lines."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.progress import Step, Trouble, tail

# A Python that is started from inside another environment must not see that environment.
FOREIGN = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")
FULL_DISK = ("No space left on device", "ENOSPC", "Disk quota exceeded", "could not extend file")
NO_NETWORK = (
    "Temporary failure in name resolution",
    "Temporary failure resolving",
    "EAI_AGAIN",
    "Network is unreachable",
    "ETIMEDOUT",
)


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a child, without another environment's traces."""
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return kept | dict(extra or {})


def mend_for(lines: Sequence[str], usual: str) -> str:
    """Return the mend that a log's last lines call for, or the usual one."""
    text = "\n".join(lines)
    if any(sign in text for sign in FULL_DISK):
        return "the disk is full: free some space (see `df -h .`), then run the same command again."
    if any(sign in text for sign in NO_NETWORK):
        return "a download failed: check the network or the proxy, then run the same command again."
    if "ModuleNotFoundError" in text:
        return "the environment is damaged: `rm -r .venv`, then run the same command again."
    if "is no setting of Jingwei" in text:
        return "unset or correct that variable, then run the same command again."
    return usual


def run(
    argv: Sequence[object],
    step: Step,
    *,
    log: Path,
    what: str,
    mend: str = "read the lines above, then run the same command again.",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run a program to its end, ticking the step.

    Raises:
        Trouble: the program is missing or did not end well.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(word) for word in argv]
    try:
        with log.open("ab") as file:
            file.write(f"\n$ {' '.join(words)}\n".encode())
            file.flush()
            child = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=clean_environment(env),
                cwd=cwd,
            )
    except FileNotFoundError:
        raise Trouble(f"{what}: there is no {words[0]}.", mend) from None
    code = wait(child, step)
    if code:
        raise Trouble(f"{what} (exit code {code}).", mend_for(tail(log), mend), log=log)


def wait(child: subprocess.Popen[bytes], step: Step) -> int:
    """Wait for a child, ticking; a person's Ctrl-C ends the child too."""
    try:
        while child.poll() is None:
            step.tick()
            time.sleep(0.25)
    except BaseException:
        child.terminate()
        child.wait(timeout=20)
        raise
    return child.returncode


def show(argv: Sequence[object], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> int:
    """Run a program that speaks to the person by itself and return its exit code."""
    return subprocess.run(
        [str(word) for word in argv],
        stdin=subprocess.DEVNULL,
        env=clean_environment(env),
        cwd=cwd,
        check=False,
    ).returncode


def output(argv: Sequence[object], *, env: Mapping[str, str] | None = None) -> str | None:
    """Return what a short program prints, or None where it is missing or fails."""
    try:
        done = subprocess.run(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=clean_environment(env),
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
