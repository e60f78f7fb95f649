"""Deadlines by the million: `due_many` against a plain loop over the calendar library.

The loop asks the library `holidays` of each day whether it is worked, and walks the periods: what one would
write. Every one of the million answers is compared with it, and with our own `due`. In the timed rounds the
loop is given a share of them, since its time grows with the number and a round would take a minute.
"""

import argparse
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from statistics import median

import holidays
import numpy as np

from app.calendar.axis import EPOCH, SECOND, micros
from app.calendar.rules import CHINA_TIME, PERIODS
from app.cases import deadlines
from app.cases.rules import ClockKind
from benchmarks._pairs import MIN_ROUNDS, Line, Ratio, report, timed

BAR = 50
LIBRARY = holidays.country_holidays("CN")
UNIT = {
    "urgent_hour": timedelta(hours=1),
    "work_hour": timedelta(hours=1),
    "natural_day": timedelta(days=1),
    "work_day": timedelta(hours=8),
}
LIMITS = {"urgent_hour": (1, 2), "work_hour": (2, 4), "natural_day": (1, 7, 15), "work_day": (1, 2, 3, 5, 15)}


def main() -> int:
    """Print the table; return 0 when every bar is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=1_000_000)
    parser.add_argument("--share", type=int, default=20_000, help="how many the loop is timed with")
    given = parser.parse_args()
    rows = _made(given.moments)
    start, clock, limit = (np.array(column) for column in zip(*rows, strict=True))
    at = np.array([micros(one) for one in start])
    rows = [(row[0], str(row[1]), float(row[2])) for row in rows]

    def many() -> list[int]:
        return deadlines.due_many(at, clock, limit).at.tolist()

    found = many()
    for name, one in (("the loop", _walked), ("due", _due)):
        different = sum(micros(one(*row)) != own for row, own in zip(rows, found, strict=True))
        print(f"{len(rows):,} due moments, {name}: {different} differences")
        assert not different, f"{name} answers otherwise than due_many"
    few = rows[: given.share]
    lines = [
        _line("due_many, of a loop over the library", _walked, few, at, clock, limit, bar=BAR),
        _line("due_many, of due() in a loop", _due, few, at, clock, limit),
    ]
    return 0 if report(lines) else 1


def _made(count: int) -> list[tuple[datetime, str, float]]:
    """Return moments of ten known years at any second, with the limits of the seed's types."""
    rng = np.random.default_rng(4)
    first = micros(datetime(2016, 1, 1, tzinfo=CHINA_TIME)) // SECOND
    starts = rng.integers(first, first + 10 * 365 * 86_400, count)
    kinds = rng.choice(list(UNIT), count, p=[0.1, 0.3, 0.1, 0.5])
    picks = rng.integers(0, 60, count)
    return [
        (EPOCH + timedelta(seconds=int(at)), kind, float(LIMITS[kind][pick % len(LIMITS[kind])]))
        for at, kind, pick in zip(starts, kinds, picks, strict=True)
    ]


def _walked(start: datetime, clock: str, limit: float) -> datetime:
    left = UNIT[clock] * limit
    if clock in {"urgent_hour", "natural_day"}:
        return start + left
    day = start.astimezone(CHINA_TIME).date()
    while True:
        if LIBRARY.is_working_day(day):
            for opens, closes in PERIODS:
                begin = max(datetime.combine(day, opens, CHINA_TIME), start)
                end = datetime.combine(day, closes, CHINA_TIME)
                if begin + left <= end:
                    return begin + left
                if begin < end:
                    left -= end - begin
        day += timedelta(days=1)


def _due(start: datetime, clock: str, limit: float) -> datetime:
    return deadlines.due(start, ClockKind(clock), limit).at


def _line(title: str, one: Callable, few: list, at, clock, limit, *, bar: float | None = None) -> Line:
    ratios, own = [], []
    for _ in range(MIN_ROUNDS):
        own.append(timed(lambda: deadlines.due_many(at, clock, limit)))
        ratios.append(timed(lambda: [one(*row) for row in few]) * len(at) / len(few) / own[-1])
    return Line(title, Ratio(title, median(ratios), min(ratios), max(ratios), median(own)), bar, len(at))


if __name__ == "__main__":
    sys.exit(main())
