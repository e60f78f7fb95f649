"""Many rows at once."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import shapely
import sqlalchemy as sa

from app.bulk import copy_columns, copy_rows, ewkb


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


def test_geometry_goes_out_as_shapely_writes_it_with_its_srid():
    shapes = np.array(
        [
            shapely.Point(1, 2),
            shapely.LineString([(1, 2), (3, 4)]),
            shapely.box(0, 0, 1, 1).union(shapely.box(2, 2, 3, 3)),
        ]
    )
    expected = shapely.to_wkb(shapely.set_srid(shapes, 4326), include_srid=True, byte_order=1)
    assert ewkb(shapes).to_pylist() == expected.tolist()
    assert ewkb(np.array([None])).to_pylist() == [None]


def test_columns_arrive_as_they_were_whatever_their_type(tx):
    moment = datetime(2026, 5, 1, 8, 30, 15, 123456, tzinfo=UTC)
    columns = {
        "a": ["经纬", None, ""],
        "b": [b"\x00\xff", None, b""],
        "c": [True, None, False],
        "d": [1, None, -(2**15)],
        "e": [2**31 - 1, None, -(2**31)],
        "f": [2**63 - 1, None, -(2**63)],
        "g": [0.1, None, -1e300],
        "h": [date(1999, 12, 31), None, date(2026, 5, 1)],
        "i": [moment, None, moment - timedelta(days=20_000)],
    }
    types = dict(
        zip(
            columns,
            ("text", "bytea", "bool", "int2", "int4", "int8", "float8", "date", "timestamptz"),
            strict=True,
        )
    )
    listed = ", ".join(f"{name} {kind}" for name, kind in types.items())
    tx.execute(sa.text(f"CREATE TEMP TABLE bulk (n int GENERATED ALWAYS AS IDENTITY, {listed})"))
    assert copy_columns(tx, "bulk", types, columns) == 3
    rows = tx.execute(sa.text(f"SELECT {', '.join(types)} FROM bulk ORDER BY n")).all()
    assert [tuple(row) for row in rows] == list(zip(*columns.values(), strict=True))


def test_more_columns_rows_than_one_slice_arrive_in_order(tx):
    tx.execute(sa.text("CREATE TEMP TABLE bulk (n int8, t text)"))
    numbers = np.arange(120_001)
    copy_columns(tx, "bulk", {"n": "int8", "t": "text"}, {"n": numbers, "t": [f"第{n}行" for n in numbers]})
    wrong = "SELECT count(*), count(*) FILTER (WHERE t <> '第' || n || '行') FROM bulk"
    assert tuple(tx.execute(sa.text(wrong)).one()) == (120_001, 0)
