"""The code tables hold together."""

import re

from data.facilities import placements
from data.incidents import categories
from data.reference import case_types, facility_types


def test_there_are_66_facility_types_and_a_fault_of_each_can_be_reported():
    kinds = facility_types()
    assert len({kind.code for kind in kinds}) == len(kinds) == 66
    faults = [kind for kind in case_types() if kind.facility_type]
    assert [kind.facility_type for kind in faults] == [kind.code for kind in kinds]
    assert all(kind.code == f"F{kind.facility_type}" for kind in faults)


def test_codes_ascend_and_follow_their_pattern():
    codes = [kind.code for kind in case_types()]
    assert codes == sorted(set(codes))
    assert all(re.fullmatch(r"[EF]0[1-6]\d\d", code) for code in codes)
    assert sum(code.startswith("E") for code in codes) == 45


def test_every_type_has_both_names_a_unit_an_urgency_and_a_limit():
    for kind in case_types():
        assert all((kind.name_zh, kind.name_en, kind.unit, kind.source))
        assert 1 <= kind.urgency <= 3
        assert kind.limit > 0
    assert all(kind.name_zh and kind.name_en and kind.unit for kind in facility_types())


def test_every_facility_type_has_a_place_to_stand():
    assert [placement.type for placement in placements()] == [kind.code for kind in facility_types()]


def test_twelve_categories_share_all_incidents():
    assert len(categories()) == 12
    assert abs(sum(category.share for category in categories()) - 1) < 1e-9
