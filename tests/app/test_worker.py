"""The background worker does at its moment what was written for it."""

from datetime import timedelta

import pytest
import shapely
import sqlalchemy as sa

from app import clock, jobs, worker
from app.grid.actions import NewCells, Origin, replace_cells
from app.interop import queries
from app.interop.rules import Subject
from app.maps.publish import publish
from tests import city

pytestmark = pytest.mark.database


@pytest.fixture
def planned(tx):
    """A published city in which community A loses its first cell an hour from now."""
    now = clock.now()
    publish(tx, at=now)
    cells = queries.contents(tx, Subject.CELLS, at=now, area=city.A)
    rest = NewCells(list(cells.code[1:]), cells.geometry.to_numpy()[1:])
    since = now + timedelta(hours=1)
    replace_cells(tx, rest, since=since, origin=Origin(by="tests", note=""), metric_epsg=4550)
    return since


def waiting(tx):
    return tx.execute(
        sa.text("SELECT args->>'why' FROM procrastinate_jobs WHERE task_name = 'publish'")
    ).all()


def covered(tx, table, code, column="geom"):
    """Whether the place of the cell that goes lies in an area's outline."""
    spot = city.outline(0, 0).centroid
    where = "AND band = (SELECT max(band) FROM tile_areas)" if table == "tile_areas" else ""
    return tx.execute(
        sa.text(
            f"SELECT ST_Intersects({column}, ST_Transform(ST_GeomFromText(:spot, 4326), ST_SRID({column})))"
            f" FROM {table} WHERE code = :code {where}"
        ),
        {"spot": shapely.to_wkt(spot), "code": code},
    ).scalar_one()


def test_a_planned_change_is_published_when_its_moment_comes_and_not_before(tx, planned):
    worker.queue_what_came_into_force(at=planned - timedelta(seconds=1))
    assert waiting(tx) == []
    worker.queue_what_came_into_force(at=planned)
    assert waiting(tx) == [("a change of the grid came into force",)]


def test_the_outlines_of_areas_follow_at_that_moment(tx, planned):
    worker.take_effect(at=planned - timedelta(seconds=1))
    assert covered(tx, "areas", city.A)
    worker.take_effect(at=planned)
    assert not covered(tx, "areas", city.A)
    assert not covered(tx, "areas", city.A[:9])
    publish(tx, at=planned)
    assert not covered(tx, "tile_areas", city.A)
    worker.queue_what_came_into_force(at=planned + timedelta(days=1))
    assert waiting(tx) == []


def test_the_worker_looks_every_minute(settings):
    made = worker.make_worker(settings)
    tasks = {key[0]: task.cron for key, task in made.periodic_registry.periodic_tasks.items()}
    assert tasks[jobs.COME_INTO_FORCE] == "* * * * *"
