"""The web server and the background worker: started apart from the terminal, known by their pid files."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.child import clean_environment
from deploy.places import Places
from deploy.progress import Step, Trouble

STOP_WITHIN_S = 15.0
READY_WITHIN_S = 120.0
KEPT_LOG_BYTES = 20_000_000
SOURCES = ("*.py", "*.sql", "*.html", "*.po", "manifest.json")


@dataclass(frozen=True)
class Running:
    """What a pid file says: the process, when it began, and what it was started with."""

    pid: int
    began: int
    fingerprint: str

    @property
    def alive(self) -> bool:
        """Whether that very process, and not a later one with its number, lives."""
        return began(self.pid) == self.began


def began(pid: int) -> int | None:
    """Return when a process began, in clock ticks since boot; None for no process or a dead one."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before may hold blanks and brackets
    return None if fields[0] in "ZX" else int(fields[19])


@dataclass(frozen=True)
class Daemon:
    """One background program of a clone."""

    name: str
    argv: tuple[str, ...]
    places: Places

    @property
    def pid_file(self) -> Path:
        """Where its process is noted."""
        return self.places.run / f"{self.name}.json"

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.places.log / f"{self.name}.log"

    def found(self) -> Running | None:
        """Return the running process, or None; a stale pid file is none."""
        try:
            running = Running(**json.loads(self.pid_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return running if running.alive else None

    def start(self, env: Mapping[str, str], *, fingerprint: str) -> Running:
        """Start the program in a session of its own and note it."""
        if self.log.exists() and self.log.stat().st_size > KEPT_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=clean_environment(env),
                cwd=self.places.root,
                start_new_session=True,
            )
        running = Running(pid=child.pid, began=began(child.pid) or 0, fingerprint=fingerprint)
        new = self.pid_file.with_suffix(".new")
        new.write_text(json.dumps(asdict(running)))
        new.replace(self.pid_file)
        child.returncode = 0  # it is meant to outlive us: no warning, no waiting
        return running

    def stop(self) -> bool:
        """Stop the program and its children; say whether it ran."""
        running = self.found()
        if running is not None:
            _end(running)
        self.pid_file.unlink(missing_ok=True)
        return running is not None


def _end(running: Running) -> None:
    for sign, patience in ((signal.SIGTERM, STOP_WITHIN_S), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(running.pid, sign)
        except ProcessLookupError:
            return
        except PermissionError:
            raise Trouble(
                f"process {running.pid} belongs to another user.", "run `make down` as that user."
            ) from None
        until = time.monotonic() + patience
        while running.alive and time.monotonic() < until:
            time.sleep(0.1)
        if not running.alive:
            return


def daemons(places: Places) -> tuple[Daemon, ...]:
    """Return the programs of a clone, in the order in which they start."""
    command = str(places.bin / "jingwei")
    return (
        Daemon("web", (command, "serve"), places),
        Daemon("jobs", (command, "jobs"), places),
    )


def fingerprint(places: Places, env: Mapping[str, str]) -> str:
    """Return a mark over the code and the settings: running programs with another mark are started anew."""
    mark = hashlib.sha256()
    for name in sorted(env):
        mark.update(f"{name}={env[name]}\n".encode())
    for path in _sources(places):
        stat = path.stat()
        mark.update(f"{path} {stat.st_mtime_ns} {stat.st_size}\n".encode())
    return mark.hexdigest()


def _sources(places: Places) -> Iterable[Path]:
    roots = [places.root / name for name in ("app", "gis", "data", "migrations")]
    found = {path for root in roots for pattern in SOURCES for path in root.rglob(pattern)}
    return sorted(found | {places.venv / "jingwei-lock"})


def start_all(places: Places, step: Step, env: Mapping[str, str]) -> None:
    """Start every program that does not run with this very code and these settings."""
    mark = fingerprint(places, env)
    words = []
    for daemon in daemons(places):
        running = daemon.found()
        if running is not None and running.fingerprint == mark:
            words.append(f"{daemon.name} was running")
            continue
        word = "started" if running is None else "started anew"
        daemon.stop()
        daemon.start(env, fingerprint=mark)
        words.append(f"{daemon.name} {word}")
    step.note = ", ".join(words)


def stop_all(places: Places, step: Step) -> None:
    """Stop every program, the last started first."""
    stopped = [daemon.name for daemon in reversed(daemons(places)) if daemon.stop()]
    step.note = ", ".join(stopped) or "nothing was running"


def wait_ready(places: Places, step: Step, *, address: str) -> None:
    """Wait until the web server says that it is ready.

    Raises:
        Trouble: a program ended, or time ran out.
    """
    question = f"{address}/readyz"
    answer = "no answer"
    while step.elapsed_s < READY_WITHIN_S:
        for daemon in daemons(places):
            if daemon.found() is None:
                raise Trouble(
                    f"`jingwei {daemon.argv[1]}` ended by itself.",
                    "read the lines above, then run the same command again.",
                    log=daemon.log,
                )
        answer = ask(question)
        if answer == "ready":
            return
        step.tick()
        time.sleep(0.2)
    raise Trouble(
        f"{question} did not say yes in {READY_WITHIN_S:.0f} s (last: {answer}).",
        "read the lines above; `make down`, then the same command again.",
        log=daemons(places)[0].log,
    )


def ask(address: str) -> str:
    """Return 'ready' for a 200, else what came instead."""
    # no proxy: the address is this machine's own
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=5) as response:
            return "ready" if response.status == 200 else f"status {response.status}"
    except urllib.error.HTTPError as error:
        return f"status {error.code}: {error.read(200).decode('utf-8', 'replace')}"
    except OSError as error:
        return str(error)


def follow(logs: Sequence[Path]) -> int:
    """Follow the logs until Ctrl-C."""
    words = ["tail", "-n", "40", "-F", *(str(log) for log in logs)]
    try:
        return subprocess.run(words, check=False).returncode
    except KeyboardInterrupt:
        return 0
