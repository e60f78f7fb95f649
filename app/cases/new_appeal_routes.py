"""A new appeal by form: what a clerk takes by telephone or at a counter, beside what is known already."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app import clock
from app.cases import queries
from app.cases.appeal_routes import AppealBody
from app.cases.appeals import Appeal, communities_named, register_appeal
from app.cases.duplicates import likely
from app.cases.page_routes import moment
from app.cases.queries import sight_of
from app.cases.rules import Kind, Nature, Source, Step
from app.cases.steps import Taken, take_step
from app.errors import BadValue, Conflict, JingweiError, NotAllowed
from app.http import BadFields, parse, status_of
from app.identity.access import allow, viewer
from app.identity.rules import REPORTS, Permission, Role, Viewer
from app.pages import vendored
from app.transaction import Tx, read, write
from gis.errors import GisError

blueprint = Blueprint("new_appeal", __name__)

TEXTS = ("type", "nature", "source", "text", "wish", "name", "phone", "address", "area", "lon", "lat")
SOURCES = (Source.PHONE, Source.COUNTER, Source.LETTER)
FIRST = {"source": Source.PHONE.value, "nature": Nature.HELP.value, "tell": "1"}
MERGES = frozenset({Role.OPERATOR, Role.DISPATCHER})


@dataclass(frozen=True, slots=True)
class Similar:
    """Open cases of the same caller, and of the same type near by or of the same facility."""

    rows: Sequence[Mapping[str, Any]] = ()

    @property
    def digest(self) -> str:
        """What says that exactly these were shown."""
        ids = " ".join(sorted(str(row["id"]) for row in self.rows))
        return hashlib.sha256(ids.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the page shows beside an empty form."""

    typed: Mapping[str, str] = field(default_factory=lambda: FIRST)
    faults: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    similar: Similar = Similar()
    status: int = 200


@blueprint.get("/appeals/new")
@allow(Permission.TAKE_APPEALS, page=True)
def page() -> Response:
    """Show the form."""
    return _page(Drawn())


@blueprint.post("/appeals/new")
@allow(Permission.TAKE_APPEALS, limit=REPORTS)
def register() -> AnyResponse:
    """Register the appeal, or show first what may be the same; `find` looks up the address only."""
    typed = {name: value.replace("\0", "") for name, value in request.form.items()}
    if "find" in typed:
        return _page(Drawn(typed))
    try:
        appeal = _appeal(typed)
        by = viewer()
        if "join" not in typed:
            with read() as tx:
                similar = _similar(tx, appeal, by)
            if similar.rows and typed.get("seen") != similar.digest:
                return _page(Drawn(typed, similar=similar, status=200))
        case_id = _registered(appeal, typed.get("join"), by)
    except (BadValue, GisError, Conflict, NotAllowed) as error:
        return _page(Drawn(typed, _faults(error), str(error), status=status_of(error)))
    return redirect(url_for("case_pages.case", case_id=case_id, done="report"), code=303)


def _appeal(typed: Mapping[str, str]) -> Appeal:
    said: dict[str, Any] = {name: typed[name].strip() for name in TEXTS if typed.get(name, "").strip()}
    body = dict(parse(AppealBody, {**said, "tell": bool(typed.get("tell"))}))
    try:
        key = UUID(typed.get("key", ""))
    except ValueError:
        key = uuid4()
    return Appeal(id=key, **{**body, "source": Source(body["source"])})


def _registered(appeal: Appeal, join: str | None, by: Viewer) -> UUID:
    at = clock.now()
    with write() as tx:
        made = register_appeal(tx, appeal, by=by.person_id, at=at, sight=sight_of(by)).case
        if join and made.merged_into is None:
            into = _uuid(join)
            take_step(tx, made.id, Taken(step=Step.MERGE, key=uuid4(), into=into), by=by, at=at)
            return into
    return made.id


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadValue("into: this is no case", field="into", value=text[:40]) from None


def _similar(tx: Tx, appeal: Appeal, by: Viewer) -> Similar:
    """Return what is open already, each once, of the same caller first."""
    rows: dict[UUID, Mapping[str, Any]] = {}
    if appeal.phone:
        for row in tx.named("cases.callers_open", phone=appeal.phone).mappings():
            if by.sees_area(row["community_code"]):
                rows[row["id"]] = {**row, "why": "caller", "metres": None}
    if appeal.lon is not None:
        found = likely(
            tx, type=appeal.type, lon=appeal.lon, lat=appeal.lat, facility=None, by=by, at=clock.now()
        )
        for one in found:
            if one.case is not None and one.case not in rows:
                rows[one.case] = {
                    "id": one.case,
                    "no": one.no,
                    "name_zh": one.type.name_zh,
                    "name_en": one.type.name_en,
                    "status": one.status,
                    "received_at": one.received_at,
                    "text": one.text,
                    "why": "near",
                    "metres": one.metres,
                }
    rows.pop(appeal.id, None)
    return Similar(tuple(rows.values()))


def _faults(error: JingweiError | GisError) -> dict[str, str]:
    if isinstance(error, BadFields):
        return {problem.field: problem.message for problem in error.problems}
    name = getattr(error, "field", None)
    return {str(name): ""} if name else {}


def _page(drawn: Drawn) -> Response:
    at = clock.now()
    typed = drawn.typed
    with read() as tx:
        types = [kind for kind in queries.types(tx) if kind.kind == Kind.APPEAL]
        address = typed.get("address", "").strip()
        codes = [code for code, _ in communities_named(tx, address)] if address else []
        if typed.get("area") and typed["area"] not in codes:
            codes.append(typed["area"])
        places = tx.named("cases.places_named", codes=codes).all() if codes else []
        box = tx.named("cases.city_box").one()
    body = render_template(
        "cases/new_appeal.html",
        typed=typed,
        drawn=drawn,
        types=types,
        natures=list(Nature),
        sources=SOURCES,
        places=places,
        looked=bool(address),
        key=typed.get("key") or str(uuid4()),
        merges=bool(viewer().roles & MERGES),
        moment=lambda when: moment(when, at),
        place=_place(typed, box),
    )
    return Response(body, drawn.status, content_type="text/html; charset=utf-8")


def _place(typed: Mapping[str, str], box: Any) -> dict[str, Any]:
    folder = vendored("maplibre-gl")
    place: dict[str, Any] = {
        "maplibre": f"{folder}/maplibre-gl.mjs" if folder and box.west is not None else ""
    }
    if box.west is not None:
        place["bounds"] = [box.west, box.south, box.east, box.north]
    with suppress(ValueError):
        place |= {"lon": float(typed.get("lon", "")), "lat": float(typed.get("lat", ""))}
    return place
