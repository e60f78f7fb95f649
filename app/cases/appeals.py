"""Appeals in: what somebody asks for by telephone, at a counter, on the web or by letter becomes a case."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from uuid import UUID

import orjson
import sqlalchemy as sa

from app.calendar import queries as calendars
from app.cases import deadlines, queries
from app.cases.actions import NoNumberLeft, ReportDiffers, UnknownType
from app.cases.queries import CaseCard, Sight
from app.cases.rules import STAGE_LIMITS, ClockKind, Kind, Nature, Source, Status, appeal_limit
from app.errors import BadValue
from app.transaction import Tx
from gis.crs import to_wgs84


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeal:
    """An appeal as it was said. With a place it finds its cell; without one `area` says where it belongs."""

    id: UUID
    type: str
    nature: Nature
    text: str
    source: Source
    wish: str = ""
    name: str | None = None
    phone: str | None = None
    address: str = ""
    area: str | None = None
    lon: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None
    crs: str = "wgs84"
    photos: tuple[str, ...] = ()
    tell: bool = True


@dataclass(frozen=True, slots=True)
class Accepted:
    """The case of an appeal; `fresh` when this very call made it."""

    case: CaseCard
    fresh: bool


def register_appeal(
    tx: Tx,
    appeal: Appeal,
    *,
    by: int | None,
    at: datetime,
    sight: Sight,
    secret_sha256: bytes | None = None,
) -> Accepted:
    """Register an appeal as a reported case; sent twice, it is registered once.

    Raises:
        ReportDiffers: the id is known with other content, or from somebody else.
        UnknownType: there is no such kind of appeal.
        BadValue: there is no such area, or no grid.
        NoNumberLeft: the county's numbers of the day are used up.
    """
    body = _digest(appeal)
    known = tx.named("cases.known_case", id=appeal.id).one_or_none()
    if known is not None:
        if bytes(known.body_sha256) != body or known.reported_by != by:
            raise ReportDiffers(f"id: {appeal.id} is known with other content; make a new id", field="id")
        return Accepted(queries.card(known.card, sight), fresh=False)
    kind = next((k for k in queries.types(tx) if k.code == appeal.type and k.kind == Kind.APPEAL), None)
    if kind is None:
        raise UnknownType(
            f"type: there is no kind of appeal {appeal.type!r}; GET /api/v1/types?kind=appeal lists them",
            field="type",
            value=appeal.type,
        )
    clock, limit = appeal_limit(ClockKind(kind.clock), kind.limit_value, appeal.nature)
    due_at = deadlines.due(at, clock, limit, calendars.current(tx)).at
    card = _write(tx, appeal, body=body, by=by, at=at, due_at=due_at, secret=secret_sha256)
    return Accepted(queries.card(card, sight), fresh=True)


def _write(
    tx: Tx,
    appeal: Appeal,
    *,
    body: bytes,
    by: int | None,
    at: datetime,
    due_at: datetime,
    secret: bytes | None,
) -> dict[str, object]:
    area = _area(tx, appeal)
    lon, lat = (None, None)
    if appeal.lon is not None and appeal.lat is not None:
        lon, lat = to_wgs84(appeal.lon, appeal.lat, appeal.crs)
    clock, limit = STAGE_LIMITS[Status.REPORTED]
    row = tx.one(
        "cases.register_appeal",
        id=appeal.id,
        body=body,
        type=appeal.type,
        source=appeal.source.value,
        text=appeal.text,
        lon=lon,
        lat=lat,
        accuracy_m=appeal.accuracy_m,
        crs=appeal.crs,
        area=area,
        at=at,
        due_at=due_at,
        stage_due_at=at + timedelta(seconds=deadlines.seconds_of(clock, limit)),
        day=at.astimezone(deadlines.CHINA_TIME).strftime("%Y%m%d"),
        person=by,
        photos=list(appeal.photos),
        nature=appeal.nature.value,
        wish=appeal.wish,
        name=appeal.name or None,
        phone=appeal.phone or None,
        address=appeal.address,
        tell=appeal.tell,
        secret=secret,
    )
    if row.outcome == "no_cells":
        raise BadValue("lon: there is no grid yet; name an area", field="lon", value=appeal.lon)
    if row.outcome == "no_number":
        raise NoNumberLeft("today's case numbers are used up", retry_after_s=3_600)
    return dict(row.card)


def _area(tx: Tx, appeal: Appeal) -> str | None:
    if appeal.area is None:
        return None
    if not queries.area_known(tx, appeal.area):
        raise BadValue(f"area: there is no area {appeal.area!r}", field="area", value=appeal.area)
    return appeal.area


_SAID = tuple(field.name for field in fields(Appeal))


def _digest(appeal: Appeal) -> bytes:
    """Return the SHA-256 of what was said, however its JSON was written."""
    said = {name: getattr(appeal, name) for name in _SAID}
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()


def communities_named(tx: Tx, text: str, *, limit: int = 8) -> list[tuple[str, str]]:
    """Return code and name of the communities, towns and districts that an address names, closest first."""
    statement = sa.text(
        "SELECT a.code, a.name FROM areas a"
        " WHERE :text LIKE '%' || regexp_replace(a.name, '(社区|街道|村|镇|乡)$', '') || '%'"
        "   AND length(regexp_replace(a.name, '(社区|街道|村|镇|乡)$', '')) >= 2"
        " ORDER BY length(a.code) DESC, length(a.name) DESC, a.code LIMIT :limit"
    )
    return [(row.code, row.name) for row in tx.execute(statement, {"text": text, "limit": limit})]
