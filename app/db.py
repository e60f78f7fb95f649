"""Base of the models, the engine, and the loader of named SQL statements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, cast
from weakref import WeakSet

import orjson
import sqlalchemy as sa
from psycopg import Connection as PsycopgConnection
from psycopg.errors import Diagnostic
from psycopg.types.json import set_json_loads
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.orm import DeclarativeBase

from app.errors import BadSetting
from app.settings import Settings

HERE = Path(__file__).resolve().parent
_unreplicated: WeakSet[PsycopgConnection[Any]] = WeakSet()

Code = sa.Text(collation="C")
"""Codes compare bytewise, so that "the smallest code" is the same in SQL, numpy and Python."""


class Base(DeclarativeBase):
    """Base of every table."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own protocol
        datetime: sa.TIMESTAMP(timezone=True),
        str: sa.Text(),
        bytes: sa.LargeBinary(),
        dict[str, Any]: JSONB(),
    }


def one_of(column: str, values: type[StrEnum]) -> sa.CheckConstraint:
    """Return the check that `column` holds one of `values`: an enum that can grow without ALTER TYPE."""
    listed = ", ".join(f"'{value.value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def make_engine(settings: Settings, *, pool_size: int = 8) -> sa.Engine:
    """Return an engine on the city's schema. Connections open on first use, so after a fork.

    Raises:
        BadSetting: no database is named.
    """
    if not settings.database_url:
        raise BadSetting(
            "no database: run `make up`, which makes one under var/, or set JINGWEI_DATABASE_URL"
            " to a PostGIS, e.g. postgresql://user@host/name"
        )
    try:
        url = sa.make_url(settings.database_url).set(drivername="postgresql+psycopg")
    except (sa.exc.ArgumentError, ValueError):
        # the address is not repeated: it may hold a password
        raise BadSetting(
            "JINGWEI_DATABASE_URL is no database address; write postgresql://user@host/name"
        ) from None
    engine = sa.create_engine(
        url,
        hide_parameters=True,  # they are what citizens wrote, and errors are logged
        pool_size=pool_size,
        max_overflow=4,
        pool_timeout=10,
        connect_args={
            "options": f"-c search_path={settings.schema},public -c timezone=UTC"
            " -c idle_in_transaction_session_timeout=60000 -c jit=off"
            # a tile takes 2 ms; to start a worker process for a part of it takes 20
            " -c max_parallel_workers_per_gather=0",
            "application_name": "jingwei",
        },
    )
    event.listen(engine, "connect", _watch_replication)
    set_json_loads(orjson.loads)
    return engine


def _watch_replication(connection: PsycopgConnection[Any], _record: Any) -> None:
    """Note a connection that was warned: at a commit, it may not have reached a standby.

    The words are the server's, in its language, so that only class and severity are asked.
    """

    def note(diagnostic: Diagnostic) -> None:
        if diagnostic.sqlstate == "01000" and diagnostic.severity_nonlocalized == "WARNING":
            _unreplicated.add(connection)

    connection.add_notice_handler(note)


def raw(connection: sa.Connection) -> PsycopgConnection[Any]:
    """Return the driver's connection."""
    return cast(PsycopgConnection[Any], connection.connection.dbapi_connection)


def was_warned(connection: sa.Connection) -> bool:
    """Whether the connection was warned since this was last asked of it."""
    if not _unreplicated or raw(connection) not in _unreplicated:
        return False
    _unreplicated.discard(raw(connection))
    return True


@cache
def named_statements() -> dict[str, sa.TextClause]:
    """Return every statement of every `.sql` file of a capability, by `capability.name`.

    A file may also hold parts, which statements of any capability name in braces: `{cases.seen}`.
    """
    found: dict[str, dict[str, str]] = {"name": {}, "part": {}}
    for path in sorted(HERE.glob("*/*.sql")):
        for kind, name, body in _split(path.read_text("utf-8")):
            known = found[kind]
            if f"{path.parent.name}.{name}" in known:
                raise LookupError(f"{path}: there are two of the {kind} {name}")
            known[f"{path.parent.name}.{name}"] = body
    parts = {name: _put_together(body, found["part"]) for name, body in found["part"].items()}
    return {name: sa.text(_put_together(body, parts)) for name, body in found["name"].items()}


@cache
def driver_statement(name: str) -> str:
    """Return a named statement as psycopg takes it."""
    return str(named_statements()[name].compile(dialect=PGDialect_psycopg()))  # type: ignore[no-untyped-call]  # SQLAlchemy's own gap


def _split(text: str) -> list[tuple[str, str, str]]:
    """Return (name or part, how it is called, SQL) of each piece of a file."""
    pieces = re.split(r"^-- (name|part): *(\w+) *$", text, flags=re.MULTILINE)[1:]
    return [
        (kind, name, body.strip().rstrip(";"))
        for kind, name, body in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True)
    ]


def _put_together(body: str, parts: Mapping[str, str]) -> str:
    def part(found: re.Match[str]) -> str:
        # a part's own comment would stand in the middle of a line
        return re.sub(r"^--.*\n", "", parts[found[1]], flags=re.MULTILINE)

    return _PART.sub(part, body)


_PART = re.compile(r"\{(\w+\.\w+)\}")
