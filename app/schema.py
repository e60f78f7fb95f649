"""The city's schema: made when missing, brought to the newest migration, and asked whether it is there."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.settings import ROOT, Settings

EXTENSIONS = ("postgis", "btree_gist", "pg_trgm")
MIGRATIONS = ROOT / "migrations"


def migrate(engine: sa.Engine, settings: Settings) -> str:
    """Make the schema and its extensions if need be, run every missing migration, and return the head.

    All in one transaction: a migration that fails leaves the schema as it was.
    """
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('jingwei.migrate'))"))
        for extension in EXTENSIONS:
            connection.execute(sa.text(f"CREATE EXTENSION IF NOT EXISTS {extension} WITH SCHEMA public"))
        connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {settings.schema}"))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return newest()


def newest() -> str:
    """Return the newest migration of this code."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    return head or ""


def present(connection: sa.Connection) -> str | None:
    """Return the migration that the schema stands at, None when it has none."""
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def function_sql(name: str) -> str:
    """Return the text of the database function `name` (a versioned file such as locate_cell.v1)."""
    return (Path(MIGRATIONS) / "functions" / f"{name}.sql").read_text("utf-8")
