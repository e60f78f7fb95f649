"""The figures by somebody else: a few lines of pandas over the exported steps, after domain.md alone."""

import random
from datetime import date

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from app.reports.queries import Asked, numbers
from app.reports.rules import By, Period
from tests.app.reports import histories
from tests.app.reports.histories import random_case
from tests.app.reports.test_actions import LATER, SINCE, cast, up_to_date

MIN = pd.Timedelta(minutes=1)
START, END = (pd.Timestamp(day, tz="Asia/Shanghai") for day in ("2024-02-01", "2024-03-01"))


def exported(tx):
    steps = pd.DataFrame(tx.execute(sa.text(
        "SELECT case_id, at, step, from_status, to_status, unit_code, data FROM case_steps ORDER BY at, id"
    )).mappings())  # fmt: skip
    cases = pd.DataFrame(tx.execute(sa.text(
        "SELECT id AS case_id, kind, source, status, due_at, closed_at, reported_by,"
        " left(community_code, 9) AS town FROM cases"
    )).mappings()).set_index("case_id")  # fmt: skip
    for column in ("due_at", "closed_at"):
        cases[column] = pd.to_datetime(cases[column], utc=True)
    steps["at"] = pd.to_datetime(steps["at"], utc=True)
    return cases, steps.assign(n=steps.groupby("case_id").cumcount())


def told_by_pandas(cases, steps):
    def moment(rows, how):
        return getattr(rows.groupby("case_id")["at"], how)().reindex(cases.index)

    def number(*names):
        return steps[steps.step.isin(names)].groupby("case_id")["n"].max().reindex(cases.index).fillna(-1)

    def within(at):
        return (at >= START) & (at < END)

    def late_undone(due, done):
        over = done.fillna(cases.closed_at).fillna(pd.Timestamp("2200-01-01", tz="UTC"))
        return (due < END) & (over >= END) & ~paused

    first = {step: moment(rows, "min") for step, rows in steps.groupby("step")}
    live = ~cases.status.isin(["void", "merged"])
    suspended = steps[steps.n == steps.case_id.map(number("suspend"))]
    resumed = steps[(steps.step == "resume") & (steps.n > steps.case_id.map(number("suspend")))]
    paused = (moment(suspended, "min") < END) & ~(moment(resumed, "min") < END)
    undone = number("rework", "order", "reopen", "dispatch", "return")
    stands = steps[(steps.n == steps.case_id.map(number("feedback"))) & (steps.n > steps.case_id.map(undone))]
    handled = moment(stands, "min")
    in_hand = number("dispatch", "order") > number("return", "reopen")
    handle_due = cases.due_at.where(in_hand)
    running = number("reopen") <= number("dispatch", "order")
    called = steps[(steps.to_status == "callback") & (steps.from_status != "callback")]
    called_n = called.groupby("case_id")["n"].max()
    entered = moment(called[called.n == called.case_id.map(called_n)], "min")
    visits = entered.notna() | (cases.source.isin(["citizen", "web"]) & cases.reported_by.notna())
    close_due = (cases.due_at + 45 * MIN + visits.astype(int) * pd.Timedelta(days=3)).where(running)
    outcome = ["satisfied", "dissatisfied", "hold_to_account"]
    since_call = steps[steps.n > steps.case_id.map(called_n).fillna(np.inf)]
    visited = moment(since_call[since_call.step.isin([*outcome, "unreached"])], "min")
    ratings = steps[steps.step.isin(outcome)].groupby("case_id").tail(1).set_index("case_id")
    rated = live.reindex(ratings.index) & within(ratings["at"])
    dispatch_due = first["file"] + 15 * MIN
    closed = cases.closed_at.where(live)

    def stage(due, done):
        good = live & due.notna() & within(done) & (done <= due)
        bad = live & due.notna() & within(done) & (done > due)
        return good.sum(), (good | bad).sum(), (good | bad).sum() + (live & late_undone(due, done)).sum()

    def rate(over, under):
        return None if not under else over / under * 100

    handle, dispatch = stage(handle_due, handled), stage(dispatch_due, first["dispatch"])
    close, visit = stage(close_due, closed), stage(entered + pd.Timedelta(days=3), visited)
    units = steps[steps.step == "dispatch"].groupby("case_id")["unit_code"].nunique().reindex(cases.index)
    reworked = (steps.step == "rework").groupby(steps.case_id).any().reindex(cases.index)
    sent_once = (live & first["file"].notna() & within(first["dispatch"]) & ~(units > 1)).sum()
    supervised = moment(steps[(steps.step == "supervise") | (steps.to_status == "supervised")], "min")
    return {
        "reported": (live & within(first["report"])).sum(),
        "filed": (live & within(first["file"])).sum(),
        "filing_rate": rate((live & within(first["file"])).sum(), (live & within(first["report"])).sum()),
        "filing_accuracy": rate(
            (live & within(first["file"])).sum(),
            ((cases.status != "merged") & within(first["file"])).sum(),
        ),
        "dispatch_rate": rate(dispatch[1], dispatch[2]),
        "dispatch_on_time_rate": rate(dispatch[0], dispatch[2]),
        "dispatch_accuracy": rate(sent_once, dispatch[2]),
        "handle_rate": rate(handle[1], handle[2]),
        "handle_on_time_rate": rate(handle[0], handle[2]),
        "rework_rate": rate((live & handle_due.notna() & within(handled) & reworked).sum(), handle[1]),
        "supervision_rate": rate((live & within(supervised)).sum(), handle[2]),
        "close_rate": rate(close[1], close[2]),
        "close_on_time_rate": rate(close[0], close[2]),
        "visit_rate": rate(visit[1], visit[2]),
        "satisfaction": rate((rated & (ratings.step == "satisfied")).sum(), rated.sum()),
    }


@pytest.mark.parametrize("seed", range(3))
def test_pandas_tells_the_same(tx, seed):
    chance = random.Random(100 + seed)
    histories.write(tx, *[random_case(chance, since=SINCE, days=70, **cast(tx)) for _ in range(400)])
    up_to_date(tx)
    cases, steps = exported(tx)
    period = Period(date(2024, 2, 1), date(2024, 2, 29))
    groups = [(By.TOTAL, "", cases)] + [(By.TOWN, town, rows) for town, rows in cases.groupby("town")]
    for by, key, some in groups:
        row = next(row for row in numbers(tx, Asked(period, by), at=LATER) if row.key == key)
        for code, value in told_by_pandas(some, steps[steps.case_id.isin(some.index)]).items():
            assert (
                row.value(code) == pytest.approx(value) if value is not None else row.value(code) is None
            ), code
