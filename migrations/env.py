"""Alembic's environment: one city, one schema, reached by search_path."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context
from geoalchemy2 import alembic_helpers

from app import models
from app.db import make_engine
from app.settings import read_settings


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Leave PostGIS's own tables and procrastinate's alone."""
    return not (
        kind == "table" and name is not None and name.startswith(("spatial_ref_sys", "procrastinate"))
    )


def run() -> None:
    """Run the migrations on the connection given, or on one of our own."""
    given = context.config.attributes.get("connection")
    if given is not None:
        migrate(given)
        return
    with make_engine(read_settings()).connect() as connection:
        migrate(connection)
        connection.commit()


def migrate(connection: sa.Connection) -> None:
    """Run what is missing, all of it or nothing."""
    context.configure(
        connection=connection,
        target_metadata=models.metadata,
        include_name=include_name,
        include_object=alembic_helpers.include_object,
        process_revision_directives=alembic_helpers.writer,
        render_item=alembic_helpers.render_item,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
