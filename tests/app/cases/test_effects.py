"""Walks at random through the table of steps, as pure values."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cases import deadlines
from app.cases.effects import Facts, State, after_step, follow_up, hindrance, meant, next_act
from app.cases.rules import (
    ASKED_FOR,
    CALLS,
    ENDED,
    MAX_EXTENSIONS,
    OWNERS,
    RULES,
    STAGE_LIMITS,
    ClockKind,
    Kind,
    Status,
    Step,
    StepNotAllowed,
    rule_of,
)

START = datetime(2026, 9, 28, 1, tzinfo=UTC)  # a Monday at 09:00 in China, two days before the holidays
FACTS = Facts(
    by_person=1,
    unit_code="L",
    worker_id=2,
    supervisor_id=3,
    standard_id=4,
    clock_kind=ClockKind.WORK_DAY,
    limit_value=2,
    community_code="210302001001",
    score="satisfied",
    into=uuid4(),
)


def fresh(kind: Kind = Kind.INCIDENT, *, person: bool = False, place: bool = True) -> State:
    return State(
        id=uuid4(),
        kind=kind,
        type_code="F0101",
        status=Status.REPORTED,
        community_code="210302001001",
        received_at=START,
        due_at=START + timedelta(days=1),
        person=person,
        place=place,
        worker_id=9,
        stage_due_at=START + timedelta(minutes=15),
    )


def possible(case: State, at: datetime) -> list[Step]:
    return [
        step
        for (status, step), rule in RULES.items()
        if status is case.status and hindrance(case, step, rule, at) is None
    ]


def take(case: State, step: Step, at: datetime, facts: Facts = FACTS) -> State:
    step = meant(case, step)
    rule = rule_of(case.status, step)
    assert hindrance(case, step, rule, at) is None, (step, case)
    case = after_step(case, step, rule, replace(facts, until=at + timedelta(days=7)), at)
    following = follow_up(case)
    return case if following is None else take(case, following, at, facts)


def walked(case: State, *steps: Step, every: timedelta = timedelta(hours=1)) -> State:
    at = START
    for step in steps:
        at += every
        case = take(case, step, at)
    return case


kinds = st.sampled_from(
    [(kind, person, place) for kind in Kind for person in (True, False) for place in (True, False)]
)


@settings(deadline=None)
@given(kinds, st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 5_000)), max_size=60))
def test_a_random_walk_never_ends_in_the_dark(start, choices):
    """Every open case has an owner, a moment by which it is due, and a step that somebody can take."""
    kind, person, place = start
    case = fresh(kind, person=person, place=place or kind is Kind.INCIDENT)
    at = START
    for number, minutes in choices:
        steps = possible(case, at)
        if not steps:
            break
        before, at = case, at + timedelta(minutes=minutes)
        step = steps[number % len(steps)]
        if hindrance(case, step, rule_of(case.status, step), at) is not None:
            continue  # time alone has closed this way
        case = take(case, step, at)
        assert case.revision > before.revision
        _assert_sound(case, at)


def _assert_sound(case: State, at: datetime) -> None:
    if case.status in ENDED:
        assert case.closed_at is not None
        assert (case.owner, case.stage_due_at, case.asked) == (None, None, None)
        return
    assert case.closed_at is None
    assert case.owner is not None
    assert case.stage_due_at is not None
    own = [s for s in possible(case, at) if RULES[case.status, s].to is not Status.MERGED]
    leading = [s for s in own if case.owner in RULES[case.status, s].by]
    assert leading, f"{case.owner} has nothing to take at {case.status}"
    assert case.status is not Status.SUSPENDED or (
        case.clock_left_s is not None and case.suspended_until is not None
    )
    assert case.extensions <= MAX_EXTENSIONS
    assert case.calls <= CALLS


def test_every_status_can_be_reached_and_left():
    reached = {Status.REPORTED} | {rule.to for rule in RULES.values()}
    assert reached == set(Status)
    left = {status for status, step in RULES if RULES[status, step].to is not status}
    assert set(Status) - left == {Status.VOID, Status.MERGED}
    assert set(OWNERS) == set(Status) - ENDED


def test_every_open_status_leads_to_an_end():
    ends = set(ENDED)
    while True:
        more = {s for (s, _), rule in RULES.items() if rule.to in ends and s not in ends}
        if not more:
            break
        ends |= more
    assert ends == set(Status)


def test_every_rule_has_somebody_or_the_system():
    assert all(rule.system != bool(rule.by) for rule in RULES.values())


def test_every_row_of_the_reference_is_in_the_table():
    assert {rule.row for rule in RULES.values() if rule.row} == set(range(2, 24))


def test_whatever_is_asked_for_can_be_approved_and_refused():
    for ask, step in ASKED_FOR.items():
        for status in {status for status, asked in RULES if asked is ask}:
            assert {(status, step), (status, Step.REFUSE)} <= set(RULES)


def test_how_long_a_case_may_wait_is_known_for_every_status():
    assert set(STAGE_LIMITS) == set(Status) - ENDED - {Status.HANDLING, Status.SUSPENDED}


def test_a_step_that_is_none_says_which_there_are():
    with pytest.raises(StepNotAllowed, match=r"cannot take the step sign; it can take: .*accept"):
        rule_of(Status.REPORTED, Step.SIGN)


HANDLED = (Step.ACCEPT, Step.FILE, Step.DISPATCH, Step.SIGN)


def test_the_clock_starts_at_dispatch():
    case = walked(fresh(), *HANDLED)
    started = START + timedelta(hours=3)
    assert case.due_at == deadlines.due(started, ClockKind.WORK_DAY, 2).at
    assert case.stage_due_at == case.due_at
    assert started < case.warn_at < case.due_at
    share = deadlines.left(started, case.warn_at, ClockKind.WORK_DAY)
    assert share / deadlines.seconds_of(ClockKind.WORK_DAY, 2) == pytest.approx(0.8)


def test_a_return_to_the_same_unit_does_not_restart_the_clock():
    case = walked(fresh(), *HANDLED[:3])
    due = case.due_at
    case = take(case, Step.ASK_RETURN, START + timedelta(hours=5))
    case = take(case, Step.RETURN, START + timedelta(hours=6))
    assert case.status is Status.FILED
    again = take(case, Step.DISPATCH, START + timedelta(hours=24))
    assert again.due_at == due
    other = take(case, Step.DISPATCH, START + timedelta(hours=24), replace(FACTS, unit_code="W"))
    assert other.due_at > due


def test_a_case_returned_twice_waits_for_the_committee():
    case = walked(
        fresh(), *HANDLED[:3], Step.ASK_RETURN, Step.RETURN, Step.DISPATCH, Step.ASK_RETURN, Step.RETURN
    )
    assert case.returns == 2
    assert case.owner == "committee"


def test_a_suspension_over_the_holidays_keeps_what_was_left():
    case = walked(fresh(), *HANDLED)
    at = START + timedelta(hours=5)
    left = deadlines.left(at, case.due_at, ClockKind.WORK_DAY)
    case = take(take(case, Step.ASK_SUSPEND, at), Step.SUSPEND, at)
    assert case.clock_left_s == left
    assert case.stage_due_at == at + timedelta(days=7)
    after = datetime(2026, 10, 12, 2, tzinfo=UTC)
    case = take(case, Step.RESUME, after)
    assert deadlines.left(after, case.due_at, ClockKind.WORK_DAY) == left
    assert case.clock_left_s is None


def test_feedback_stops_the_clock_and_rework_goes_on_with_the_rest():
    case = walked(fresh(), *HANDLED)
    at = START + timedelta(hours=5)
    left = deadlines.left(at, case.due_at, ClockKind.WORK_DAY)
    case = take(case, Step.FEEDBACK, at)
    assert case.clock_left_s == left
    later = at + timedelta(days=1)
    case = take(case, Step.REWORK, later)
    assert deadlines.left(later, case.due_at, ClockKind.WORK_DAY) == left
    assert case.reworks == 1


def test_what_was_late_before_a_rework_stays_late():
    case = walked(fresh(), *HANDLED)
    late = case.due_at + timedelta(days=1)
    due = case.due_at
    case = take(case, Step.FEEDBACK, late)
    assert case.clock_left_s < 0
    case = take(case, Step.REWORK, late + timedelta(hours=1))
    assert case.due_at == due


def test_an_extension_adds_the_original_limit_and_there_are_two():
    case = walked(fresh(), *HANDLED)
    at = START + timedelta(hours=5)
    due = case.due_at
    for number in (1, 2):
        case = take(take(case, Step.ASK_EXTEND, at), Step.EXTEND, at)
        assert case.extensions == number
    whole = deadlines.seconds_of(ClockKind.WORK_DAY, 2)
    assert deadlines.left(due, case.due_at, ClockKind.WORK_DAY) == pytest.approx(2 * whole)
    assert Step.ASK_EXTEND not in possible(case, at)


def test_nothing_is_extended_that_is_over():
    case = walked(fresh(), *HANDLED)
    assert Step.ASK_EXTEND not in possible(case, case.due_at + timedelta(seconds=1))


def test_three_reworks_raise_supervision():
    case = walked(fresh(), *HANDLED)
    for _ in range(3):
        case = take(take(case, Step.FEEDBACK, START), Step.REWORK, START)
    assert case.level >= 1


def test_the_first_dissatisfaction_supervises_and_the_second_accounts():
    case = walked(
        fresh(Kind.APPEAL, person=True, place=False),
        Step.ACCEPT,
        Step.DISPATCH,
        Step.SIGN,
        Step.FEEDBACK,
        Step.CALL_BACK,
    )
    case = take(case, Step.DISSATISFIED, START + timedelta(days=1))
    assert (case.status, case.supervisor_id) == (Status.SUPERVISED, 3)
    at = START + timedelta(days=2)
    case = take(case, Step.ORDER, at)
    assert case.due_at == deadlines.due(at, ClockKind.WORK_DAY, 2).at
    case = take(take(case, Step.FEEDBACK, at), Step.CALL_BACK, at)
    case = take(case, Step.DISSATISFIED, at)
    assert case.status is Status.ACCOUNTABLE
    assert take(case, Step.DECIDE, at).status is Status.CLOSED


def test_three_calls_in_vain_close():
    case = walked(
        fresh(Kind.APPEAL, person=True, place=False),
        *(Step.ACCEPT, Step.DISPATCH, Step.SIGN, Step.FEEDBACK, Step.CALL_BACK),
        *(Step.NO_CONTACT,) * 3,
    )
    assert (case.status, case.satisfaction) == (Status.CLOSED, "not_reached")


def test_an_appeal_is_filed_as_it_is_accepted():
    assert walked(fresh(Kind.APPEAL, person=True), Step.ACCEPT).status is Status.FILED
    assert walked(fresh(), Step.ACCEPT).status is Status.ACCEPTED


def test_a_case_that_is_reopened_gets_a_new_clock():
    case = walked(fresh(), *HANDLED, Step.FEEDBACK, Step.CHECK, Step.CHECKED, Step.PASS)
    at = case.closed_at + timedelta(days=3)
    case = take(case, Step.REOPEN, at)
    assert (case.status, case.closed_at) == (Status.FILED, None)
    case = take(case, Step.DISPATCH, at)
    assert case.due_at == deadlines.due(at, ClockKind.WORK_DAY, 2).at
    closed = walked(fresh(), *HANDLED, Step.FEEDBACK, Step.CHECK, Step.CHECKED, Step.PASS)
    assert Step.REOPEN not in possible(closed, closed.closed_at + timedelta(days=16))


def acted(case: State, at: datetime) -> list[tuple[Step, int]]:
    """Let the system act until `at`; return its steps with the level after each."""
    done = []
    while (act := next_act(case)) is not None and act[0] <= at:
        assert case.acts_at in {None, act[0]}
        case = take(case, act[1], act[0], replace(FACTS, system=True))
        done.append((act[1], case.level))
    return done


def test_what_nobody_signs_is_urged_once_then_warned_then_supervised_thrice():
    case = walked(fresh(), *HANDLED[:3])
    done = acted(case, START + timedelta(days=40))
    assert done == [
        (Step.URGE, 0),
        (Step.WARN, 0),
        (Step.SUPERVISE, 1),
        (Step.SUPERVISE, 2),
        (Step.SUPERVISE, 3),
    ]


def test_supervision_rises_by_one_more_limit_each_time():
    case = walked(fresh(), *HANDLED)
    due, limit = case.due_at, deadlines.seconds_of(ClockKind.WORK_DAY, 2)
    for level in (0, 1, 2):
        case = replace(case, warned=True, level=level)
        moment, step = next_act(case)
        assert step is Step.SUPERVISE
        assert deadlines.left(due, moment, ClockKind.WORK_DAY) == pytest.approx(level * limit)


def test_nothing_is_supervised_while_the_clock_stands_still():
    case = walked(fresh(), *HANDLED)
    case = take(take(case, Step.ASK_SUSPEND, START), Step.SUSPEND, START)
    assert acted(case, START + timedelta(days=5)) == []
    assert next_act(case) == (START + timedelta(days=7), Step.RESUME)
    assert next_act(take(walked(fresh(), *HANDLED), Step.FEEDBACK, START + timedelta(hours=5))) is None


def test_a_check_that_nobody_answers_is_handed_over_once():
    case = walked(fresh(), *HANDLED, Step.FEEDBACK, Step.CHECK)
    moment, step = next_act(case)
    assert (moment, step) == (case.stage_due_at, Step.HAND_OVER)
    case = take(case, step, moment, replace(FACTS, worker_id=77))
    assert (case.checker_id, next_act(case)) == (77, None)
    assert case.stage_due_at > moment


def test_stages_follow_each_other_in_time():
    moments = []
    case, at = fresh(), START
    for step in (*HANDLED, Step.FEEDBACK, Step.CHECK):
        at += timedelta(minutes=5)
        case = take(case, step, at)
        moments.append((at, case.stage_due_at))
    assert all(due > at for at, due in moments)
    assert all(a[0] < b[0] for a, b in pairwise(moments))
