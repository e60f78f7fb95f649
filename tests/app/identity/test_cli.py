"""Commands about people and tokens, on a database where commits matter."""

import pytest
from click.testing import CliRunner

from app import transaction
from app.cli import main
from app.identity import queries
from app.transaction import read


@pytest.fixture
def jingwei(fresh, monkeypatch):
    """Run `jingwei ...` on a database of its own; the engine that a command bound is closed after it."""
    monkeypatch.setenv("JINGWEI_DATABASE_URL", fresh.database_url)

    def run(*arguments, said=None):
        result = CliRunner().invoke(main, list(arguments), input=said)
        transaction.engine().dispose()
        return result.exit_code, result.stdout, result.stderr

    return run


@pytest.fixture
def found(jingwei):
    """What is known of a token's secret."""

    def by_token(secret, at):
        with read() as tx:
            known = queries.by_token(tx, secret, at=at)
        transaction.engine().dispose()
        return known and known.viewer

    return by_token


def test_a_token_is_printed_once_and_can_be_revoked(jingwei, found, moment):
    code, secret, hint = jingwei(
        "token", "create", "qgis", "--as", "planner", "--days", "30", "--scope", "read"
    )
    assert code == 0
    assert "this once" in hint
    viewer = found(secret.strip(), moment.at)
    assert (viewer.username, viewer.read_only) == ("planner", True)
    listed = jingwei("token", "list")[1]
    assert "qgis\tplanner\tread\tmade 2026-05-04\tused never\tuntil 2026-06-03" in listed
    assert secret.strip() not in listed
    assert jingwei("token", "revoke", "qgis")[0] == 0
    assert found(secret.strip(), moment.at) is None
    assert jingwei("token", "revoke", "qgis")[0] == 1


def test_a_token_for_nobody_in_particular_is_the_scripts(jingwei, found, moment):
    secret = jingwei("token", "create", "load")[1].strip()
    assert found(secret, moment.at).username == "script"


def test_a_person_is_made_with_a_password_asked_for(jingwei):
    said = "a long password\na long password\n"
    code, out, _ = jingwei(
        "person", "create", "zhao", "赵六", "--role", "planner", "--area", "210302", said=said
    )
    assert code == 0
    assert "a long password" not in out
    assert jingwei("person", "password", "zhao", said="another password\nanother password\n")[0] == 0
    assert jingwei("person", "close", "zhao")[0] == 0
    code, _, error = jingwei("person", "close", "zhao")
    assert (code, error.startswith("Error: there is no active person 'zhao'")) == (1, True)


def test_a_city_that_is_no_demo_says_so(jingwei):
    assert "no demo accounts" in jingwei("accounts")[1]
