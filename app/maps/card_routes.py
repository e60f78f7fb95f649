"""What a click on the map asks for: cards, search and counts, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app
from pydantic import Field

from app import clock, i18n
from app.http import Answer, Description, Parsed, describe, json_answer
from app.identity.access import allow, viewer
from app.identity.rules import CARDS, SEARCHES, Permission
from app.maps import cards, search
from app.settings import Settings
from app.transaction import read

blueprint = Blueprint("cards", __name__, url_prefix="/api/v1")

AREA_CODE = {"type": "string", "pattern": "^([0-9]{6}|[0-9]{9}|[0-9]{12})$", "example": "210302001001"}
CELL_CODE = {"type": "string", "pattern": "^[0-9]{15}$", "example": "210302001001001"}
FACILITY_CODE = {"type": "string", "pattern": "^[0-9]{16}$", "example": "2103020101000001"}
WORKER_CODE = {"type": "string", "pattern": "^W[0-9]+$", "example": "W0001"}


class SearchQuery(Parsed):
    """What to look for."""

    q: str = Field(
        max_length=80, pattern=r"^[^\x00-\x1f]*$", description="the beginning of a code, or a part of a name"
    )


def _describe_card(summary: str, answer: type[Answer], code: Mapping[str, Any]) -> Description:
    return Description(summary, "map", answers={200: answer}, problems=(401, 403, 404), path={"code": code})


@blueprint.get("/search")
@allow(Permission.READ_MAP, limit=SEARCHES)
@describe(
    Description(
        "Areas, cells, facilities, cases and workers by code or name",
        "map",
        query=SearchQuery,
        answers={200: search.Hits},
        problems=(401, 403, 422),
    )
)
def find(query: SearchQuery) -> Response:
    """Answer what the words may mean."""
    with read() as tx:
        found = search.hits(tx, query.q, viewer=viewer(), at=clock.now(), english=i18n.language() == "en")
    return json_answer(found)


@blueprint.get("/cells/<code>")
@allow(Permission.READ_MAP, limit=CARDS)
@describe(_describe_card("A cell: its place, holders, facilities and open cases", cards.CellCard, CELL_CODE))
def cell(code: str) -> Response:
    """Answer a cell's card."""
    with read() as tx:
        return json_answer(cards.cell(tx, code, viewer=viewer(), at=clock.now()))


@blueprint.get("/facilities/<code>")
@allow(Permission.READ_MAP, limit=CARDS)
@describe(
    _describe_card("A facility: its type, condition, cell and holder", cards.FacilityCard, FACILITY_CODE)
)
def facility(code: str) -> Response:
    """Answer a facility's card."""
    with read() as tx:
        return json_answer(cards.facility(tx, code, viewer=viewer(), at=clock.now()))


@blueprint.get("/areas/<code>")
@allow(Permission.READ_MAP, limit=CARDS)
@describe(_describe_card("A district, town or community: what it holds", cards.AreaCard, AREA_CODE))
def area(code: str) -> Response:
    """Answer an area's card."""
    with read() as tx:
        return json_answer(cards.area(tx, code, viewer=viewer(), at=clock.now()))


@blueprint.get("/workers/<code>")
@allow(Permission.READ_WORKERS, limit=CARDS)
@describe(_describe_card("A worker of your areas: duty, cells and open cases", cards.WorkerCard, WORKER_CODE))
def worker(code: str) -> Response:
    """Answer a worker's card."""
    with read() as tx:
        return json_answer(cards.worker(tx, code, viewer=viewer(), at=clock.now()))


@blueprint.get("/summary")
@allow(Permission.READ_MAP, limit=CARDS)
@describe(
    Description(
        "How much each layer of the map holds for you",
        "map",
        answers={200: cards.Summary},
        problems=(401, 403),
    )
)
def summary() -> Response:
    """Answer the counts of the layers."""
    settings: Settings = current_app.config["JINGWEI"]
    at = clock.now()
    local = at.astimezone(ZoneInfo(settings.timezone))
    midnight = datetime.combine(local.date(), time(), local.tzinfo)
    with read() as tx:
        return json_answer(cards.summary(tx, viewer=viewer(), at=at, midnight=midnight))


@blueprint.get("/density")
@allow(Permission.READ_MAP, limit=CARDS)
@describe(
    Description(
        "How many cases, open or of the last 90 days, each cell and town has for you",
        "map",
        answers={200: cards.Density},
        problems=(401, 403),
    )
)
def density() -> Response:
    """Answer what the map colours its cells by."""
    with read() as tx:
        return json_answer(cards.density(tx, viewer=viewer(), at=clock.now()))
