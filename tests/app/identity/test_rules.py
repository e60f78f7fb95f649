"""Pure rules of identity."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadValue
from app.identity.rules import (
    FORGIVEN_AFTER,
    LONGEST_WAIT_S,
    PERMISSIONS,
    Permission,
    Role,
    Viewer,
    areas_of,
    checked_password,
    checked_username,
    prefix_of,
    wait_s,
    window_of,
)

AT = datetime(2026, 5, 4, 9, tzinfo=UTC)


def test_every_role_has_permissions_and_every_permission_a_role():
    assert set(PERMISSIONS) == set(Role)
    assert set().union(*PERMISSIONS.values()) | {Permission.PUBLIC} == set(Permission)


@given(st.integers(0, 10_000))
def test_the_wait_never_falls_and_never_locks(failures):
    assert 0 <= wait_s(failures, AT, AT) <= wait_s(failures + 1, AT, AT) <= LONGEST_WAIT_S


@given(st.integers(0, 10_000), st.integers(0, 7_200))
def test_waiting_as_long_as_was_said_is_enough(failures, since):
    left = wait_s(failures, AT, AT + timedelta(seconds=since))
    assert wait_s(failures, AT, AT + timedelta(seconds=since + left)) == 0


def test_failures_are_forgiven():
    assert wait_s(1_000, AT, AT + FORGIVEN_AFTER) == 0


def test_a_window_starts_at_a_whole_multiple():
    assert window_of(AT + timedelta(seconds=59, milliseconds=999), 60) == AT


@pytest.mark.parametrize(
    ("code", "prefix"), [("210300", "2103"), ("210302", "210302"), ("210302001", "210302001")]
)
def test_a_prefix_covers_the_area_and_all_below(code, prefix):
    assert prefix_of(code) == prefix


def test_an_area_inside_another_adds_nothing():
    grants = [(Role.PLANNER, "210302"), (Role.WORKER, "210302001001"), (Role.SUPERVISOR, "210303")]
    assert areas_of(grants) == ("210302", "210303")


def test_a_citizen_has_no_area():
    assert areas_of([(Role.CITIZEN, "210300")]) == ()
    assert not Viewer(1, "n", "u", frozenset({Role.CITIZEN}), ()).sees_area("210300")


@pytest.mark.parametrize("text", ["", "a b", "é", "网格员", "-a", "a" * 65, "a\0"])
def test_a_name_that_is_no_username_is_refused(text):
    with pytest.raises(BadValue):
        checked_username(text)


def test_a_username_is_small():
    assert checked_username(" Zhang.San ") == "zhang.san"


@pytest.mark.parametrize("password", ["short", "x" * 257, "my zhangsan 1"])
def test_a_password_that_is_no_good_is_refused(password):
    with pytest.raises(BadValue):
        checked_password(password, "zhangsan")
