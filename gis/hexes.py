"""Density in H3 hexagons: how many points fall in each."""

from dataclasses import dataclass

import h3.api.numpy_int as h3
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Density:
    """Hexagons that hold points, in ascending order of index.

    `hexes` are (k,) H3 indices as uint64, `counts` (k,) the points in each.
    """

    hexes: NDArray[np.uint64]
    counts: NDArray[np.int64]


def density(lon: ArrayLike, lat: ArrayLike, resolution: int) -> Density:
    """Return the H3 hexagons of a resolution that hold points, and how many.

    Args:
        lon: (n,) WGS 84 longitudes; a point that is not finite is left out.
        lat: (n,) WGS 84 latitudes.
        resolution: 0 (1,100 km across) to 15 (1 m); 7 is about 5 km2, 8 about 0.7 km2, 9 about 0.1 km2.

    Raises:
        ValueError: there is no such resolution.
    """
    if not 0 <= resolution <= 15:
        raise ValueError(f"H3 has resolutions 0 to 15, not {resolution}.")
    x, y = np.asarray(lon, float).ravel(), np.asarray(lat, float).ravel()
    finite = np.isfinite(x) & np.isfinite(y)
    pairs = zip(y[finite].tolist(), x[finite].tolist(), strict=True)
    every = np.fromiter((h3.latlng_to_cell(*pair, resolution) for pair in pairs), np.uint64, finite.sum())
    return Density(*np.unique(every, return_counts=True))


def centres(hexes: ArrayLike) -> NDArray[np.float64]:
    """Return the (k, 2) longitudes and latitudes of the hexagons' centres."""
    latlng = [h3.cell_to_latlng(index) for index in np.asarray(hexes, np.uint64)]
    return np.array(latlng, float).reshape(-1, 2)[:, ::-1]


def polygons(hexes: ArrayLike) -> NDArray[np.object_]:
    """Return the (k,) hexagons as shapely polygons in WGS 84; neighbours share exact vertices."""
    rings = [
        [(lon, lat) for lat, lon in h3.cell_to_boundary(index)] for index in np.asarray(hexes, np.uint64)
    ]
    return np.array([shapely.Polygon(ring) for ring in rings], object)
