"""`jingwei kpi` tells figures, `jingwei figures` keeps them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from app import clock, transaction
from app.db import make_engine
from app.identity.rules import prefix_of
from app.reports import actions, queries
from app.reports.queries import Asked, Name, Scope, Told
from app.reports.rules import CHIEF, FIGURES, ZONE, By, Form, Period
from app.settings import read_settings

Day = click.DateTime(["%Y-%m-%d"])


@contextmanager
def _database() -> Iterator[None]:
    engine = make_engine(read_settings(), pool_size=2)
    transaction.bind(engine)
    try:
        yield
    finally:
        transaction.bind(None)
        engine.dispose()


@click.command()
@click.option("--from", "first", type=Day, help="First day (the first of this month).")
@click.option("--to", "last", type=Day, help="Last day (today).")
@click.option("--by", type=click.Choice([by.value for by in By]), default="town", show_default=True)
@click.option("--monthly", is_flag=True, help="Each month by itself.")
@click.option("--area", help="Only this district, town or community.")
@click.option("--kind", type=click.Choice(["incident", "appeal"]), help="Only incidents, or only appeals.")
@click.option("--all", "every", is_flag=True, help="Every figure, not only the chief ones.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with numerators and denominators.")
@click.option("--xlsx", type=click.Path(dir_okay=False, path_type=Path), help="As a workbook in this file.")
def kpi(  # noqa: PLR0917 - click's way
    first: datetime | None,
    last: datetime | None,
    by: str,
    monthly: bool,  # noqa: FBT001 - click's way
    area: str | None,
    kind: str | None,
    every: bool,  # noqa: FBT001 - click's way
    as_json: bool,  # noqa: FBT001 - click's way
    xlsx: Path | None,
) -> None:
    """Tell the figures of a period (docs/figures.md says what each one counts)."""
    now = clock.now()
    today = now.astimezone(ZONE).date()
    period = Period(first.date() if first else today.replace(day=1), last.date() if last else today)
    chosen = By(by)
    asked = Asked(
        period,
        By.TOTAL if chosen is By.MONTH else chosen,
        monthly=monthly or chosen is By.MONTH,
        scope=Scope((prefix_of(area),) if area else (), kind=kind),
    )
    codes = list(FIGURES) if every or as_json or xlsx else list(CHIEF)
    with _database(), transaction.read(snapshot=True) as tx:
        rows = queries.numbers(tx, asked, at=now)
        called = queries.names(tx, asked.by, sorted({row.key for row in rows}))
        fresh = queries.refreshed_at(tx)
    if fresh is None:
        click.echo("no facts yet: run `jingwei figures refresh`", err=True)
    if as_json:
        click.echo(json.dumps(_document(asked, rows, called), ensure_ascii=False, indent=2))
    elif xlsx:
        xlsx.write_bytes(_book(asked, rows, called, codes))
        click.echo(f"{xlsx}: {len(rows)} rows, {len(codes)} figures")
    else:
        _print(asked, rows, called, codes)


def _document(asked: Asked, rows: list[Told], called: dict[str, Name]) -> dict[str, Any]:
    return {
        "from": str(asked.period.first),
        "to": str(asked.period.last),
        "by": asked.by.value,
        "monthly": asked.monthly,
        "rows": [
            {
                **asdict(called[row.key]),
                "month": row.first.isoformat()[:7] if asked.monthly else None,
                "figures": {code: told(code, row) for code in FIGURES},
            }
            for row in rows
        ],
    }


def told(code: str, row: Told) -> dict[str, Any]:
    """Return a figure with its numerator and denominator; a count has no denominator."""
    figure = FIGURES[code]
    shown = row.shown(figure)
    return {
        "value": None if shown is None else int(shown) if figure.form is Form.COUNT else float(shown),
        "numerator": sum(row.numbers.get(number, 0) for number in figure.over),
        "denominator": sum(row.numbers.get(number, 0) for number in figure.under) if figure.under else None,
    }


def _book(asked: Asked, rows: list[Told], called: dict[str, Name], codes: list[str]) -> bytes:
    from app.reports.sheets import book  # noqa: PLC0415 - same
    from app.reports.tables import figures_table  # noqa: PLC0415 - 200 ms that other commands need not wait

    return book([figures_table(asked, rows, called, codes)])


def _print(asked: Asked, rows: list[Told], called: dict[str, Name], codes: list[str]) -> None:
    heads = ["", *(FIGURES[code].zh for code in codes)]
    lines = [
        [
            (called[row.key].zh or "全部") + (f"  {row.first:%Y-%m}" if asked.monthly else ""),
            *(row.shown(code) or "-" for code in codes),
        ]
        for row in rows
    ]
    widths = [max(_width(line[column]) for line in (heads, *lines)) for column in range(len(heads))]
    for line in (heads, *lines):
        cells = zip(line, widths, strict=True)
        click.echo("  ".join(_padded(cell, width, left=not n) for n, (cell, width) in enumerate(cells)))


def _width(text: str) -> int:
    return sum(2 if ord(sign) > 0x2E80 else 1 for sign in text)


def _padded(text: str, width: int, *, left: bool) -> str:
    room = " " * (width - _width(text))
    return text + room if left else room + text


@click.group()
def figures() -> None:
    """Keep the figures: their facts follow the cases by themselves while `jingwei jobs` runs."""


@figures.command()
def refresh() -> None:
    """Bring facts and daily sums up to date now."""
    with _database():
        click.echo(f"{_refresh():,} cases")


@figures.command()
def rebuild() -> None:
    """Make all facts and daily sums anew."""
    with _database():
        with transaction.write() as tx:
            actions.rebuild(tx)
        click.echo(f"{_refresh():,} cases")


@figures.command()
def check() -> None:
    """Compare the daily sums with the facts; end with 1 when they differ."""
    with _database(), transaction.read(snapshot=True) as tx:
        wrong = queries.differing(tx)
    if wrong:
        raise click.ClickException(f"{wrong:,} daily sums differ: run `jingwei figures rebuild`")
    click.echo("the daily sums are what the facts say")


def _refresh() -> int:
    written = 0
    with tqdm(unit=" cases", delay=1, disable=not sys.stderr.isatty(), leave=False) as bar:
        for count in actions.refresh_all(transaction.write, at=clock.now()):
            bar.update(count)
            written += count
    return written
