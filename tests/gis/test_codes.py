import re
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis import codes
from gis.codes import CELL, FACILITY, AreaCode, CaseCode, CellCode, FacilityCode, Level, Rule
from gis.errors import BadCode, TooManyCells

counties = st.sampled_from(["210302", "210381", "110101", "820001"])


def test_codes_come_apart():
    assert codes.parse_cell("210302001003014") == CellCode("210302001003014", "210302", "210302001003", 14)
    assert codes.parse_facility("3205080101000001") == FacilityCode("3205080101000001", "320508", "0101", 1)
    assert codes.parse_case("2103022025060700042") == CaseCode(
        "2103022025060700042", "210302", date(2025, 6, 7), 42
    )


@pytest.mark.parametrize(
    ("text", "level", "prefix", "parent"),
    [
        ("210300", Level.CITY, "2103", None),
        ("210302", Level.DISTRICT, "210302", "210300"),
        ("210302001", Level.TOWN, "210302001", "210302"),
        ("210302001003", Level.COMMUNITY, "210302001003", "210302001"),
    ],
)
def test_an_areas_level_prefix_and_parent_are_in_its_code(text, level, prefix, parent):
    area = codes.parse_area(text)
    assert area == AreaCode(text, level)
    assert (area.prefix, area.parent) == (prefix, parent)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty. Give 15 digits (6 county + 3 town + 3 community + 3 number)"),
        ("21030200100301", "has 14 digits, 1 too few. Give 15 digits: 6 county"),
        ("2103020010030140", "has 16 digits, 1 too many"),
        ("2103020010O3014", "has 'O' at place 11, where a digit belongs. Did you mean '210302001003014'?"),
        ("２１０３０２００１００３０１４", "Did you mean '210302001003014'?"),
        (" 210302001003014", "has space around it. Write '210302001003014'"),
        ("210302001003014\n", "has space around it. Write '210302001003014'"),
        ("2.10302E+14", "was turned into a number, as spreadsheets do"),
        ("210302001003014.0", "was turned into a number, as spreadsheets do"),
        ("210302-001-003-014", "has '-' at place 7"),
        ("210302001003000", "has the number 000. Cells are numbered from 1"),
        ("010302001003014", "begins with 01, which is no province"),
        ("990302001003014", "begins with 99, which is no province"),
        (210302001003014, "is not text"),
        (None, "is not text"),
    ],
)
def test_a_bad_cell_code_is_told_what_is_wrong_and_how_to_mend_it(text, says):
    with pytest.raises(BadCode) as raised:
        codes.parse_cell(text)
    assert says in str(raised.value)
    assert str(raised.value).startswith(f"Cell code {text!r} ")
    assert raised.value.code == "bad_code"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2103", "has 4 digits. Give 6 digits for a city or district, 9 for a town, 12 for a community"),
        ("210302000", "has a part 000"),
        ("210300001", "lies in 210300, a city"),
        ("21O302", "Did you mean"),
        ("abc", "has 'a' at place 1"),
        (None, "is not text"),
    ],
)
def test_a_bad_area_code_is_told_so(text, says):
    with pytest.raises(BadCode) as raised:
        codes.parse_area(text)
    assert says in str(raised.value)


def test_a_case_number_needs_a_day_of_the_calendar():
    with pytest.raises(BadCode, match="has the day 20250230, which no calendar knows"):
        codes.parse_case("2103022025023000042")


def test_a_facility_serial_begins_at_one():
    with pytest.raises(BadCode, match="numbered from 1"):
        codes.parse_facility("2103020101000000")


def test_a_city_may_have_widths_of_its_own():
    rule = Rule("facility", FACILITY.names, "6+2+3+5")
    assert codes.parse_facility("2103020100100042", rule) == FacilityCode(
        "2103020100100042", "210302", "01001", 42
    )
    assert codes.parse_cell("21030200100314", Rule("cell", CELL.names, "6+3+3+2")).number == 14


def test_a_city_may_have_a_pattern_of_its_own():
    rule = Rule("cell", CELL.names, "6+3+3+3", pattern=r"2103\d+")
    assert codes.parse_cell("210302001003014", rule).number == 14
    with pytest.raises(BadCode, match="does not match this city's pattern"):
        codes.parse_cell("210202001003014", rule)


@pytest.mark.parametrize("widths", ["", "6+3+3", "6+3+3+0", "6+3+3+x", "6+3+3+-3"])
def test_widths_that_fit_no_cell_are_refused(widths):
    with pytest.raises(ValueError, match="give 4 positive numbers joined by '\\+'"):
        Rule("cell", CELL.names, widths)


@given(county=counties, day=st.dates(date(2000, 1, 1), date(2099, 12, 31)), serial=st.integers(0, 99_999))
def test_a_case_number_is_read_back(county, day, serial):
    text = codes.case_code(county, day, serial)
    assert len(text) == 19
    assert codes.parse_case(text) == CaseCode(text, county, day, serial)


def test_a_day_with_too_many_cases_is_told_so():
    with pytest.raises(BadCode, match="has 20 digits, 1 too many"):
        codes.case_code("210302", date(2025, 6, 7), 100_000)


@given(text=st.text())
def test_any_text_is_parsed_or_refused_with_a_mend(text):
    for parse in (codes.parse_area, codes.parse_cell, codes.parse_facility, codes.parse_case):
        try:
            parse(text)
            fits = text.isascii() and text.isdecimal()
        except BadCode as error:
            fits = bool(error.mend)
        assert fits


def test_cells_are_numbered_as_one_reads_a_page():
    x, y = np.meshgrid(np.arange(4.0), np.arange(3.0, 0, -1))
    wobble = np.random.default_rng(5).uniform(-0.2, 0.2, (2, 12))
    order = np.random.default_rng(6).permutation(12)
    found = codes.numbers(["a"] * 12, (x.ravel() + wobble[0])[order], (y.ravel() + wobble[1])[order])
    assert (found == np.arange(1, 13)[order]).all()


@given(
    cells=st.lists(
        st.tuples(st.sampled_from("abc"), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=40
    ),
)
def test_numbers_are_unique_and_without_gap_in_each_community(cells):
    community, x, y = (np.array(column) for column in zip(*cells, strict=True)) if cells else ([], [], [])
    found = codes.numbers(community, x, y)
    for name in set(community):
        assert sorted(found[np.asarray(community) == name]) == list(
            range(1, sum(np.asarray(community) == name) + 1)
        )


def test_cell_codes_join_community_and_number():
    made = codes.cell_codes(
        ["210302001003", "210302001003", "210302001004"], [2.0, 1.0, 5.0], [1.0, 1.0, 1.0]
    )
    assert made.tolist() == ["210302001003002", "210302001003001", "210302001004001"]
    assert [codes.parse_cell(str(code)).number for code in made] == [2, 1, 1]
    assert codes.cell_codes([], [], []).tolist() == []


def test_more_cells_than_numbers_are_refused():
    with pytest.raises(TooManyCells, match="210302001003 has 1000 cells, but cell numbers end at 999"):
        codes.cell_codes(["210302001003"] * 1000, np.arange(1000.0), np.zeros(1000))


@pytest.mark.parametrize(
    ("regex", "good", "bad"),
    [
        (CELL.regex, "210302001003014", "2103020010030141"),
        (FACILITY.regex, "3205080101000001", "320508010100000x"),
        (codes.CASE.regex, "2103022025060700042", ""),
        *((codes.AREA_REGEX, "210302001001"[:n], "210302001001"[: n - 1]) for n in (6, 9, 12)),
        (codes.WORKER_REGEX, "W0001", "0001"),
        (Rule("cell", ("a", "b"), "2+3").regex, "12345", "123456"),
    ],
)
def test_a_rule_says_what_a_schema_may_say(regex, good, bad):
    assert re.search(regex, good)
    assert not re.search(regex, bad)
