"""A report becomes a case, once."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app import transaction
from app.cases import queries
from app.cases.actions import (
    BadMoment,
    FarFacility,
    OtherFacility,
    Report,
    ReportDiffers,
    TooFar,
    UnknownFacility,
    UnknownType,
    report_case,
    source_of,
)
from app.cases.models import Case, CasePhoto, CaseStep, CaseType
from app.cases.queries import Sight
from app.cases.rules import Source
from app.db import make_engine
from app.grid.models import CellVersion
from app.identity.rules import Role
from app.transaction import EventRow, write
from app.workers.models import Shift
from gis.crs import from_wgs84
from gis.errors import NoCells
from tests import city, people
from tests.city import A, C, cell_code, middle

NOW = datetime(2026, 5, 6, 3, tzinfo=UTC)


@pytest.fixture
def worker(tx):
    return people.viewer_of(tx, "worker")


def a_report(column=0, row=0, **changes) -> Report:
    lon, lat = middle(column, row)
    return replace(Report(id=uuid4(), type="F0101", lon=lon, lat=lat, text="井盖破损"), **changes)


def count(tx, model) -> int:
    return tx.execute(sa.select(sa.func.count()).select_from(model)).scalar_one()


def events(tx):
    return tx.execute(sa.select(EventRow).where(EventRow.kind == "case_reported")).all()


def test_a_report_lands_in_its_cell_at_its_facility_in_its_workers_hands(tx, worker):
    filed = report_case(tx, a_report(photos=("0" * 64, "f" * 64)), by=worker, at=NOW)
    case = filed.case
    assert filed.fresh
    assert (case.cell, case.community.code, case.town.code, case.district.code) == (
        cell_code(0, 0),
        A,
        A[:9],
        "210302",
    )
    assert case.worker.code == "W0001"
    assert case.desk is None
    assert case.facility.code == "2103020101000001"
    assert case.no[:14] == "21030220260506"
    assert len(case.no) == 19
    assert (case.status, case.kind, case.source, case.urgency) == ("reported", "incident", "worker", 1)
    assert case.received_at == case.observed_at == NOW
    assert case.due_at == NOW + timedelta(hours=2)
    assert case.photos == ("0" * 64, "f" * 64)
    assert case.url == f"/api/v1/cases/{case.id}"


def test_a_report_writes_one_step_and_one_event_with_the_whole_card(tx, worker):
    case = report_case(tx, a_report(photos=("0" * 64,)), by=worker, at=NOW).case
    [event] = events(tx)
    assert (event.subject, event.area_code) == (str(case.id), A)
    assert queries.card(event.payload, queries.sight_of(worker)) == case
    [step] = queries.case(tx, case.id, sight=Sight(areas=("21",))).steps
    assert (step.step, step.from_status, step.to_status, step.at) == ("report", None, "reported", NOW)
    assert step.by == "网格员1"


def test_a_report_sent_twice_is_filed_once(tx, worker):
    report = a_report(observed_at=NOW - timedelta(hours=1), photos=("0" * 64,))
    first = report_case(tx, report, by=worker, at=NOW)
    same = replace(report, observed_at=report.observed_at.astimezone(None))
    again = report_case(tx, same, by=worker, at=NOW + timedelta(days=2))
    assert (first.fresh, again.fresh) == (True, False)
    assert again.case == first.case
    assert (count(tx, Case), count(tx, CaseStep), count(tx, CasePhoto), len(events(tx))) == (1, 1, 1, 1)
    assert tx.execute(sa.select(Case.received_again)).scalar_one() == 1


@pytest.mark.parametrize(
    "change",
    [{"text": "别的"}, {"lon": 122.9911}, {"type": "E0110"}, {"photos": ("0" * 64,)}, {"accuracy_m": 5.0},
     {"facility": "no such"}],
)  # fmt: skip
def test_the_same_id_with_other_content_is_refused(tx, worker, change):
    report = a_report()
    report_case(tx, report, by=worker, at=NOW)
    with pytest.raises(ReportDiffers, match="new report with a new id"):
        report_case(tx, replace(report, **change), by=worker, at=NOW)
    assert (count(tx, Case), len(events(tx))) == (1, 1)


def test_the_same_report_from_somebody_else_is_refused(tx, worker):
    report = a_report()
    report_case(tx, report, by=worker, at=NOW)
    with pytest.raises(ReportDiffers):
        report_case(tx, report, by=people.viewer_of(tx, "citizen"), at=NOW)


def test_fifty_at_once_make_one_case(fresh):
    transaction.bind(make_engine(fresh, pool_size=12))
    with write() as tx:
        worker = people.viewer_of(tx, "worker")
    report, filed, gate = a_report(), [], threading.Barrier(50)

    def send():
        gate.wait()
        with write() as tx:
            filed.append(report_case(tx, report, by=worker, at=NOW))

    threads = [threading.Thread(target=send) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(filed) == 50
    assert sum(f.fresh for f in filed) == 1
    assert len({f.case.no for f in filed}) == 1
    with write() as tx:
        assert (count(tx, Case), count(tx, CaseStep), len(events(tx))) == (1, 1, 1)
        assert tx.execute(sa.select(Case.received_again)).scalar_one() == 49
    transaction.engine().dispose()


def test_a_rollback_leaves_nothing(fresh):
    transaction.bind(make_engine(fresh))
    with write() as tx:
        worker = people.viewer_of(tx, "worker")

    class Trouble(Exception):
        pass

    def fail():
        with write() as tx:
            report_case(tx, a_report(), by=worker, at=NOW)
            raise Trouble

    with pytest.raises(Trouble):
        fail()
    with write() as tx:
        assert (count(tx, Case), len(events(tx))) == (0, 0)
    transaction.engine().dispose()


def test_off_duty_the_backup_has_it_then_the_desks(tx, worker):
    assert report_case(tx, a_report(2), by=worker, at=NOW).case.desk.code == "210302001"
    assert report_case(tx, a_report(4), by=worker, at=NOW).case.desk.code == C
    tx.execute(sa.delete(Shift).where(Shift.worker_id == worker.worker_id))
    case = report_case(tx, a_report(), by=worker, at=NOW).case
    assert (case.worker.code, case.desk) == ("W0002", None)


def test_outside_the_grid_a_desk_has_it_and_the_distance_is_told(tx, worker):
    case = report_case(tx, a_report(lon=city.WEST - 0.001), by=worker, at=NOW).case
    assert (case.cell, case.nearest_cell, case.worker) == (None, cell_code(0, 0), None)
    assert case.outside_m == pytest.approx(84, abs=0.5)
    assert case.desk.code == "210302001"


def test_how_far_outside_is_a_setting_and_a_known_report_answers_as_it_did(tx, worker):
    far = replace(a_report(), lon=100.0)
    assert report_case(tx, far, by=worker, at=NOW, outside_limit_m=5e6).fresh
    assert not report_case(tx, far, by=worker, at=NOW).fresh
    with pytest.raises(TooFar, match="km outside the grid"):
        report_case(tx, replace(far, id=uuid4()), by=worker, at=NOW)


def test_within_the_citys_box_a_report_pays_nothing_for_it(tx, worker, statements):
    report_case(tx, a_report(), by=worker, at=NOW)
    statements.clear()
    report_case(tx, a_report(), by=worker, at=NOW)
    assert statements == []  # the one that files it goes past SQLAlchemy


def test_without_a_grid_nothing_is_filed(tx, worker):
    tx.execute(sa.delete(CellVersion))
    with pytest.raises(NoCells):
        report_case(tx, a_report(), by=worker, at=NOW)


def test_a_facility_farther_than_thirty_metres_is_not_taken_for_meant(tx, worker):
    _, lat = middle(0, 0)
    assert report_case(tx, a_report(lat=lat + 0.000265), by=worker, at=NOW).case.facility.code.endswith("1")
    assert report_case(tx, a_report(lat=lat + 0.000275), by=worker, at=NOW).case.facility is None
    assert report_case(tx, a_report(type="E0110"), by=worker, at=NOW).case.facility is None
    lamp = report_case(tx, a_report(type="F0137"), by=worker, at=NOW).case.facility
    assert lamp.code == "2103020137000001"


def test_a_facility_can_be_named(tx, worker):
    named = a_report(facility="2103020101000002")
    assert report_case(tx, named, by=worker, at=NOW).case.facility.code == "2103020101000002"
    event = a_report(type="E0110", facility="2103020137000001")
    assert report_case(tx, event, by=worker, at=NOW).case.facility.code == "2103020137000001"


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"facility": "2103020101999999"}, UnknownFacility, "2103020101999999; leave it out"),
        ({"facility": "2103020137000001"}, OtherFacility, "0137, which F0101 is not about"),
        ({"facility": "2103020101000001", "lat": 41.148}, FarFacility, "lies 49[0-9]{2} m from the pin"),
        ({"type": "F9999"}, UnknownType, "GET /api/v1/types"),
        ({"observed_at": datetime(1970, 1, 1, tzinfo=UTC)}, BadMoment, "more than 31 days back"),
        ({"observed_at": NOW + timedelta(days=1)}, BadMoment, "in the future"),
        ({"observed_at": NOW + timedelta(minutes=11)}, BadMoment, "set the device's clock"),
    ],
)
def test_what_does_not_fit_is_told_with_its_mend_and_writes_nothing(tx, worker, changes, error, words):
    with pytest.raises(error, match=words) as caught:
        report_case(tx, a_report(**changes), by=worker, at=NOW)
    assert caught.value.field in changes
    assert (count(tx, Case), count(tx, CaseStep), len(events(tx))) == (0, 0, 0)


@pytest.mark.parametrize("seen", [NOW - timedelta(days=31), NOW + timedelta(minutes=10)])
def test_a_late_report_and_a_clock_a_little_ahead_are_taken(tx, worker, seen):
    case = report_case(tx, a_report(observed_at=seen), by=worker, at=NOW).case
    assert case.observed_at == seen
    assert case.due_at == NOW + timedelta(hours=2)


def test_a_known_report_answers_however_late_it_is_sent_again(tx, worker):
    report = a_report(observed_at=NOW - timedelta(days=30))
    report_case(tx, report, by=worker, at=NOW)
    assert not report_case(tx, report, by=worker, at=NOW + timedelta(days=90)).fresh


@pytest.mark.parametrize("hours", [-25, 25])
def test_the_clock_in_an_id_decides_nothing(tx, worker, hours):
    made = int((NOW + timedelta(hours=hours)).timestamp() * 1000)
    v7 = UUID(int=made << 80 | 0x7 << 76 | 0xABC << 64 | 0x8 << 60 | 0x123456789)
    case = report_case(tx, a_report(id=v7), by=worker, at=NOW).case
    assert (case.id, case.received_at) == (v7, NOW)


def test_a_domestic_maps_position_is_converted_and_remembered(tx, worker):
    lon, lat = from_wgs84(*middle(0, 0), "gcj02")
    case = report_case(tx, a_report(lon=lon, lat=lat, crs="gcj02"), by=worker, at=NOW).case
    assert (case.lon, case.lat) == pytest.approx(middle(0, 0), abs=1e-9)
    assert case.cell == cell_code(0, 0)
    assert tx.execute(sa.select(Case.crs_source)).scalar_one() == "gcj02"


def test_a_changed_limit_holds_from_the_next_report_on(tx, worker):
    report_case(tx, a_report(), by=worker, at=NOW)
    tx.execute(sa.update(CaseType).where(CaseType.code == "F0101").values(limit_value=5))
    case = report_case(tx, a_report(), by=worker, at=NOW).case
    assert case.due_at == NOW + timedelta(hours=5)


def test_a_type_that_is_new_can_be_reported_at_once(tx, worker):
    with pytest.raises(UnknownType):
        report_case(tx, a_report(type="E0199"), by=worker, at=NOW)
    tx.execute(
        sa.insert(CaseType).values(
            code="E0199", name_zh="新", name_en="new", unit="", urgency=3, clock="natural_day", limit_value=1
        )
    )
    case = report_case(tx, a_report(type="E0199"), by=worker, at=NOW).case
    assert case.due_at == NOW + timedelta(days=1)


def test_numbers_that_the_day_has_given_are_passed_over(tx, worker):
    first = report_case(tx, a_report(), by=worker, at=NOW).case
    serial = int(first.no[-5:])
    tx.execute(sa.text("SELECT setval('case_serials', :n, false)"), {"n": serial})
    second = report_case(tx, a_report(), by=worker, at=NOW).case
    assert int(second.no[-5:]) == serial + 1
    tx.execute(sa.text("SELECT setval('case_serials', 99999)"))
    assert report_case(tx, a_report(), by=worker, at=NOW).case.no[-5:] != first.no[-5:]


def test_the_day_of_a_number_is_the_local_day(tx, worker):
    case = report_case(tx, a_report(), by=worker, at=datetime(2026, 5, 6, 17, tzinfo=UTC)).case
    assert case.no[6:14] == "20260507"


@pytest.mark.parametrize(
    ("roles", "token", "source"),
    [
        ({Role.WORKER}, True, Source.WORKER),
        ({Role.CITIZEN}, False, Source.CITIZEN),
        ({Role.OPERATOR}, False, Source.OPERATOR),
        ({Role.CITIZEN, Role.DISPATCHER}, False, Source.OPERATOR),
        ({Role.OPERATOR}, True, Source.SCRIPT),
    ],
)
def test_who_found_it_is_told_by_their_role(worker, roles, token, source):
    assert source_of(replace(worker, roles=frozenset(roles), via_token=token)) is source


def test_a_city_in_another_schema_files_its_own(tx, worker):
    """SQL names no schema: the functions of a schema use the tables of the search path."""
    text = tx.execute(
        sa.text(
            "SELECT string_agg(prosrc, ' ') FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace"
            " WHERE nspname = current_schema()"
        )
    ).scalar_one()
    assert "jingwei." not in text
    assert "public." not in text
    settings = tx.execute(
        sa.text(
            "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace"
            " WHERE nspname = current_schema() AND proconfig IS NOT NULL"
        )
    ).scalar_one()
    assert settings == 0
