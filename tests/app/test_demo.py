"""The demo city arrives in the database as it was made, whole or not at all."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from app import demo, schema, transaction
from app.db import make_engine
from app.demo import NotEmpty
from app.demo.history import NoDemoCity
from app.maps.rules import STATIC
from data.city import make_city

UNTIL = date(2025, 12, 31)


@pytest.fixture(scope="module")
def built(server, name, tmp_path_factory):
    """A small demo city in a database of its own, and what `build` said."""
    settings = replace(server.create(f"{name}_demo"), var=tmp_path_factory.mktemp("var"))
    engine = make_engine(settings)
    schema.migrate(engine, settings)
    transaction.bind(engine)
    said = demo.build(
        settings, cells=400, seed=7, until=UNTIL, if_empty=False, progress=lambda share, label: None
    )
    yield settings, engine, said
    transaction.bind(None)
    engine.dispose()
    server.drop(f"{name}_demo")


@pytest.fixture
def ask(built):
    """Ask the small demo city's database one question."""

    def asked(text: str):
        with built[1].connect() as connection:
            return connection.execute(sa.text(text)).scalar_one()

    return asked


def test_it_says_what_was_built_and_that_it_is_invented(built):
    assert "演示数据: 400 cells" in built[2]


def test_every_cell_has_one_outline_and_one_primary_at_every_moment(ask):
    assert ask("SELECT count(*) FROM cells") == 400
    assert ask("SELECT count(DISTINCT cell_code) FROM cell_versions WHERE valid @> now()") == 400
    assert ask("SELECT count(*) FROM posts WHERE role = 'primary' AND during @> now()") == 400


def test_every_past_case_lies_in_the_cell_that_it_names(ask):
    assert ask("SELECT count(*) FROM cases") > 500
    assert (
        ask(
            "SELECT count(*) FROM cases c WHERE c.cell_code IS DISTINCT FROM"
            " (SELECT min(v.cell_code) FROM cell_versions v WHERE ST_Covers(v.geom, c.geom))"
        )
        == 0
    )


def test_every_facility_lies_in_a_cell(ask):
    assert (
        ask(
            "SELECT count(*) FROM facilities f WHERE NOT EXISTS"
            " (SELECT FROM cell_versions v WHERE ST_Covers(v.geom, f.geom))"
        )
        == 0
    )


def test_every_case_ends_where_its_last_step_leads(ask):
    assert (
        ask(
            "SELECT count(*) FROM cases c WHERE c.status IS DISTINCT FROM"
            " (SELECT to_status FROM case_steps s WHERE s.case_id = c.id ORDER BY s.id DESC LIMIT 1)"
        )
        == 0
    )
    assert (
        ask(
            "SELECT count(*) FROM cases"
            " WHERE (closed_at IS NULL) <> (status NOT IN ('closed', 'void', 'merged'))"
        )
        == 0
    )


def test_the_map_is_published(ask):
    assert ask("SELECT count(*) FROM tile_versions") == len(STATIC)
    assert ask("SELECT count(DISTINCT kind) FROM tile_streets WHERE band = 15") == 3


def test_a_city_is_never_written_over_another(built):
    settings, engine, _ = built
    transaction.bind(engine)
    build = {"cells": 400, "seed": 7, "until": UNTIL, "progress": lambda share, label: None}
    assert demo.build(settings, if_empty=True, **build) == "there is a city already"
    with pytest.raises(NotEmpty, match="make reset"):
        demo.build(settings, if_empty=False, **build)


def test_what_comes_later_is_not_known_yet():
    city = make_city(7, cells=400, until=UNTIL)
    noon = datetime(2025, 6, 15, 4, tzinfo=UTC)
    known = demo.as_of(city, noon).incidents
    assert known["reported_at"].max() <= noon < city.incidents["reported_at"].max()


def test_the_demo_city_walks_and_a_real_one_does_not(built, tx):
    engine = built[1]
    at = datetime(2026, 1, 1, 4, tzinfo=UTC)
    with engine.connect() as connection:
        mine = transaction.Tx(connection)
        seen = demo.walk(mine, at=at)
        on_duty = sa.text("SELECT count(*) FROM shifts WHERE during @> CAST(:at AS timestamptz)")
        assert seen == mine.execute(on_duty, {"at": at}).scalar_one() > 0
        assert mine.execute(sa.text("SELECT max(position_at) FROM workers")).scalar_one() <= at
        astray = sa.text(
            "SELECT count(*) FROM workers w WHERE NOT EXISTS"
            " (SELECT FROM cell_versions v WHERE ST_Covers(v.geom, w.position))"
        )
        assert mine.execute(astray).scalar_one() == 0
        connection.rollback()
    assert demo.walk(tx, at=at) == 0


def test_cases_wait_in_every_status_and_some_requests_are_open(ask):
    assert ask("SELECT count(DISTINCT status) FROM cases WHERE closed_at IS NULL") == 12
    assert ask("SELECT count(*) FROM case_requests WHERE decided_at IS NULL") > 0
    for role, condition in {
        "worker": "checker_id = p.worker_id",
        "handler": "c.unit_code = p.unit_code AND status = 'dispatched'",
        "citizen": "reported_by = p.id",
        "supervisor": "supervisor_id = p.id AND status = 'supervised'",
    }.items():
        mine = f"SELECT count(*) FROM cases c, people p WHERE p.username = '{role}' AND closed_at IS NULL"
        assert ask(f"{mine} AND {condition}") > 0, role


def test_cases_and_steps_agree(ask):
    assert ask("SELECT count(*) FROM cases WHERE kind = 'appeal'") == ask("SELECT count(*) FROM appeals")
    assert (
        ask(
            "SELECT count(*) FROM cases c JOIN (SELECT case_id, count(*) AS steps,"
            " count(*) FILTER (WHERE step = 'return') AS returns,"
            " count(*) FILTER (WHERE step = 'rework') AS reworks FROM case_steps GROUP BY 1) s"
            " ON s.case_id = c.id WHERE (c.returns, c.reworks, c.revision) <> (s.returns, s.reworks, s.steps)"
        )
        == 0
    )
    assert ask("SELECT count(*) FROM cases WHERE stage_due_at IS NULL AND closed_at IS NULL") == 0
    assert ask("SELECT count(*) FROM cases WHERE status = 'merged' AND merged_into IS NULL") == 0


def test_every_type_has_a_standard_and_every_town_a_unit(ask):
    assert (
        ask("SELECT count(*) FROM case_types t WHERE code NOT IN (SELECT type_code FROM case_standards)") == 0
    )
    assert (
        ask("SELECT count(*) FROM areas WHERE level = 'town' AND 'K' || code NOT IN (SELECT code FROM units)")
        == 0
    )
    assert (
        ask(
            "SELECT count(*) FROM case_types WHERE unit <> '街道·乡镇'"
            " AND unit NOT IN (SELECT name_zh FROM units)"
        )
        == 0
    )


def test_a_long_past_is_added_once_with_all_its_indexes(built, ask):
    _, engine, _ = built
    transaction.bind(engine)
    listed = "SELECT array_agg(indexdef ORDER BY indexdef)::text FROM pg_indexes WHERE tablename LIKE 'case%'"
    keys = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"
    before, held = ask(listed), ask(keys)
    silent = {"seed": 7, "progress": lambda share, label: None}
    assert "past cases with" in demo.build_history(3_000, **silent)
    assert (ask(listed), ask(keys)) == (before, held)
    assert ask("SELECT count(*) FROM cases") == 3_000
    assert ask("SELECT count(*) FROM cases WHERE received_at > now()") == 0
    assert demo.build_history(3_000, **silent) == "there are 3,000 past cases already"
    assert (
        ask("SELECT count(*) FROM cases c WHERE NOT EXISTS (SELECT FROM case_steps WHERE case_id = c.id)")
        == 0
    )


def test_nothing_is_invented_in_a_real_city(database, connection):
    with pytest.raises(NoDemoCity):
        demo.build_history(10, seed=1, progress=lambda share, label: None)
