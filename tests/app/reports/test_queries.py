"""Every figure on cases made by hand, with its edges."""

from datetime import UTC, date, datetime, timedelta

from app.reports.queries import Asked, names, numbers
from app.reports.rules import SEEDED, By, Period
from tests.app.reports.histories import (
    DAY,
    HOUR,
    MINUTE,
    USUAL,
    WITH_PERSON,
    Told,
    local,
    straight,
)

NOON = local("2024-03-12", "12:00")


def incident(handled=None, due=None, **more):
    start = more.pop("start", local("2024-03-12"))
    path = more.pop("path", USUAL)
    return Told(straight(start, handled=handled, path=path), due or start + DAY, **more)


def test_the_straight_way_is_on_time_everywhere(told):
    row = told(incident(handled=NOON))
    assert {code: row.shown(code) for code in (
        "reported", "filed", "dispatched", "handled", "closed", "filing_rate", "dispatch_rate",
        "dispatch_on_time_rate", "dispatch_accuracy", "handle_rate", "handle_on_time_rate", "rework_rate",
        "close_rate", "close_on_time_rate", "valid_rate", "check_on_time_rate", "check_sent_on_time_rate",
    )} == {
        "reported": "1", "filed": "1", "dispatched": "1", "handled": "1", "closed": "1",
        "filing_rate": "100.0", "dispatch_rate": "100.0", "dispatch_on_time_rate": "100.0",
        "dispatch_accuracy": "100.0", "handle_rate": "100.0", "handle_on_time_rate": "100.0",
        "rework_rate": "0.0", "close_rate": "100.0", "close_on_time_rate": "100.0", "valid_rate": "100.0",
        "check_on_time_rate": "100.0", "check_sent_on_time_rate": "100.0",
    }  # fmt: skip
    assert row.shown("satisfaction") is None, "nobody was asked"
    assert row.shown("visit_rate") is None


def test_a_moment_before_the_period_ends_is_in_it_and_its_end_is_not(told):
    last = local("2024-03-31", "23:59")
    first = local("2024-03-01", "00:00")
    cases = [Told([("report", at)], at + DAY) for at in (first - timedelta(microseconds=1), first, last)]
    cases.append(Told([("report", local("2024-04-01", "00:00"))], last + DAY))
    assert told(*cases).shown("reported") == "2"


def test_what_is_due_and_undone_counts_and_what_is_not_yet_due_does_not(told):
    start = local("2024-03-12")
    late, waiting = incident(due=start + DAY), incident(due=local("2024-04-02"))
    row = told(late, waiting)
    assert (row.numbers.get("handle_on", 0), row.numbers["handle_undone"]) == (0, 1)
    assert row.shown("handle_rate") == "0.0"


def test_overdue_work_is_counted_again_in_each_period(told):
    told(incident(handled=local("2024-05-02"), due=local("2024-03-13")))
    for first, last, undone, late in (
        ("2024-03-01", "2024-03-31", 1, 0),
        ("2024-04-01", "2024-04-30", 1, 0),
        ("2024-05-01", "2024-05-31", 0, 1),
    ):
        row = told(first=first, last=last)
        assert row.numbers.get("handle_undone", 0) == undone, first
        assert row.numbers.get("handle_late", 0) == late, first


def test_the_due_moment_itself_is_on_time(told):
    row = told(incident(handled=NOON, due=NOON), incident(handled=NOON + timedelta(seconds=1), due=NOON))
    assert row.shown("handle_on_time_rate") == "50.0"
    assert row.shown("handle_rate") == "100.0"


def test_void_and_merged_are_out_but_void_lowers_valid_reports_and_filing_accuracy(told):
    start = local("2024-03-12")
    void = Told([("report", start), ("withdraw", start + HOUR)], start + DAY)
    filed = [("report", start), ("accept", start + MINUTE), ("file", start + 2 * MINUTE)]
    void_later = Told([*filed, ("withdraw", start + HOUR)], start + DAY)
    merged = Told([("report", start), ("merge", start + HOUR)], start + DAY)
    row = told(void, void_later, merged, incident(handled=NOON))
    assert row.shown("reported") == "1"
    assert row.shown("filed") == "1"
    assert row.shown("valid_rate") == "33.3"
    assert row.shown("filing_accuracy") == "50.0"
    assert row.numbers.get("close_undone", 0) == 0


def test_a_case_suspended_at_the_end_is_out_and_resumed_it_is_back(told):
    start = local("2024-03-12")
    before = straight(start)
    from_, until = local("2024-03-20"), local("2024-04-10")
    suspended = [*before, ("suspend", from_), ("resume", until)]
    told(Told(suspended, local("2024-04-12")), Told(suspended[:-1], local("2024-03-19")))
    assert told().numbers.get("handle_undone", 0) == 0
    april = told(first="2024-04-01", last="2024-04-30")
    assert april.numbers.get("handle_undone", 0) == 1
    week = told(first="2024-03-18", last="2024-03-19")
    assert week.numbers.get("handle_undone", 0) == 1, "late before it was suspended"


def test_rework_makes_the_first_feedback_void(told):
    start = local("2024-03-12")
    steps = [
        *straight(start, handled=NOON)[:6],
        ("rework", NOON + HOUR),
        ("feedback", NOON + 3 * HOUR),
        ("check", NOON + 3 * HOUR + 5 * MINUTE),
        ("checked", NOON + 3 * HOUR + 10 * MINUTE),
        ("pass", NOON + 3 * HOUR + 15 * MINUTE),
    ]
    row = told(Told(steps, NOON + 2 * HOUR), incident(handled=NOON))
    assert row.shown("rework_rate") == "50.0"
    assert row.shown("handle_on_time_rate") == "50.0"
    assert row.shown("mean_hours") == "2.8", "1 h 45 min and 3 h 45 min, without the hour of review"


def test_working_hours_leave_out_the_night_and_the_weekend(told):
    friday, monday = local("2024-03-15", "16:45"), local("2024-03-18", "09:00")
    row = told(Told(straight(friday, handled=monday), monday + DAY))
    assert row.shown("mean_work_hours") == "2.0"
    assert row.shown("mean_hours") == "64.0"


def test_a_case_given_to_another_unit_was_not_dispatched_rightly(told):
    start = local("2024-03-12")
    steps = [
        ("report", start),
        ("accept", start + MINUTE),
        ("file", start + 2 * MINUTE),
        ("dispatch", start + 20 * MINUTE, {"unit_code": "W"}),
        ("ask_return", start + 30 * MINUTE, {"unit_code": "W"}),
        ("return", start + 40 * MINUTE, {"unit_code": "W"}),
        ("dispatch", start + 50 * MINUTE, {"unit_code": "L"}),
    ]
    row = told(Told(steps, local("2024-04-20")), incident(handled=NOON))
    assert row.shown("dispatch_rate") == "100.0"
    assert row.shown("dispatch_on_time_rate") == "50.0", "18 minutes after it was filed"
    assert row.shown("dispatch_accuracy") == "50.0"
    assert row.shown("return_rate") == "50.0"


def test_an_appeal_is_answered_visited_and_rated(told):
    start = local("2024-03-12")
    fair = {"data": {"score": "fair"}}
    content = straight(start, handled=NOON, path=WITH_PERSON)
    content[-1] = (*content[-1], fair)
    angry = straight(start, handled=NOON, path=(*WITH_PERSON[:-1], "dissatisfied"))
    silent = [*content[:-1], ("no_contact", NOON + HOUR), ("unreached", NOON + 2 * HOUR)]
    waiting = content[:-1]
    row = told(*(
        Told(steps, start + DAY, kind="appeal", source="phone")
        for steps in (content, angry, silent, waiting)
    ))  # fmt: skip
    assert row.shown("reply_on_time_rate") == "100.0"
    assert row.shown("visit_rate") == "75.0", "three of four are visited, the fourth is late"
    assert row.shown("visit_answered_rate") == "50.0"
    assert row.shown("satisfaction") == "50.0"
    assert row.shown("supervision_rate") == "25.0", "dissatisfied, it was supervised"
    assert row.numbers["handle_on"] == 4


def test_a_direct_answer_is_an_answer_and_needs_no_handling(told):
    start = local("2024-03-12")
    row = told(Told([("report", start), ("answer", start + MINUTE)], start + DAY, kind="appeal"))
    assert row.shown("reply_rate") == "100.0"
    assert row.shown("close_rate") == "100.0"
    assert row.shown("handle_rate") is None


def test_missed_are_incidents_that_the_public_reported(told):
    phone = incident(handled=NOON, source="phone")
    appeal = Told(straight(local("2024-03-12"), handled=NOON, path=WITH_PERSON), NOON, kind="appeal",
                  source="phone")  # fmt: skip
    row = told(phone, appeal, incident(handled=NOON), incident(handled=NOON), incident(handled=NOON))
    assert row.shown("missed_rate") == "25.0"


def test_a_case_closed_by_force_is_no_longer_undone_and_never_done(told):
    start = local("2024-03-12")
    steps = [*straight(start)[:4], ("force_close", local("2024-04-02"))]
    told(Told(steps, start + HOUR))
    assert told().numbers["handle_undone"] == 1
    april = told(first="2024-04-01", last="2024-04-30")
    assert april.numbers.get("handle_undone", 0) == 0
    assert april.shown("handle_rate") is None
    assert april.shown("close_on_time_rate") == "0.0"


def test_reopening_takes_the_closing_back(told):
    start = local("2024-03-12")
    done = straight(start, handled=NOON)
    row = told(Told([*done, ("reopen", NOON + DAY)], NOON + HOUR), incident(handled=NOON))
    assert row.shown("closed") == "1"
    assert row.shown("filed") == "2", "filed once, not twice"
    assert row.shown("close_rate") == "100.0", "its clock does not run until it is dispatched again"


def test_the_seeds_figures_come_out_of_a_thousand(told):
    """998 closed, 968 answered on time, 970 satisfied, of 1000."""
    start = local("2024-03-04", "09:00")
    due = start + 2 * DAY
    cases = []
    for number in range(1000):
        handled = due - HOUR if number < 968 else due + HOUR
        steps = straight(start, handled=handled, path=WITH_PERSON)
        if number < 970:
            steps[-1] = (*steps[-1], {"data": {"score": "fair" if number % 2 else "satisfied"}})
        else:
            steps[-1] = ("dissatisfied", steps[-1][1])
            steps += [
                ("order", steps[-1][1] + MINUTE, {"unit_code": "L"}),
                ("feedback", handled + HOUR),
                ("call_back", handled + HOUR + MINUTE),
                ("force_close", handled + HOUR + 2 * MINUTE),
            ]
        if number >= 998:
            steps = steps[:-1]
        cases.append(Told(steps, due, kind="appeal", source="phone"))
    row = told(*cases)
    assert row.numbers["close_undone"] == 2
    assert [row.shown(figure) for figure in SEEDED] == ["99.8", "96.8", "97.0"]


def test_a_case_is_counted_for_who_did_it(tx, told):
    at = datetime(2030, 1, 1, tzinfo=UTC)
    told(incident(handled=NOON), incident(handled=NOON, community="210302002001", unit="W"))
    march = Period(date(2024, 3, 1), date(2024, 3, 31))
    for by, keys in (
        (By.TOWN, ["210302001", "210302002"]),
        (By.DEPARTMENT, ["L", "W"]),
        (By.TYPE, ["F0137"]),
    ):
        rows = numbers(tx, Asked(march, by), at=at)
        assert [row.key for row in rows] == keys
        assert sum(row.numbers["handle_on"] for row in rows) == 2
        assert all(names(tx, by, keys)[key].zh for key in keys)
