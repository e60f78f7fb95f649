"""Many rows at once."""

import shapely
import sqlalchemy as sa

from app.bulk import copy_rows


def test_rows_and_their_geometry_arrive_as_they_were(tx):
    point = shapely.set_srid(shapely.Point(122.99, 41.1), 4326)
    count = copy_rows(
        tx,
        "facilities",
        {"code": "text", "type_code": "text", "geom": "bytea"},
        [("2103020101999999", "0101", shapely.to_wkb(point, include_srid=True))],
    )
    row = tx.execute(
        sa.text(
            "SELECT ST_AsText(geom), ST_SRID(geom), condition FROM facilities WHERE code = '2103020101999999'"
        )
    ).one()
    assert count == 1
    assert tuple(row) == ("POINT(122.99 41.1)", 4326, "good")
