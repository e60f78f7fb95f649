"""System packages: what is missing, and its installation by apt.

What is there is judged by what it can do, not by a package's name, so that a Node or a PostgreSQL that
came another way is used as it is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.child import mend_for, output, run
from deploy.places import Places
from deploy.progress import Step, Trouble, tail

OLDEST_POSTGRES = 15
OLDEST_NODE = 18
OLDEST_PYTHON = (3, 11)

# Debian's package would start a cluster of its own; this file, there during the installation, forbids it.
CREATE_CLUSTER = Path("/etc/postgresql-common/createcluster.d/jingwei.conf")

CHROMIUM_NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chrome")


@dataclass(frozen=True)
class Postgres:
    """One installed PostgreSQL server with PostGIS."""

    major: int
    bin: Path


@dataclass(frozen=True)
class Need:
    """One thing the system must have, and the packages that bring it."""

    name: str
    there: Callable[[], bool]
    packages: tuple[str, ...]


def postgres_servers(
    base: Path = Path("/usr/lib/postgresql"), share: Path = Path("/usr/share/postgresql")
) -> list[Postgres]:
    """Return the installed servers that are new enough and have PostGIS, newest first."""
    found = [
        Postgres(major=int(folder.name), bin=folder / "bin")
        for folder in base.glob("[0-9]*")
        if folder.name.isdigit()
        and int(folder.name) >= OLDEST_POSTGRES
        and (folder / "bin" / "initdb").exists()
        and (share / folder.name / "extension" / "postgis.control").exists()
    ]
    return sorted(found + _postgres_on_path(), key=lambda server: -server.major)


def _postgres_on_path() -> list[Postgres]:
    """Return a server that `pg_config` knows and Debian's folders do not (built from source)."""
    folder, share, version = (output(["pg_config", what]) for what in ("--bindir", "--sharedir", "--version"))
    major = re.search(r"(\d+)", version or "")
    if not (folder and share and major) or folder.startswith("/usr/lib/postgresql/"):
        return []
    fits = (
        int(major[1]) >= OLDEST_POSTGRES
        and (Path(folder) / "initdb").exists()
        and (Path(share) / "extension" / "postgis.control").exists()
    )
    return [Postgres(major=int(major[1]), bin=Path(folder))] if fits else []


def node_major(text: str | None) -> int:
    """Return the major version that `node --version` prints; 0 for none.

    >>> node_major("v20.20.2"), node_major(None)
    (20, 0)
    """
    match = re.match(r"v(\d+)\.", text or "")
    return int(match[1]) if match else 0


def chromium() -> str | None:
    """Return a Chromium that can be driven; Ubuntu's `chromium-browser` is only a pointer to a snap."""
    named = os.environ.get("CHROMIUM_PATH")
    for name in (named, *CHROMIUM_NAMES):
        found = shutil.which(name) if name else None
        if found and not Path(found).resolve().is_relative_to("/snap") and output([found, "--version"]):
            return found
    return None


def has_chinese_font() -> bool:
    """Say whether the system can draw Chinese."""
    folders = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts")]
    return any(list(folder.rglob(name)) for folder in folders for name in ("NotoSansCJK*", "wqy*.tt*"))


def has_venv() -> bool:
    """Say whether this Python can make environments (Debian splits that off)."""
    return output([sys.executable, "-c", "import ensurepip, venv; print('yes')"]) == "yes"


def is_ubuntu(release: Path = Path("/etc/os-release")) -> bool:
    """Say whether this is Ubuntu, whose Chromium is a snap."""
    try:
        return "ID=ubuntu" in release.read_text().splitlines()
    except OSError:
        return False


def needs(*, database: bool, browser: bool) -> list[Need]:
    """Return what the system must have for a command."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    venv = "python3-venv" if sys.executable.startswith("/usr/bin/") else f"python{version}-venv"
    wanted = [
        Need("Python environments", has_venv, (venv,)),
        Need("Node", lambda: node_major(output(["node", "--version"])) >= OLDEST_NODE, ("nodejs",)),
        Need("npm", lambda: output(["npm", "--version"]) is not None, ("npm",)),
        Need("certificates", Path("/etc/ssl/certs/ca-certificates.crt").exists, ("ca-certificates",)),
        Need("time zones", Path("/usr/share/zoneinfo/Asia/Shanghai").exists, ("tzdata",)),
    ]
    if database:
        wanted.append(
            Need("PostGIS", lambda: bool(postgres_servers()), ("postgresql", "postgresql-contrib", "POSTGIS"))
        )
    if browser:
        wanted.append(Need("Chinese fonts", has_chinese_font, ("fonts-noto-cjk",)))
        if not is_ubuntu():
            wanted.append(Need("Chromium", lambda: chromium() is not None, ("chromium",)))
    return wanted


def missing(wanted: Sequence[Need]) -> list[Need]:
    """Return the needs that the system does not meet."""
    return [need for need in wanted if not need.there()]


def as_root(argv: Sequence[str], *, uid: int | None = None, sudo: str | None = None) -> list[str]:
    """Return the command as root can run it: as it is, or through sudo.

    Raises:
        Trouble: the user is not root and has no sudo.
    """
    if (os.geteuid() if uid is None else uid) == 0:
        return list(argv)
    if sudo is None:
        raise Trouble(
            "system packages are missing, and you are neither root nor have sudo.",
            f"ask an administrator for `{' '.join(argv)}`, then run the same command again.",
        )
    return [sudo, *argv]


def install_missing(places: Places, step: Step, *, database: bool, browser: bool) -> None:
    """Install what the system lacks; do nothing where it lacks nothing.

    Raises:
        Trouble: no apt, no rights, or the installation failed.
    """
    wanted = needs(database=database, browser=browser)
    lacking = missing(wanted)
    if not lacking:
        step.note = "nothing is missing"
        return
    names = ", ".join(need.name for need in lacking)
    if shutil.which("apt-get") is None:
        raise Trouble(f"missing: {names}.", "install them with this system's own package tool.")
    _apt(places, step, [package for need in lacking for package in need.packages])
    still = missing(wanted)
    if still:
        raise Trouble(
            f"still missing after the installation: {', '.join(need.name for need in still)}.",
            "this system's packages are too old: Debian 12, Ubuntu 24.04 or newer is needed.",
        )
    step.note = f"installed for: {names}"


def _apt(places: Places, step: Step, packages: list[str]) -> None:
    log = places.log / "apt.log"
    wait = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]
    plain = [package for package in packages if package != "POSTGIS"]
    as_root(["apt-get", "install", *plain], sudo=shutil.which("sudo"))
    _sudo_ready(step)
    _sudo(["apt-get", *wait, "update"], step, log=log, what="the package lists could not be read")
    if "POSTGIS" in packages:
        plain.append(f"postgresql-{_debian_postgres()}-postgis-3")
    install = ["apt-get", *wait, "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold"]
    guard = "POSTGIS" in packages and not CREATE_CLUSTER.exists()
    try:
        if guard:
            _sudo(["mkdir", "-p", str(CREATE_CLUSTER.parent)], step, log=log, what="no guard could be set")
            script = f"echo create_main_cluster = false > {CREATE_CLUSTER}"
            _sudo(["sh", "-c", script], step, log=log, what="no guard could be set")
        _sudo([*install, "install", *plain], step, log=log, what="the installation failed")
    finally:
        if guard:
            _sudo(["rm", "-f", str(CREATE_CLUSTER)], step, log=log, what="the guard could not be removed")


def _debian_postgres() -> int:
    """Return the major version that Debian's `postgresql` stands for; PostGIS's package is named by it."""
    text = output(["apt-cache", "depends", "postgresql"]) or ""
    majors = re.findall(r"Depends: postgresql-(\d+)", text)
    if not majors:
        raise Trouble(
            "apt knows no PostgreSQL.",
            "check /etc/apt/sources.list (on Ubuntu `universe` is needed too), then run the command again.",
        )
    return max(int(major) for major in majors)


def _sudo_ready(step: Step) -> None:
    """Let sudo ask for its password once, on the terminal and before anything is logged."""
    if os.geteuid() == 0:
        return
    quiet = [] if sys.stdin.isatty() else ["-n"]
    step.clear()
    if subprocess.run(["sudo", *quiet, "-v"], check=False).returncode:
        raise Trouble(
            "sudo did not let us in, and system packages are missing.",
            "run the command on a terminal where sudo can ask for the password, or as root.",
        )


def _sudo(argv: list[str], step: Step, *, log: Path, what: str) -> None:
    noninteractive = ["env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", *argv]
    words = as_root(noninteractive, sudo=shutil.which("sudo"))
    try:
        run(words, step, log=log, what=what)
    except Trouble as trouble:
        lines = tail(log)
        if any("Unable to locate package" in line for line in lines):
            mend = (
                "this system's packages are too old or `universe` is off: Debian 12, Ubuntu 24.04 or newer."
            )
            raise Trouble(what, mend, log=log) from None
        if any("dpkg --configure -a" in line for line in lines):
            raise Trouble(what, "run `sudo dpkg --configure -a`, then this again.", log=log) from None
        raise Trouble(trouble.what, mend_for(lines, trouble.mend), log=log) from None
