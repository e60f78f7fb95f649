"""The numbered facilities of the demo city: what stands where, in which cell, under which code."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from data.network import Network, along
from data.plane import to_degrees
from data.shares import NO_CELL, apportioned, cells_of, drawn, positions_inside

FULL_FACILITIES = 65_058
_FULL_CELLS = 12_900
_LAMP_STEP_M = 36.0
_ROUNDS = 30

Points = NDArray[np.float64]
CONDITIONS = ("good", "damaged", "missing", "abandoned")
_CONDITION_SHARES = (0.962, 0.028, 0.006, 0.004)
_ALONG = {"road": ("arterial", "street"), "lamps": ("arterial", "street")}


@dataclass(frozen=True)
class Placement:
    """Where facilities of a type stand: `where` and how far to one side (m); `share` is relative."""

    type: str
    share: float
    where: str
    low_m: float
    high_m: float


@dataclass(frozen=True)
class Ground:
    """What facilities are placed on.

    `cells` in degrees; `lively` and `works` are (n,) weights of a cell for what stands inside it.
    """

    cells: NDArray[np.object_]
    lively: Points
    works: Points
    network: Network


@dataclass(frozen=True)
class Placed:
    """Facilities in ascending type.

    `kind` is an index into `placements()`, `lonlat` is (n, 2), `line` the network's line beside it, or -1.
    """

    kind: NDArray[np.intp]
    lonlat: Points
    cell: NDArray[np.intp]
    line: NDArray[np.intp]


@cache
def placements() -> tuple[Placement, ...]:
    """Return where each facility type stands, in ascending type."""
    path = Path(__file__).parent / "reference" / "demo_facilities.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            Placement(r["type"], float(r["share"]), r["where"], float(r["low_m"]), float(r["high_m"]))
            for r in csv.DictReader(file)
        )


def make_facilities(ground: Ground, rng: np.random.Generator) -> Placed:
    """Return facilities, each strictly inside one cell: 65,058 in the full-size city, some of every type."""
    total = max(2 * len(placements()), round(FULL_FACILITIES * len(ground.cells) / _FULL_CELLS))
    short = _counts(ground.network, total)
    rounds: list[Placed] = []
    for _ in range(_ROUNDS):
        # What fell outside the grid is placed again: the far side of an outer street, mostly.
        tried = _tried(short, ground, rng)
        rounds.append(tried)
        short = short - np.bincount(tried.kind, minlength=len(short))
        if not short.any():
            break
    kind = np.concatenate([one.kind for one in rounds])
    order = np.argsort(kind, kind="stable")
    lonlat, cell, line = (
        np.concatenate([getattr(one, part) for one in rounds])[order] for part in ("lonlat", "cell", "line")
    )
    return Placed(kind[order], lonlat, cell, line)


def _tried(counts: NDArray[np.int64], ground: Ground, rng: np.random.Generator) -> Placed:
    """Return those of so many spots of each type that lie inside a cell."""
    spots = [
        _spots(placement, int(count), ground, rng)
        for placement, count in zip(placements(), counts, strict=True)
    ]
    kind = np.repeat(np.arange(len(counts)), counts)
    lonlat = np.vstack([spot[0] for spot in spots])
    line = np.concatenate([spot[1] for spot in spots])
    cell = cells_of(lonlat, ground.cells)
    inside = cell != NO_CELL
    return Placed(kind[inside], lonlat[inside], cell[inside], line[inside])


def _counts(network: Network, total: int) -> NDArray[np.int64]:
    """Return how many there are of each type: lamps by the length of the streets, the rest by share."""
    shares = np.array([placement.share for placement in placements()])
    metres = shapely.length(network.lines[network.of("arterial", "street")]).sum()
    lamps = min(round(metres / _LAMP_STEP_M), total // 3)
    # Every type occurs, however small the city.
    rest = total - lamps - (len(shares) - 1)
    return np.where(shares > 0, 1 + apportioned(shares, rest), lamps)


def _spots(
    placement: Placement, count: int, ground: Ground, rng: np.random.Generator
) -> tuple[Points, NDArray[np.intp]]:
    nowhere = np.full(count, -1)
    if count == 0:
        return np.empty((0, 2)), nowhere
    if placement.where in {"inside", "works"}:
        weights = ground.works if placement.where == "works" else ground.lively
        return positions_inside(ground.cells[drawn(weights, count, rng)], rng), nowhere
    offset = rng.uniform(placement.low_m, placement.high_m, count)
    if placement.where in {"corner", "junction"}:
        network = ground.network
        corners = network.corners if placement.where == "corner" else network.junctions
        corner = corners[rng.integers(0, len(corners), count)]
        angle = rng.uniform(0, 2 * np.pi, count)
        return _degrees(corner + offset[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])), nowhere
    kinds = _ALONG.get(placement.where, (placement.where,))
    # A very small city may have no river: then what belongs there stands along its lanes.
    candidates = ground.network.of(*kinds) if len(ground.network.of(*kinds)) else ground.network.of("lane")
    position, normal, line = along(ground.network.lines[candidates], count, rng)
    side = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    return _degrees(position + normal * (offset * side)[:, None]), candidates[line]


def _degrees(xy: Points) -> Points:
    return np.asarray(shapely.get_coordinates(to_degrees(shapely.points(xy))))


def codes(county: NDArray[np.str_], type_code: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return 16-digit codes: county, type, and a number that runs through each county and type.

    Args:
        county: (n,) six digits of the district that each facility's cell lies in.
        type_code: (n,) four digits.
    """
    prefix = np.char.add(county, type_code)
    order = np.argsort(prefix, kind="stable")
    ordered = prefix[order]
    first = np.searchsorted(ordered, ordered)
    serial = np.empty(len(prefix), np.int64)
    serial[order] = np.arange(len(prefix)) - first + 1
    return np.char.add(prefix, np.char.zfill(serial.astype(str), 6))


def conditions(count: int, rng: np.random.Generator) -> NDArray[np.str_]:
    """Return a condition for each facility; most are good."""
    return rng.choice(CONDITIONS, count, p=_CONDITION_SHARES)


def install_days(count: int, rng: np.random.Generator) -> NDArray[np.datetime64]:
    """Return the day on which each was installed, 2004 to 2023."""
    return np.datetime64("2004-01-01") + rng.integers(0, 7_300, count).astype("timedelta64[D]")
