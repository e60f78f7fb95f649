"""What came to the demo city's desk, before anybody took a step."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from app.cases.working_time import Flags, Seconds

Texts = NDArray[np.object_]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Matters:
    """What came, in the order of its moments: where, of which type, in which words.

    `cell` is the code of a cell, also where a matter without a place belongs to a community only. `worker`
    and `facility` are ids, 0 for none. Moments are seconds since 1970.
    """

    received: Seconds
    type: Texts
    appeal: Flags
    placed: Flags
    lonlat: NDArray[np.float64]
    cell: Texts
    worker: Numbers
    facility: Numbers
    text: Texts
    source: Texts

    def of(self, rows: NDArray[np.intp] | slice) -> Matters:
        """Return some of the matters."""
        return Matters(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def then(self, other: Matters) -> Matters:
        """Return these matters and others."""
        return Matters(
            **{
                field.name: np.concatenate([getattr(self, field.name), getattr(other, field.name)])
                for field in fields(self)
            }
        )
