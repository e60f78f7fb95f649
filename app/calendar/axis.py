"""Working time by the million: what a `Calendar` does for one moment, for arrays of them.

The working periods are laid end to end; a moment's working time is then a look-up and a subtraction, and so
is the way back. Moments are whole microseconds since 1970, in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from app.calendar.rules import LONGEST, Calendar

Micros = NDArray[np.int64]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]
SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Return a moment's microseconds since 1970, exactly (a float of seconds is not)."""
    return (at - EPOCH) // _TICK


class Steps:
    """Where values stand among strictly ascending edges: `searchsorted` by one look-up and one comparison.

    Bins as wide as the narrowest step hold one edge at most; on random values that is four times as fast.
    """

    def __init__(self, edges: Micros) -> None:
        self.edges = edges
        self.width = int(np.diff(edges).min()) if len(edges) > 1 else 1
        bins = edges[0] + self.width * np.arange((edges[-1] - edges[0]) // self.width + 2)
        self.table = np.searchsorted(edges, bins, side="right") - 1
        self.next = np.append(edges[1:], np.iinfo(np.int64).max)

    def at_or_before(self, values: Micros) -> Places:
        """Return the index of the last edge at or before each value; 0 before all of them."""
        place = self._bin(values)
        return np.asarray(place + (self.next[place] <= values))

    def before(self, values: Micros) -> Places:
        """Return the index of the last edge before each value; 0 before all of them."""
        place = self._bin(values)
        place -= self.edges[place] == values  # only the first value of a bin can be its edge
        np.maximum(place, 0, out=place)
        return np.asarray(place + (self.next[place] < values))

    def _bin(self, values: Micros) -> Places:
        bins = (values - self.edges[0]) // self.width
        return np.asarray(self.table[np.clip(bins, 0, len(self.table) - 1, out=bins)])


@dataclass(frozen=True, slots=True)
class Axis:
    """The days and working periods of a calendar, in order.

    `opens` is when each period opens, `lengths` how long it is, `before` the working time that lies before
    it. `midnights` is when each day begins, `day_before` the working time that lies before it, and `unknown`
    how many days of years that nobody knows (one more than days: the last is all of them).
    """

    opens: Steps
    lengths: Micros
    before: Steps
    midnights: Steps
    day_before: Micros
    unknown: Micros

    def worked(self, at: Micros) -> Micros:
        """Return the working time up to each moment."""
        period = self.opens.at_or_before(at)
        into = at - self.opens.edges[period]
        return np.asarray(self.before.edges[period] + np.clip(into, 0, self.lengths[period], out=into))

    def moment(self, worked: Micros) -> Micros:
        """Return when so much working time was worked: the first such moment."""
        period = self.before.before(worked)
        return np.asarray(self.opens.edges[period] + (worked - self.before.edges[period]))

    def after(self, start: Micros, left: Micros) -> tuple[Micros, Flags]:
        """Return when so much working time after each `start` is over, and whether that is provisional."""
        first = self.midnights.at_or_before(start)
        wanted = self.worked(start) + left
        at = self.moment(wanted)
        endless = wanted > self.day_before[np.minimum(first + LONGEST.days, len(self.day_before) - 1)]
        if endless.any():
            at[endless] = start[endless] + LONGEST // _TICK
        provisional = endless | (
            self.unknown[self.midnights.at_or_before(at) + 1] > self.unknown[first]
            if self.unknown[-1]
            else False
        )
        nothing = left <= 0
        return np.where(nothing, start, at), provisional & ~nothing

    def between(self, start: Micros, end: Micros) -> Micros:
        """Return the working time from each `start` to its `end`; negative when it lies before."""
        return self.worked(end) - self.worked(start)


def axis(calendar: Calendar, first: date, last: date) -> Axis:
    """Return the axis of a calendar from `first` to ten years after `last`, where the longest limit ends."""
    opens, lengths, midnights, days, unknown = [], [], [], [0], [0]
    day, end = first, last + LONGEST + timedelta(days=2)
    while day <= end:
        midnights.append(micros(datetime.combine(day, time(), calendar.zone)))
        unknown.append(unknown[-1] + (not calendar.known(day.year)))
        days.append(days[-1])
        for begin, close in calendar.worked(day):
            opens.append(micros(begin))
            lengths.append(micros(close) - opens[-1])
            days[-1] += lengths[-1]
        day += timedelta(days=1)
    before = np.cumsum([0, *lengths], dtype=np.int64)
    return Axis(
        Steps(np.array(opens, dtype=np.int64)),
        np.array(lengths, dtype=np.int64),
        Steps(before[:-1]),
        Steps(np.array(midnights, dtype=np.int64)),
        np.array(days, dtype=np.int64),
        np.array(unknown, dtype=np.int64),
    )
