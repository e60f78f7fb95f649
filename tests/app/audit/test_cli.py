"""`jingwei audit`: what it says of a sound record and of one that was tampered with, and how it ends."""

import re

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from app import transaction
from app.audit.rules import Action
from app.cli import main
from app.transaction import read

from .conftest import SECRET, rows_of


@pytest.fixture
def jingwei(city, monkeypatch):
    """Run `jingwei audit ...` on the city; afterwards the test's own engine is bound again."""
    monkeypatch.setenv("JINGWEI_DATABASE_URL", city.settings.database_url)
    monkeypatch.setenv("JINGWEI_SECRET_KEY", SECRET)

    def run(*arguments):
        result = CliRunner().invoke(main, list(arguments))
        transaction.engine().dispose() if transaction._bound.engine else None
        transaction.bind(city.engine)
        return result.exit_code, result.stdout, result.stderr

    return run


def test_a_sound_record_ends_well_and_a_broken_one_with_1_and_its_row(jingwei, city):
    city.rows(6)
    code, said, _ = jingwei("audit", "seal")
    kept = re.search(r"6:[0-9a-f]{64}", said)[0]
    assert code == 0
    assert jingwei("audit", "head")[1].strip() == kept
    code, said, warned = jingwei("audit", "verify", "--head", kept)
    assert (code, "sound: 6 rows, 1 heads" in said, kept in said) == (0, True, True)
    assert "could change the audit" in warned, "the tests' own role owns the tables"
    with city.forging() as forger:
        forger.execute(sa.text("UPDATE audit_log SET subject = 'person 9' WHERE id = 3"))
    code, said, _ = jingwei("audit", "verify")
    assert code == 1
    assert said.startswith("BROKEN at row 3, place 3 of the chain")
    assert "2 rows before it are sound" in said
    code, said, _ = jingwei("audit", "verify", "--to", "2020-01-01")
    assert code == 0


def test_a_head_that_is_none_is_refused(jingwei):
    for bad in ("x", "5", "5:xy", "5:abcd"):
        code, _, said = jingwei("audit", "verify", "--head", bad)
        assert (code, "head" in said) == (2, True)


def test_rows_are_listed_newest_first_and_narrowed(jingwei, city):
    city.rows(3)
    city.rows(1, Action.EXPORTED)
    code, said, _ = jingwei("audit", "list")
    assert code == 0
    assert [line.split("\t")[3] for line in said.splitlines()] == ["exported", *["role_granted"] * 3]
    assert len(jingwei("audit", "list", "--what", "exported")[1].splitlines()) == 1
    assert len(jingwei("audit", "list", "--subject", "person 2", "--who", "boss")[1].splitlines()) == 1
    assert jingwei("audit", "list", "--to", "2020-01-01")[1] == ""


def test_a_key_that_was_changed_needs_the_former_once(jingwei, city, tmp_path):
    city.rows(1)
    city.seal("before")
    city.rows(1)
    code, _, said = jingwei("audit", "seal")
    assert (code, "--former-key" in said) == (1, True)
    former = tmp_path / "former"
    former.write_text("before\n")
    assert jingwei("audit", "seal", "--former-key", str(former))[0] == 0
    code, _, warned = jingwei("audit", "verify")
    assert (code, "1 of 2 heads are not signed with the present secret key" in warned) == (0, True)


def test_commands_are_recorded_with_the_machines_account(jingwei, city):
    assert jingwei("token", "create", "qgis", "--as", "planner")[0] == 0
    assert jingwei("person", "grant", "planner", "--role", "operator", "--area", "210302")[0] == 0
    assert jingwei("person", "revoke", "planner", "--role", "operator", "--area", "210302")[0] == 0
    code, _, said = jingwei("person", "revoke", "planner", "--role", "operator", "--area", "210302")
    assert (code, "they are no operator in 210302" in said) == (1, True)
    with read() as tx:
        for action in (Action.TOKEN_CREATED, Action.ROLE_GRANTED, Action.ROLE_REVOKED):
            (row,) = rows_of(tx, action)
            assert row.username.startswith("command")
            assert row.person_id is None


def test_exports_and_imports_are_recorded(jingwei, city, tmp_path):
    file = tmp_path / "workers.csv"
    assert jingwei("export", "workers", str(file), "--area", "210302")[0] == 0
    with read() as tx:
        (row,) = rows_of(tx, Action.EXPORTED)
    assert row.subject == "file workers"
    assert row.detail["file"] == "workers.csv"
    assert row.detail["rows"] > 0
