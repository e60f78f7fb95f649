"""Charts as shapes: where bars, lines and labels lie. The template draws them, the style sheet colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.reports.queries import Told
from app.reports.rules import FIGURES, Figure, Form

WIDTH, HEIGHT = 720, 230
LEFT, RIGHT, TOP, FOOT = 48, 44, 14, 26


@dataclass(frozen=True, slots=True)
class Column:
    """A bar that stands: its box, and what it says."""

    x: float
    y: float
    width: float
    height: float
    value: int
    look: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across, with its label at the left and at the right."""

    y: float
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the line."""

    x: float
    y: float
    shown: str
    first: date


@dataclass(frozen=True, slots=True)
class Month:
    """A month's place and name."""

    x: float
    first: date


@dataclass(frozen=True, slots=True)
class Trend:
    """Two counts a month as columns, and a rate as a line, 0 to 100 at the right."""

    columns: tuple[Column, ...]
    points: tuple[Point, ...]
    path: str
    ticks: tuple[Tick, ...]
    months: tuple[Month, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a ranking: how long its bar is, in per cent of the longest."""

    key: str
    shown: str
    length: float
    good: str


def trend(rows: Sequence[Told], months: Sequence[date], *, counts: Sequence[str], rate: str) -> Trend:
    """Return the chart of the months: `counts` are two figures, `rate` is one in per cent."""
    by_month = {row.first.replace(day=1): row for row in rows}
    told = [by_month.get(first, Told("", first, {})) for first in months]
    most = _round_up(max((row.value(code) or 0 for row in told for code in counts), default=0))
    step = (WIDTH - LEFT - RIGHT) / max(1, len(months))
    high, columns, points = HEIGHT - TOP - FOOT, [], []
    for number, row in enumerate(told):
        start = LEFT + number * step
        for place, code in enumerate(counts):
            value = int(row.value(code) or 0)
            tall = high * value / most
            width = step * 0.3
            x = start + step * 0.18 + place * width * 1.1
            columns.append(
                Column(round(x, 1), round(TOP + high - tall, 1), round(width, 1), round(tall, 1), value, code)
            )
        if (value_of := row.value(rate)) is not None:
            y = TOP + high * (1 - min(100.0, value_of) / 100)
            points.append(Point(round(start + step / 2, 1), round(y, 1), row.shown(rate) or "", row.first))
    path = "M" + "L".join(f"{point.x} {point.y}" for point in points) if len(points) > 1 else ""
    ticks = tuple(
        Tick(round(TOP + high * (1 - share), 1), _short(most * share), f"{share * 100:.0f}%")
        for share in (0, 0.25, 0.5, 0.75, 1)
    )
    places = tuple(Month(round(LEFT + (n + 0.5) * step, 1), first) for n, first in enumerate(months))
    return Trend(tuple(columns), tuple(points), path, ticks, places)


def ranking(rows: Sequence[Told], code: str, *, most: int = 20) -> list[Bar]:
    """Return the keys by a figure, the best first where more is better, the worst where less is."""
    figure = FIGURES[code]
    valued = [(row, value) for row in rows if (value := row.value(figure)) is not None]
    valued.sort(key=lambda one: (one[1] if figure.good < 0 else -one[1], one[0].key))
    longest = 100.0 if figure.form is Form.RATE else max((value for _, value in valued), default=0) or 1
    return [
        Bar(
            row.key, row.shown(figure) or "", round(min(100.0, value / longest * 100), 1), look(figure, value)
        )
        for row, value in valued[:most]
    ]


def look(figure: Figure, value: float) -> str:
    """Return how good a rate is: 'good', 'fair', 'poor', or 'plain' for what is neither."""
    if figure.form is not Form.RATE or not figure.good:
        return "plain"
    held = value if figure.good > 0 else 100 - value
    return "good" if held >= 90 else "fair" if held >= 75 else "poor"


def _round_up(value: float) -> float:
    """Return the next round number: 1, 2, 4, 5 or 8 and zeros, so that quarters of it are short."""
    size = 1.0
    while size * 10 < value:
        size *= 10
    return next((size * n for n in (1, 2, 4, 6, 8, 10) if size * n >= value), size * 10)


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:g}"
