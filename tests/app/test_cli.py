"""What is wrong with the settings or the database is said in one line, with exit code 1."""

import re

import pytest
from click.testing import CliRunner

from app import transaction
from app.cli import main

COMMANDS = (
    ("token", "list"),
    ("accounts",),
    ("migrate",),
    ("publish",),
    ("locate", "122.99", "41.1"),
    ("export", "workers", "workers.csv"),
    ("demo", "--cells", "1200"),
)


@pytest.fixture
def said(tmp_path, settings, monkeypatch):
    """Run a command with settings of one's own; what it says."""
    for name in ("DATABASE_URL", "SCHEMA"):
        monkeypatch.delenv(f"JINGWEI_{name}", raising=False)
    monkeypatch.setenv("JINGWEI_VAR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    bound = transaction._bound.engine, transaction._bound.connection

    def run(*arguments: str, **changes: str) -> str:
        for name, value in changes.items():
            monkeypatch.setenv(f"JINGWEI_{name}", value)
        result = CliRunner().invoke(main, list(arguments))
        if transaction._bound.engine is not None and transaction._bound.engine is not bound[0]:
            transaction._bound.engine.dispose()
        assert isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == 1
        [line] = [one for one in result.output.splitlines() if one.strip()]
        return line

    yield run
    transaction.bind(*bound)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_setting_that_is_none_is_named_with_those_that_are(said, command):
    line = said(*command, SCHEME="jingwei")
    assert line.startswith("Error: JINGWEI_SCHEME is no setting of Jingwei")
    assert "JINGWEI_SCHEMA" in line


@pytest.mark.parametrize("command", [*COMMANDS, ("serve",), ("jobs",)], ids=" ".join)
def test_without_a_database_it_says_how_to_get_one(said, command):
    line = said(*command)
    assert "no database" in line
    assert "make up" in line


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_that_is_away_is_said(said, command):
    line = said(*command, DATABASE_URL="postgresql:///jingwei?host=/nowhere")
    assert "the database does not answer" in line
    assert "/nowhere" in line


@pytest.mark.parametrize("command", [one for one in COMMANDS if one != ("migrate",)], ids=" ".join)
def test_a_schema_without_tables_is_named(said, command, settings):
    line = said(*command, DATABASE_URL=settings.database_url, SCHEMA="elsewhere")
    assert "the schema 'elsewhere' holds no city" in line
    assert "jingwei migrate" in line


def test_a_database_without_this_name_is_said(said, settings):
    url = re.sub(r"///\w+", "///no_such_city", settings.database_url)
    assert "no_such_city" in said("accounts", DATABASE_URL=url)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DATABASE_URL", "secret-word"),
        ("SCHEMA", "pg_catalog"),
        ("SCHEMA", 'x"; DROP SCHEMA public'),
        ("PORT", "70000"),
        ("PORT", "high"),
        ("CITY", "鞍山"),
        ("TIMEZONE", "Asia/Anshan"),
        ("TIMEZONE", "../../etc/passwd"),
        ("WEB_THREADS", "0"),
        ("SECURE_COOKIES", "maybe"),
    ],
)
def test_a_value_that_does_not_fit_is_named(said, setting, value):
    line = said("accounts", **{setting: value})
    assert f"JINGWEI_{setting}" in line
    assert "secret-word" not in line
