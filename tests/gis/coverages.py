"""Gapless coverages for tests, and the slow reference that `gis.locate` must equal."""

import numpy as np
import shapely


def brute(lon, lat, cells):
    """The lowest index of a cell that intersects each point, else -1."""
    points = shapely.points(np.asarray(lon, float), np.asarray(lat, float))
    hit = shapely.intersects(np.asarray(cells, object)[None, :], points[:, None])
    return np.where(hit.any(axis=1), hit.argmax(axis=1), -1)


def quads(columns, rows, *, seed=0, west=122.9, south=41.0, step=0.0012, jitter=0.3):
    """A lattice of jittered corners: quadrilaterals sharing exact vertices, in ascending order."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(columns + 1.0), np.arange(rows + 1.0))
    xy = np.stack([x, y], -1) + rng.uniform(-jitter, jitter, (rows + 1, columns + 1, 2))
    xy = np.array([west, south]) + xy * step
    rings = np.stack([xy[:-1, :-1], xy[:-1, 1:], xy[1:, 1:], xy[1:, :-1], xy[:-1, :-1]], 2)
    return shapely.polygons(rings.reshape(-1, 5, 2))


def voronoi(n, *, seed=0, west=122.9, south=41.0, size=0.05):
    """Voronoi cells clipped to a box and noded once."""
    rng = np.random.default_rng(seed)
    sites = shapely.multipoints(np.array([west, south]) + rng.uniform(0, size, (n, 2)))
    frame = shapely.box(west, south, west + size, south + size)
    lines = shapely.union_all([shapely.voronoi_polygons(sites, only_edges=True), frame.boundary])
    faces = shapely.get_parts(shapely.polygonize([lines]))
    return faces[shapely.intersects(frame, shapely.point_on_surface(faces))]


def vertices(cells):
    return np.unique(shapely.get_coordinates(cells), axis=0)


def midpoints(cells):
    parts = shapely.get_parts(cells)
    xy, ring = shapely.get_coordinates(shapely.get_rings(parts), return_index=True)
    same = ring[1:] == ring[:-1]
    return np.unique((xy[:-1][same] + xy[1:][same]) / 2, axis=0)
