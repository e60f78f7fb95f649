"""Changes of posts: who holds which cell, as what, from when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from psycopg.types.range import Range

from app.assignment.models import Post
from app.bulk import copy_rows
from app.errors import Conflict
from app.transaction import Event, Tx
from app.workers.models import Worker

COLUMNS = {
    "code": "text",
    "cell_code": "text",
    "worker_id": "int8",
    "role": "text",
    "during": "tstzrange",
}


@dataclass(frozen=True, slots=True)
class NewPosts:
    """Posts as a file gives them, one value a row; `until` None is open."""

    codes: Sequence[str]
    cells: Sequence[str]
    workers: Sequence[str]
    roles: Sequence[str]
    since: Sequence[datetime]
    until: Sequence[datetime | None]


@dataclass(frozen=True, slots=True)
class PostChange:
    """How many posts were added, ended, withdrawn before they began, and found as they were."""

    added: int
    ended: int
    withdrawn: int
    unchanged: int


class HeldBefore(Conflict):
    """A post would take a cell for a time that is past and in which somebody else held it."""

    code = "held_before"


def replace_posts(tx: Tx, posts: NewPosts, *, at: datetime) -> PostChange:
    """Make the file's posts those of its cells from `at` on, and return what changed.

    A cell and role that the file names keeps only the file's posts from `at` on: others end when a new one
    begins, or at `at`; those that had not begun are withdrawn. What is past stays.

    Raises:
        HeldBefore: a post that begins before `at` overlaps one that is not in the file.
    """
    tx.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.posts'))"))
    named = sa.select(Worker.code, Worker.id).where(Worker.code.in_(posts.workers))
    ids = {row.code: row.id for row in tx.execute(named)}
    wanted = {
        (cell, role, ids[worker], since, until): code
        for code, cell, worker, role, since, until in zip(
            posts.codes, posts.cells, posts.workers, posts.roles, posts.since, posts.until, strict=True
        )
    }
    present = _present(tx, posts)
    new = {key: code for key, code in wanted.items() if key not in present}
    old = {key: one for key, one in present.items() if key not in wanted and _reaches(key, at)}
    _check_past(new, [key for key in present if key not in wanted], at)
    ended, withdrawn = _end(tx, old, new, at)
    copy_rows(
        tx,
        "posts",
        COLUMNS,
        (
            (code, cell, worker, role, Range(since, until))
            for (cell, role, worker, since, until), code in new.items()
        ),
    )
    if new or old:
        counts = {"added": len(new), "ended": ended, "withdrawn": withdrawn}
        tx.record(Event("posts.changed", at.isoformat(), None, counts))
    return PostChange(len(new), ended, withdrawn, len(wanted) - len(new))


def end_posts(tx: Tx, cells: Sequence[str], *, at: datetime) -> int:
    """End the posts of cells that end at `at`, and return how many there were."""
    parameters = {"cells": list(cells), "at": at}
    gone = tx.execute(
        sa.text("DELETE FROM posts WHERE cell_code = ANY(CAST(:cells AS text[])) AND lower(during) >= :at"),
        parameters,
    ).rowcount
    ended = tx.execute(
        sa.text(
            "UPDATE posts SET during = tstzrange(lower(during), :at)"
            " WHERE cell_code = ANY(CAST(:cells AS text[])) AND during @> CAST(:at AS timestamptz)"
        ),
        parameters,
    ).rowcount
    return gone + ended


Key = tuple[str, str, int, datetime, datetime | None]


def _reaches(key: Key, at: datetime) -> bool:
    return key[4] is None or key[4] > at


def _present(tx: Tx, posts: NewPosts) -> dict[Key, int]:
    """Return the posts of the file's cells and roles, with their ids."""
    pairs = set(zip(posts.cells, posts.roles, strict=True))
    rows = tx.execute(
        sa.select(Post.id, Post.cell_code, Post.role, Post.worker_id, Post.during).where(
            Post.cell_code.in_(sorted({cell for cell, _ in pairs}))
        )
    )
    return {
        (row.cell_code, row.role, row.worker_id, row.during.lower, row.during.upper): row.id
        for row in rows
        if (row.cell_code, row.role) in pairs
    }


def _check_past(new: dict[Key, str], others: Sequence[Key], at: datetime) -> None:
    """Refuse a new post that begins in the past over one that is not in the file."""
    held: dict[tuple[str, str], list[Key]] = {}
    for key in others:
        held.setdefault(key[:2], []).append(key)
    for cell, role, _, since, until in new:
        if since >= at:
            continue
        for other in held.get((cell, role), ()):
            if (other[4] is None or since < other[4]) and (until is None or other[3] < until):
                before = other[3].astimezone(since.tzinfo)
                raise HeldBefore(
                    f"cell {cell} was already held as {role} from {before.isoformat()};"
                    f" a post that begins at {since.isoformat()} would rewrite that."
                    f" Give `since` {at.isoformat()} or later, or the posts as they are exported",
                    value=cell,
                )


def _end(tx: Tx, old: dict[Key, int], new: dict[Key, str], at: datetime) -> tuple[int, int]:
    starts: dict[tuple[str, str], datetime] = {}
    for cell, role, _, since, _ in new:
        if since < at:
            continue
        starts[cell, role] = min(starts.get((cell, role), since), since)
    ends: list[tuple[int, datetime]] = []
    gone: list[int] = []
    for key, identity in old.items():
        end = max(at, min(starts.get(key[:2], at), key[4] or starts.get(key[:2], at)))
        if key[3] >= end:
            gone.append(identity)
        else:
            ends.append((identity, end))
    tx.execute(sa.delete(Post).where(Post.id.in_(gone)))
    parameters: dict[str, Any] = {"ids": [i for i, _ in ends], "ends": [e for _, e in ends]}
    tx.execute(
        sa.text(
            "UPDATE posts SET during = tstzrange(lower(during), n.until)"
            " FROM unnest(CAST(:ids AS bigint[]), CAST(:ends AS timestamptz[])) AS n(id, until)"
            " WHERE posts.id = n.id"
        ),
        parameters,
    )
    return len(ends), len(gone)
