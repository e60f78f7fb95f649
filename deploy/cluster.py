"""The private PostgreSQL cluster of one clone: on a unix socket only, owned by nobody but us.

PostgreSQL refuses to run as root. For root, the cluster belongs to the system user `postgres`; where that
user cannot reach the clone (a clone under /root), the cluster lives under /var/lib/jingwei instead.
The role `jingwei` owns the database and its tables and may make others (for tests), but is no superuser:
PostGIS is put into the template once, by us. The web server and the background worker work as `jingwei_app`,
which owns nothing: what it may not do is granted by `jingwei migrate`.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from deploy.child import clean_environment, mend_for, wait
from deploy.places import Places
from deploy.progress import Step, Trouble, tail
from deploy.system import Postgres, postgres_servers

SYSTEM_USER = "postgres"
ELSEWHERE = Path("/var/lib/jingwei")
DATABASE = "jingwei"
OWNER, APP = "jingwei", "jingwei_app"
EXTENSIONS = ("postgis", "btree_gist", "pg_trgm")
LONGEST_SOCKET_FOLDER = 90  # a unix socket's whole path has 107 bytes at most
START_TRIES = 3


@dataclass(frozen=True)
class Cluster:
    """One private cluster: its server, its folders and the system user that runs it."""

    server: Postgres
    data: Path
    socket: Path
    log: Path
    user: str | None  # None: whoever calls

    @property
    def url(self) -> str:
        """The libpq address by which the web server and the background worker use the database."""
        return self._url(APP)

    @property
    def owner_url(self) -> str:
        """The address of the tables' owner, for migrations and tests."""
        return self._url(OWNER)

    def _url(self, role: str) -> str:
        return f"postgresql:///{DATABASE}?host={quote(str(self.socket), safe='/')}&user={role}"

    def program(self, name: str) -> str:
        """Return one of the server's own programs."""
        return str(self.server.bin / name)

    def do(self, argv: list[str], step: Step, *, what: str, mend: str, stdin: str | None = None) -> None:
        """Run one of the programs as the cluster's user, into the cluster's log.

        Raises:
            Trouble: it failed.
        """
        with self.log.open("ab") as log, tempfile.TemporaryFile() as given:
            log.write(f"$ {' '.join(argv)}\n".encode())
            log.flush()
            given.write((stdin or "").encode())
            given.seek(0)
            child = subprocess.Popen(
                argv,
                stdin=given,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=clean_environment({"LC_ALL": "C.UTF-8", "PGOPTIONS": "", "PGDATABASE": ""}),
                user=self.user,
                group=None if self.user is None else pwd.getpwnam(self.user).pw_gid,
                extra_groups=None if self.user is None else [],
            )
            code = wait(child, step)
        if code:
            raise Trouble(what, mend_for(tail(self.log), mend), log=self.log)

    def running(self) -> bool:
        """Say whether the cluster's server lives."""
        pid = _first_number(self.data / "postmaster.pid")
        return pid is not None and _is_postgres(pid)

    def forget_stale_pid(self) -> None:
        """Remove pid files whose process is gone or is somebody else's.

        PostgreSQL itself takes over from a dead process, but not where its number was given anew, nor where
        it still stands in the table because a container's first process does not reap.
        """
        for path in (self.data / "postmaster.pid", self.socket / ".s.PGSQL.5432.lock"):
            pid = _first_number(path)
            if pid is not None and not _is_postgres(pid):
                path.unlink(missing_ok=True)


def _first_number(path: Path) -> int | None:
    try:
        return int(path.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


def _is_postgres(pid: int) -> bool:
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except OSError:
        return False
    return name in ("postgres", "postmaster") and rest.split()[0] not in "ZX"  # not one that is dead already


def cluster_of(places: Places) -> Cluster | None:
    """Return the clone's cluster where one was made before, else None."""
    for base in (places.var, elsewhere(places)):
        version = base / "pg" / "PG_VERSION"
        if _exists(version):
            return _cluster(places, base, _server(int(version.read_text())))
    return None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        raise Trouble(
            f"the database in {path.parent} belongs to another user (an earlier run as root?).",
            "run the command as that user, or `sudo make reset` once.",
        ) from None


def elsewhere(places: Places) -> Path:
    """Return the folder outside the clone for a cluster that cannot live in it."""
    mark = hashlib.sha256(str(places.root).encode()).hexdigest()[:10]
    return ELSEWHERE / f"{places.root.name[:20]}-{mark}"


def _server(major: int | None) -> Postgres:
    servers = postgres_servers()
    fitting = [server for server in servers if major in (None, server.major)]
    if not fitting:
        found = ", ".join(str(server.major) for server in servers) or "none"
        raise Trouble(
            f"the database was made by PostgreSQL {major}; with PostGIS this system has: {found}.",
            f"install postgresql-{major}-postgis-3, or `make reset` to start afresh without the data.",
        )
    return fitting[0]


def _cluster(places: Places, base: Path, server: Postgres) -> Cluster:
    user = SYSTEM_USER if os.geteuid() == 0 else None
    log = places.log / "postgres.log" if base == places.var else base / "postgres.log"
    return Cluster(server=server, data=base / "pg", socket=_socket_folder(places, base), log=log, user=user)


def _socket_folder(places: Places, base: Path) -> Path:
    near = (places.run if base == places.var else base) / "socket"
    if len(os.fsencode(near)) <= LONGEST_SOCKET_FOLDER:
        return near
    note = places.run / "socket_folder"
    if note.exists():
        known = Path(note.read_text().strip())
        if known.is_dir() and not known.is_symlink() and known.stat().st_uid in _owners():
            return known
    made = Path(tempfile.mkdtemp(prefix="jingwei-"))
    note.write_text(f"{made}\n")
    return made


def _owners() -> set[int]:
    names = [entry.pw_uid for entry in pwd.getpwall() if entry.pw_name == SYSTEM_USER]
    return {os.geteuid(), *names} if os.geteuid() == 0 else {os.geteuid()}


def start(places: Places, step: Step) -> Cluster:
    """Make the cluster where there is none, start it where it rests, and return it.

    Raises:
        Trouble: it cannot be made or does not start.
    """
    cluster = cluster_of(places) or _create(places, step)
    _hand_over(cluster.socket, cluster)
    _hand_over(cluster.log, cluster, folder=False)
    link = places.log / "postgres.log"
    if cluster.log != link:
        link.unlink(missing_ok=True)
        link.symlink_to(cluster.log)
    _write_settings(cluster)
    if cluster.running():
        step.note = step.note or "was running"
    else:
        _start(cluster, step)
    _prepare(cluster, step)
    # `.venv/bin/jingwei` finds the database by this when a person calls it later
    (places.var / "database_url").write_text(cluster.url + "\n")
    (places.var / "owner_url").write_text(cluster.owner_url + "\n")
    step.note = step.note or "started"
    if not cluster.data.is_relative_to(places.root):
        step.note += f", in {cluster.data} since {SYSTEM_USER!r} cannot reach {places.root}"
    return cluster


def _create(places: Places, step: Step) -> Cluster:
    """Run initdb beside the final place and move it there whole: half a cluster is never taken for one."""
    base = places.var if _reachable(places) else elsewhere(places)
    base.mkdir(parents=True, exist_ok=True)
    base.chmod(0o755)
    cluster = _cluster(places, base, _server(None))
    _hand_over(cluster.log, cluster, folder=False)
    new = base / "pg.new"
    shutil.rmtree(new, ignore_errors=True)
    if cluster.data.exists():
        raise Trouble(
            f"{cluster.data} is there, but is no database.",
            f"look what it is; `rm -r {cluster.data}` if it can go, then run the command again.",
        )
    _hand_over(new, cluster, mode=0o700)
    words = ["--username", "postgres", "--encoding", "UTF8", "--locale", "C.UTF-8", "--auth", "peer"]
    cluster.do(
        [cluster.program("initdb"), "--pgdata", str(new), *words],
        step,
        what="the database cluster could not be made",
        mend="read the lines above, then run the same command again.",
    )
    new.rename(cluster.data)
    if base != places.var:
        (base / "clone").write_text(f"{places.root}\n")
    step.note = f"made with PostgreSQL {cluster.server.major}"
    return cluster


def _reachable(places: Places) -> bool:
    """Say whether the cluster's user can reach the clone's var/."""
    if os.geteuid() != 0:
        return True
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise Trouble(
            f"PostgreSQL must not run as root, and there is no system user {SYSTEM_USER!r}.",
            f"`useradd --system {SYSTEM_USER}`, then run the same command again.",
        ) from None
    probe = ["test", "-x", str(places.var)]
    done = subprocess.run(probe, cwd="/", user=entry.pw_uid, group=entry.pw_gid, extra_groups=[], check=False)
    return done.returncode == 0


def _hand_over(path: Path, cluster: Cluster, *, folder: bool = True, mode: int | None = None) -> None:
    """Make a folder or a log and give it to the cluster's user."""
    if folder:
        path.mkdir(parents=True, exist_ok=True)
    else:
        path.touch()
    path.chmod(mode or (0o755 if folder else 0o644))
    if cluster.user is not None:
        entry = pwd.getpwnam(cluster.user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def settings(cluster: Cluster, *, memory_mib: int, shared_mib: int) -> dict[str, str]:
    """Return our part of postgresql.conf for a machine with that much memory and /dev/shm."""
    buffers = max(64, min(512, memory_mib // 8))
    return {
        "listen_addresses": "''",
        "unix_socket_directories": f"'{cluster.socket}'",
        "max_connections": "120",
        "shared_buffers": f"{buffers}MB",
        "effective_cache_size": f"{max(256, memory_mib // 2)}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": f"{max(64, min(256, memory_mib // 16))}MB",
        "max_wal_size": "2GB",
        "checkpoint_completion_target": "0.9",
        "random_page_cost": "1.1",
        "jit": "off",  # our statements are short: compiling them costs more than it saves
        "idle_in_transaction_session_timeout": "'60s'",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "log_min_duration_statement": "'2s'",
        # a container's /dev/shm has 64 MB, too little for a parallel query
        "dynamic_shared_memory_type": "posix" if shared_mib >= 256 else "mmap",
    }


def peers(user: str, *, system_user: str | None) -> str:
    """Return pg_ident.conf: which users of this machine may be which roles."""
    names = dict.fromkeys([user, *([system_user] if system_user else [])])
    return "".join(f"here {name} {role}\n" for name in names for role in ("postgres", OWNER, APP))


def _write_settings(cluster: Cluster) -> None:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    shared = shutil.disk_usage("/dev/shm").total // 2**20 if Path("/dev/shm").is_dir() else 0
    ours = settings(cluster, memory_mib=memory, shared_mib=shared)
    user = pwd.getpwuid(os.geteuid()).pw_name
    head = "# written anew at each start: put your own settings into postgresql.conf, below the include\n"
    texts = {
        "jingwei.conf": head + "".join(f"{name} = {value}\n" for name, value in ours.items()),
        "pg_hba.conf": "local all all peer map=here\n",
        "pg_ident.conf": peers(user, system_user=cluster.user),
    }
    for name, text in texts.items():
        path = cluster.data / name
        path.write_text(text)
        _hand_over(path, cluster, folder=False, mode=0o600)
    main = cluster.data / "postgresql.conf"
    if "include = 'jingwei.conf'" not in main.read_text():
        with main.open("a") as file:
            file.write("\ninclude = 'jingwei.conf'\n")


def _start(cluster: Cluster, step: Step) -> None:
    cluster.forget_stale_pid()
    words = ["-D", str(cluster.data), "-l", str(cluster.log), "-w", "-t", "90", "start"]
    for attempt in range(1, START_TRIES + 1):
        try:
            cluster.do(
                [cluster.program("pg_ctl"), *words],
                step,
                what="the database does not start",
                mend="read the lines above; `make down`, then the same command again. "
                "If the data may go: `make reset`.",
            )
        except Trouble:
            # processes of a killed server take a moment to notice and let go of the shared memory
            if attempt == START_TRIES or "pre-existing shared memory" not in "\n".join(tail(cluster.log)):
                raise
            time.sleep(3)
        else:
            return


PREPARE = r"""
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SELECT 'CREATE ROLE jingwei LOGIN CREATEDB' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jingwei')
\gexec
SELECT 'CREATE ROLE jingwei_app LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jingwei_app')
\gexec
GRANT jingwei_app TO jingwei;
\connect template1
SET client_min_messages = warning;
{extensions}
SELECT 'CREATE DATABASE jingwei OWNER jingwei'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'jingwei')
\gexec
"""


def _prepare(cluster: Cluster, step: Step) -> None:
    """Make the roles, the template's extensions and the database, each only where it is missing."""
    extensions = "\n".join(f"CREATE EXTENSION IF NOT EXISTS {name};" for name in EXTENSIONS)
    cluster.do(
        [cluster.program("psql"), "-X", "-q", "-h", str(cluster.socket), "-U", "postgres", "-d", "postgres"],
        step,
        what="the database could not be prepared",
        mend="read the lines above, then run the same command again.",
        stdin=PREPARE.format(extensions=extensions),
    )


def stop(cluster: Cluster, step: Step) -> None:
    """Stop the cluster where it runs.

    Raises:
        Trouble: it does not stop.
    """
    if not cluster.running():
        step.note = "was not running"
        return
    cluster.do(
        [cluster.program("pg_ctl"), "-D", str(cluster.data), "-w", "-t", "60", "-m", "fast", "stop"],
        step,
        what="the database does not stop",
        mend="see who still uses it, then run `make down` again.",
    )


def remove(places: Places) -> None:
    """Delete the cluster's files, here and elsewhere."""
    for base in (places.var, elsewhere(places)):
        for name in ("pg", "pg.new"):
            shutil.rmtree(base / name, ignore_errors=True)
    shutil.rmtree(elsewhere(places), ignore_errors=True)
