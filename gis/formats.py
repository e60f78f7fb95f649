"""GeoPackage, GeoJSON, Shapefile, FlatGeobuf and CSV, in and out, with any encoding and coordinate system.

`read`, `read_isolated` (in a process of its own, for the files of others) and `write` are all there is; GDAL
does the parsing. A file is looked at before GDAL sees it (`gis.sources`, `gis.archive`), its text's encoding
is proved (`gis.encodings`), its geometry made plain (`gis.shapes`) and set on the earth (`gis.placing`).
"""

from gis.isolated import read_isolated
from gis.limits import Limits
from gis.reading import LONLAT_NAMES, WKT_NAMES, Layer, read
from gis.shapes import Kind
from gis.sources import SUFFIXES, Format
from gis.writing import write

__all__ = [
    "LONLAT_NAMES",
    "SUFFIXES",
    "WKT_NAMES",
    "Format",
    "Kind",
    "Layer",
    "Limits",
    "read",
    "read_isolated",
    "write",
]
