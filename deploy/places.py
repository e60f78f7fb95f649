"""Where things are, and the few settings that the commands need before the application can read its own."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.progress import Trouble

GIB = 1024**3
FIRST_NEEDS = 4 * GIB  # .venv 1.7, node_modules 0.3, the city 0.5, and room to work
LATER_NEEDS = 2 * GIB


@dataclass(frozen=True)
class Places:
    """Folders of one clone."""

    root: Path
    var: Path  # everything that this clone makes while it runs

    @property
    def run(self) -> Path:
        """Pid files, the lock and the database's socket."""
        return self.var / "run"

    @property
    def log(self) -> Path:
        """One log for each child."""
        return self.var / "log"

    @property
    def venv(self) -> Path:
        """The Python environment."""
        return self.root / ".venv"

    @property
    def bin(self) -> Path:
        """The environment's programs."""
        return self.venv / "bin"

    @property
    def vendor(self) -> Path:
        """The front-end parts as the browser gets them."""
        return self.root / "app" / "static" / "vendor"

    @classmethod
    def of(cls, root: Path, environment: Mapping[str, str]) -> Places:
        """Return the places of a clone; JINGWEI_VAR moves var/."""
        named = environment.get("JINGWEI_VAR", "").strip()
        return cls(root=root, var=Path(named).resolve() if named else root / "var")

    def make(self) -> None:
        """Make the folders that hold logs and pid files."""
        for folder in (self.var, self.run, self.log):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)


@dataclass(frozen=True)
class Settings:
    """The part of JINGWEI_* that the commands themselves read."""

    port: int
    host: str
    database_url: str | None
    owner_url: str | None

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings from the environment.

        Raises:
            Trouble: a value that cannot be used.
        """
        text = environment.get("JINGWEI_PORT", "").strip() or "8000"
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
            raise Trouble(
                f"JINGWEI_PORT is {text!r}, which is no port.",
                "give a number from 1024 to 65535, as in `JINGWEI_PORT=8001 make up`.",
            )
        return cls(
            port=int(text),
            host=environment.get("JINGWEI_HOST", "").strip() or "127.0.0.1",
            database_url=environment.get("JINGWEI_DATABASE_URL", "").strip() or None,
            owner_url=environment.get("JINGWEI_OWNER_URL", "").strip() or None,
        )

    @property
    def address(self) -> str:
        """The web server's address for somebody on this machine."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def digest(*paths: Path, salt: str = "") -> str:
    """Return one hash over files, for the stamps that say what a folder was made from."""
    total = hashlib.sha256(salt.encode())
    for path in paths:
        total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def stamped(stamp: Path, wanted: str) -> bool:
    """Say whether a stamp, which is always written last, carries the wanted hash."""
    try:
        return stamp.read_text().strip() == wanted
    except OSError:
        return False


LISTING = "jingwei-files"


def write_listing(folder: Path) -> None:
    """Note which files a folder holds now that it is whole, so that a half-deleted one is noticed."""
    text = "".join(f"{path}\0" for path in sorted(_files(folder)))
    (folder / LISTING).write_text(text, "utf-8", "surrogateescape")


def lost_files(folder: Path) -> int:
    """Return how many of the noted files are gone; -1 where none were noted."""
    try:
        noted = set((folder / LISTING).read_text("utf-8", "surrogateescape").split("\0")) - {""}
    except OSError:
        return -1
    return len(noted - _files(folder)) if noted else -1


def _files(folder: Path) -> set[str]:
    """Return the files below a folder, but for caches: a walk of 60,000 files takes half a second."""
    found: set[str] = set()
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in {"__pycache__", ".cache"}]
        below = os.path.relpath(base, folder)
        found.update(f"{below}/{name}" for name in names if name != LISTING)
    return found


def secret_key(places: Places) -> str:
    """Return the key that signs sessions, made once and readable by its owner alone."""
    path = places.var / "secret_key"
    if path.exists() and path.read_text().strip():
        path.chmod(0o600)
        return path.read_text().strip()
    write_private(path, secrets.token_urlsafe(48) + "\n")
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def check_space(places: Places) -> None:
    """Fail early where the disk cannot hold what will be made.

    Raises:
        Trouble: too little space is free.
    """
    needed = LATER_NEEDS if (places.venv / "jingwei-lock").exists() else FIRST_NEEDS
    free = shutil.disk_usage(places.root).free
    if free < needed:
        raise Trouble(
            f"{free / GIB:.1f} GiB are free on the disk of {places.root}; {needed / GIB:.0f} GiB are needed.",
            "free some space or clone onto a larger disk, then run the same command again.",
        )


def port_is_free(port: int) -> bool:
    """Say whether our web server could listen on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def port_holder(port: int) -> str:
    """Return who listens on a TCP port, as far as /proc tells: 'python3 (process 123)' or ''."""
    inodes = _listening(port)
    for folder in Path("/proc").glob("[0-9]*"):
        if inodes & _sockets(folder):
            return f"{(folder / 'comm').read_text().strip()} (process {folder.name})"
    return ""


def _sockets(process: Path) -> set[str]:
    """Return the inodes of a process's sockets; of another user's process, none."""
    links = []
    with suppress(OSError):
        for fd in (process / "fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                links.append(str(fd.readlink()))
    return {link.removeprefix("socket:[").rstrip("]") for link in links if link.startswith("socket:[")}


def _listening(port: int) -> set[str]:
    inodes: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        fields = [row.split() for row in rows]
        inodes |= {f[9] for f in fields if f[3] == "0A" and int(f[1].rsplit(":", 1)[1], 16) == port}
    return inodes


@contextmanager
def alone(places: Places) -> Iterator[None]:
    """Keep a second command out of the same clone while one works.

    Raises:
        Trouble: another command is at work.
    """
    places.make()
    with (places.run / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Trouble(
                "another `make` command is at work in this clone.", "wait for it to end, then run this again."
            ) from None
        yield
