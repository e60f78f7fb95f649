"""Frames of printed maps: their shape, their zoom, and what they have room for."""

import pytest

from app.errors import BadValue
from app.maps.frames import ASPECT, MOST_CELLS, MOST_POINTS, Detail, around, detail_for, frame_of

CITY = (122.79, 40.95, 123.14, 41.19)


@pytest.mark.parametrize("bounds", [CITY, (122.99, 41.1, 122.99, 41.1), (122.9, 41.1, 123.1, 41.1001)])
def test_a_frame_has_the_sheets_shape_and_holds_what_was_asked_for(bounds):
    frame = frame_of(bounds)
    assert (frame.east - frame.west) / (frame.north - frame.south) == pytest.approx(ASPECT)
    west, south, east, north = frame.bounds
    assert west < bounds[0]
    assert south < bounds[1]
    assert east > bounds[2]
    assert north > bounds[3]


def test_a_frame_reaches_to_the_poles_without_falling_off():
    frame = frame_of((-180, -90, 180, 90))
    assert 0 <= frame.zoom <= 2
    assert all(abs(side) < 1e9 for side in (frame.west, frame.south, frame.east, frame.north))


def test_a_place_of_the_live_map_lies_in_the_middle():
    west, south, east, north = around("13.2/41.11/122.99")
    assert (west + east) / 2 == pytest.approx(122.99)
    assert (south + north) / 2 == pytest.approx(41.11, abs=1e-4)


@pytest.mark.parametrize("place", ["", "1/2", "13/91/0", "13/0/181", "nan/41/122", "23/41/122", "a/b/c"])
def test_no_place_is_an_error_that_says_what_to_give(place):
    with pytest.raises(BadValue, match="zoom/lat/lon"):
        around(place)


def test_detail_follows_how_much_there_is():
    assert detail_for(24, 3) is Detail.STREET
    assert detail_for(MOST_CELLS, MOST_POINTS + 1) is Detail.DISTRICT
    assert detail_for(MOST_CELLS + 1, 0) is Detail.CITY
