"""Cases as pages, without script: the list with its filters in the address, and a case with its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID, uuid4

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask_babel import format_datetime
from werkzeug.wrappers import Response as AnyResponse

from app import clock, i18n
from app.cases import queries, rules
from app.cases.deadlines import CHINA_TIME
from app.cases.dossier import AFTER, dossier, left_in_words
from app.cases.queries import AreaName, CaseCard, Wanted, sight_of
from app.cases.routes import CasesQuery, next_cursor
from app.cases.rules import ENDED, RULES, Status, Step
from app.cases.steps import Choice
from app.errors import BadValue
from app.http import BadFields, parse
from app.identity.access import allow, viewer
from app.identity.rules import LISTS, Permission
from app.pages import vendored
from app.transaction import read
from gis import codes

blueprint = Blueprint("case_pages", __name__)

PAGE = 50
SOON = timedelta(hours=1)
ALL, OPEN, OVERDUE = "all", "open", "overdue"
FORMATS: Mapping[tuple[str, bool], str] = MappingProxyType(
    {
        ("zh", True): "M月d日 HH:mm",
        ("zh", False): "yyyy年M月d日 HH:mm",
        ("en", True): "d MMM, HH:mm",
        ("en", False): "d MMM yyyy, HH:mm",
    }
)
"""How a moment is written, by language and whether it is of this year."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters as they stand in the address; '' leaves one out."""

    status: str
    type: str
    area: str
    text: str
    cell: str
    worker: str
    after: str

    @property
    def narrowed(self) -> bool:
        """Whether a filter beyond the first view's is set."""
        return bool(self.type or self.area or self.text or self.cell or self.worker) or self.status != OPEN

    def address(self, **changes: str) -> str:
        """Return the list's address with these filters, some of them changed."""
        asked = {**asdict(self), "after": "", **changes}
        if asked["status"] == OPEN:
            del asked["status"]
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{url_for('.cases')}?{query}" if query else url_for(".cases")


NAMES = tuple(field.name for field in fields(Asked))


@dataclass(frozen=True, slots=True)
class Due:
    """How a case stands to its limit: 'overdue', 'soon', 'open', 'still' or 'ended'; minutes left or over."""

    state: str
    minutes: int

    @property
    def parts(self) -> tuple[int, int, int]:
        """Days, hours and minutes."""
        return self.minutes // 1440, self.minutes % 1440 // 60, self.minutes % 60


@blueprint.get("/cases")
@allow(Permission.READ_CASES, page=True, limit=LISTS)
def cases() -> Response:
    """Show the cases that the viewer may see, newest first."""
    asked = _asked()
    at = clock.now()
    sight = sight_of(viewer())
    faults: Mapping[str, str] = {}
    page = queries.CasePage()
    with read() as tx:
        types, areas = queries.types(tx), queries.areas_of(tx, sight.areas)
        try:
            page = queries.cases(tx, sight=sight, wanted=_wanted(asked, at))
        except BadValue as error:
            faults = _faults(error)
    body = render_template(
        "cases/list.html",
        asked=asked,
        faults=faults,
        page=page,
        following=next_cursor(page),
        types=types,
        areas=_with_asked(areas, asked.area),
        statuses=list(Status),
        due=lambda case: due(case, at),
        moment=lambda when: moment(when, at),
        on_map=on_map,
    )
    return make_response(body, 422 if faults else 200)


@blueprint.get("/cases/<uuid:case_id>")
@allow(Permission.READ_CASES, page=True)
def case(case_id: UUID) -> str:
    """Show a case with its steps, and those that the viewer may take."""
    return case_page(case_id)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A step that was sent and not taken: why, what was typed, and how many steps others took meanwhile."""

    step: str
    kind: str
    fields: Mapping[str, str]
    typed: Mapping[str, Any]
    missed: int = 0
    detail: str = ""


def case_page(case_id: UUID, trouble: Trouble | None = None) -> str:
    """Return the page of a case; with `trouble` what was typed stands in its form again.

    Raises:
        NotFound: there is no such case, or not for this viewer.
    """
    at = clock.now()
    with read() as tx:
        found = dossier(tx, case_id, by=viewer(), at=at)
    case, more = found.case, found.more
    place = None
    if case.lon is not None:
        near = [[one.lon, one.lat] for one in found.neighbours if one.lon is not None]
        place = {"lon": case.lon, "lat": case.lat, "near": near, "maplibre": _maplibre()}
    return render_template(
        "cases/case.html",
        file=found,
        case=case,
        more=more,
        bar=found.bar,
        kept={photo.sha256 for photo in found.photos if photo.kept},
        before=[photo for photo in found.photos if photo.stage not in AFTER],
        after=[photo for photo in found.photos if photo.stage in AFTER],
        ended=case.status in ENDED,
        due=due(case, at),
        stage_due=_stage_due(case, at),
        left=left_in_words(more.clock_kind, case.clock_left_s) if case.clock_left_s is not None else None,
        primary=PRIMARY,
        ordered=sorted(found.choices, key=lambda choice: _rank(choice, found.more.asked)),
        moment=lambda when: moment(when, at),
        parsed=datetime.fromisoformat,
        today=at.astimezone(CHINA_TIME).date(),
        on_map=on_map(case),
        place=place,
        trouble=trouble,
        done=request.args.get("done", "") if trouble is None else "",
        new_key=uuid4,
    )


PRIMARY = frozenset(
    step for (status, step) in RULES if any((other, step) not in RULES for other in rules.OPEN)
)
"""Steps that belong to a status; the others can be taken in every open one."""


ONWARD = (
    *(Step.VERIFIED, Step.ACCEPT, Step.FILE, Step.DISPATCH, Step.SIGN, Step.FEEDBACK, Step.RESUME),
    *(Step.CHECKED, Step.PASS, Step.CALL_BACK, Step.CHECK, Step.SATISFIED, Step.ORDER, Step.DECIDE),
    *(Step.VERIFY, Step.ANSWER, Step.NO_CONTACT, Step.UNREACHED, Step.DISSATISFIED, Step.HOLD_TO_ACCOUNT),
)
"""Steps in the order in which they are offered: what leads on first."""


def _rank(choice: Choice, asked: str | None) -> int:
    if choice.step == asked:
        return -2
    if choice.step == Step.REFUSE:
        return -1
    return ONWARD.index(Step(choice.step)) if choice.step in ONWARD else len(ONWARD)


def _stage_due(case: CaseCard, at: datetime) -> Due | None:
    """Return how the case stands to the moment by which its holder has to have acted."""
    if case.stage_due_at is None or case.stage_due_at == case.due_at:
        return None
    return due_at(case.stage_due_at, at, soon=timedelta(minutes=5))


def _maplibre() -> str:
    folder = vendored("maplibre-gl")
    return f"{folder}/maplibre-gl.mjs" if folder else ""


@blueprint.get(f"/cases/<int(fixed_digits={codes.CASE.length}):no>")
@allow(Permission.READ_CASES, page=True)
def case_by_number(no: int) -> AnyResponse:
    """Lead from a case's number, which people write down, to the case."""
    with read() as tx:
        case_id = queries.case_id(tx, f"{no:0{codes.CASE.length}d}", sight=sight_of(viewer()))
    return redirect(url_for(".case", case_id=case_id))


def due(case: CaseCard, at: datetime) -> Due:
    """Return how the case stands to its time limit at `at`."""
    if case.status in ENDED:
        return Due("ended", 0)
    if case.clock_left_s is not None:
        return Due("still", round(case.clock_left_s / 60))
    return due_at(case.due_at, at)


def due_at(moment: datetime, at: datetime, *, soon: timedelta = SOON) -> Due:
    """Return how `at` stands to a moment by which something has to be done."""
    left = moment - at
    minutes = round(abs(left).total_seconds() / 60)
    if left < timedelta(0):
        return Due("overdue", minutes)
    return Due("soon" if left < soon else "open", minutes)


def moment(when: datetime, at: datetime) -> str:
    """Return a moment in the city's time and the page's language, with the year when it is another."""
    return cast(str, format_datetime(when, FORMATS[i18n.language(), when.year == at.year]))


def on_map(case: CaseCard) -> str | None:
    """Return the address of the map with this case selected; None for an appeal without a place."""
    if case.lon is None or case.lat is None:
        return None
    return f"{url_for('map_pages.map_page')}#map=16.50/{case.lat:.5f}/{case.lon:.5f}&sel=case:{case.id}"


def _asked() -> Asked:
    given = {name: request.args.get(name, "").strip() for name in NAMES}
    return Asked(**{**given, "status": given["status"] or OPEN})


def _wanted(asked: Asked, at: datetime) -> Wanted:
    """Return the filters, checked as the API checks them.

    Raises:
        BadValue: one does not fit.
    """
    status = {ALL: "", OVERDUE: OPEN}.get(asked.status, asked.status)
    given = {**asdict(asked), "status": status}
    wanted = parse(CasesQuery, {name: value for name, value in given.items() if value}).wanted()
    return replace(wanted, limit=PAGE, overdue_at=at if asked.status == OVERDUE else None)


def _faults(error: BadValue) -> dict[str, str]:
    """Return the values that do not fit, by field."""
    if isinstance(error, BadFields):
        return {problem.field: problem.value for problem in error.problems}
    return {error.field or "": str(error.value)[:80]}


def _with_asked(areas: list[AreaName], code: str) -> list[AreaName]:
    """Return the choices with the one that was asked for: a link may name a community, which none lists."""
    if not code or any(area.code == code for area in areas):
        return areas
    return [AreaName(code, code, "", ""), *areas]
