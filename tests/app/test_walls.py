"""Areas are walls: every route, asked by every role about what is theirs, what is foreign, what is not."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app import blobs
from app.cases.actions import Report, report_case
from app.cases.models import Case
from app.cases.rules import ENDED, VISITORS, Step
from app.cases.rules import RULES as CASE_RULES
from app.cases.steps import _VISITS as VISITS
from app.cases.steps import Taken, take_step
from app.errors import JingweiError
from app.identity.access import permission_of
from app.identity.models import Person
from app.identity.rules import PERMISSIONS, Permission, Role
from app.maps.publish import publish
from app.reports import actions as reports
from app.reports.queries import Scope
from app.reports.rules import Period
from tests import people
from tests.city import A, C, middle
from tests.crawl import AWAY, COVER, HOME, NEXT, Addresses, tile_of, unpacked
from tests.pictures import name_of, picture

TOWN = "210302001"
"""Everybody's area here; community C lies in the town beside it."""

DESKS = frozenset(set(Role) - {Role.CITIZEN, Role.WORKER, Role.HANDLER})
UNIT = "L"
"""The handler's department, which has the case at home."""

NOBODY = UUID(int=0)
PLACES = {"home": HOME, "next": NEXT, "away": AWAY, "mine": AWAY}
SEEN: Mapping[Role, frozenset[str]] = {
    Role.CITIZEN: frozenset({"mine"}),
    Role.WORKER: frozenset({"home"}),
    Role.HANDLER: frozenset({"home"}),
    **dict.fromkeys(DESKS, frozenset({"home", "next"})),
}
"""Which cases a role sees: a desk its town's, the worker those in their hands, the handler their unit's."""

NAMES = {f"W000{n}": f"Wallname{n}" for n in range(1, 6)}


@dataclass
class Walled:
    """The city with a case on either side of the wall; ids, numbers and photos by the case's name."""

    app: Any
    ids: dict[str, UUID] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    photos: dict[str, str] = field(default_factory=dict)
    sheets: dict[str, int] = field(default_factory=dict)
    objections: dict[str, int] = field(default_factory=dict)
    clients: dict[Role | None, Any] = field(default_factory=dict)

    def own(self, role: Role) -> str:
        """Return the name of a case that the role sees."""
        return "mine" if role is Role.CITIZEN else "home"

    def foreign(self, role: Role) -> str:
        """Return the name of a case that the role does not see."""
        return "home" if role is Role.CITIZEN else "away"


@pytest.fixture
def walled(app, tx, settings):
    at = datetime.now(UTC)
    publish(tx, at=at)
    for code, name in NAMES.items():
        tx.execute(
            sa.text("UPDATE workers SET name = :name WHERE code = :code"), {"name": name, "code": code}
        )
    tx.execute(sa.text("UPDATE workers w SET position = ST_PointOnSurface(a.geom), position_at = now()"
                       " FROM areas a WHERE a.code = w.home_code"))  # fmt: skip
    city = Walled(app)
    city.clients[None] = app.test_client()
    for role in Role:
        area, worker = (A, "W0001") if role is Role.WORKER else (TOWN, "")
        people.person(tx, f"wall-{role}", role, area, worker, UNIT if role is Role.HANDLER else "")
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {people.token(tx, f'wall-{role}')}"
        city.clients[role] = client
    for number, (name, cell) in enumerate(PLACES.items()):
        by = people.viewer_of(tx, "wall-citizen" if name == "mine" else "operator")
        lon, lat = middle(*{HOME: (0, 0), NEXT: (2, 0), AWAY: (4, 0)}[cell])
        photo = picture(number)
        kept = blobs.store(settings.photos, name_of(photo), photo)
        blobs.record(tx, kept, by=by.person_id, at=at)
        report = Report(
            id=uuid4(), type="F0101", lon=lon, lat=lat, text=f"wall-{name}", photos=(name_of(photo),)
        )
        filed = report_case(tx, report, by=by, at=at - timedelta(minutes=number))
        city.ids[name], city.numbers[name] = filed.case.id, filed.case.no
        city.photos[name] = name_of(photo)
        tx.execute(
            sa.text("INSERT INTO appeals (case_id, nature, name, phone) VALUES (:id, 'help', :name, :phone)"),
            {"id": filed.case.id, "name": f"Wallperson {name}", "phone": f"1360000111{number}"},
        )
    tx.execute(
        sa.text("UPDATE cases SET unit_code = :unit WHERE id = :id"), {"unit": UNIT, "id": city.ids["home"]}
    )
    _figures(tx, city)
    return city


def _figures(tx, city: Walled) -> None:
    """Tell the figures of the cases, publish some of either side, and object on either side."""
    at = datetime.now(UTC)
    while reports.refresh(tx, at=at).more:
        pass
    by = people.viewer_of(tx, "admin")
    past = Period(date(2024, 1, 1), date(2024, 1, 31))
    for name, area in (("home", TOWN), ("away", C[:9])):
        city.sheets[name] = reports.publish(tx, past, area=area, scope=Scope((area,)), by=by, at=at)
        city.objections[name] = reports.object_to(
            tx, city.numbers[name], "handle", scope=Scope(), by=by, at=at, reason=f"wall-{name}"
        )


@dataclass(frozen=True)
class Named:
    """How a route that names a thing is asked: what is the viewer's, what is foreign, and what is nothing.

    `foreign_status` is the answer across the wall: 200 for what is public, 404 for what is not.
    """

    own: Callable[[Walled, Role], dict[str, Any]]
    foreign: Callable[[Walled, Role], dict[str, Any]]
    none: dict[str, Any]
    foreign_status: int = 404
    own_status: frozenset[int] = frozenset({200})
    none_status: int = 404
    body: Callable[[], dict[str, Any]] = dict


def public(own: dict[str, Any], foreign: dict[str, Any], none: dict[str, Any], **more: Any) -> Named:
    return Named(lambda _c, _r: own, lambda _c, _r: foreign, none, foreign_status=200, **more)


def of_case(part: str, values: str, none: Any) -> Named:
    return Named(
        lambda city, role: {part: getattr(city, values)[city.own(role)]},
        lambda city, role: {part: getattr(city, values)[city.foreign(role)]},
        {part: none},
    )


def report() -> dict[str, Any]:
    lon, lat = middle(4, 0)
    return {"json": {"type": "E0110", "lon": lon, "lat": lat}}


PHOTO = picture(77)
TILE = public(
    tile_of(*middle(0, 0), 15), tile_of(*middle(4, 0), 15), {"z": 25, "x": 0, "y": 0},
    own_status=frozenset({200, 204}),
)  # fmt: skip
LAYERED = public(
    {"layer": "areas", **tile_of(*middle(0, 0), 15)},
    {"layer": "areas", **tile_of(*middle(4, 0), 15)},
    {"layer": "areas", "z": 3, "x": 8, "y": 0},
    own_status=frozenset({200, 204}),
)
RULES: Mapping[str, Named] = {
    # public facts: whoever may look at the map sees all of the city's areas, cells and facilities
    "cards.area": public({"code": A}, {"code": C}, {"code": "999999"}),
    "cards.cell": public({"code": HOME}, {"code": AWAY}, {"code": "999999999999999"}),
    "cards.facility": public({"code": COVER}, {"code": COVER}, {"code": "9999999999999999"}),
    "tiles.published_tile": LAYERED,
    "tiles.published_tilejson": public({"layer": "areas"}, {"layer": "cells"}, {}),
    "static": public(
        {"filename": "jingwei/base.mjs"}, {"filename": "jingwei/base.css"}, {"filename": "../x"}
    ),
    # a tile is of a place, not of an area: what is in it is asked below
    "tiles.cases_tile": TILE,
    "tiles.workers_tile": TILE,
    # behind the wall
    "cards.worker": Named(
        lambda _c, _r: {"code": "W0001"}, lambda _c, _r: {"code": "W0004"}, {"code": "W9999"}
    ),
    "cases.show_case": of_case("case_id", "ids", NOBODY),
    "case_pages.case": of_case("case_id", "ids", NOBODY),
    "steps.list_choices": of_case("case_id", "ids", NOBODY),
    "duplicates.list_likely": of_case("case_id", "ids", NOBODY),
    # whoever reported it may join it to another; to anybody else it is as if it were not
    "duplicates.put_joined": Named(
        lambda city, role: {"report_id": city.ids[city.own(role)]},
        lambda city, role: {"report_id": city.ids[city.foreign(role)]},
        {"report_id": NOBODY},
        own_status=frozenset({404, 409}),
        body=lambda: {"json": {"key": "0" * 24}},
    ),
    "case_forms.take": Named(
        lambda city, role: {"case_id": city.ids[city.own(role)]},
        lambda city, role: {"case_id": city.ids[city.foreign(role)]},
        {"case_id": NOBODY},
        own_status=frozenset({403, 422}),
        body=lambda: {"data": {"step": "note"}},
    ),
    # a view that is another's, or none, is as gone as one's own
    "inbox.drop": public(
        {"view": 1}, {"view": 2}, {"view": 10**12}, own_status=frozenset({303}), none_status=303
    ),
    # the person behind what is theirs is told to its holder, who is the operator while it is reported
    "persons.show_person": Named(
        lambda city, role: {"case_id": city.ids[city.own(role)]},
        lambda city, role: {"case_id": city.ids[city.foreign(role)]},
        {"case_id": NOBODY},
        own_status=frozenset({200, 403}),
        body=lambda: {"json": {"reason": "to ring them"}},
    ),
    # what is theirs is answered by what the step lacks or by whose it is, what is foreign as if it were not
    "steps.put_step": Named(
        lambda city, role: {"case_id": city.ids[city.own(role)], "step_id": uuid4()},
        lambda city, role: {"case_id": city.ids[city.foreign(role)], "step_id": uuid4()},
        {"case_id": NOBODY, "step_id": uuid4()},
        own_status=frozenset({403, 422}),
        body=lambda: {"json": {"step": "note"}},
    ),
    "appeals.put_appeal": Named(
        lambda _c, _r: {"appeal_id": uuid4()},
        lambda city, role: {"appeal_id": city.ids[city.foreign(role)]},
        {},
        foreign_status=409,
        own_status=frozenset({201}),
        body=lambda: {"json": {"type": "A08", "nature": "help", "text": "wall"}},
    ),
    "case_pages.case_by_number": Named(
        lambda city, role: {"no": int(city.numbers[city.own(role)])},
        lambda city, role: {"no": int(city.numbers[city.foreign(role)])},
        {"no": 10**19 - 1},
        own_status=frozenset({302}),
    ),
    "photos.show_photo": of_case("sha256", "photos", "0" * 64),
    # asked with notices in tests/app/notices/test_routes.py; here nobody has any
    "notices.put_read": Named(
        lambda _c, _r: {}, lambda _c, _r: {"notice_id": 1}, {"notice_id": 2**62}, own_status=frozenset({204})
    ),
    # anybody reports anywhere; a report that is somebody else's is neither shown nor changed
    "cases.put_report": Named(
        lambda _c, _r: {"report_id": uuid4()},
        lambda city, role: {"report_id": city.ids[city.foreign(role)]},
        {},
        foreign_status=409,
        own_status=frozenset({201}),
        body=report,
    ),
    "photos.put_photo": Named(
        lambda _c, _r: {"sha256": name_of(PHOTO)},
        lambda city, role: {"sha256": city.photos[city.foreign(role)]},
        {"sha256": "x"},
        foreign_status=422,
        own_status=frozenset({200, 201}),
        none_status=422,
        body=lambda: {"data": PHOTO},
    ),
    # a change of the calendar is the whole city's
    "calendar.decide": Named(
        lambda _c, _r: {},
        lambda _c, _r: {},
        {"change_id": 10**9},
        body=lambda: {"json": {"confirm": True}},
    ),
    "report_office.sheet": Named(
        lambda city, _r: {"sheet": city.sheets["home"]},
        lambda city, _r: {"sheet": city.sheets["away"]},
        {"sheet": 10**9},
    ),
    "report_office.decide_objection": Named(
        lambda city, _r: {"objection": city.objections["home"]},
        lambda city, _r: {"objection": city.objections["away"]},
        {"objection": 10**9},
        own_status=frozenset({303}),
        body=lambda: {"data": {"upheld": "yes"}},
    ),
}
"""What is right for every route that names a thing. A new route has no row here, and fails until it has."""

LISTS = {
    "citizen.form", "citizen.send", "citizen.ask", "citizen.track", "citizen.suspect", "citizen.clear",
    "notices.list_notices", "notices.put_all_read", "notices.show_choices", "notices.put_choices",
    "notices.show_page", "notices.read_from_page", "notices.choose_on_page", "notices.retry_from_page",
    "map_pages.start", "openapi.show", "cases.list_cases", "case_pages.cases", "grid.locate", "identity.me",
    "cards.find", "cards.summary", "cards.density", "cases.list_types", "health.healthz", "health.readyz",
    "map_pages.map_page", "maps.print_page", "identity.sign_in", "identity.enter", "identity.sign_out",
    "tiles.cases_tilejson", "tiles.workers_tilejson", "duplicates.list_duplicates", "inbox.page",
    "inbox.keep", "new_appeal.page", "new_appeal.register", "audit.list_rows", "audit.show_state",
    "audit.show_page", "reports.board", "reports.cases_of", "reports.workbook", "bulletin.bulletin_page",
    "bulletin.bulletin_book", "report_office.appraisal_board", "report_office.appraisal_book",
    "calendar.show_year", "calendar.propose", "calendar.list_changes", "calendar_pages.show",
    "report_office.definitions", "report_office.sheets", "report_office.publish", "report_office.weights",
    "report_office.set_weights", "report_office.objections", "report_office.add_objection",
}  # fmt: skip
"""Routes that name no thing: what they hold is asked by the crawl below."""


def test_every_route_has_a_rule(app):
    named = {rule.endpoint for rule in app.url_map.iter_rules() if rule.arguments}
    others = {rule.endpoint for rule in app.url_map.iter_rules()} - named
    assert named == set(RULES), "give a new route that names a thing its row in RULES"
    assert others == LISTS, "a new list belongs into LISTS, and its query into tests/crawl.py"


def asked(city: Walled, role: Role | None, endpoint: str, parts: dict[str, Any]) -> int:
    [rule] = [rule for rule in city.app.url_map.iter_rules() if rule.endpoint == endpoint]
    [method] = rule.methods - {"HEAD", "OPTIONS"}
    path = city.app.url_map.bind("localhost").build(endpoint, parts)
    with city.clients[role].open(path, method=method, **RULES[endpoint].body()) as answer:
        return answer.status_code


@pytest.mark.parametrize("role", list(Role))
def test_what_is_theirs_is_shown_and_what_is_foreign_is_as_if_it_were_not(walled, role):
    wrong = []
    for endpoint, rule in RULES.items():
        permission = permission_of(walled.app.view_functions[endpoint])
        may = permission is Permission.PUBLIC or permission in PERMISSIONS[role]
        across = rule.own_status if rule.foreign_status == 200 else {rule.foreign_status}
        cases = [
            ("own", rule.own(walled, role), rule.own_status),
            ("foreign", rule.foreign(walled, role), across),
            ("none", rule.none, {rule.none_status}),
        ]
        for side, parts, expected in cases:
            if parts and (status := asked(walled, role, endpoint, parts)) not in (expected if may else {403}):
                wrong.append((endpoint, side, status))
    assert wrong == []


def test_nobody_comes_in_anywhere(walled):
    for endpoint, rule in RULES.items():
        view = walled.app.view_functions[endpoint]
        for parts in (rule.own(walled, Role.DISPATCHER), rule.foreign(walled, Role.DISPATCHER), rule.none):
            if parts and permission_of(view) is not Permission.PUBLIC:
                # somebody is sent to the sign-in where they came to look, not where they send a form
                looks = getattr(view, "page", False) and not rule.body()
                expected = 302 if looks else 401
                assert asked(walled, None, endpoint, parts) == expected, (endpoint, parts)


@pytest.mark.parametrize("role", list(Role))
def test_no_list_search_tile_or_page_holds_anything_of_a_foreign_area(walled, role):
    """Cases by id, number and text, workers by name: none across the wall, each on this side somewhere."""
    desk = role in DESKS
    named = {NAMES[code] for code in ("W0001", "W0002", "W0003")} if desk else set()
    marks = {
        mark: name in SEEN[role]
        for name in PLACES
        for mark in (str(walled.ids[name]), walled.numbers[name], f"wall-{name}")
    } | {name: name in named for name in NAMES.values()}
    addresses = Addresses(
        cases=[str(one) for one in walled.ids.values()],
        numbers=[int(one) for one in walled.numbers.values()],
        photos=list(walled.photos.values()),
        sheets=list(walled.sheets.values()),
        words=[*walled.numbers.values(), *NAMES.values(), "wall-"],
    )
    met, leaked = set(), []
    for endpoint, address in addresses.of(walled.app):
        with walled.clients[role].get(address) as answer:
            body = unpacked(answer)
        for mark, allowed in marks.items():
            if mark.encode() in body and mark not in unquote(address):
                met.add(mark)
                if not allowed:
                    leaked.append((endpoint, address, mark))
    assert leaked == []
    assert met == {mark for mark, allowed in marks.items() if allowed}


FULL = {
    "reason": "a reason", "note": "a note", "answer": "exists", "photos": ("ab" * 32,), "measures": "done",
    "result": "mended", "score": "satisfied", "cause": "a cause", "finding": "a finding", "order": "an order",
    "persons": "somebody", "decision": "a decision", "into": NOBODY,
}  # fmt: skip
"""Everything that any step has to bring."""


def tried(tx, case_id, step, by, **case):
    """Try a step on the case as it would stand, take everything back, and return what was answered."""
    wanted = {"closed_at": datetime.now(UTC) if case["status"] in ENDED else None, **case}
    # a step may give nothing but what it needs, where the rest would be refused
    said = {name: value for name, value in FULL.items() if name != "into" or step is Step.MERGE}
    with tx.connection.begin_nested() as savepoint:
        tx.execute(sa.update(Case).where(Case.id == case_id).values(wanted))
        try:
            take_step(tx, case_id, Taken(step=step, **said), by=by, at=datetime.now(UTC))
        except JingweiError as error:
            answer = type(error).__name__
        else:
            answer = "taken"
        savepoint.rollback()
    return answer


@pytest.mark.parametrize("role", list(Role))
def test_every_step_is_refused_to_all_but_its_roles_and_to_them_across_the_wall(walled, tx, role):
    """Which roles those are is asked of the table itself; docs/permissions.md shows it to people."""
    by = people.viewer_of(tx, f"wall-{role}")
    checker = sa.select(Person.worker_id).where(Person.username == "wall-worker").scalar_subquery()
    wrong, taken = [], set()
    for (status, step), rule in CASE_RULES.items():
        committees = step is Step.DISPATCH and role is Role.COMMITTEE
        state = {"status": status, "returns": 2 if committees else 0, "calls": 0, "dissatisfactions": 0}
        if step is Step.HOLD_TO_ACCOUNT:
            state["dissatisfactions"] = 1
        if step is Step.UNREACHED:
            state["calls"] = 2
        visits = step in VISITS and role in VISITORS - {Role.OPERATOR}  # nobody set another visitor here
        may = role in rule.by and not visits
        answer = tried(tx, walled.ids[walled.own(role)], step, by, **state, checker_id=checker)
        if (answer in {"NotYours", "NotFound"}) == may:
            wrong.append(("own", status, step, answer))
        if answer == "taken":
            taken.add(step)
        answer = tried(tx, walled.ids[walled.foreign(role)], step, by, **state)
        if answer != "NotFound":
            wrong.append(("foreign", status, step, answer))
    assert wrong == []
    assert bool(taken) == any(role in rule.by for rule in CASE_RULES.values()), "nothing was taken: no proof"


@pytest.mark.parametrize("role", list(Role))
def test_counts_count_what_the_viewer_sees(walled, role):
    def card(path: str) -> dict[str, Any]:
        answer = walled.clients[role].get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text)

    def at(*cells: str) -> int:
        return sum(PLACES[name] in cells for name in SEEN[role])

    summary = card("summary")
    assert (summary["open"], summary["today"]) == (len(SEEN[role]), len(SEEN[role]))
    assert sum(card("density")["cells"].values()) == len(SEEN[role])
    assert (summary["workers"], summary["on_duty"]) == ((3, 2) if role in DESKS else (0, 0))
    for code, cells in (("210300", PLACES.values()), (TOWN, (HOME, NEXT)), (C, (AWAY,))):
        assert card(f"areas/{code}")["open"] == at(*cells), code
    for cell in (HOME, NEXT, AWAY):
        assert card(f"cells/{cell}")["open"] == len(card(f"cells/{cell}")["cases"]) == at(cell)
    staff = [(card(f"areas/{code}")["workers"], card(f"areas/{code}")["on_duty"]) for code in ("210300", C)]
    assert staff == ([(3, 2), (0, 0)] if role in DESKS else [(None, None)] * 2)


@pytest.mark.parametrize("role", sorted(DESKS))
def test_a_tile_of_workers_ends_at_the_wall(walled, role):
    inside, outside = (
        unpacked(
            walled.clients[role].get("/tiles/workers/{z}/{x}/{y}.mvt".format(**tile_of(*middle(*at), 15)))
        )
        for at in ((1, 2), (5, 2))
    )
    assert b"W0001" in inside + outside
    assert b"W0004" not in inside + outside


def test_a_worker_who_also_works_elsewhere_shows_no_foreign_case_on_their_card(walled, tx):
    tx.execute(
        sa.text("UPDATE cases SET worker_id = (SELECT id FROM workers WHERE code = 'W0001'), desk_code = NULL"
                " WHERE id = :id"), {"id": walled.ids["away"]},
    )  # fmt: skip
    card = walled.clients[Role.SUPERVISOR].get("/api/v1/workers/W0001").json
    assert [case["no"] for case in card["cases"]] == [walled.numbers["home"]]
    assert card["open"] == 1
    own = walled.clients[Role.WORKER].get("/api/v1/cases").json["items"]
    assert {case["no"] for case in own} == {walled.numbers["home"], walled.numbers["away"]}


def test_a_role_here_opens_no_door_there(walled, tx):
    """A dispatcher of community C who is a worker in A sees C as a desk, and A as a worker."""
    person = people.person(tx, "both", "dispatcher", C, "W0001")
    tx.execute(
        sa.text("INSERT INTO grants (person_id, role, area_code) VALUES (:person, 'worker', :area)"),
        {"person": person, "area": A},
    )
    client = walled.app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {people.token(tx, 'both')}"
    seen = {case["no"] for case in client.get("/api/v1/cases").json["items"]}
    assert seen == {walled.numbers[name] for name in ("home", "away", "mine")}
    assert client.get("/api/v1/workers/W0004").status_code == 200
    assert client.get("/api/v1/workers/W0002").status_code == 404
