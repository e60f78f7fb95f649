"""Districts cut into towns, and towns into communities, in the straight plane.

A region is a list of parts. It is halved again and again across its long side, at the street line nearest
to where the wanted share of its cells lies. Detached parts small against what is wanted stay whole, and
slivers that a cut leaves behind change sides. The more rural half of the names goes to the outer side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from data.footprint import Footprint
from data.sources import Names
from data.streets import Points, Zone, half_plane, make_zone, mean_distance

_HEADINGS = {"210302": 41.0, "210303": 44.0, "210304": 41.0, "210311": 44.0}
_GROWN_M = 220.0
_WHOLE = 1.4
_SLIVER = 0.12
_MAIN_GROUND_M2 = 9e6
_LEAST_DISTRICT = 25
# Cells to a town and to a community in the full-size city.
_TOWN, _COMMUNITY = 380, 33.7


@dataclass(frozen=True)
class Part:
    """One polygon of a region, with sample positions in the built-up ground and the cells wanted at each."""

    polygon: shapely.Geometry
    zone: int
    xy: Points
    weights: Points

    @property
    def weight(self) -> float:
        """The number of cells wanted here."""
        return float(self.weights.sum())


@dataclass(frozen=True)
class Division:
    """A community to be: its code, and the parts of ground it takes."""

    community: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Child:
    """A town or community that wants a share of a region: `weight` is relative, `rural` orders outwards."""

    code: str
    weight: float
    rural: float


def divide(
    districts: dict[str, shapely.Geometry], footprint: Footprint, names: Names, *, rng: np.random.Generator
) -> tuple[list[Division], list[Zone]]:
    """Return the communities' grounds and the street zones they refer to.

    Args:
        districts: outlines by code, in the straight plane.
        footprint: the built-up ground.
        names: towns and communities to place; those of a district without built-up ground are left out.
        rng: the only source of chance.
    """
    # Some slack: cells reach past the ground's edge, and are dropped whole where their centre is outside.
    grown = shapely.buffer(footprint.ground, _GROWN_M * footprint.cell_scale**0.5, quad_segs=4)
    grown = _keep_parks(grown, footprint.ground)
    zones: list[Zone] = []
    divisions: list[Division] = []
    for code, outline in districts.items():
        region = _region(shapely.intersection(outline, grown), code, footprint, zones, rng)
        wanted = sum(part.weight for part in region)
        if wanted < _LEAST_DISTRICT:
            continue
        children = _children(
            *_chosen(names, code, wanted, full=footprint.scale == 1), even=footprint.cell_scale, rng=rng
        )
        for town, ground in _shared_out(region, [town for town, _ in children], zones):
            communities = next(inner for child, inner in children if child.code == town)
            divisions += [Division(c, tuple(parts)) for c, parts in _shared_out(ground, communities, zones)]
    return divisions, zones


def _keep_parks(grown: shapely.Geometry, ground: shapely.Geometry) -> shapely.Geometry:
    filled = [shapely.polygons(ring) for part in shapely.get_parts(ground) for ring in part.interiors]
    return shapely.difference(grown, shapely.union_all(filled))


def _region(
    ground: shapely.Geometry, code: str, footprint: Footprint, zones: list[Zone], rng: np.random.Generator
) -> list[Part]:
    step = footprint.sample_m
    spacing = footprint.cell_scale**0.5
    main: int | None = None
    parts = []
    polygons = [p for p in shapely.get_parts(ground) if not p.is_empty]
    for polygon in sorted(polygons, key=lambda p: -p.area):
        xy = _samples(polygon, step)
        xy = xy[shapely.contains_xy(footprint.ground, xy)]
        if polygon.area > _MAIN_GROUND_M2 * footprint.scale**2:
            if main is None:
                zones.append(make_zone(_HEADINGS[code], rng, spacing=spacing))
                main = len(zones) - 1
            zone = main
        elif len(xy) == 0:
            continue
        else:
            zones.append(make_zone(_HEADINGS[code] + rng.uniform(-25, 25), rng, spacing=spacing))
            zone = len(zones) - 1
        parts.append(Part(polygon, zone, xy, step**2 / footprint.cell_size_m2(xy)))
    return parts


def _samples(polygon: shapely.Geometry, step: float) -> Points:
    west, south, east, north = np.asarray(polygon.bounds) / step
    x, y = np.meshgrid(np.arange(np.ceil(west), east), np.arange(np.ceil(south), north))
    xy = np.column_stack([x.ravel(), y.ravel()]) * step
    inside: NDArray[np.bool_] = shapely.contains_xy(polygon, xy)
    return xy[inside]


def _chosen(names: Names, district: str, cells: float, *, full: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return as many towns and communities of a district as befit so many cells; all in the full city."""
    towns = names.towns[names.towns["district"] == district]
    communities = names.communities[names.communities["town"].isin(towns["code"])]
    if full:
        return towns, communities
    towns = towns.head(max(1, round(cells / _TOWN)))
    communities = communities[communities["town"].isin(towns["code"])]
    each = max(1, round(cells / _COMMUNITY / len(towns)))
    return towns, communities.groupby("town").head(each)


def _children(
    towns: pd.DataFrame, communities: pd.DataFrame, *, even: float, rng: np.random.Generator
) -> list[tuple[Child, list[Child]]]:
    children = []
    # A city of many cells (`even` below 1) has communities of like size: numbers end at 999.
    for code in towns["code"]:
        own = communities[communities["town"] == code]
        sizes = np.clip(rng.lognormal(0, 0.5, len(own)), 0.4, 2.0) ** even
        inner = [
            Child(name, float(size), float(village))
            for name, size, village in zip(own["code"], sizes, own["village"], strict=True)
        ]
        rural = float(own["village"].mean()) + rng.uniform(0, 0.05)
        children.append((Child(code, float(sizes.sum()), rural), inner))
    return children


def _shared_out(
    region: list[Part], children: Sequence[Child], zones: Sequence[Zone]
) -> list[tuple[str, list[Part]]]:
    """Return which parts each child gets; every child gets some ground with samples in it."""
    if len(children) == 1:
        return [(children[0].code, region)]
    ordered = sorted(children, key=lambda child: child.rural)
    sizes = np.array([child.weight for child in ordered])
    share = float(sizes[: len(sizes) // 2].sum() / sizes.sum())
    inner, outer = _halved(region, share, len(children), zones)
    # Whole parts and street lines shift the cut: take the number of children that fits what came out.
    got = sum(p.weight for p in inner) / sum(p.weight for p in region)
    taken = np.cumsum(sizes)[:-1] / sizes.sum()
    count = int(np.argmin(np.abs(taken - got))) + 1
    return [
        *_shared_out(inner, ordered[:count], zones),
        *_shared_out(outer, ordered[count:], zones),
    ]


def _halved(
    region: list[Part], share: float, children: int, zones: Sequence[Zone]
) -> tuple[list[Part], list[Part]]:
    """Return the inner part of a region with a share of its cells, and the rest."""
    child = sum(part.weight for part in region) / children
    heaviest = max(region, key=lambda part: part.weight)
    zone = zones[heaviest.zone]
    whole = [part is not heaviest and part.weight < _WHOLE * child for part in region]
    sides = _parted(region, whole, zone, share, child)
    if min(sum(part.weight for part in side) for side in sides) < 0.75 * child:
        sides = _parted(region, [False] * len(region), zone, share, child)
    return sides


def _parted(
    region: list[Part], whole: list[bool], zone: Zone, share: float, child: float
) -> tuple[list[Part], list[Part]]:
    # A whole part counts as one lump at its centre.
    uv = [
        np.tile(_turned_centre(part, zone), (len(part.xy), 1)) if lump else zone.turn(part.xy)
        for part, lump in zip(region, whole, strict=True)
    ]
    along, weights = np.vstack(uv), np.concatenate([part.weights for part in region])
    ranges = [np.subtract(*_quantiles(along[:, axis], weights, [0.98, 0.02])) for axis in (0, 1)]
    axis = int(np.argmax(ranges))
    xy, along = np.vstack([part.xy for part in region]), along[:, axis]
    [middle] = _quantiles(along, weights, [0.5])
    below = along < middle
    inner_below = mean_distance(xy[below], weights[below]) <= mean_distance(xy[~below], weights[~below])
    [position] = _quantiles(along, weights, [share if inner_below else 1 - share])
    position = zone.snap(float(position), axis, within=min(65.0, float(np.max(ranges)) * 0.12))
    low: list[Part] = []
    high: list[Part] = []
    for part, lump in zip(region, whole, strict=True):
        if lump:
            (low if _turned_centre(part, zone)[axis] < position else high).append(part)
        else:
            first, second = _cut(part, zone, axis, position, child)
            low, high = low + first, high + second
    return (low, high) if inner_below else (high, low)


def _turned_centre(part: Part, zone: Zone) -> Points:
    centre = shapely.centroid(part.polygon)
    turned: Points = zone.turn(np.array([[centre.x, centre.y]]))[0]
    return turned


def _quantiles(values: Points, weights: Points, shares: Sequence[float]) -> Points:
    order = np.argsort(values, kind="stable")
    heaped = np.cumsum(weights[order])
    at = np.searchsorted(heaped, np.asarray(shares) * heaped[-1]).clip(0, len(values) - 1)
    return np.asarray(values[order][at])


def _cut(part: Part, zone: Zone, axis: int, position: float, child: float) -> tuple[list[Part], list[Part]]:
    """Return the pieces of a part on both sides of a street line."""
    below = zone.turn(part.xy)[:, axis] < position
    sides = []
    for low, mask in ((True, below), (False, ~below)):
        polygon = shapely.intersection(part.polygon, half_plane(zone, axis, position, below=low))
        sides.append(_pieces(polygon, part.zone, part.xy[mask], part.weights[mask]))
    return _change_sides(sides[0], sides[1], child)


def _pieces(ground: shapely.Geometry, zone: int, xy: Points, weights: Points) -> list[Part]:
    polygons = [p for p in shapely.get_parts(ground) if p.geom_type == "Polygon" and not p.is_empty]
    if len(polygons) == 1:
        return [Part(polygons[0], zone, xy, weights)]
    pieces = []
    for polygon in sorted(polygons, key=lambda p: -p.area):
        inside = shapely.intersects_xy(polygon, xy)
        pieces.append(Part(polygon, zone, xy[inside], weights[inside]))
        xy, weights = xy[~inside], weights[~inside]
    return pieces


def _change_sides(low: list[Part], high: list[Part], child: float) -> tuple[list[Part], list[Part]]:
    """Give pieces that a cut left behind to the other side, of which they were cut off."""
    kept: list[list[Part]] = [[], []]
    for side, pieces in enumerate((low, high)):
        for number, piece in enumerate(pieces):
            stays = number == 0 or piece.weight >= _SLIVER * child
            kept[side if stays else 1 - side].append(piece)
    return kept[0], kept[1]
