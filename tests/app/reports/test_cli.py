"""`jingwei kpi` and `jingwei figures` on a city of their own."""

import json

import openpyxl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from app.cli import main
from app.db import make_engine
from app.transaction import Tx
from tests.app.reports import histories
from tests.app.reports.histories import HOUR, Told, local, straight

MARCH = ("--from", "2024-03-01", "--to", "2024-03-31")


@pytest.fixture
def jingwei(fresh, monkeypatch, tmp_path):
    """Run a command; what it says."""
    monkeypatch.setenv("JINGWEI_DATABASE_URL", fresh.database_url)
    monkeypatch.setenv("JINGWEI_SCHEMA", fresh.schema)
    monkeypatch.chdir(tmp_path)
    start = local("2024-03-12")
    engine = make_engine(fresh)
    with engine.begin() as connection:
        cases = [Told(straight(start, handled=start + n * HOUR), start + 2 * HOUR) for n in (1, 2, 3)]
        histories.write(Tx(connection), *cases)

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(main, list(arguments))
        assert result.exit_code == code, result.output
        return result.output

    run.engine = engine
    yield run
    engine.dispose()


def test_figures_are_told_after_a_refresh(jingwei, tmp_path):
    assert "no facts yet" in jingwei("kpi", *MARCH)
    assert jingwei("figures", "refresh") == "3 cases\n"
    assert jingwei("figures", "refresh") == "0 cases\n"
    table = jingwei("kpi", *MARCH, "--by", "town")
    assert "解放街道" in table
    assert "66.7" in table
    told = json.loads(jingwei("kpi", *MARCH, "--by", "month", "--json"))
    [row] = told["rows"]
    assert row["month"] == "2024-03"
    assert row["figures"]["handle_on_time_rate"] == {"value": 66.7, "numerator": 2, "denominator": 3}
    assert row["figures"]["reported"] == {"value": 3, "numerator": 3, "denominator": None}
    assert row["figures"]["satisfaction"] == {"value": None, "numerator": 0, "denominator": 0}
    for by in ("department", "worker", "type", "total", "kind", "source", "person", "cell"):
        jingwei("kpi", *MARCH, "--by", by, "--json")
    jingwei("kpi", *MARCH, "--by", "type", "--monthly", "--xlsx", "march.xlsx")
    rows = list(openpyxl.load_workbook(tmp_path / "march.xlsx").active.iter_rows(values_only=True))
    assert rows[2][:4] == ("2024-03", "F0137", "路灯", 3)
    assert "ends on 2024-03-01" in jingwei("kpi", "--from", "2024-03-31", "--to", "2024-03-01", code=1)


def test_sums_that_differ_are_found_and_made_anew(jingwei):
    jingwei("figures", "refresh")
    assert "are what the facts say" in jingwei("figures", "check")
    with jingwei.engine.begin() as connection:
        connection.execute(sa.text("UPDATE figure_days SET reported = reported + 1 WHERE by = 'town'"))
    assert "jingwei figures rebuild" in jingwei("figures", "check", code=1)
    assert jingwei("figures", "rebuild") == "3 cases\n"
    jingwei("figures", "check")
