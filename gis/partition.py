"""Make a partition of the plane and merge its faces, without ever breaking a shared edge.

Coordinates are metric. Polygons here are noded: where two touch, both hold the same vertices, so that an
edge is found by its two ends and a merge moves nothing.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

NOBODY = -1
"""The neighbour of an outer edge."""


@dataclass(frozen=True)
class Edges:
    """Straight edges of a noded coverage, each once.

    `ends` is (n, 2, 2): both ends of each edge. `owners` is (n, 2): the indices of the one or two polygons
    it bounds, the smaller first; `NOBODY` where there is no second.
    """

    ends: NDArray[np.float64]
    owners: NDArray[np.intp]

    @property
    def length_m(self) -> NDArray[np.float64]:
        """The length of each edge."""
        return np.asarray(np.hypot(*(self.ends[:, 1] - self.ends[:, 0]).T))

    @property
    def shared(self) -> NDArray[np.bool_]:
        """True where an edge has a polygon on both sides."""
        return np.asarray(self.owners[:, 1] != NOBODY)


def edges(polygons: NDArray[np.object_]) -> Edges:
    """Return the straight edges of a noded coverage.

    Args:
        polygons: (n,) polygons or multipolygons, equal vertices where they touch.
    """
    rings, ring_owner = shapely.get_rings(polygons, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    vertices, number = np.unique(xy, axis=0, return_inverse=True)
    inside = ring[1:] == ring[:-1]
    pairs = np.sort(np.column_stack([number[:-1], number[1:]])[inside], axis=1)
    owner = ring_owner[ring[:-1][inside]]
    order = np.lexsort([owner, pairs[:, 1], pairs[:, 0]])
    pairs, owner = pairs[order], owner[order]
    first = np.ones(len(pairs), bool)
    first[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    owners = np.full((int(first.sum()), 2), NOBODY)
    owners[:, 0] = owner[first]
    owners[(np.cumsum(first) - 1)[~first], 1] = owner[~first]
    return Edges(vertices[pairs[first]], owners)


def faces(lines: NDArray[np.object_], *, grid_m: float) -> NDArray[np.object_]:
    """Return the polygons that lines enclose, a valid and noded coverage.

    All lines are noded once, together: cutting neighbours one by one would leave gaps. Vertices lie on a
    grid of `grid_m`.
    """
    net = shapely.union_all(lines, grid_size=grid_m)
    return np.asarray(shapely.get_parts(shapely.polygonize([net])))


@dataclass(frozen=True)
class Rules:
    """How cells may be merged.

    `group` and `realm` are (n,) labels: a cell joins its own group if it can, and never another realm.
    Every cell smaller than `least_m2` is merged; then the smallest ones, until `count` are left.
    """

    group: NDArray[np.intp]
    realm: NDArray[np.intp]
    least_m2: float
    count: int


@dataclass(frozen=True)
class Merged:
    """What is left: `polygons`, and `first`, for each the index of the cell whose labels it keeps."""

    polygons: NDArray[np.object_]
    first: NDArray[np.intp]


_OTHER_GROUP = 1e-3
_BARRED = 1e-4


def merge_smallest(
    polygons: NDArray[np.object_], rules: Rules, *, net: Edges, barred: NDArray[np.bool_]
) -> Merged:
    """Merge the smallest cells into the neighbours with which they share most edge.

    No merge leaves a hole or a second part; a cell that no neighbour can take is left out when it is
    smaller than the least. Ties go to the smaller index.

    Args:
        polygons: (n,) cells of a noded coverage.
        rules: who may join whom, and how far to go.
        net: the edges of `polygons`.
        barred: (m,) edges across which cells join only where nothing else is left.
    """
    return _Merger(polygons, rules, net, barred).run()


class _Merger:
    """The state of one merge: polygons, who borders whom, and a heap of areas."""

    def __init__(
        self, polygons: NDArray[np.object_], rules: Rules, net: Edges, barred: NDArray[np.bool_]
    ) -> None:
        self.rules = rules
        self.polygon: list[shapely.Geometry | None] = list(polygons)
        self.area = shapely.area(polygons)
        self.members = np.bincount(rules.group)
        self.borders: list[dict[int, float]] = [{} for _ in polygons]
        weight = np.where(barred, _BARRED, 1.0) * net.length_m
        for (a, b), shared in zip(net.owners[net.shared].tolist(), weight[net.shared].tolist(), strict=True):
            if rules.realm[a] == rules.realm[b]:
                self.borders[a][b] = self.borders[b][a] = self.borders[a].get(b, 0.0) + shared

    def run(self) -> Merged:
        """Merge until the rules are met."""
        heap = [(float(area), index) for index, area in enumerate(self.area)]
        heapq.heapify(heap)
        left = len(heap)
        while heap:
            area, index = heapq.heappop(heap)
            if self.polygon[index] is None or area != self.area[index]:
                continue
            if area >= self.rules.least_m2 and left <= self.rules.count:
                break
            into = self._join(index)
            if into is not None:
                heapq.heappush(heap, (float(self.area[into]), into))
            elif area < self.rules.least_m2 and self.members[self.rules.group[index]] > 1:
                self._leave_out(index)
            else:
                continue
            left -= 1
        kept = [index for index, polygon in enumerate(self.polygon) if polygon is not None]
        return Merged(np.array([self.polygon[index] for index in kept], object), np.array(kept, np.intp))

    def _join(self, index: int) -> int | None:
        """Merge a cell into its best neighbour and return that one; None where nobody can take it."""
        group = self.rules.group
        last = self.members[group[index]] == 1
        for neighbour, _ in sorted(self._candidates(index), key=lambda pair: (-pair[1], pair[0])):
            if group[neighbour] != group[index] and last:
                continue
            union = shapely.coverage_union(self.polygon[index], self.polygon[neighbour])
            if union.geom_type == "GeometryCollection" and len(union.geoms) == 1:
                union = union.geoms[0]
            if union.geom_type == "Polygon" and not len(union.interiors):
                self._replace(index, neighbour, union)
                return neighbour
        return None

    def _candidates(self, index: int) -> Iterable[tuple[int, float]]:
        group = self.rules.group
        for neighbour, shared in self.borders[index].items():
            same = group[neighbour] == group[index]
            # A long shared edge, and a neighbour that does not grow too large by it.
            yield neighbour, (1.0 if same else _OTHER_GROUP) * shared / np.sqrt(self.area[neighbour])

    def _replace(self, index: int, into: int, union: shapely.Geometry) -> None:
        self.polygon[into], self.polygon[index] = union, None
        self.area[into] += self.area[index]
        self.members[self.rules.group[index]] -= 1
        for neighbour, shared in self._forget(index).items():
            if neighbour != into:
                self.borders[into][neighbour] = self.borders[into].get(neighbour, 0.0) + shared
                self.borders[neighbour][into] = self.borders[into][neighbour]

    def _leave_out(self, index: int) -> None:
        self.polygon[index] = None
        self.members[self.rules.group[index]] -= 1
        self._forget(index)

    def _forget(self, index: int) -> dict[int, float]:
        borders, self.borders[index] = self.borders[index], {}
        for neighbour in borders:
            del self.borders[neighbour][index]
        return borders


def components(count: int, pairs: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each of `count` nodes the smallest node it hangs together with.

    Args:
        count: the number of nodes.
        pairs: (m, 2) which nodes border each other.
    """
    label = np.arange(count)
    while True:
        least = label.copy()
        np.minimum.at(least, pairs[:, 0], label[pairs[:, 1]])
        np.minimum.at(least, pairs[:, 1], label[pairs[:, 0]])
        least = least[least]
        if (least == label).all():
            return label
        label = least
