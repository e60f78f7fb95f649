"""The migrations make what the models say."""

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from geoalchemy2 import alembic_helpers
from sqlalchemy.exc import IntegrityError

from app import models, schema


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")
def test_models_and_migrations_agree(tx):
    context = MigrationContext.configure(
        tx.connection,
        opts={
            "include_object": alembic_helpers.include_object,
            "include_name": lambda n, kind, _: kind != "table" or not str(n).startswith("procrastinate"),
        },
    )
    assert compare_metadata(context, models.metadata) == []


def test_there_is_one_head():
    assert len(ScriptDirectory.from_config(schema._config()).get_heads()) == 1


def test_two_primaries_for_one_cell_at_one_time_are_impossible(tx):
    with pytest.raises(IntegrityError, match="one_holder_at_a_time"):
        tx.execute(
            sa.text(
                "INSERT INTO posts (cell_code, worker_id, role, during)"
                " SELECT cell_code, worker_id, role, tstzrange('2021-01-01', '2021-02-01') FROM posts LIMIT 1"
            )
        )
