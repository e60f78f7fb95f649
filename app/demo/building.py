"""The demo city, written into an empty schema: all of it in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import sqlalchemy as sa

from app import clock
from app.demo import ground, past_cases, staff, today
from app.demo.common import ZONE
from app.demo.past_cases import as_of
from app.errors import Conflict
from app.identity.actions import make_demo_accounts
from app.maps.publish import publish
from app.settings import Settings
from app.transaction import Tx, read, write
from data.city import DEFAULT_SEED, City, make_city

Progress = Callable[[float, str], None]
MAKING, LOADING = 0.6, 0.25
"""The shares of the time that making the city and writing it take."""
ANALYSED = (
    "areas",
    "cells",
    "cell_versions",
    "streets",
    "facilities",
    "workers",
    "shifts",
    "posts",
    "cases",
    "case_steps",
    "appeals",
)


class NotEmpty(Conflict):
    """There is a city already; a demo city is never written over one."""

    code = "not_empty"


def is_empty(tx: Tx) -> bool:
    """Whether the schema holds no area yet."""
    return tx.execute(sa.text("SELECT NOT EXISTS (SELECT FROM areas)")).scalar_one() is True


def build(
    settings: Settings,
    *,
    cells: int,
    seed: int | None,
    until: date | None,
    if_empty: bool,
    progress: Progress,
) -> str:
    """Make the demo city of a seed, write it with accounts and published tiles, and say what was built.

    Args:
        settings: the password of the demo accounts is among them.
        cells: how many.
        seed: the only source of chance; the default one when None.
        until: the last day of the past cases; today when None, so that the map is alive.
        if_empty: a city that is there is left alone, instead of being an error.
        progress: called with the share that is done and what comes next.

    Raises:
        NotEmpty: there is a city already.
    """
    with read() as tx:
        empty = is_empty(tx)
    if not empty and if_empty:
        return "there is a city already"
    _refuse_unless(empty)
    at = clock.now()
    city = make_city(
        DEFAULT_SEED if seed is None else seed,
        cells=cells,
        until=until or at.astimezone(ZONE).date(),
        progress=lambda share, label: progress(share * MAKING, label),
    )
    city = as_of(city, at)
    with write() as tx:
        load(
            tx,
            city,
            accounts=lambda: make_demo_accounts(tx, settings.demo_password, at=at),
            progress=lambda share, label: progress(MAKING + share * LOADING, label),
        )
        if until is None:
            today.file_today(tx, at=at)
        progress(MAKING + LOADING, "map tables")
        publish(tx, at=at)
    progress(1.0, "done")
    counts = f"{len(city.cells):,} cells, {len(city.facilities):,} facilities, {len(city.workers):,} workers"
    origin = f"outlines: {city.sources['outlines']}; names: {city.sources['names']}"
    return f"演示数据: {counts}, {len(city.incidents):,} past cases; {origin}"


def _refuse_unless(empty: bool) -> None:  # noqa: FBT001 - what it is about
    if not empty:
        raise NotEmpty("there is a city in this schema already; `make reset` starts afresh")


def load(tx: Tx, city: City, *, progress: Progress, accounts: Callable[[], object] = lambda: None) -> None:
    """Write `city` into the empty schema.

    Args:
        tx: the transaction.
        city: what to write.
        progress: called with the share that is done and what comes next.
        accounts: makes the demo accounts; past cases name them.

    Raises:
        NotEmpty: there is a city already.
    """
    _refuse_unless(is_empty(tx))
    parts: list[tuple[str, Callable[[Tx, City], object]]] = [
        ("writing types", ground.write_types),
        ("writing areas", ground.write_areas),
        ("writing units", ground.write_units),
        ("writing cells", ground.write_cells),
        ("writing streets", ground.write_streets),
        ("writing facilities", ground.write_facilities),
        ("writing workers", staff.write_workers),
        ("writing posts", staff.write_posts),
        ("making accounts", lambda _tx, _city: accounts()),
        ("writing past cases", past_cases.write_cases),
    ]
    for done, (label, part) in enumerate(parts):
        progress(done / len(parts), label)
        part(tx, city)
    for table in ANALYSED:
        tx.execute(sa.text(f"ANALYZE {table}"))
    progress(1.0, "written")
