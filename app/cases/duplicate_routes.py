"""Duplicates: what is known already where somebody reports, and joining it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, Response
from pydantic import Field, model_validator

from app import clock
from app.cases import queries
from app.cases.duplicates import Likely, join, likely, likely_of
from app.cases.queries import CaseCard, sight_of
from app.http import Description, Parsed, describe, json_answer
from app.identity.access import allow, viewer
from app.identity.rules import LISTS, REPORTS, SEARCHES, Permission
from app.transaction import read, write

blueprint = Blueprint("duplicates", __name__)


class PlaceQuery(Parsed):
    """What is about to be reported, and where."""

    type: str = Field(description="A code of GET /api/v1/types", min_length=1, max_length=16)
    lon: float | None = Field(None, ge=-180, le=180, description="WGS 84")
    lat: float | None = Field(None, ge=-90, le=90, description="WGS 84")
    facility: str | None = Field(None, description="The facility's code", max_length=32)

    @model_validator(mode="after")
    def _placed(self) -> PlaceQuery:
        if (self.lon is None) != (self.lat is None):
            raise ValueError("lon and lat come together, or neither; add the missing one")
        if any("\0" in text for text in (self.type, self.facility or "")):
            raise ValueError("a code holds no character NUL; leave it out")
        return self


class JoinBody(Parsed):
    """Which known case a report joins."""

    key: str = Field(description="`key` of GET /api/v1/duplicates", pattern=r"^[0-9a-f]{24}$")


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Open cases that are likely the same matter, the likeliest first."""

    items: list[Likely]


@blueprint.get("/api/v1/duplicates")
@allow(Permission.REPORT_CASE, limit=SEARCHES)
@describe(
    Description(
        "What is reported already: the same type near by, or the same facility",
        "cases",
        query=PlaceQuery,
        answers={200: Duplicates},
    )
)
def list_duplicates(query: PlaceQuery) -> Response:
    """List open cases that a report would likely repeat."""
    with read() as tx:
        found = likely(tx, **dict(query), by=viewer(), at=clock.now())
    return json_answer(Duplicates(found))


@blueprint.get("/api/v1/cases/<uuid:case_id>/likely")
@allow(Permission.READ_CASES, limit=LISTS)
@describe(
    Description(
        "Open cases that are likely the same matter", "cases", answers={200: Duplicates}, problems=(404,)
    )
)
def list_likely(case_id: UUID) -> Response:
    """List open cases that are likely the same matter as this one."""
    with read() as tx:
        case = queries.case(tx, case_id, sight=sight_of(viewer()))
        found = likely_of(tx, case, by=viewer())
    return json_answer(Duplicates(found))


@blueprint.put("/api/v1/reports/<uuid:report_id>/joined")
@allow(Permission.REPORT_CASE, limit=REPORTS)
@describe(
    Description(
        "Join a report of one's own to the case that was known already",
        "cases",
        body=JoinBody,
        answers={200: CaseCard},
        problems=(404, 409, 422, 429),
        path={"report_id": {"description": "The report's id, as it was filed"}},
    )
)
def put_joined(report_id: UUID, body: JoinBody) -> Response:
    """Merge the report; who sent it stays its reporter, and is told how the other goes on."""
    with write() as tx:
        return json_answer(join(tx, report_id, body.key, by=viewer(), at=clock.now()))
