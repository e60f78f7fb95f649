"""Reports in, cases out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from flask import Blueprint, Response, current_app
from pydantic import AwareDatetime, Field, field_validator

from app import clock
from app.cases import queries
from app.cases.actions import Report, report_case
from app.cases.queries import OPEN, PAGE, CaseCard, CaseFile, CasePage, TypeCard, Wanted, sight_of
from app.cases.rules import Status
from app.errors import BadValue
from app.grid.positions import Position
from app.http import Description, Moment, Parsed, bbox, decode_cursor, describe, encode_cursor, json_answer
from app.identity.access import allow, viewer
from app.identity.rules import CARDS, LISTS, REPORTS, Permission
from app.settings import Settings
from app.transaction import read, write_at_once
from gis import codes

blueprint = Blueprint("cases", __name__)

MAX_TEXT = 2_000
MAX_PHOTOS = 9
SHA256 = r"^[0-9a-f]{64}$"


class ReportBody(Position):
    """What somebody saw. The id in the address is made where the report is made, once: a UUID."""

    type: str = Field(description="A code of GET /api/v1/types", min_length=1, max_length=16)
    observed_at: AwareDatetime | None = Field(
        None, description="When it was seen, with a zone; at most 31 days back. Left out: now"
    )
    text: str = Field("", description="At most 2,000 characters")
    facility: str | None = Field(
        None,
        description="The facility's code; left out: the nearest of the type within 30 m",
        min_length=1,
        max_length=32,
    )
    photos: tuple[str, ...] = Field((), description="SHA-256 of each photo; the files may come later")

    @field_validator("text", "type", "facility")
    @classmethod
    def _storable(cls, text: str | None) -> str | None:
        if text is not None and "\0" in text:
            raise ValueError("holds the character NUL, which no text needs; leave it out")
        return text

    @field_validator("text")
    @classmethod
    def _short(cls, text: str) -> str:
        if len(text) > MAX_TEXT:
            raise ValueError(f"has {len(text)} characters; at most {MAX_TEXT} fit, shorten it")
        return text

    @field_validator("photos")
    @classmethod
    def _named_by_content(cls, photos: tuple[str, ...]) -> tuple[str, ...]:
        if len(photos) > MAX_PHOTOS:
            raise ValueError(f"names {len(photos)} photos; at most {MAX_PHOTOS} fit, choose the telling ones")
        for photo in photos:
            if len(photo) != 64 or not set(photo) <= set("0123456789abcdef"):
                raise ValueError(f"{photo[:70]!r} is no SHA-256: give 64 digits 0-9a-f")
        if len(set(photos)) < len(photos):
            raise ValueError("names a photo twice; name each once")
        return photos


class CasesQuery(Parsed):
    """Which cases to list; left out, a filter does nothing."""

    bbox: str | None = Field(None, description="minlon,minlat,maxlon,maxlat in WGS 84")
    cell: str | None = Field(None, description="A cell's code", pattern=codes.CELL.regex)
    area: str | None = Field(
        None, description="A city's, district's, town's or community's code", pattern=codes.AREA_REGEX
    )
    status: str | None = Field(None, description="Statuses, parted by commas; `open` is all that go on")
    type: str | None = Field(None, description="A type's code", max_length=16)
    worker: str | None = Field(None, description="A worker's code", max_length=16)
    since: Moment | None = Field(
        None, description="Received at this moment or later; with a zone, or a date (local midnight)"
    )
    text: str | None = Field(None, description="Part of the text, or a case number", max_length=100)
    after: str | None = Field(None, description="`next` of the page before", max_length=200)
    limit: int = Field(PAGE, ge=1, le=PAGE, description="How many a page")
    format: Literal["json", "geojson"] = Field("json", description="How the answer is written")

    @field_validator("bbox")
    @classmethod
    def _box(cls, text: str | None) -> str | None:
        if text is not None:
            bbox(text)
        return text

    @field_validator("status")
    @classmethod
    def _statuses(cls, text: str | None) -> str | None:
        for name in (text or "open").split(","):
            if name != "open" and name not in set(Status):
                raise ValueError(f"{name!r} is no status: open, {', '.join(Status)}")
        return text

    @field_validator("type", "worker", "text")
    @classmethod
    def _storable(cls, text: str | None) -> str | None:
        if text is not None and "\0" in text:
            raise ValueError("holds the character NUL; leave it out")
        return text

    def wanted(self) -> Wanted:
        """Return the filters."""
        return Wanted(
            bbox=None if self.bbox is None else bbox(self.bbox),
            cell=self.cell,
            area=self.area,
            statuses=_statuses(self.status),
            type=self.type,
            worker=self.worker,
            since=self.since,
            text=self.text or None,
            before=None if self.after is None else _before(self.after),
            limit=self.limit,
        )


class TypesQuery(Parsed):
    """Which types to list."""

    kind: Literal["incident", "appeal"] = Field("incident", description="Of incidents, or of appeals")


@dataclass(frozen=True, slots=True)
class Types:
    """What can be reported."""

    items: list[TypeCard]


@dataclass(frozen=True, slots=True)
class CasePoint:
    """Where a case is, as GeoJSON."""

    type: Literal["Point"]
    coordinates: tuple[float, float]


@dataclass(frozen=True, slots=True)
class CaseFeature:
    """A case as a GeoJSON feature."""

    type: Literal["Feature"]
    id: UUID
    geometry: CasePoint | None
    properties: CaseCard


@dataclass(frozen=True, slots=True)
class CaseFeatures:
    """A page of cases as GeoJSON; `next` as in `Cases`."""

    type: Literal["FeatureCollection"]
    features: tuple[CaseFeature, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Cases:
    """A page of cases, newest first; `next` is the cursor of the page that follows, null on the last."""

    items: tuple[CaseCard, ...]
    next: str | None


@blueprint.put("/api/v1/reports/<uuid:report_id>")
@allow(Permission.REPORT_CASE, limit=REPORTS)
@describe(
    Description(
        "File a report once, however often it is sent",
        "cases",
        body=ReportBody,
        answers={200: CaseCard, 201: CaseCard},
        problems=(409, 422, 429),
        path={"report_id": {"description": "A UUID made by the sender, the same at every try"}},
    )
)
def put_report(report_id: UUID, body: ReportBody) -> Response:
    """File a report: 201 the first time, 200 when it is sent again."""
    report = Report(id=report_id, **dict(body))
    with write_at_once() as tx:
        filed = report_case(tx, report, by=viewer(), at=clock.now(), outside_limit_m=_outside_limit_m())
    return json_answer(filed.case, 201 if filed.fresh else 200)


@blueprint.get("/api/v1/types")
@allow(Permission.REPORT_CASE)
@describe(
    Description("List what can be reported, or appealed", "cases", query=TypesQuery, answers={200: Types})
)
def list_types(query: TypesQuery) -> Response:
    """List what can be reported, or the kinds of appeals."""
    with read() as tx:
        return json_answer(Types([kind for kind in queries.types(tx) if kind.kind == query.kind]))


@blueprint.get("/api/v1/cases")
@allow(Permission.READ_CASES, limit=LISTS)
@describe(
    Description(
        "List cases, newest first",
        "cases",
        query=CasesQuery,
        answers={200: Cases},
        also={200: {"application/geo+json": CaseFeatures}},
    )
)
def list_cases(query: CasesQuery) -> Response:
    """List the cases that the viewer may see."""
    with read() as tx:
        page = queries.cases(tx, sight=sight_of(viewer()), wanted=query.wanted())
    if query.format == "geojson":
        return json_answer(_features(page), media_type="application/geo+json")
    return json_answer(Cases(page.items, next_cursor(page)))


@blueprint.get("/api/v1/cases/<uuid:case_id>")
@allow(Permission.READ_CASES, limit=CARDS)
@describe(Description("Show a case with its steps", "cases", answers={200: CaseFile}, problems=(404,)))
def show_case(case_id: UUID) -> Response:
    """Show a case with its steps."""
    with read() as tx:
        return json_answer(queries.case(tx, case_id, sight=sight_of(viewer())))


def _outside_limit_m() -> float:
    return cast(Settings, current_app.config["JINGWEI"]).outside_limit_km * 1_000.0


def _statuses(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    return tuple(dict.fromkeys(s for name in text.split(",") for s in (OPEN if name == "open" else (name,))))


def _before(cursor: str) -> tuple[datetime, UUID]:
    moment, case_id = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(moment), UUID(case_id)
    except ValueError:
        message = "after: this is no cursor of ours; leave it out"
        raise BadValue(message, field="after", value=cursor) from None


def next_cursor(page: CasePage) -> str | None:
    """Return the cursor of the page that follows, None on the last."""
    if not page.more:
        return None
    last = page.items[-1]
    return encode_cursor(last.received_at.isoformat(), str(last.id))


def _point(case: CaseCard) -> CasePoint | None:
    if case.lon is None or case.lat is None:
        return None
    return CasePoint("Point", (case.lon, case.lat))


def _features(page: CasePage) -> CaseFeatures:
    features = tuple(CaseFeature("Feature", case.id, _point(case), case) for case in page.items)
    return CaseFeatures("FeatureCollection", features, next_cursor(page))
