"""`make check` (lint, types, import laws) and `make test` (those, and every test)."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass

from deploy import city, cluster, packages, system
from deploy.child import show
from deploy.commands import set_up
from deploy.places import Places, Settings, alone, check_space
from deploy.progress import Progress, Trouble, seconds

NO_TESTS = 5


@dataclass(frozen=True)
class Result:
    """One part's outcome."""

    name: str
    code: int
    took_s: float

    def __str__(self) -> str:
        """Give the line of the summary."""
        word = {0: "passed", NO_TESTS: "FAILED (no test was found)"}.get(self.code, "FAILED")
        return f"  {word:8} {self.name} ({seconds(self.took_s)})"


def check_parts(places: Places) -> dict[str, list[str]]:
    """Return the parts of `make check`: name and command."""
    return {
        "lint": [str(places.bin / "ruff"), "check", "."],
        "format": [str(places.bin / "ruff"), "format", "--check", "."],
        "types": [str(places.bin / "mypy")],
        "import laws": [str(places.bin / "lint-imports")],
    }


def test_parts(places: Places, arguments: list[str]) -> dict[str, list[str]]:
    """Return the test runs: those that can share the machine, then the browser, one page at a time."""
    pytest = [str(places.bin / "python"), "-m", "pytest"]
    if arguments:
        return {"tests": [*pytest, *arguments]}
    return {
        "tests": [*pytest, "-m", "not browser", "-n", "2", "--durations=10"],
        "browser tests": [*pytest, "-m", "browser", "--durations=5"],
    }


def check(places: Places) -> int:
    """Run lint, types and import laws in an environment that is as the lock file says."""
    with alone(places):
        progress = Progress(1)
        with progress.step("Python packages (.venv)") as step:
            check_space(places)
            packages.python_packages(places, step)
    return _summary(_run(places, check_parts(places), {}))


def test(places: Places) -> int:
    """Set up what the tests need and run everything."""
    settings = Settings.read(os.environ)
    own_database = settings.database_url is None
    arguments = shlex.split(os.environ.get("ARGS", ""))
    with alone(places):
        progress = Progress(4 if own_database else 3)
        set_up(places, progress, database=own_database, browser=True)
        was_running = own_database and _runs(places)
        url = settings.database_url or _database(places, progress)
    try:
        _install_browser(places)
        env = _environment(places, settings, url)
        results = [] if arguments else _run(places, check_parts(places), env)
        results += _run(places, test_parts(places, arguments), env)
    finally:
        if own_database and not was_running:
            _stop(places)
    return _summary(results)


def _environment(places: Places, settings: Settings, url: str) -> dict[str, str]:
    env = city.environment(places, settings, url=url)
    # the tests take a port of their own and must not see the running city's key
    for name in ("JINGWEI_PORT", "JINGWEI_SECRET_KEY"):
        env.pop(name, None)
    found = system.chromium()
    return env | ({"CHROMIUM_PATH": found} if found else {})


def _install_browser(places: Places) -> None:
    """Let playwright fetch its own Chromium where the system's packages have none (Ubuntu's is a snap).

    Raises:
        Trouble: the download failed.
    """
    if system.chromium() is not None:
        return
    words = [places.bin / "playwright", "install", "chromium"]
    if os.geteuid() == 0:
        words.insert(2, "--with-deps")
    if show(words):
        raise Trouble(
            "there is no Chromium for the browser tests.",
            "install one and name it: `CHROMIUM_PATH=/path/to/chromium make test`.",
        )


def _runs(places: Places) -> bool:
    found = cluster.cluster_of(places)
    return found is not None and found.running()


def _database(places: Places, progress: Progress) -> str:
    with progress.step("Database for the tests") as step:
        return cluster.start(places, step).owner_url  # tests make databases and tables


def _stop(places: Places) -> None:
    found = cluster.cluster_of(places)
    if found is not None:
        with Progress(1).step("Database stops") as step:
            cluster.stop(found, step)


def _run(places: Places, parts: dict[str, list[str]], env: dict[str, str]) -> list[Result]:
    results = []
    for name, words in parts.items():
        print(f"\n== {name}: {' '.join(words).replace(f'{places.root}/', '')}", flush=True)
        clock = Progress(1)
        code = show(words, env=env, cwd=places.root)
        results.append(Result(name=name, code=code, took_s=clock.elapsed_s))
    return results


def _summary(results: list[Result]) -> int:
    print("\nSummary")
    for result in results:
        print(result)
    failed = [result.name for result in results if result.code]
    print(f"\nFAILED: {', '.join(failed)}" if failed else "\nEverything passed.", flush=True)
    return 1 if failed else 0
