"""Transactions: `read()` and `write()`, opened at the edge only; events are written with the change."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import Connection as PsycopgConnection
from psycopg.rows import namedtuple_row
from sqlalchemy import event
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from app.db import Base, Code, driver_statement, named_statements, raw, was_warned
from app.errors import BadSetting, CommitUncertain


class Xid8(UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the type's SQL name."""
        return "xid8"


class EventRow(Base):
    """What happened, in commit order by (xid, id): the only source of live screens, mail and webhooks."""

    __tablename__ = "events"
    __table_args__ = (sa.Index("ix_events_xid_id", "xid", "id"),)

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    xid: Mapped[str] = mapped_column(Xid8(), server_default=sa.text("pg_current_xact_id()"))
    at: Mapped[datetime] = mapped_column(server_default=sa.text("now()"))
    kind: Mapped[str]
    subject: Mapped[str]
    area_code: Mapped[str | None] = mapped_column(Code)
    payload: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to `subject` in `area_code`, with the whole new card as `payload`."""

    kind: str
    subject: str
    area_code: str | None = None
    payload: dict[str, Any] = field(default_factory=dict)


class Tx:
    """An open transaction. Actions take it, and never commit it."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection

    def named(self, name: str, /, **parameters: Any) -> CursorResult[Any]:
        """Run the statement `capability.name` of that capability's queries.sql with bound parameters."""
        return self.connection.execute(named_statements()[name], parameters)

    def one(self, name: str, /, **parameters: Any) -> Any:
        """Run a named statement that answers one row, and return the row with its columns as attributes.

        The driver runs it, without SQLAlchemy, whose share is felt where a report takes a millisecond.
        """
        driver = raw(self.connection)
        try:
            with driver.cursor(row_factory=namedtuple_row) as cursor:
                return cursor.execute(driver_statement(name), parameters).fetchone()
        except psycopg.OperationalError as error:
            if driver.broken:
                self.connection.invalidate(error)
            raise OperationalError(name, parameters, error, hide_parameters=True) from error

    def execute(self, statement: sa.Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run a SQLAlchemy statement."""
        return self.connection.execute(statement, parameters)

    def record(self, *events: Event) -> None:
        """Write the events' rows in this transaction: a rollback leaves none."""
        if events:
            self.connection.execute(sa.insert(EventRow), _rows(events))


def _rows(events: Sequence[Event]) -> list[dict[str, Any]]:
    return [
        {"kind": e.kind, "subject": e.subject, "area_code": e.area_code, "payload": e.payload} for e in events
    ]


class _Bound:
    """The process's database: an engine, or one connection whose savepoints stand for commits (tests)."""

    engine: sa.Engine | None = None
    connection: sa.Connection | None = None


_bound = _Bound()


class _AtOnce:
    """Connections that commit every statement, kept: to change one and back takes as long as a query."""

    def __init__(self) -> None:
        self._idle: deque[sa.Connection] = deque()

    def take(self) -> sa.Connection:
        """Return a connection that nobody uses, the last one given back first."""
        try:
            return self._idle.pop()
        except IndexError:
            made = engine().connect().execution_options(isolation_level="AUTOCOMMIT")
            made.detach()
            return made

    def give_back(self, connection: sa.Connection, driver: PsycopgConnection[Any]) -> None:
        """Keep a connection; with a broken one all go, since the server they belong to went."""
        if connection.invalidated:
            connection.close()
            driver.close()
            self.close()
        elif connection.engine is not _bound.engine:
            connection.close()
        else:
            if connection.in_transaction():
                connection.rollback()
            self._idle.append(connection)

    def close(self) -> None:
        """Close what nobody uses."""
        while self._idle:
            self._idle.pop().close()


_at_once = _AtOnce()


@event.listens_for(sa.Engine, "engine_disposed")
def _disposed(_engine: sa.Engine) -> None:
    _at_once.close()


def bind(engine: sa.Engine | None, connection: sa.Connection | None = None) -> None:
    """Set what `read()` and `write()` use; with `connection`, commits become savepoints of it."""
    _at_once.close()
    _bound.engine, _bound.connection = engine, connection


def engine() -> sa.Engine:
    """Return the engine that `bind` set.

    Raises:
        BadSetting: there is none.
    """
    if _bound.engine is None:
        raise BadSetting("the database is not bound: create_app() or the command line does it")
    return _bound.engine


@contextmanager
def write() -> Iterator[Tx]:
    """Open a transaction that commits at the end of the block and rolls back on any exception.

    Raises:
        CommitUncertain: the commit may not have reached a standby (PostgreSQL only warns, 01000).
    """
    if _bound.connection is not None:
        with _bound.connection.begin_nested():
            yield Tx(_bound.connection)
        return
    with engine().connect() as connection:
        with connection.begin():
            yield Tx(connection)
            was_warned(connection)  # what was warned of before the commit is something else
        _check_replicated(connection)


@contextmanager
def rehearse() -> Iterator[Tx]:
    """Open what `write()` opens, and take everything back at the end: what would a change come to?"""
    with engine().connect() if _bound.connection is None else nullcontext(_bound.connection) as connection:
        begun = connection.begin() if _bound.connection is None else connection.begin_nested()
        try:
            yield Tx(connection)
        finally:
            begun.rollback()


@contextmanager
def write_at_once() -> Iterator[Tx]:
    """Open what `write()` opens, for one statement that does everything: the server itself commits it.

    One round trip instead of three. A statement that has returned is committed: nothing after it in the block
    can take it back, so that this suits what may be sent again, such as a report.

    Raises:
        CommitUncertain: as `write()`.
    """
    if _bound.connection is not None:
        with write() as tx:
            yield tx
        return
    connection = _at_once.take()
    driver = raw(connection)
    try:
        yield Tx(connection)
        _check_replicated(connection)
    finally:
        _at_once.give_back(connection, driver)


def _check_replicated(connection: sa.Connection) -> None:
    if was_warned(connection):
        connection.invalidate()
        raise CommitUncertain("the standby did not confirm; send the same again")


@contextmanager
def read(*, snapshot: bool = False) -> Iterator[Tx]:
    """Open a transaction for reading; with `snapshot`, every statement sees the same moment."""
    if _bound.connection is not None:
        with _bound.connection.begin_nested() as savepoint:
            yield Tx(_bound.connection)
            savepoint.rollback()
        return
    with engine().connect() as connection:
        if snapshot:
            connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        yield Tx(connection)
        connection.rollback()
