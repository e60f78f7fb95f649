"""Working time for the made history: the calendar's axis, in whole seconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from app.calendar.axis import SECOND, Axis, axis
from app.calendar.library import built_in

Seconds = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """Working time between two days."""

    axis: Axis

    def after(self, start: Seconds, seconds: Seconds, works: Flags) -> Seconds:
        """Return when so many seconds after `start` are over: working ones where `works`, else natural."""
        at = self.axis.moment(self.axis.worked(start * SECOND) + seconds * SECOND) // SECOND
        # nothing left: at once, even at night
        return np.where(works & (seconds > 0), at, start + seconds)

    def between(self, start: Seconds, end: Seconds, works: Flags) -> Seconds:
        """Return the seconds from `start` to `end`, working or natural; negative when it lies before."""
        return np.where(works, self.axis.between(start * SECOND, end * SECOND) // SECOND, end - start)


def working_time(first: date, last: date) -> WorkingTime:
    """Return the working time of the days from `first` to `last`."""
    return WorkingTime(axis(built_in(), first, last))
