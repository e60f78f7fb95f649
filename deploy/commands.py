"""The commands behind the Makefile's targets: up, down, logs, reset, clean, lock."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from deploy import city, cluster, daemons, packages, system
from deploy.child import run
from deploy.places import Places, Settings, alone, check_space, port_holder, port_is_free
from deploy.progress import Progress, Trouble, seconds

CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache", ".coverage")
KEPT_BY_RESET = {"log", "run", "secret_key"}


def set_up(places: Places, progress: Progress, *, database: bool, browser: bool) -> None:
    """Take the three steps that `make up` and `make test` share."""
    check_space(places)
    with progress.step("System packages") as step:
        system.install_missing(places, step, database=database, browser=browser)
    with progress.step("Python packages (.venv; the first time a minute or two)") as step:
        packages.python_packages(places, step)
    with progress.step("Front-end packages (node_modules, app/static/vendor)") as step:
        packages.browser_packages(places, step)


def up(places: Places) -> int:
    """Set up whatever is missing, start everything, wait until it is ready, say where it is."""
    settings = Settings.read(os.environ)
    own_database = settings.database_url is None
    with alone(places):
        _check_port(places, settings.port)
        progress = Progress(8 if own_database else 7)
        set_up(places, progress, database=own_database, browser=False)
        url, owner_url = settings.database_url, settings.owner_url
        if url is None:
            url, owner_url = _database(places, progress)
        env = city.environment(places, settings, url=url)
        with progress.step("Tables") as step:
            city.migrate(places, step, city.owners(env, owner_url))
        with progress.step("Demo city") as step:
            city.build_demo(places, step, city.owners(env, owner_url))
        with progress.step("Web server and background worker") as step:
            daemons.start_all(places, step, env)
        with progress.step("Ready") as step:
            daemons.wait_ready(places, step, address=settings.address)
    print(f"\nJingwei stands at {settings.address}/ after {seconds(progress.elapsed_s)}.\n")
    print(city.accounts(places, env))
    print("\n`make logs` follows the logs, `make down` stops everything and keeps the data.")
    return 0


def _check_port(places: Places, port: int) -> None:
    """Fail before the long steps where somebody else has the port.

    Raises:
        Trouble: the port is taken, and not by us.
    """
    ours = any(daemon.found() for daemon in daemons.daemons(places) if daemon.name == "web")
    if ours or port_is_free(port):
        return
    holder = port_holder(port)
    who = f" by {holder}" if holder else ""
    raise Trouble(
        f"port {port} is taken{who}.",
        f"stop that program, or take another port: `JINGWEI_PORT={port + 1} make up`.",
    )


def _database(places: Places, progress: Progress) -> tuple[str, str]:
    with progress.step("Database") as step:
        found = cluster.start(places, step)
    return found.url, found.owner_url


def down(places: Places) -> int:
    """Stop everything that this clone started; the data stay."""
    with alone(places):
        progress = Progress(2)
        with progress.step("Web server and background worker stop") as step:
            daemons.stop_all(places, step)
        with progress.step("Database stops") as step:
            found = cluster.cluster_of(places)
            step.note = "there is none"
            if found is not None:
                step.note = ""
                cluster.stop(found, step)
    return 0


def logs(places: Places) -> int:
    """Follow every log until Ctrl-C."""
    found = sorted(places.log.glob("*.log")) if places.log.exists() else []
    if not found:
        raise Trouble("there are no logs yet.", "`make up` first.")
    return daemons.follow(found)


def reset(places: Places) -> int:
    """Throw the private database and all files of the city away, after asking, and start afresh."""
    settings = Settings.read(os.environ)
    if settings.database_url is not None:
        raise Trouble(
            "JINGWEI_DATABASE_URL names a database of your own, which this command never deletes.",
            "drop the schema yourself: `psql \"$JINGWEI_DATABASE_URL\" -c 'DROP SCHEMA jingwei CASCADE'`.",
        )
    if not _sure("This deletes the database and all photos of this clone. Type yes to go on: "):
        print("Nothing was changed.")
        return 1
    down(places)
    with alone(places):
        cluster.remove(places)
        for path in places.var.iterdir():
            if path.name not in KEPT_BY_RESET:
                _delete(path)
    return up(places)


def _sure(question: str) -> bool:
    if os.environ.get("YES") == "1":
        return True
    if not sys.stdin.isatty():
        raise Trouble("there is nobody to ask whether all data may be deleted.", "`YES=1 make reset`.")
    return input(question).strip().lower() == "yes"


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def clean(places: Places) -> int:
    """Remove what can be made again: packages and caches. The database stays."""
    if any(daemon.found() for daemon in daemons.daemons(places)):
        raise Trouble("Jingwei is running.", "`make down` first.")
    with alone(places):
        for name in (".venv", "node_modules", "build", "jingwei.egg-info", *CACHES):
            _delete(places.root / name)
        _delete(places.vendor)
        for folder in ("app", "gis", "data", "deploy", "migrations", "tests", "benchmarks"):
            for cache in (places.root / folder).rglob("__pycache__"):
                shutil.rmtree(cache, ignore_errors=True)
    print("Removed: .venv, node_modules, app/static/vendor and the caches. The data in var/ stay.")
    return 0


def lock(places: Places) -> int:
    """Make requirements.lock anew from setup.cfg: hashes for every file, Python 3.11 and newer, Linux."""
    with alone(places):
        progress = Progress(1)
        with progress.step("requirements.lock from setup.cfg") as step:
            words = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url"]
            extras = ["--extra", "demo", "--extra", "dev", "--custom-compile-command", "make lock"]
            files = ["setup.cfg", "deploy/build.in", "-o", "requirements.lock"]
            upgrade = ["--upgrade"] if os.environ.get("UPGRADE") == "1" else []
            run(
                [places.bin / "uv", "pip", "compile", *words, *extras, *upgrade, *files],
                step,
                log=places.log / "lock.log",
                what="the lock file could not be made",
                mend="`make check` builds .venv, which brings uv; then run this again.",
                cwd=places.root,
            )
    return 0


def interrupted() -> None:
    """Say what an interrupted command left: nothing that would be in the way."""
    with suppress(OSError):
        print("\nStopped. What was done stays; the same command goes on from there.", file=sys.stderr)
