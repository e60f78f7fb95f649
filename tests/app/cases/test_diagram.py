"""The page of the loop is what the table says."""

from pathlib import Path

from app.cases.diagram import page
from app.cases.rules import RULES

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_the_page_of_the_loop_is_what_the_table_says():
    assert (DOCS / "loop.md").read_text("utf-8") == page(), "run: python -m app.cases.diagram > docs/loop.md"


def test_every_row_is_on_the_page():
    rows = [line for line in page().splitlines() if line.count("|") == 9]
    assert len(rows) == len(RULES) + 2
