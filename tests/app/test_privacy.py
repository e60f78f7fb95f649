"""No personal data where it has no business: canaries in the city, and everything that comes out of it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app import create_app, transaction
from app.cases.actions import Report, report_case
from app.db import make_engine, named_statements
from app.identity.rules import Role
from app.maps.publish import publish
from app.reports import actions as reports
from tests import people
from tests.city import A, middle
from tests.crawl import Addresses, unpacked

WORKER, WORKER_PHONE, MASKED = "Canarywing", "13912345678", "139****5678"
CITIZEN, CITIZEN_PHONE = "Quetzalfeather", "13887654321"
APPELLANT, APPELLANT_PHONE, HOME_OF = "Phoenixdown", "13612349876", "Canary Street 7"
SHORT_PHONE = "136****9876"
APPELLANT_MARKS = (APPELLANT, APPELLANT_PHONE, HOME_OF)
"""Who is behind the case: nowhere in full but where the holder asks for it."""

WORDS = "ring me on 13700001111"
"""The words of a report are for those who may see the case, and for nothing else."""

CANARIES = (WORKER, WORKER_PHONE, CITIZEN, CITIZEN_PHONE, WORDS, *APPELLANT_MARKS)

DESKS = tuple(role for role in Role if role not in {Role.CITIZEN, Role.WORKER, Role.HANDLER})
ABOUT_CASES = frozenset(
    {
        *("cases.list_cases", "cases.show_case", "case_pages.cases", "case_pages.case", "inbox.page"),
        *("duplicates.list_likely", "duplicates.list_duplicates"),
    }
)
ABOUT_WORKERS = frozenset({"cards.cell", "cards.facility", "cards.worker", "cards.find", "grid.locate"}) | {
    "reports.board", "reports.workbook", "report_office.appraisal_board", "report_office.appraisal_book",
}  # fmt: skip
OF_ONESELF = frozenset({"identity.me"})
CHANGES: Mapping[str, Any] = {
    "cases.put_report": {"json": {"type": "E0110", "lon": 0, "lat": 0, "text": WORDS, "worker": WORKER}},
    "steps.put_step": {"json": {"step": "note", "note": WORDS, "worker": WORKER_PHONE * 2}},
    "persons.show_person": {"json": {"reason": WORDS}},
    "appeals.put_appeal": {"json": {"type": "A08", "nature": "help", "text": WORDS, "phone": WORKER}},
    "duplicates.put_joined": {"json": {"key": WORKER}},
    "case_forms.take": {"data": {"step": "note", "note": WORDS, "worker": WORKER_PHONE}},
    "inbox.keep": {"data": {"name": WORKER, "query": f"text={CITIZEN_PHONE}"}},
    "inbox.drop": {},
    "new_appeal.register": {"data": {"text": WORDS, "phone": CITIZEN_PHONE, "name": WORKER}},
    "citizen.send": {"data": {"text": WORDS, "phone": WORKER, "name": CITIZEN}},
    "citizen.track": {"data": {"no": CITIZEN_PHONE, "secret": WORKER}},
    "citizen.clear": {"data": {"case": WORKER}},
    "photos.put_photo": {"data": WORKER_PHONE.encode()},
    "identity.enter": {"data": {"username": CITIZEN_PHONE, "password": WORKER}},
    "identity.sign_out": {},
    "notices.put_read": {},
    "notices.put_all_read": {"json": {"up_to": CITIZEN_PHONE + "0" * 10}},
    "notices.put_choices": {"json": {"email": CITIZEN}},
    "notices.read_from_page": {"data": {"open": WORKER_PHONE * 2}},
    "notices.choose_on_page": {"data": {"webhook": WORDS}},
    "notices.retry_from_page": {"data": {"what": WORKER}},
    "calendar.propose": {"json": {"days": [{"day": WORKER, "kind": WORDS}], "note": CITIZEN_PHONE}},
    "calendar.decide": {"json": {"confirm": WORDS}},
    "report_office.publish": {"data": {"from": WORKER, "to": "2024-01-31", "reason": WORDS}},
    "report_office.set_weights": {"data": {"post": "unit", "weights": CITIZEN_PHONE, "reason": WORDS}},
    "report_office.add_objection": {"data": {"no": CITIZEN_PHONE, "stage": "handle", "reason": WORDS}},
    "report_office.decide_objection": {"data": {"upheld": WORKER}},
}
"""What each route that changes something is sent, wrong as it is: the answer is an error."""


@dataclass(frozen=True)
class City:
    """The city with canaries, and one client for each who asks."""

    app: Any
    clients: Mapping[str, Any]
    addresses: Addresses


@pytest.fixture
def city(app, tx):
    at = datetime.now(UTC)
    publish(tx, at=at)
    tx.execute(
        sa.text("UPDATE workers SET name = :name, phone = :phone, position_at = now(),"
                " position = ST_SetSRID(ST_Point(122.9905, 41.1035), 4326) WHERE code = 'W0001'"),
        {"name": WORKER, "phone": WORKER_PHONE},
    )  # fmt: skip
    people.person(tx, CITIZEN_PHONE, "citizen")
    tx.execute(
        sa.text("UPDATE people SET name = :name WHERE username = :username"),
        {"name": CITIZEN, "username": CITIZEN_PHONE},
    )
    people.person(tx, "elsewhere", "supervisor", "210302002")
    people.person(tx, "other citizen", "citizen")
    lon, lat = middle(0, 0)
    by = people.viewer_of(tx, CITIZEN_PHONE)
    report = Report(id=uuid4(), type="F0101", lon=lon, lat=lat, text=WORDS)
    case = report_case(tx, report, by=by, at=at).case
    tx.execute(
        sa.text("INSERT INTO appeals (case_id, nature, name, phone, address)"
                " VALUES (:id, 'help', :name, :phone, :address)"),
        {"id": case.id, "name": APPELLANT, "phone": APPELLANT_PHONE, "address": HOME_OF},
    )  # fmt: skip
    while reports.refresh(tx, at=at).more:
        pass
    clients = {"nobody": app.test_client()}
    for who in (*(role.value for role in Role), "elsewhere", "other citizen", CITIZEN_PHONE):
        clients[who] = app.test_client()
        clients[who].environ_base["HTTP_AUTHORIZATION"] = f"Bearer {people.token(tx, who)}"
    words = [case.no, WORKER, WORKER_PHONE, CITIZEN, CITIZEN_PHONE, WORDS, APPELLANT, APPELLANT_PHONE]
    return City(app, clients, Addresses([str(case.id)], [int(case.no)], photos=["0" * 64], words=words))


def may_hold(who: str, mark: str, endpoint: str, *, page: bool) -> bool:
    """Whether what `who` is answered at `endpoint` may hold `mark`."""
    desk = who in {role.value for role in DESKS}
    if mark == WORKER:
        return desk and endpoint in ABOUT_CASES | ABOUT_WORKERS
    if mark == MASKED:
        return desk and endpoint == "cards.worker"
    if mark == SHORT_PHONE:
        shown = endpoint in {"cases.show_case", "case_pages.case"}
        return shown and (desk or who in {"worker", "handler", CITIZEN_PHONE})
    if mark == WORDS:
        return endpoint in ABOUT_CASES and (desk or who in {"worker", CITIZEN_PHONE})
    if mark in {CITIZEN, CITIZEN_PHONE}:
        return who == CITIZEN_PHONE and (page or endpoint in OF_ONESELF | {"cases.show_case"})
    return False


def test_canaries_are_seen_only_where_they_may_be(city, caplog, settings):
    caplog.set_level(logging.INFO)
    marks = (WORKER, WORKER_PHONE, MASKED, CITIZEN, CITIZEN_PHONE, WORDS, *APPELLANT_MARKS, SHORT_PHONE)
    met, leaked = set(), []
    for who, client in city.clients.items():
        for endpoint, address in city.addresses.of(city.app):
            with client.get(address) as answer:
                body, page = unpacked(answer), answer.mimetype == "text/html"
            for mark in marks:
                # what was asked for is echoed in errors and in the field of a search
                if mark.encode() in body and mark not in unquote(address).replace("+", " "):
                    met.add((who, mark, endpoint))
                    if not may_hold(who, mark, endpoint, page=page):
                        leaked.append((who, mark, address))
    assert leaked == []
    for seen in (
        ("dispatcher", WORKER, "cards.cell"),
        ("dispatcher", WORKER, "grid.locate"),
        ("dispatcher", WORKER, "cases.show_case"),
        ("dispatcher", MASKED, "cards.worker"),
        ("dispatcher", SHORT_PHONE, "cases.show_case"),
        ("worker", WORDS, "cases.list_cases"),
        (CITIZEN_PHONE, CITIZEN, "identity.me"),
        (CITIZEN_PHONE, CITIZEN, "cases.show_case"),
    ):
        assert seen in met, "the crawl did not come where a canary is: it proves nothing"
    _nothing_in(caplog.text)
    for path in settings.var.rglob("*"):
        if path.is_file():
            _nothing_in(path.read_bytes().decode("latin-1"))


def _nothing_in(text: str) -> None:
    assert [mark for mark in CANARIES if mark in text] == []


def test_a_desk_is_told_a_citizens_name_by_its_first_character(city):
    case = city.addresses.cases[0]
    steps = {
        who: city.clients[who].get(f"/api/v1/cases/{case}").json["steps"][0]["by"]
        for who in ("dispatcher", "worker", CITIZEN_PHONE)
    }
    assert steps == {"dispatcher": "Q*", "worker": None, CITIZEN_PHONE: CITIZEN}


def test_errors_and_the_log_repeat_no_canary(city, caplog):
    caplog.set_level(logging.INFO)
    changes = [
        rule for rule in city.app.url_map.iter_rules() if rule.methods & {"PUT", "POST", "DELETE", "PATCH"}
    ]
    assert {rule.endpoint for rule in changes} == set(CHANGES), "give a new change its row in CHANGES"
    parts = {name: uuid4() for name in ("report_id", "case_id", "step_id", "appeal_id")} | {
        "sha256": "f" * 64,
        "view": 1,
        "objection": 1,
        "notice_id": 2**62,
        "change_id": 1,
    }
    build = city.app.url_map.bind("localhost").build
    for rule in changes:
        [method] = rule.methods & {"PUT", "POST", "DELETE", "PATCH"}
        path = build(rule.endpoint, {name: parts[name] for name in rule.arguments})
        for client in city.clients.values():
            answer = client.open(path, method=method, **CHANGES[rule.endpoint])
            assert answer.status_code >= 300
    for client in city.clients.values():
        client.get(f"/api/v1/cases?worker={WORKER_PHONE}&since={CITIZEN}")
        client.get(f"/no/{CITIZEN_PHONE}?name={WORKER}")
    _nothing_in(caplog.text)


def test_a_statement_that_fails_is_logged_without_what_was_in_it(city, tx, caplog):
    """PostgreSQL repeats the whole row that a constraint refuses."""
    tx.execute(sa.text("ALTER TABLE cases ADD CONSTRAINT no_words CHECK (text NOT LIKE 'ring%') NOT VALID"))
    lon, lat = middle(0, 0)
    body = {"type": "F0101", "lon": lon, "lat": lat, "text": WORDS}
    answer = city.clients["worker"].put(f"/api/v1/reports/{uuid4()}", json=body)
    assert (answer.status_code, answer.json["code"]) == (500, "internal")
    _nothing_in(answer.text)
    _nothing_in(caplog.text)
    assert "CheckViolation 23514 cases no_words" in caplog.text
    assert "report_case" in caplog.text, "the places must be told"


def test_a_database_that_is_away_is_logged_without_its_address(settings, database, connection, caplog):
    away = replace(settings, database_url=f"postgresql://{CITIZEN}:{WORKER}@/no?host=/nowhere")
    app = create_app(away)
    answer = app.test_client().get("/readyz")
    transaction.engine().dispose()
    transaction.bind(database, connection)
    assert (answer.status_code, answer.json["code"]) == (503, "database_away")
    _nothing_in(answer.text + caplog.text)


def test_errors_of_the_engine_hide_the_parameters(settings):
    engine = make_engine(settings)
    with engine.connect() as connection, pytest.raises(sa.exc.DataError) as caught:
        connection.execute(sa.text("SELECT 1 / (length(:words) - length(:words))"), {"words": WORDS})
    engine.dispose()
    _nothing_in(str(caught.value))


def test_exports_hold_no_person_but_the_roster_itself(city, tx):
    """`jingwei export workers` is the roster with its phones, and who may run it owns the machine."""
    subjects = sorted(
        name for name in named_statements() if name.startswith("interop.") and name.endswith("_at")
    )
    assert subjects == [f"interop.{name}_at" for name in ("cells", "facilities", "posts", "workers")]
    for name in subjects:
        text = str(tx.named(name, at=datetime.now(UTC), prefix=A[:6]).all())
        found = [mark for mark in CANARIES if mark in text]
        assert found == ([WORKER, WORKER_PHONE] if name == "interop.workers_at" else []), name


def test_what_was_made_for_somebody_is_kept_by_no_cache(city):
    """Only published tiles, which are the same for all, may be kept, by the browser alone."""
    kept = {"tiles.published_tile", "tiles.published_tilejson", "photos.show_photo"}
    private = {
        "tiles.published_tile",
        "tiles.published_tilejson",
        "tiles.cases_tilejson",
        "tiles.workers_tilejson",
    }
    public = {"static", "openapi.show", "health.healthz", "health.readyz", "map_pages.start"}
    wrong = []
    for endpoint, address in city.addresses.of(city.app):
        with city.clients["dispatcher"].get(address) as answer:
            said = answer.headers.get("Cache-Control", "")
        fine = endpoint in public or "no-store" in said or (endpoint in kept | private and "private" in said)
        if not fine:
            wrong.append((endpoint, address, said))
    assert wrong == []
