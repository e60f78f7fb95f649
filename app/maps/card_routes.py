"""What a click on the map asks for: cards, search and counts, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time
from typing import Any, TypeVar
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
from gis import codes

blueprint = Blueprint("cards", __name__, url_prefix="/api/v1")

AREA_CODE = {"type": "string", "pattern": codes.AREA_REGEX, "example": "210302001001"}
CELL_CODE = {"type": "string", "pattern": codes.CELL.regex, "example": "210302001001001"}
FACILITY_CODE = {"type": "string", "pattern": codes.FACILITY.regex, "example": "2103020101000001"}
WORKER_CODE = {"type": "string", "pattern": codes.WORKER_REGEX, "example": "W0001"}
CardT = TypeVar("CardT", bound=Answer)


class SearchQuery(Parsed):
    """What to look for."""

    q: str = Field(
        max_length=80, pattern=r"^[^\x00-\x1f]*$", description="the beginning of a code, or a part of a name"
    )


def _describe_card(summary: str, answer: type[Answer], code: Mapping[str, Any]) -> Description:
    return Description(summary, "map", answers={200: answer}, path={"code": code})


def _answer(ask: Callable[..., CardT], *named: str, **more: Any) -> Response:
    """Answer what `ask` reads for the viewer as things stand now."""
    with read() as tx:
        return json_answer(ask(tx, *named, viewer=viewer(), at=clock.now(), **more))


@blueprint.get("/search")
@allow(Permission.READ_MAP, limit=SEARCHES)
@describe(
    Description(
        "Areas, cells, facilities, cases and workers by code or name",
        "map",
        query=SearchQuery,
        answers={200: search.Hits},
    )
)
def find(query: SearchQuery) -> Response:
    """Answer what the words may mean."""
    return _answer(search.hits, query.q, english=i18n.language() == "en")


@blueprint.get("/cells/<code>")
@allow(Permission.READ_MAP, limit=CARDS)
@describe(_describe_card("A cell: its place, holders, facilities and open cases", cards.CellCard, CELL_CODE))
def cell(code: str) -> Response:
    """Answer a cell's card."""
    return _answer(cards.cell, code)


@blueprint.get("/facilities/<code>")
@allow(Permission.READ_MAP, limit=CARDS)
@describe(
    _describe_card("A facility: its type, condition, cell and holder", cards.FacilityCard, FACILITY_CODE)
)
def facility(code: str) -> Response:
    """Answer a facility's card."""
    return _answer(cards.facility, code)


@blueprint.get("/areas/<code>")
@allow(Permission.READ_MAP, limit=CARDS)
@describe(_describe_card("A district, town or community: what it holds", cards.AreaCard, AREA_CODE))
def area(code: str) -> Response:
    """Answer an area's card."""
    return _answer(cards.area, code)


@blueprint.get("/workers/<code>")
@allow(Permission.READ_WORKERS, limit=CARDS)
@describe(_describe_card("A worker of your areas: duty, cells and open cases", cards.WorkerCard, WORKER_CODE))
def worker(code: str) -> Response:
    """Answer a worker's card."""
    return _answer(cards.worker, code)


@blueprint.get("/summary")
@allow(Permission.READ_MAP, limit=CARDS)
@describe(
    Description(
        "How much each layer of the map holds for you",
        "map",
        answers={200: cards.Summary},
    )
)
def summary() -> Response:
    """Answer the counts of the layers."""
    settings: Settings = current_app.config["JINGWEI"]
    local = clock.now().astimezone(ZoneInfo(settings.timezone))
    return _answer(cards.summary, midnight=datetime.combine(local.date(), time(), local.tzinfo))


@blueprint.get("/density")
@allow(Permission.READ_MAP, limit=CARDS)
@describe(
    Description(
        "How many cases, open or of the last 90 days, each cell and town has for you",
        "map",
        answers={200: cards.Density},
    )
)
def density() -> Response:
    """Answer what the map colours its cells by."""
    return _answer(cards.density)
