"""Commands: what the calendar knows, and a year of it from a file or from the library."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click

from app import clock, transaction
from app.audit.rules import operator_of_machine
from app.calendar import actions, queries
from app.calendar.library import built_in
from app.calendar.rules import Change, DayChange, DayKind, missing_year, what_differs
from app.db import make_engine
from app.errors import BadValue
from app.settings import read_settings
from app.transaction import read, write


@click.group()
def calendar() -> None:
    """The working days on which deadlines are counted."""


def _open() -> None:
    transaction.bind(make_engine(read_settings(), pool_size=1))


@calendar.command()
def check() -> None:
    """Say which years are known; exit code 1 when one is missed, or when open cases wait for a change."""
    _open()
    with read() as tx:
        found = queries.in_force(tx)
    kept = found.calendar
    click.echo(
        f"known: {min(kept.years, default='none')} to {kept.last_known or 'none'}, version {kept.version}"
    )
    new = sorted(built_in().years - kept.years)
    if new:
        click.echo(f"the library knows {', '.join(map(str, new))} too: `jingwei calendar import --library`")
    if found.carried is not None:
        click.echo(f"change {found.carried} is being carried to the open cases by the background worker")
    missing = missing_year(kept, kept.day_of(clock.now()))
    if missing is not None:
        raise click.ClickException(
            f"the calendar of {missing} is missed: `jingwei calendar import FILE` (day,kind,name),"
            " or /calendar"
        )


@calendar.command("import")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--library", is_flag=True, help="Take the years that the library knows and the city does not.")
def import_(file: Path | None, *, library: bool) -> None:
    """Bring whole years into force from FILE, a CSV of day,kind,name (kind: holiday or workday).

    A year that is named becomes known, and is exactly what the file says of it.
    """
    if (file is None) is not library:
        raise click.UsageError("give a FILE, or --library")
    _open()
    with write() as tx:
        kept = queries.current(tx)
        days = _library(kept.years) if file is None else list(_days(file))
        years = sorted({one.day.year for one in days})
        named = {one.day for one in days}
        gone = [DayChange(day, None) for day in kept.special if day.year in years and day not in named]
        change = what_differs(kept, Change((*days, *gone), tuple((year, True) for year in years)))
        if change.empty:
            click.echo("nothing changes: the calendar says all of this already")
            return
        source = "holidays" if file is None else file.name
        made = actions.change_at_once(tx, change, by=operator_of_machine(), at=clock.now(), source=source)
    click.echo(f"change {made}: {len(change.days)} days of {', '.join(map(str, years))}")
    click.echo("the background worker carries it to the open cases")


def _library(known: frozenset[int]) -> list[DayChange]:
    return [
        DayChange(day, one.kind, one.name) for day, one in built_in().special.items() if day.year not in known
    ]


def _days(file: Path) -> Iterator[DayChange]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream)
        missing = {"day", "kind"} - set(rows.fieldnames or ())
        if missing:
            raise BadValue(
                f"{file.name}: the column {min(missing)} is missing; the first line is day,kind,name"
            )
        for row in rows:
            yield _day(row, f"{file.name}, line {rows.line_num}")


def _day(row: dict[str, str], where: str) -> DayChange:
    try:
        day = date.fromisoformat(row["day"].strip())
        kind = DayKind(row["kind"].strip())
    except (ValueError, AttributeError):
        raise BadValue(
            f"{where}: {row['day']!r}, {row['kind']!r} is no day of the calendar;"
            " write 2027-01-01,holiday,元旦 or 2027-02-07,workday,调休"
        ) from None
    return DayChange(day, kind, (row.get("name") or "").strip())
