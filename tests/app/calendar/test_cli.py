"""What the commands say and do."""

import pytest
from click.testing import CliRunner

from app import transaction
from app.calendar import cli, queries
from app.cli import main


@pytest.fixture
def run(tx, monkeypatch):
    monkeypatch.setattr(cli, "_open", lambda: None)
    assert transaction.engine() is not None

    def command(*arguments: str):
        return CliRunner().invoke(main, ["calendar", *map(str, arguments)])

    return command


@pytest.fixture
def file(tmp_path):
    def write(text: str):
        path = tmp_path / "2027.csv"
        path.write_text(text, "utf-8")
        return path

    return write


GOOD = "day,kind,name\n2027-01-01,holiday,元旦\n2027-02-07,workday,调休\n"


def test_a_file_makes_its_years_known_and_is_taken_once(run, file, tx):
    first = run("import", file("\ufeff" + GOOD))
    assert first.exit_code == 0, first.output
    assert "2 days of 2027" in first.output
    assert queries.current(tx).known(2027)
    assert "nothing changes" in run("import", file(GOOD)).output


def test_a_corrected_file_replaces_what_its_year_had(run, file, tx):
    run("import", file(GOOD))
    tx.named("cases.carried_to", id=queries.in_force(tx).carried, cursor=None, seen=0, at=None)
    assert run("import", file("day,kind,name\n2027-01-02,holiday,元旦\n")).exit_code == 0
    days = [str(day) for day in queries.current(tx).special if day.year == 2027]
    assert days == ["2027-01-02"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date,kind\n2027-01-01,holiday\n", "column day is missing"),
        ("day,kind,name\n2027-02-30,holiday,x\n", "line 2"),
        ("day,kind,name\n2027-01-01,festival,x\n", "is no day of the calendar"),
        ("day,kind,name\n2027-01-01\n", "is no day of the calendar"),
        ("day,kind,name\n2027-01-01,holiday,x\n2027-01-01,holiday,x\n", "named twice"),
        ("", "column day is missing"),
    ],
)
def test_a_wrong_file_changes_nothing_and_says_where(run, file, tx, text, said):
    result = run("import", file(text))
    assert result.exit_code == 1
    assert said in result.output
    assert queries.current(tx).version == 0


def test_check_says_what_is_known_and_fails_when_a_year_is_missed(run, monkeypatch):
    assert "known: 2001 to" in run("check").output
    monkeypatch.setattr(cli, "missing_year", lambda *_: 2027)
    result = run("check")
    assert (result.exit_code, "2027 is missed" in result.output) == (1, True)


def test_a_file_or_the_library_not_both_nor_none(run, file):
    assert run("import").exit_code == 2
    assert run("import", file(GOOD), "--library").exit_code == 2
    assert "nothing changes" in run("import", "--library").output
