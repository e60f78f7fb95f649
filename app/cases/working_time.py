"""Working time by the million: what `app.cases.deadlines` does for one moment, for arrays of them.

The working periods of the years in question are laid end to end; a moment's working seconds are then a
look-up and a subtraction, and so is the way back. Moments are whole seconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from app.cases.deadlines import CHINA_TIME, PERIODS, working

Seconds = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """Working periods in order: when each opens, and the working seconds that lie before it."""

    opens: Seconds
    before: Seconds

    def after(self, start: Seconds, seconds: Seconds, works: Flags) -> Seconds:
        """Return when so many seconds after `start` are over: working ones where `works`, else natural."""
        wanted = self.worked(start) + seconds
        period = np.clip(np.searchsorted(self.before, wanted, side="left") - 1, 0, len(self.opens) - 1)
        at = self.opens[period] + wanted - self.before[period]
        # nothing left: at once, even at night
        return np.where(works & (seconds > 0), at, start + seconds)

    def between(self, start: Seconds, end: Seconds, works: Flags) -> Seconds:
        """Return the seconds from `start` to `end`, working or natural; negative when it lies before."""
        return np.where(works, self.worked(end) - self.worked(start), end - start)

    def worked(self, at: Seconds) -> Seconds:
        """Return the working seconds up to a moment."""
        period = np.clip(np.searchsorted(self.opens, at, side="right") - 1, 0, len(self.opens) - 2)
        length = self.before[period + 1] - self.before[period]
        return np.asarray(self.before[period] + np.clip(at - self.opens[period], 0, length))


def working_time(first: date, last: date) -> WorkingTime:
    """Return the working time of the days from `first` to `last`."""
    opens, lengths = [], []
    day = first
    while day <= last:
        for begin, end in PERIODS if working(day) else ():
            start = datetime.combine(day, begin, CHINA_TIME).timestamp()
            opens.append(int(start))
            lengths.append(int(datetime.combine(day, end, CHINA_TIME).timestamp() - start))
        day += timedelta(days=1)
    return WorkingTime(np.array(opens), np.concatenate([[0], np.cumsum(lengths)[:-1]]))
