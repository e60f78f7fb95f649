"""Named statements are put together from the files of the capabilities."""

import re

import pytest

from app import db
from app.cases.queries import Sight


def test_a_part_stands_in_every_statement_that_names_it():
    statements = {name: str(clause) for name, clause in db.named_statements().items()}
    assert not [name for name, text in statements.items() if re.search(r"\{\w+\.\w+\}", text)]
    seen = [name for name, text in statements.items() if "c.unit_code = CAST(:unit AS text)" in text]
    assert {"maps.cell_card", "maps.cases_tile", "maps.snapshot_cases", "maps.search_cases"} <= set(seen)
    for name in seen:
        asked = set(db.named_statements()[name].compile().params)
        assert set(Sight().parameters) <= asked, name


def test_parts_may_name_parts_and_an_unknown_one_is_an_error():
    parts = {"a.one": "-- what it is\n1", "a.two": "({a.one} + {a.one})"}
    whole = {name: db._put_together(part, parts) for name, part in parts.items()}
    assert db._put_together("SELECT {a.two}, '{}'", whole) == "SELECT (1 + 1), '{}'"
    with pytest.raises(KeyError):
        db._put_together("SELECT {a.three}", parts)
