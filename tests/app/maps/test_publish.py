"""Publication keeps shared edges shared, and changes tables and version together."""

from datetime import timedelta

import numpy as np
import orjson
import pytest
import shapely
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from app import transaction
from app.db import make_engine
from app.maps import publish as publication
from app.maps.publish import broken_edges, publish, thin, thin_lines
from app.maps.queries import layer_versions
from app.maps.rules import AREA_BANDS, CELL_BANDS, STREET_BANDS, Layer, tolerance_m
from tests import city
from tests.app.maps.conftest import AT


def outlines(tx, table, band, condition="true"):
    rows = tx.execute(
        sa.text(f"SELECT ST_AsBinary(geom) FROM {table} WHERE band = :band AND {condition}"), {"band": band}
    )
    return shapely.from_wkb(np.array(rows.scalars().all(), dtype=object))


def wavy_coverage(columns, rows, seed):
    """Squares of 60 m whose shared edges wander, in EPSG:3857."""
    rng = np.random.default_rng(seed)
    steps, side = 12, 60.0

    def line(a, b):
        along = np.linspace(a, b, steps + 1)
        along[1:-1] += rng.uniform(-2, 2, (steps - 1, 2))
        return along

    def corner(x, y):
        return np.array([13_690_000 + x * side, 5_030_000 + y * side])

    across = {(x, y): line(corner(x, y), corner(x + 1, y)) for x in range(columns) for y in range(rows + 1)}
    upward = {(x, y): line(corner(x, y), corner(x, y + 1)) for x in range(columns + 1) for y in range(rows)}
    return np.array(
        [
            shapely.Polygon(
                np.vstack(
                    [
                        across[x, y][:-1],
                        upward[x + 1, y][:-1],
                        across[x, y + 1][::-1][:-1],
                        upward[x, y][::-1][:-1],
                    ]
                )
            )
            for x in range(columns)
            for y in range(rows)
        ],
        dtype=object,
    )


@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 10_000), st.sampled_from((12, 13, 14)))
@settings(max_examples=40, deadline=None)
def test_thinning_a_coverage_breaks_no_shared_edge(columns, rows, seed, band):
    whole = wavy_coverage(columns, rows, seed)
    assert broken_edges(whole) == 0
    thinned = thin(whole, band)
    assert broken_edges(thinned) == 0
    assert shapely.get_num_coordinates(thinned).sum() < shapely.get_num_coordinates(whole).sum()


def test_an_outline_thinned_by_itself_is_seen_as_broken():
    whole = wavy_coverage(3, 3, 1)
    whole[4] = whole[4].simplify(4.8)
    assert broken_edges(whole) == 5


def test_every_band_of_cells_is_a_coverage(tx, published):
    assert published[Layer.CELLS].features == 24
    assert published[Layer.CELLS].broken_edges == 0
    for band in CELL_BANDS:
        drawn = outlines(tx, "tile_cells", band)
        assert len(drawn) == 24
        assert shapely.coverage_is_valid(drawn)


def test_every_band_of_areas_is_a_coverage_level_by_level(tx, published):
    assert published[Layer.AREAS].broken_edges == 0
    for band in AREA_BANDS:
        for level, first, count in (("district", 7, 1), ("town", 9, 2), ("community", 12, 3)):
            drawn = outlines(tx, "tile_areas", band, f"level = '{level}'")
            assert len(drawn) == (count if band >= first else 0)
            assert shapely.coverage_is_valid(drawn)


def test_a_name_stands_inside_its_area(tx, published):
    assert tx.execute(sa.text("SELECT bool_and(ST_Within(label, geom)) FROM tile_areas")).scalar_one()


def test_the_finest_band_is_the_outline_itself(tx, published):
    worst = tx.execute(
        sa.text(
            "SELECT max(ST_HausdorffDistance(ST_Transform(v.geom, 3857), t.geom))"
            " FROM cell_versions v JOIN tile_cells t ON t.id = v.id WHERE t.band = 15"
        )
    ).scalar_one()
    assert worst < 1e-6


def test_a_cluster_counts_its_facilities(tx, published):
    rows = tx.execute(
        sa.text("SELECT resolution, sum(count), min(types) FROM tile_clusters GROUP BY 1")
    ).all()
    assert {(row[0], row[1]) for row in rows} == {(7, 3), (8, 3), (9, 3)}
    assert orjson.loads(rows[0][2]) == {"0101": 2, "0137": 1}


def test_pieces_of_a_street_that_meet_are_one_line(tx, published):
    assert published[Layer.STREETS].features == 4
    drawn = {
        band: tx.execute(
            sa.text("SELECT kind, name FROM tile_streets WHERE band = :band ORDER BY number"), {"band": band}
        ).all()
        for band in STREET_BANDS
    }
    assert drawn[11] == drawn[12] == [("river", None), ("arterial", None)]
    assert drawn[13] == [*drawn[12], ("street", None)]
    assert drawn[14] == drawn[15] == [("river", "南沙河"), ("arterial", "胜利路"), ("street", "杏花巷")]


@pytest.mark.parametrize("band", STREET_BANDS)
def test_a_thinned_line_stays_within_half_a_pixel_and_keeps_its_ends(band):
    rng = np.random.default_rng(band)
    whole = shapely.LineString(np.cumsum(rng.uniform(-9, 20, (400, 2)), axis=0))
    (thinned,) = thin_lines(np.array([whole], dtype=object), band)
    assert shapely.hausdorff_distance(whole, thinned) <= tolerance_m(band) + 1e-9
    assert shapely.equals(thinned.boundary, whole.boundary)
    assert (shapely.get_num_coordinates(thinned) < 400) == (band < 15)


def test_only_the_outlines_of_the_moment_are_published(tx):
    code = city.cell_code(0, 0)
    tx.execute(
        sa.text("UPDATE cell_versions SET valid = tstzrange(lower(valid), :end) WHERE cell_code = :code"),
        {"end": AT + timedelta(days=1), "code": code},
    )
    assert {made.layer: made.features for made in publish(tx, at=AT)}[Layer.CELLS] == 24
    later = publish(tx, at=AT + timedelta(days=2), layers=[Layer.CELLS])
    assert [made.features for made in later] == [23]


def test_a_publication_raises_the_version_even_within_a_moment(tx):
    first = publish(tx, at=AT, layers=[Layer.CELLS])[0].version
    again = publish(tx, at=AT, layers=[Layer.CELLS])[0].version
    earlier = publish(tx, at=AT - timedelta(days=1), layers=[Layer.CELLS])[0].version
    assert first < again < earlier
    assert layer_versions(tx)[Layer.CELLS].version == earlier


def test_a_layer_alone_leaves_the_others_as_they_are(tx, published):
    publish(tx, at=AT + timedelta(hours=1), layers=[Layer.FACILITIES])
    standing = layer_versions(tx)
    assert standing[Layer.CELLS].version == published[Layer.CELLS].version
    assert standing[Layer.FACILITIES].version > published[Layer.FACILITIES].version


def test_an_empty_city_is_published_as_empty_layers(tx):
    for table in ("facilities", "posts", "cell_versions", "cells", "streets"):
        tx.execute(sa.text(f"DELETE FROM {table}"))
    made = publish(tx, at=AT, layers=[Layer.CELLS, Layer.FACILITIES, Layer.STREETS])
    assert [layer.features for layer in made] == [0, 0, 0]
    assert layer_versions(tx)[Layer.CELLS].bounds is None


def test_a_publication_that_fails_changes_neither_tables_nor_versions(fresh, monkeypatch):
    engine = make_engine(fresh)
    transaction.bind(engine)
    with transaction.write() as tx:
        first = publish(tx, at=AT)
    monkeypatch.setattr(publication, "FACILITY_COLUMNS", {**publication.FACILITY_COLUMNS, "nothing": "text"})
    with pytest.raises(Exception, match="nothing"), transaction.write() as tx:
        tx.execute(sa.text("UPDATE areas SET name = 'changed'"))
        publish(tx, at=AT + timedelta(days=1))
    with transaction.read() as tx:
        assert {layer: s.version for layer, s in layer_versions(tx).items()} == {
            made.layer: made.version for made in first
        }
        names = tx.execute(sa.text("SELECT count(*) FROM tile_areas WHERE name = 'changed'"))
        assert names.scalar_one() == 0
        assert len(outlines(tx, "tile_cells", 15)) == 24
    engine.dispose()
