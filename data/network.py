"""The street network of the finished city, read off its cells' edges: what facilities stand along."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from data.streets import Curves
from gis.partition import Edges

_ON_CURVE_M = 0.6

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Network:
    """Lines in metres by kind, and where they meet.

    `kinds` are arterial, street, lane and river, `lines` one line each. `corners` (n, 2) are where
    streets meet, `junctions` (m, 2) where anything meets a street.
    """

    kinds: NDArray[np.str_]
    lines: NDArray[np.object_]
    corners: Points
    junctions: Points

    def of(self, *kinds: str) -> NDArray[np.intp]:
        """Return the indices of the lines of these kinds."""
        return np.flatnonzero(np.isin(self.kinds, kinds))


def make_network(
    net: Edges,
    *,
    community: NDArray[np.intp],
    town: NDArray[np.intp],
    curves: Curves,
) -> Network:
    """Return the network: town borders and curves are arterials, community borders streets, the rest lanes.

    Args:
        net: the cells' edges, in metres.
        community: the community of each cell, numbered from 0.
        town: the town of each community.
        curves: river, ring road and axis, in metres.
    """
    shared = net.shared
    ends, owners = net.ends[shared], community[net.owners[shared]]
    kind = np.full(len(ends), "lane", dtype="<U8")
    kind[owners[:, 0] != owners[:, 1]] = "street"
    kind[town[owners[:, 0]] != town[owners[:, 1]]] = "arterial"
    for what, curve in zip(curves.kinds, curves.lines, strict=True):
        kind[_on(curve, ends)] = what
    corners, junctions = _meetings(ends, kind != "lane")
    kinds: list[str] = []
    lines: list[shapely.Geometry] = []
    for what in ("arterial", "street", "river"):
        own = shapely.linestrings(ends[kind == what])
        merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(own))) if len(own) else own
        lines.extend(merged)
        kinds.extend([what] * len(merged))
    lanes = shapely.linestrings(ends[kind == "lane"])
    return Network(
        np.array([*kinds, *["lane"] * len(lanes)]), np.array([*lines, *lanes], object), corners, junctions
    )


def _on(curve: shapely.Geometry, ends: Points) -> NDArray[np.bool_]:
    shapely.prepare(curve)
    close = [
        shapely.dwithin(curve, shapely.points(xy), _ON_CURVE_M)
        for xy in (ends[:, 0], ends[:, 1], ends.mean(1))
    ]
    return np.asarray(np.logical_and.reduce(close))


def _meetings(ends: Points, street: NDArray[np.bool_]) -> tuple[Points, Points]:
    """Return where three or more stretches of street meet, and where three of anything do beside a street."""
    places, number = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
    total = np.bincount(number, minlength=len(places))
    streets = np.bincount(number, np.repeat(street, 2), minlength=len(places))
    return places[streets >= 3], places[(total >= 3) & (streets >= 1)]


def along(
    lines: NDArray[np.object_], count: int, rng: np.random.Generator
) -> tuple[Points, Points, NDArray[np.intp]]:
    """Return systematic samples along lines: positions, unit normals, and the line of each.

    The lines are laid end to end and sampled at equal steps from a random start, each a little displaced.
    """
    length = shapely.length(lines)
    heaped = np.cumsum(length)
    step = heaped[-1] / count
    at = ((np.arange(count) + rng.random()) * step + rng.normal(0, 0.008, count) * step) % heaped[-1]
    line = np.searchsorted(heaped, at, side="right").clip(0, len(lines) - 1)
    offset = at - (heaped[line] - length[line])
    back = np.minimum(offset, length[line] * 0.999)
    first = shapely.get_coordinates(shapely.line_interpolate_point(lines[line], np.maximum(back - 0.5, 0)))
    second = shapely.get_coordinates(shapely.line_interpolate_point(lines[line], back + 0.5))
    along_ = second - first
    along_ /= np.maximum(np.hypot(*along_.T), 1e-9)[:, None]
    position = shapely.get_coordinates(shapely.line_interpolate_point(lines[line], offset))
    return position, np.column_stack([-along_[:, 1], along_[:, 0]]), line
