"""The tile pyramid's arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import NotFound
from app.grid.models import StreetKind
from app.maps.rules import (
    AREA_BANDS,
    CELL_BANDS,
    STREET_BANDS,
    STREET_ZOOM,
    Tile,
    band_at,
    resolution_at,
    tile_at,
    tolerance_m,
)


def test_the_only_tile_of_zoom_0_is_the_world():
    west, south, east, north = Tile(0, 0, 0).bounds
    assert (west, east) == pytest.approx((-180, 180))
    assert (south, north) == pytest.approx((-85.0511287, 85.0511287))


@given(st.integers(1, 18), st.data())
def test_a_tile_shares_its_east_side_with_its_neighbour(z, data):
    x, y = data.draw(st.integers(0, 2**z - 2)), data.draw(st.integers(0, 2**z - 1))
    assert Tile(z, x, y).bounds_m[2] == pytest.approx(Tile(z, x + 1, y).bounds_m[0], abs=1e-6)


@pytest.mark.parametrize(("z", "x", "y"), [(19, 0, 0), (-1, 0, 0), (1, 2, 0), (1, 0, 2), (3, -1, 0)])
def test_a_place_outside_the_pyramid_is_no_tile(z, x, y):
    with pytest.raises(NotFound, match=r"runs? from 0 to"):
        tile_at(z, x, y)


def test_the_tolerance_is_half_a_pixel():
    assert tolerance_m(12) == pytest.approx(19.109, abs=1e-3)
    assert tolerance_m(14) == pytest.approx(4.777, abs=1e-3)


def test_every_zoom_has_a_band_and_a_resolution():
    assert [band_at(z, CELL_BANDS) for z in range(9, 19)] == [12, 12, 12, 12, 13, 14, 15, 15, 15, 15]
    assert [band_at(z, AREA_BANDS) for z in (0, 7, 11, 18)] == [7, 7, 11, 15]
    assert [resolution_at(z) for z in (0, 9, 11, 12, 13, 18)] == [7, 7, 7, 8, 9, 9]
    assert [band_at(z, STREET_BANDS) for z in (9, 11, 14, 18)] == [11, 11, 14, 15]


def test_every_kind_of_street_has_its_zoom():
    assert set(STREET_ZOOM) == {kind.value for kind in StreetKind}
