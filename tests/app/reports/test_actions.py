"""Facts and daily sums follow the cases, whatever happens to them."""

import random
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock

import pytest
import sqlalchemy as sa

from app.calendar.library import built_in
from app.calendar.rules import Change, DayChange, DayKind, changed
from app.cases.models import Case, CaseStep
from app.db import make_engine
from app.identity.models import Person
from app.reports import actions, queries
from app.reports.queries import Asked, Scope, from_days, from_facts, numbers
from app.reports.rules import NUMBERS, ROLLED, By, Period, Post
from app.transaction import Event, Tx
from app.workers.models import Worker
from tests import people
from tests.app.reports import histories
from tests.app.reports.histories import DAY, HOUR, USUAL, Told, local, random_case, straight

SINCE = datetime(2024, 1, 5, tzinfo=UTC)
LATER = datetime(2030, 1, 1, tzinfo=UTC)
YEAR = Period(date(2024, 1, 1), date(2024, 12, 31))
MARCH = Period(date(2024, 3, 1), date(2024, 3, 31))


def cast(tx):
    return {
        "workers": list(tx.execute(sa.select(Worker.id)).scalars()),
        "people": list(tx.execute(sa.select(Person.id)).scalars()),
    }


def up_to_date(tx, at=LATER, batch=actions.BATCH):
    while actions.refresh(tx, at=at, batch=batch).more:
        pass


@pytest.mark.parametrize("seed", range(3))
def test_the_daily_sums_are_the_facts_after_every_refresh(tx, seed):
    chance = random.Random(seed)
    known = cast(tx)
    for _ in range(3):
        told = [random_case(chance, since=SINCE, days=120, **known) for _ in range(60)]
        histories.write(tx, *told)
        up_to_date(tx, batch=25)
        assert queries.differing(tx) == 0
        for by in (*ROLLED, By.TOTAL, By.DISTRICT):
            for monthly in (False, True):
                for scope in (Scope(), Scope(("210302001",))):
                    asked = Asked(YEAR, by, monthly=monthly, scope=scope)
                    if asked.is_rolled:
                        assert from_days(tx, asked, at=LATER) == from_facts(tx, asked, at=LATER), asked
    assert tx.execute(sa.text("SELECT count(*) FROM figure_days")).scalar()


@pytest.mark.parametrize("seed", range(3))
def test_a_running_period_is_told_alike(tx, seed):
    chance = random.Random(seed)
    now = SINCE + timedelta(days=70, hours=3)
    told = [random_case(chance, since=SINCE, days=70, **cast(tx)) for _ in range(150)]
    histories.write(tx, *[one for one in told if one.steps[-1][1] < now])
    up_to_date(tx, at=now)
    for by in (By.TOTAL, By.TOWN):
        asked = Asked(Period(date(2024, 2, 1), date(2024, 3, 31)), by, monthly=True)
        days, facts = (read(tx, asked, at=now) for read in (from_days, from_facts))
        assert days == facts
        assert any(row.numbers.get("handle_undone") for row in days)


def test_every_number_is_the_number_of_its_cases(tx):
    chance = random.Random(7)
    histories.write(tx, *[random_case(chance, since=SINCE, days=60, **cast(tx)) for _ in range(250)])
    up_to_date(tx)
    for by in (By.TOTAL, By.WORKER, By.DEPARTMENT, By.PERSON):
        for row in numbers(tx, Asked(MARCH, by), at=LATER):
            for code in NUMBERS:
                if code.endswith("_s"):
                    continue
                asked = Asked(MARCH, by, key=row.key)
                page = queries.counted(tx, [code], asked, at=LATER, limit=1000)
                assert len(page.items) == page.total == row.numbers.get(code, 0), (by, row.key, code)
                assert {one.by for one in page.items} <= {code}


def test_the_pages_of_a_figures_cases_are_its_cases_once(tx):
    chance = random.Random(8)
    histories.write(tx, *[random_case(chance, since=SINCE, days=60, **cast(tx)) for _ in range(80)])
    up_to_date(tx)
    whole = queries.counted(tx, ["reported"], Asked(YEAR), at=LATER, limit=1000)
    seen, after = [], None
    while True:
        page = queries.counted(tx, ["reported"], Asked(YEAR), at=LATER, limit=7, after=after)
        seen += page.items
        if not page.more:
            break
        after = (page.items[-1].reported_at, page.items[-1].id)
    assert seen == list(whole.items)


def test_no_step_is_missed_whatever_commits_first(fresh):
    """The step with the smaller transaction commits last, after a refresh has gone past the other's."""
    engine = make_engine(fresh)
    start = local("2024-03-12")
    told = [Told(straight(start, path=USUAL[:5]), start + DAY) for _ in range(2)]
    with engine.begin() as connection:
        histories.write(Tx(connection), *told)
        up_to_date(Tx(connection))

    def undone():
        with engine.begin() as connection:
            up_to_date(Tx(connection))
            assert queries.differing(Tx(connection)) == 0
            return numbers(Tx(connection), Asked(MARCH), at=LATER)[0].numbers.get("handle_undone", 0)

    assert undone() == 2
    with engine.connect() as early, engine.connect() as late:
        for connection, one in ((early, told[0]), (late, told[1])):
            step = {"case_id": one.id, "at": start + HOUR, "step": "feedback", "from_status": "handling"}
            Tx(connection).execute(sa.insert(CaseStep), [step | {"to_status": "feedback"}])
            Tx(connection).record(Event("case_step", str(one.id)))
        late.commit()
        assert undone() == 2, "while something older is open, nothing newer is read"
        early.commit()
    for _ in range(600):  # a transaction in any other database of the server holds the events back, too
        if undone() == 0:
            break
        time.sleep(0.1)
    else:
        pytest.fail("a step was missed")
    engine.dispose()


def test_a_changed_calendar_makes_working_times_anew(tx, monkeypatch):
    friday, monday = local("2024-03-15", "16:45"), local("2024-03-18", "09:00")
    histories.write(tx, Told(straight(friday, handled=monday), monday + DAY))
    up_to_date(tx)
    assert numbers(tx, Asked(MARCH), at=LATER)[0].shown("mean_work_hours") == "2.0"
    shut = Change(
        (DayChange(date(2024, 3, 15), DayKind.HOLIDAY), DayChange(date(2024, 3, 16), DayKind.WORKDAY)),
        hours=((date(2024, 3, 16), ((clock(10), clock(16)),)),),
    )
    monkeypatch.setattr(actions, "current", lambda _tx: changed(built_in(), shut))
    up_to_date(tx)
    assert numbers(tx, Asked(MARCH), at=LATER)[0].shown("mean_work_hours") == "6.0", "Saturday"
    assert queries.differing(tx) == 0


def test_what_is_published_stays_and_is_revised_only_with_a_reason(tx):
    start = local("2024-03-12")
    histories.write(tx, Told(straight(start, handled=start + HOUR), start + DAY))
    up_to_date(tx)
    by = people.viewer_of(tx, "admin")
    with pytest.raises(actions.NothingToPublish):
        actions.publish(tx, MARCH, area="210300", scope=Scope(), by=by, at=local("2024-03-31"))
    first = actions.publish(tx, MARCH, area="210300", scope=Scope(), by=by, at=LATER)
    histories.write(tx, Told(straight(start, handled=start + HOUR), start + DAY))
    up_to_date(tx)
    with pytest.raises(actions.RevisionNeedsReason):
        actions.publish(tx, MARCH, area="210300", scope=Scope(), by=by, at=LATER)
    second = actions.publish(tx, MARCH, area="210300", scope=Scope(), by=by, at=LATER, reason="补录")
    closed = {
        sheet.id: (sheet.revision, sheet.figures["total"][0]["figures"]["closed"])
        for sheet in queries.published(tx)
    }
    assert closed == {first: (1, "1"), second: (2, "2")}
    for change in (
        "UPDATE published_figures SET reason = 'x'",
        "DELETE FROM published_figures",
        "TRUNCATE published_figures",
    ):
        with pytest.raises(sa.exc.DatabaseError, match="never changed"), tx.connection.begin_nested():
            tx.execute(sa.text(change))


def test_an_upheld_objection_excuses_the_lateness_and_keeps_the_fact(tx):
    start = local("2024-03-12")
    late = Told(straight(start, handled=start + 3 * HOUR), start + HOUR)
    undone = Told(straight(start, path=USUAL[:5]), start + HOUR)
    histories.write(tx, late, undone)
    up_to_date(tx)
    by = people.viewer_of(tx, "admin")
    assert numbers(tx, Asked(MARCH), at=LATER)[0].shown("handle_on_time_rate") == "0.0"
    for told in (late, undone):
        no = tx.execute(sa.select(Case.no).where(Case.id == told.id)).scalar_one()
        for stage in ("handle", "close"):
            made = actions.object_to(tx, no, stage, scope=Scope(), by=by, at=LATER, reason="停电")
            with pytest.raises(actions.AlreadyDecided):
                actions.object_to(tx, no, stage, scope=Scope(), by=by, at=LATER, reason="停电")
            actions.decide(tx, made, upheld=True, scope=Scope(), by=by, at=LATER)
    row = numbers(tx, Asked(MARCH), at=LATER)[0]
    assert row.shown("handle_on_time_rate") == "100.0"
    assert row.numbers.get("handle_undone", 0) == 0
    facts = tx.execute(sa.text("SELECT handled_at > handle_due FROM case_facts WHERE case_id = :id"),
                       {"id": late.id}).scalar()  # fmt: skip
    assert facts is True
    assert queries.differing(tx) == 0


def test_weights_are_versions_that_make_a_hundred(tx):
    by = people.viewer_of(tx, "admin")
    assert sum(queries.weights(tx)[Post.UNIT].values()) == 100
    new = {"handle_on_time_rate": 60, "handle_rate": 40}
    assert actions.set_weights(tx, Post.UNIT, new, by=by, at=LATER, reason="二〇二五年办法") == 2
    assert queries.weights(tx)[Post.UNIT] == new
    for bad in ({"handle_rate": 90}, {"nothing": 100}, {"handle_rate": 120, "close_rate": -20}):
        with pytest.raises(actions.BadValue):
            actions.set_weights(tx, Post.UNIT, bad, by=by, at=LATER, reason="x")
