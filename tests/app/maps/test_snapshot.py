"""What a printed map holds: edges once, what the viewer may see, and nobody's name."""

from dataclasses import asdict
from datetime import timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from app.identity import queries as identity
from app.maps import snapshot
from app.maps.frames import Detail, frame_of
from app.maps.snapshot import SHOWN, seen
from tests import city, people
from tests.app.maps.conftest import AT
from tests.app.maps.test_tiles import case

WHOLE = (122.99, 41.1, 122.996, 41.104)


@pytest.fixture
def taken(tx, published):
    """Take a snapshot of the whole city."""

    def take(username="dispatcher", *, bounds=WHOLE, detail=Detail.STREET, shown=frozenset(SHOWN)):
        frame = frame_of(bounds)
        viewer = people.viewer_of(tx, username)
        return snapshot.snapshot(
            tx,
            frame,
            snapshot.survey(tx, frame),
            detail=detail,
            shown=frozenset(shown),
            viewer=viewer,
            at=AT,
            english=False,
        )

    return take


def test_every_edge_of_a_cell_is_drawn_once(taken):
    lines = taken().cell_lines["coordinates"]
    pieces = [frozenset(map(tuple, pair)) for line in lines for pair in pairwise(line)]
    assert len(pieces) == len(set(pieces))
    ends = {tuple(point) for line in lines for point in line}
    corners = {(round(x, 6), round(y, 6)) for i in range(6) for x, y in city.outline(i, 0).exterior.coords}
    assert corners <= ends


def test_a_whole_city_has_towns_and_hexagons_and_a_street_its_facilities(taken):
    wide, near = taken(detail=Detail.CITY), taken(detail=Detail.STREET)
    assert wide.cell_lines is None
    assert (len(wide.hexagons), len(wide.facilities)) == (1, 0)
    assert (wide.hexagons[0].least, wide.hexagons[0].most) == (3, 3)
    assert {area.level for area in wide.areas} == {"district", "town"}
    assert {mark.kind for mark in near.facilities} == {"01"}
    assert {area.level for area in near.areas} == {"district", "town", "community"}


def test_layers_that_are_off_are_not_in_it(taken):
    found = taken(shown={"areas"})
    assert (found.cell_lines, found.hexagons, found.facilities, found.cases, found.workers) == (
        None,
        (),
        (),
        (),
        (),
    )


def test_outlines_are_cut_at_the_frame(taken):
    found = taken(bounds=(122.9921, 41.1021, 122.9922, 41.1022))
    west, _, east, _ = found.frame.bounds
    corners = [x for area in found.areas for part in area.shape["coordinates"] for x, _ in _ring(part)]
    margin = (east - west) / 50
    assert west - margin < min(corners) < max(corners) < east + margin


def _ring(part):
    return part if isinstance(part[0][0], float) else part[0]


def test_cases_have_the_state_that_their_deadline_gives(tx, taken):
    case(tx, 0, 0, due_at=AT - timedelta(hours=1))
    case(tx, 1, 0, due_at=AT + timedelta(minutes=30))
    case(tx, 2, 0, due_at=AT + timedelta(days=1))
    case(tx, 3, 0, status="closed", closed_at=AT, due_at=AT)
    states = {kind: seen(taken().cases, kind) for kind in ("overdue", "soon", "open", "ended")}
    assert states == {"overdue": 1, "soon": 1, "open": 1, "ended": 1}
    assert seen(taken(shown={"cases"}).cases, "ended") == 0


def test_a_citizen_sees_no_cases_of_others_and_no_workers(tx, taken):
    case(tx, 0, 0)
    tx.execute(sa.text("UPDATE workers SET position = ST_SetSRID(ST_MakePoint(122.9915, 41.1025), 4326)"))
    found = taken("citizen")
    assert (found.cases, found.workers) == ((), ())
    own = identity.person_id(tx, "citizen")
    case(tx, 1, 0, reported_by=own, due_at=AT + timedelta(days=2))
    assert seen(taken("citizen").cases, "open") == 1


def test_it_holds_nobodys_name_nor_the_words_of_a_report(tx, taken):
    case(tx, 0, 0)
    tx.execute(sa.text("UPDATE workers SET position = ST_SetSRID(ST_MakePoint(122.9915, 41.1025), 4326)"))
    found = taken()
    said = str(asdict(found))
    assert (len(found.cases), len(found.workers)) == (1, 5)
    for secret in ("secret text", "网格员1", "W0001", "1380000000"):
        assert secret not in said
