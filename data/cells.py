"""Communities cut into cells: subdivided along the streets, noded once, merged to the exact number."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from data.divisions import Division
from data.footprint import Footprint
from data.streets import Curves, Points, Zone, nearest_line, rotated
from gis.errors import GisError
from gis.partition import Edges, Rules, components, edges, faces, merge_smallest

_GRID_M = 0.01
_LEAST_M2 = 2_200.0
_SPARE = (1.0, 1.06, 1.15, 1.3)
_LEAST_ISLAND = 12
_SNAP = 0.17
_LONGEST_M = 120.0


class TooFewCells(GisError):
    """The ground could not be cut into so many cells; another seed or a larger number can."""

    code = "too_few_cells"

    def __init__(self, wanted: int, got: int) -> None:
        super().__init__(f"Only {got} cells came out where {wanted} were wanted: try another seed or number.")


@dataclass(frozen=True)
class Cells:
    """Cells in the straight plane: `polygons`, and the community code of each."""

    polygons: NDArray[np.object_]
    community: NDArray[np.str_]


def make_cells(
    divisions: Sequence[Division],
    zones: Sequence[Zone],
    *,
    footprint: Footprint,
    curves: Curves,
    count: int,
    rng: np.random.Generator,
) -> Cells:
    """Return exactly `count` cells: simple polygons without holes that form a valid, noded coverage.

    Raises:
        TooFewCells: the ground cannot be cut so finely.
    """
    got = 0
    for spare in _SPARE:
        wanted = sum(part.weight for division in divisions for part in division.parts)
        pieces = _subdivided(
            divisions, zones, spare * count / wanted, sample_m2=footprint.sample_m**2, rng=rng
        )
        cells = _merged(pieces, divisions, footprint, curves, count)
        got = len(cells.polygons)
        if got == count:
            return cells
    raise TooFewCells(count, got)


def _subdivided(
    divisions: Sequence[Division],
    zones: Sequence[Zone],
    factor: float,
    *,
    sample_m2: float,
    rng: np.random.Generator,
) -> NDArray[np.object_]:
    """Return the pieces that all parts are cut into, each zone in its own turned plane."""
    parts = [part for division in divisions for part in division.parts]
    pieces = []
    for number, zone in enumerate(zones):
        own = [part for part in parts if part.zone == number]
        if not own:
            continue
        polygons = _turned(np.array([part.polygon for part in own], object), -zone.heading)
        # Only the share of a part that is built up counts, but all of it is cut: the rest is dropped later.
        sampled = np.array([max(len(part.xy), 1) * sample_m2 for part in own])
        whole = np.maximum(1.0, shapely.area(polygons) / sampled)
        counts = np.maximum(1, np.rint([part.weight * factor for part in own] * whole)).astype(int)
        pieces.append(_turned(_cut_up(polygons, counts, zone, rng), zone.heading))
    return np.concatenate(pieces)


def _turned(polygons: NDArray[np.object_], angle: float) -> NDArray[np.object_]:
    return np.asarray(shapely.transform(polygons, lambda xy: rotated(xy, angle)))


def _cut_up(
    polygons: NDArray[np.object_], counts: NDArray[np.int_], zone: Zone, rng: np.random.Generator
) -> NDArray[np.object_]:
    """Halve all polygons of a level in one call, until each holds one cell."""
    done = [polygons[counts < 2]]
    polygons, counts = polygons[counts >= 2], counts[counts >= 2]
    while len(polygons):
        low, high = _halved(polygons, counts, zone, rng)
        areas = np.column_stack([shapely.area(low), shapely.area(high)])
        share = areas[:, 0] / np.maximum(areas.sum(axis=1), 1e-9)
        first = np.clip(np.rint(counts * share), 1, counts - 1).astype(int)
        halves = np.concatenate([low, high])
        parts, of = shapely.get_parts(halves, return_index=True)
        wanted = np.concatenate([first, counts - first])[of]
        area = shapely.area(parts)
        wanted = np.maximum(1, np.rint(wanted * area / np.maximum(shapely.area(halves)[of], 1e-9))).astype(
            int
        )
        solid = area > 0
        done.append(parts[solid & (wanted < 2)])
        polygons, counts = parts[solid & (wanted >= 2)], wanted[solid & (wanted >= 2)]
    return np.concatenate(done)


def _halved(
    polygons: NDArray[np.object_], counts: NDArray[np.int_], zone: Zone, rng: np.random.Generator
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    west, south, east, north = shapely.bounds(polygons).T
    across = (north - south) > (east - west) * rng.uniform(0.9, 1.1, len(polygons))
    low, high = np.where(across, south, west), np.where(across, north, east)
    share = (counts // 2 + (counts % 2) * rng.integers(0, 2, len(counts))) / counts
    at = low + (high - low) * (share + rng.uniform(-0.05, 0.05, len(share)))
    line = np.where(across, nearest_line(zone.lines[1], at), nearest_line(zone.lines[0], at))
    at = np.where(np.abs(line - at) < _SNAP * (high - low), line, at)
    # Boxes a little larger than the polygon, so that only the cut itself makes new vertices.
    first = shapely.box(west - 1, south - 1, np.where(across, east + 1, at), np.where(across, at, north + 1))
    second = shapely.box(np.where(across, west - 1, at), np.where(across, at, south - 1), east + 1, north + 1)
    return shapely.intersection(polygons, first), shapely.intersection(polygons, second)


def _merged(
    pieces: NDArray[np.object_],
    divisions: Sequence[Division],
    footprint: Footprint,
    curves: Curves,
    count: int,
) -> Cells:
    lines = np.concatenate([shapely.segmentize(shapely.boundary(pieces), _LONGEST_M), curves.lines])
    found = faces(lines, grid_m=_GRID_M)
    shapely.prepare(footprint.ground)
    found = _filled(found[shapely.contains(footprint.ground, shapely.centroid(found))])
    parts = np.array([part.polygon for division in divisions for part in division.parts], object)
    owner = np.array([number for number, division in enumerate(divisions) for _ in division.parts])
    face, part = shapely.STRtree(parts).query(shapely.point_on_surface(found), predicate="intersects")
    first = np.unique(face, return_index=True)[1]
    found, community = found[face[first]], owner[part[first]]
    net = edges(found)
    big = _on_the_mainland(len(found), net)
    found, community = found[big], community[big]
    net = edges(found)
    districts = np.array([division.community[:6] for division in divisions])
    rules = Rules(
        group=community,
        realm=np.unique(districts, return_inverse=True)[1][community],
        least_m2=_LEAST_M2 * footprint.cell_scale,
        count=count,
    )
    merged = merge_smallest(found, rules, net=net, barred=_along(net, curves))
    codes = np.array([division.community for division in divisions])
    return Cells(_upright(merged.polygons), codes[community[merged.first]])


def _filled(found: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the faces with holes filled, and without the faces that lay in them."""
    holed = np.flatnonzero(shapely.get_num_interior_rings(found))
    found[holed] = shapely.polygons(shapely.get_exterior_ring(found[holed]))
    inner, outer = shapely.STRtree(found[holed]).query(shapely.point_on_surface(found), predicate="within")
    kept: NDArray[np.object_] = found[np.setdiff1d(np.arange(len(found)), inner[inner != holed[outer]])]
    return kept


def _on_the_mainland(count: int, net: Edges) -> NDArray[np.bool_]:
    """Say which faces do not lie on an island of a few faces, cut off when the outer ones were dropped."""
    label = components(count, net.owners[net.shared])
    return np.asarray(np.bincount(label, minlength=count)[label] >= _LEAST_ISLAND)


def _along(net: Edges, curves: Curves) -> NDArray[np.bool_]:
    """Say which edges lie on a curve."""
    middle = shapely.points(net.ends.mean(axis=1))
    pieces = np.concatenate([_segments(line) for line in curves.lines])
    near = shapely.STRtree(pieces).query(middle, predicate="dwithin", distance=5 * _GRID_M)[0]
    found = np.zeros(len(middle), bool)
    found[near] = True
    return found


def _segments(line: shapely.Geometry) -> NDArray[np.object_]:
    xy: Points = shapely.get_coordinates(line)
    return np.asarray(shapely.linestrings(np.stack([xy[:-1], xy[1:]], axis=1)))


def _upright(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return polygons with one ring order and one starting vertex, so that equal cells are equal bytes."""
    return np.asarray(shapely.normalize(polygons))
