"""Changes of the roster: a file of workers is added to it, and corrects who is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.transaction import Event, Tx
from app.workers.models import Worker


@dataclass(frozen=True, slots=True)
class NewWorkers:
    """Workers as a file gives them; a column that is None is not in the file and stays as it is."""

    codes: Sequence[str]
    names: Sequence[str]
    homes: Sequence[str]
    phones: Sequence[str] | None = None
    active: Sequence[bool] | None = None


@dataclass(frozen=True, slots=True)
class RosterChange:
    """How many workers were added, changed and found as they were."""

    added: int
    changed: int
    unchanged: int


def enrol_workers(tx: Tx, workers: NewWorkers) -> RosterChange:
    """Add the workers of a file to the roster and correct those that are on it; nobody is removed."""
    known = set(tx.execute(sa.select(Worker.code).where(Worker.code.in_(workers.codes))).scalars())
    columns: dict[str, Sequence[Any]] = {
        "code": workers.codes,
        "name": workers.names,
        "home_code": workers.homes,
    }
    if workers.phones is not None:
        columns["phone"] = workers.phones
    if workers.active is not None:
        columns["active"] = workers.active
    written = 0
    if workers.codes:
        statement = insert(Worker)
        given = {name: statement.excluded[name] for name in columns if name != "code"}
        different = sa.or_(*(getattr(Worker, name).is_distinct_from(new) for name, new in given.items()))
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        upsert = statement.on_conflict_do_update(index_elements=[Worker.code], set_=given, where=different)
        written = len(tx.execute(upsert.returning(Worker.id), rows).all())
    added = len(workers.codes) - len(known)
    if written:
        tx.record(Event("workers.changed", "roster", None, {"added": added, "changed": written - added}))
    return RosterChange(added, written - added, len(workers.codes) - written)
