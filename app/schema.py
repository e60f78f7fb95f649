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
APPENDED = {
    "audit_log": ("person_id", "username", "action", "subject", "area_code", "detail"),
    "audit_chain": ("no", "id", "hash"),
    "audit_heads": ("no", "at", "hash", "key", "signature", "below"),
}
"""Tables to which the application's role appends, and the columns that it gives: the rest, above all the
moment, is the database's own."""

ADDED_TO = ("case_steps", "events", "published_figures", "figure_weights")
"""Tables to which it appends whole rows."""


def migrate(engine: sa.Engine, settings: Settings, *, app_role: str | None = None) -> str:
    """Make the schema and its extensions if need be, run every missing migration, and return the head.

    All in one transaction: a migration that fails leaves the schema as it was. `app_role` is the role of the
    web server and the background worker, where that is not the tables' owner.
    """
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('jingwei.migrate'))"))
        for extension in EXTENSIONS:
            connection.execute(sa.text(f"CREATE EXTENSION IF NOT EXISTS {extension} WITH SCHEMA public"))
        connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {settings.schema}"))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if app_role is not None:
            _grant(connection, settings.schema, app_role)
    return newest()


def role_of(engine: sa.Engine) -> str:
    """Return the role by which an engine works."""
    with engine.connect() as connection:
        return str(connection.execute(sa.text("SELECT current_user")).scalar_one())


def _grant(connection: sa.Connection, schema: str, role: str) -> None:
    """Let the application's role read and write, but make no table, and change nothing that is appended.

    Written anew after every migration, so that a new table needs no grant of its own.
    """
    quote = connection.dialect.identifier_preparer.quote
    who = quote(role)
    statements = [
        f"GRANT USAGE ON SCHEMA {quote(schema)} TO {who}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA {quote(schema)} TO {who}",
        f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA {quote(schema)} TO {who}",
        f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON alembic_version FROM {who}",
    ]
    for table, columns in APPENDED.items():
        statements.append(f"REVOKE ALL ON {table} FROM {who}")
        statements.append(f"GRANT SELECT, INSERT ({', '.join(map(quote, columns))}) ON {table} TO {who}")
    statements += [f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {who}" for table in ADDED_TO]
    for statement in statements:
        connection.execute(sa.text(statement))


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
