"""The demo city's past cases went ways that the loop allows, and left the figures of the seed behind."""

from datetime import date

import numpy as np
import pytest

from app.cases.rules import RULES, STAGE_LIMITS, Status, Step
from app.cases.working_time import working_time
from app.demo import paths
from app.demo.paths import NOT, STATUSES, STEPS, Cases, ended, walk, way, ways

COUNT, END = 6_000, 1_780_000_000


@pytest.fixture(scope="module")
def walked():
    rng = np.random.default_rng(5)
    cases = Cases(
        received=np.sort(rng.integers(END - 200 * 86_400, END, COUNT)),
        appeal=rng.random(COUNT) < 0.4,
        placed=np.ones(COUNT, bool),
        works=rng.random(COUNT) < 0.5,
        limit=rng.choice([3_600, 14_400, 57_600, 144_000], COUNT),
    )
    cases.placed[cases.appeal] = rng.random(int(cases.appeal.sum())) < 0.65
    time = working_time(date(2025, 6, 1), date(2026, 12, 31))
    return cases, walk(cases, ways(cases, rng), end=END, time=time, rng=rng)


def test_every_step_is_one_of_the_table(walked):
    _, found = walked
    first = found.from_status == NOT
    assert (found.step[first] == STEPS.index(Step.REPORT)).all()
    moves = {
        (STATUSES[f], STEPS[s], STATUSES[t])
        for f, s, t in zip(
            found.from_status[~first], found.step[~first], found.to_status[~first], strict=True
        )
    }
    assert all(RULES[status, step].to is to for status, step, to in moves)
    assert {Step.RETURN, Step.REWORK, Step.SUSPEND, Step.EXTEND, Step.DECIDE} <= {
        step for _, step, _ in moves
    }


def test_steps_follow_each_other_in_time_and_status(walked):
    cases, found = walked
    same = found.case[1:] == found.case[:-1]
    assert (found.at[1:] >= found.at[:-1])[same].all()
    assert (found.from_status[1:] == found.to_status[:-1])[same].all()
    assert (found.at <= END).all()
    last = np.append(~same, True)
    assert (found.to_status[last] == found.status).all()
    assert (found.at[last] == found.last).all()
    assert (np.bincount(found.case) == found.revision).all()
    assert (found.at[np.append(True, ~same)] == cases.received).all()


def test_the_last_days_stand_in_the_middle(walked):
    _, found = walked
    open_ = ~ended(found.status)
    assert 0 < open_.sum() < 0.1 * COUNT
    assert len(set(found.status[open_])) >= 3


def test_the_figures_are_the_seeds(walked):
    _, found = walked
    fed_back = found.step == STEPS.index(Step.FEEDBACK)
    final = dict(zip(found.case[fed_back], found.at[fed_back], strict=True))
    rate = np.mean([at <= found.due[case] for case, at in final.items()])
    assert abs(rate - 0.968) < 0.015
    rated = np.isin(found.step, [STEPS.index(s) for s in (Step.SATISFIED, Step.HOLD_TO_ACCOUNT)])
    good = found.step[rated] == STEPS.index(Step.SATISFIED)
    assert abs(good.mean() - 0.97) < 0.015


def test_some_of_the_cases_are_the_same_cases_in_another_order(walked):
    _, found = walked
    rows = np.array([17, 3, 4_000])
    some = found.of(rows)
    for place, row in enumerate(rows):
        assert (some.at[some.case == place] == found.at[found.case == row]).all()
        assert some.due[place] == found.due[row]
    assert (some.counts["returns"] == found.counts["returns"][rows]).all()


def test_every_way_can_be_gone_by_its_kind():
    for appeal, shares in ((False, paths._INCIDENT), (True, paths._APPEAL)):
        assert abs(sum(shares.values()) - 1) < 0.02
        for text in shares:
            for placed in (True, False) if appeal else (True,):
                assert way(text, appeal=appeal, placed=placed)[0] == (Step.REPORT, Status.REPORTED)


def test_whoever_has_a_case_has_a_limit():
    assert set(STAGE_LIMITS) >= {Status.REPORTED, Status.CALLBACK, Status.SUPERVISED}
