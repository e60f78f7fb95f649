"""Pure spatial domain: no web, no database.

What others use, by module (each is imported by itself: who only converts a point pays for no numba):

    gis.crs         named, to_wgs84, from_wgs84, geometries_to_wgs84, geometries_from_wgs84, in_china
    gis.codes       CELL, FACILITY, CASE, parse_area, parse_cell, parse_facility, parse_case, cell_codes
    gis.locate      Grid, locate, warm_up, NO_CELL
    gis.hexes       density, centres, polygons
    gis.partition   edges, faces, merge_smallest, components
    gis.formats     read, write, Layer, Format, Kind, Limits
    gis.checks      check_cells, check_facilities, check_workers, check_posts
    gis.findings    Finding
    gis.errors      GisError and what can be wrong
"""
