"""What is known of cases, by what the viewer may see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.blobs import PhotoSender
from app.cases import needles, rules
from app.cases.models import Appeal, Case, CasePhoto, CaseStep
from app.errors import BadValue, NotFound
from app.facilities.models import Facility
from app.grid.queries import Named
from app.identity.privacy import mask_name, mask_phone
from app.identity.rules import Permission, Role, Viewer, prefix_of
from app.transaction import Tx
from app.workers.models import Worker

PAGE = 100
OPEN = tuple(status.value for status in rules.OPEN)
ENDED = frozenset(status.value for status in rules.ENDED)


@dataclass(frozen=True, slots=True)
class TypeCard:
    """What can be reported: its urgency (1 urgent, 2 soon, 3 normal) and its limit."""

    code: str
    name_zh: str
    name_en: str
    unit: str
    urgency: int
    clock: str
    limit_value: float
    facility_type_code: str | None
    kind: str


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type by code and names."""

    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class FacilityName:
    """A facility by code, name and type."""

    code: str
    name: str
    type_code: str


@dataclass(frozen=True, slots=True)
class WorkerName:
    """A worker by code; the name only for those who may read workers where the case is."""

    code: str
    name: str | None


@dataclass(frozen=True, slots=True)
class UnitName:
    """A department by code and names."""

    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, kw_only=True)
class CaseCard:
    """A case for all who may see it. Outside the grid `cell` is null, `nearest_cell` `outside_m` away.

    An appeal may have no place: `lon` and `lat` are null. `due_at` is when it has to be handled, yellow from
    `warn_at` on; with `clock_left_s` the clock stands still. `stage_due_at`: when the next step is due.
    """

    id: UUID
    no: str
    kind: str
    type: TypeName
    status: str
    urgency: int
    source: str
    text: str
    lon: float | None
    lat: float | None
    accuracy_m: float | None
    observed_at: datetime
    received_at: datetime
    due_at: datetime
    warn_at: datetime | None
    stage_due_at: datetime | None
    clock_left_s: float | None
    closed_at: datetime | None
    suspended_until: datetime | None
    level: int
    revision: int
    satisfaction: str | None
    merged_into: UUID | None
    cell: str | None
    nearest_cell: str | None
    outside_m: float | None
    community: Named
    town: Named
    district: Named
    worker: WorkerName | None
    checker: WorkerName | None
    desk: Named | None
    unit: UnitName | None
    facility: FacilityName | None
    photos: tuple[str, ...]
    url: str


@dataclass(frozen=True, slots=True)
class StepTaken:
    """One step of a case: when, what, from where to where, by whom, why.

    `by` is told to a desk in its areas (a citizen's name short: 张*), and to everybody when it is themselves.
    `data`, what the step brought, is for those who work on the case; others read what came of it (`result`).
    """

    at: datetime
    step: str
    from_status: str | None
    to_status: str
    by: str | None
    by_role: str | None
    note: str
    data: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class MaskedPerson:
    """Who is behind a case, masked: 张*, 138****5678. `persons.unmask` tells them in full, and records it."""

    name: str | None
    phone: str | None
    has_address: bool
    nature: str
    wish: str
    tell: bool


@dataclass(frozen=True, slots=True)
class Behind:
    """Who is behind a case, in full, and where the case stands; for `persons.unmask` only."""

    status: str
    community_code: str
    unit_code: str | None
    visitor: str
    name: str | None
    phone: str | None
    address: str


@dataclass(frozen=True, kw_only=True)
class CaseFile(CaseCard):
    """A case with its steps, and the person behind it, masked."""

    person: MaskedPerson | None
    steps: tuple[StepTaken, ...]


def patterns(areas: Sequence[str]) -> list[str]:
    """Return the LIKE patterns of areas' codes, given their prefixes."""
    return [f"{prefix}%" for prefix in areas]


@dataclass(frozen=True, slots=True)
class StagedPhoto:
    """A photo of a case: the step it came with, and whether it can be shown yet."""

    sha256: str
    stage: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """Which cases somebody may see: their areas', those they hold or check, their unit's, their own."""

    areas: tuple[str, ...] = ()
    worker_id: int | None = None
    person_id: int | None = None
    unit_code: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """What `{cases.seen}` of a named statement asks: LIKE patterns of the areas, and who it is."""
        return {
            "areas": patterns(self.areas),
            "worker": self.worker_id,
            "unit": self.unit_code,
            "person": self.person_id,
        }

    def names_workers_in(self, community_code: str) -> bool:
        """Whether workers are more than a code there: to a desk in its areas."""
        return any(community_code.startswith(prefix) for prefix in self.areas)


def sight_of(viewer: Viewer) -> Sight:
    """Return which cases the viewer may see: a desk its areas', a worker what they hold, all their own.

    Lists, cards, counts, tiles and printed maps ask here, so that none shows more than another.
    """
    desk = viewer.narrowed(Permission.READ_WORKERS)
    unit = viewer.unit_code if Role.HANDLER in viewer.roles else None
    return Sight(desk.areas, worker_id=viewer.worker_id, person_id=viewer.person_id, unit_code=unit)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to; None leaves a filter out. `before` is the last case of the page before."""

    bbox: tuple[float, float, float, float] | None = None
    cell: str | None = None
    area: str | None = None
    statuses: tuple[str, ...] = ()
    type: str | None = None
    worker: str | None = None
    since: datetime | None = None
    text: str | None = None
    before: tuple[datetime, UUID] | None = None
    overdue_at: datetime | None = None
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class AreaName:
    """A district or town by code and name, with the name of the district it lies in."""

    code: str
    name: str
    level: str
    district: str


@dataclass(frozen=True, slots=True)
class CasePage:
    """A page of cases, newest first, and whether more follow."""

    items: tuple[CaseCard, ...] = field(default=())
    more: bool = False


def types(tx: Tx) -> list[TypeCard]:
    """Return what can be reported, by code."""
    return [TypeCard(**row._mapping) for row in tx.named("cases.types")]


_known_types: WeakKeyDictionary[sa.Engine, dict[str, TypeCard]] = WeakKeyDictionary()


def type_candidates(tx: Tx, code: str) -> Iterator[TypeCard]:
    """Give the type `code` as this process remembers it, and if that will not do as it is now.

    The statement that files a report checks clock and limit, so that what is remembered need never be fresh:
    a report costs one round trip, and a changed table is noticed at once.
    """
    remembered = _known_types.get(tx.connection.engine, {}).get(code)
    if remembered is not None:
        yield remembered
    now = {kind.code: kind for kind in types(tx) if kind.kind == rules.Kind.INCIDENT}
    _known_types[tx.connection.engine] = now
    if code in now and now[code] != remembered:
        yield now[code]


_city_boxes: WeakKeyDictionary[sa.Engine, tuple[float, float, float, float]] = WeakKeyDictionary()


def in_city_box(tx: Tx, lon: float, lat: float) -> bool:
    """Whether a place lies in the box around the city's areas, as this process remembers it."""
    box = _city_boxes.get(tx.connection.engine)
    if box is None:
        row = tx.named("cases.city_box").one()
        if row.west is None:
            return True  # no city, no box: who files is told that there is no grid
        box = _city_boxes[tx.connection.engine] = tuple(row)
    west, south, east, north = box
    return west <= lon <= east and south <= lat <= north


def outside_m(tx: Tx, lon: float, lat: float, *, at: datetime) -> float | None:
    """Return how far outside the grid a place lies, None in it; then a remembered box is out of date."""
    away: float | None = tx.named("cases.outside_m", lon=lon, lat=lat, at=at).scalar_one()
    if away is None:
        _city_boxes.pop(tx.connection.engine, None)
    return away


class UnknownFilter(BadValue):
    """A list is narrowed to something that does not exist."""

    code = "unknown_filter"


_FILTERS = {
    "type": "no type has the code {}; GET /api/v1/types lists them",
    "worker": "no worker has the code {}; take one from a case or from GET /api/v1/search",
    "cell": "no cell has the code {}; GET /api/v1/locate says in which cell a place lies",
    "area": "no area has the code {}; GET /api/v1/search finds areas by name",
}


def _check_known(tx: Tx, wanted: Wanted) -> None:
    """Tell a filter that names nothing from one that finds nothing; asked only where a list is empty."""
    given = {name: getattr(wanted, name) for name in _FILTERS}
    if not any(given.values()):
        return
    row = tx.named("cases.known_filters", **given).one()
    for name, known in row._mapping.items():
        if not known:
            told = _FILTERS[name].format(given[name])
            raise UnknownFilter(f"{name}: {told}, or leave it out", field=name, value=given[name])


def card(document: Mapping[str, Any], sight: Sight) -> CaseCard:
    """Return the card that the database's `case_card` made, as `sight` may read it."""
    return CaseCard(**_fields(document, sight))


def _fields(document: Mapping[str, Any], sight: Sight) -> dict[str, Any]:
    moment = datetime.fromisoformat
    return {
        **document,
        "id": UUID(document["id"]),
        "type": TypeName(**document["type"]),
        **{name: document[name] and moment(document[name]) for name in _MOMENTS},
        "merged_into": document["merged_into"] and UUID(document["merged_into"]),
        **{name: document[name] and Named(**document[name]) for name in _NAMED},
        "worker": _worker(document, "worker", sight),
        "checker": _worker(document, "checker", sight),
        "unit": document["unit"] and UnitName(**document["unit"]),
        "facility": document["facility"] and FacilityName(**document["facility"]),
        "photos": tuple(document["photos"]),
        "url": f"/api/v1/cases/{document['id']}",
    }


def _worker(document: Mapping[str, Any], part: str, sight: Sight) -> WorkerName | None:
    worker, where = document[part], document["community"]["code"]
    if worker is None:
        return None
    return WorkerName(worker["code"], worker["name"] if sight.names_workers_in(where) else None)


_MOMENTS = (
    "observed_at",
    "received_at",
    "due_at",
    "warn_at",
    "stage_due_at",
    "closed_at",
    "suspended_until",
)
_NAMED = ("community", "town", "district", "desk")
CARD: sa.ColumnElement[Any] = sa.literal_column("case_card(cases)", JSONB).label("card")


def cases(tx: Tx, *, sight: Sight, wanted: Wanted) -> CasePage:
    """Return a page of the cases that `sight` allows, newest first, in one query.

    Raises:
        UnknownFilter: a type, worker, cell or area is named that does not exist.
    """
    most = needles.number(wanted.limit + 1)
    statement = _page(sight, wanted).order_by(Case.received_at.desc(), Case.id.desc()).limit(most)
    found = [card(row.card, sight) for row in tx.execute(statement)]
    if not found:
        _check_known(tx, wanted)
    return CasePage(tuple(found[: wanted.limit]), more=len(found) > wanted.limit)


def _page(sight: Sight, wanted: Wanted) -> sa.Select[Any]:
    conditions, before = [_seen(sight), *_narrowed(wanted)], _before(wanted)
    statement = sa.select(CARD).select_from(Case)
    needle = None if wanted.text is None else needles.needle_of(wanted.text)
    if needle is None:
        return statement.where(*conditions, before)
    if not needle.indexable:
        return statement.where(*conditions, needles.holds(needle), before)
    found = needles.page_of(needle, conditions, before=before, limit=wanted.limit + 1)
    return statement.join(found, found.c.id == Case.id)


def case(tx: Tx, case_id: UUID, *, sight: Sight) -> CaseFile:
    """Return a case with its steps.

    Raises:
        NotFound: there is none, or it is not for this viewer.
    """
    document = tx.execute(sa.select(CARD).select_from(Case).where(Case.id == case_id, _seen(sight))).scalar()
    if document is None:
        raise NotFound(f"there is no case {case_id}, or not for you")
    desk = sight.names_workers_in(document["community"]["code"])
    staff = desk or sight.worker_id is not None or sight.unit_code is not None
    taken = tx.named(
        "cases.steps",
        id=case_id,
        desk=desk,
        staff=staff,
        person=sight.person_id,
        worker=sight.worker_id,
    )
    steps = tuple(StepTaken(**row._mapping) for row in taken)
    return CaseFile(**_fields(document, sight), person=_masked(tx, case_id), steps=steps)


def _masked(tx: Tx, case_id: UUID) -> MaskedPerson | None:
    columns = (Appeal.name, Appeal.phone, Appeal.address, Appeal.nature, Appeal.wish, Appeal.tell)
    row = tx.execute(sa.select(*columns).where(Appeal.case_id == case_id)).one_or_none()
    return row and MaskedPerson(
        mask_name(row.name), mask_phone(row.phone), bool(row.address), row.nature, row.wish, row.tell
    )


_VISITOR: sa.ColumnElement[str] = sa.literal_column(
    "coalesce((SELECT v.by_role FROM visit_rules v WHERE v.nature = appeals.nature), 'operator')", sa.Text()
).label("visitor")


def behind(tx: Tx, case_id: UUID, *, sight: Sight) -> Behind:
    """Return the person behind a case in full; who may be told is for `persons.unmask` to say.

    Raises:
        NotFound: there is no such case, or not for this viewer, or nobody behind it.
    """
    statement = (
        sa.select(Case.status, Case.community_code, Case.unit_code, _VISITOR)
        .add_columns(Appeal.name, Appeal.phone, Appeal.address)
        .join(Appeal, Appeal.case_id == Case.id)
        .where(Case.id == case_id, _seen(sight))
    )
    row = tx.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"there is no case {case_id} with a person behind it, or not for you")
    return Behind(**row._mapping)


def area_known(tx: Tx, code: str) -> bool:
    """Whether there is an area with this code."""
    return bool(
        tx.execute(sa.text("SELECT EXISTS (SELECT FROM areas WHERE code = :code)"), {"code": code}).scalar()
    )


def usual_unit(tx: Tx, type_code: str, standard_id: int | None) -> str | None:
    """Return the name of the department that a type, or its filing standard, usually goes to."""
    found = tx.named("cases.usual_unit", type=type_code, standard=standard_id).scalar()
    return None if found is None else str(found)


def case_id(tx: Tx, no: str, *, sight: Sight) -> UUID:
    """Return the id of the case with a number.

    Raises:
        NotFound: there is none, or it is not for this viewer.
    """
    found: UUID | None = tx.execute(sa.select(Case.id).where(Case.no == no, _seen(sight))).scalar()
    if found is None:
        raise NotFound(f"there is no case {no}, or not for you")
    return found


def areas_of(tx: Tx, prefixes: Sequence[str]) -> list[AreaName]:
    """Return the districts and towns within `prefixes`, each district before its towns."""
    if not prefixes:
        return []
    return [AreaName(**row._mapping) for row in tx.named("cases.areas_of", patterns=patterns(prefixes))]


def photos_kept(tx: Tx, case_id: UUID) -> frozenset[str]:
    """Return which of the case's photos can be shown: a report may name one that is still on its way."""
    named = sa.select(CasePhoto.sha256).where(CasePhoto.case_id == case_id, _sent_by_somebody_of_it())
    return frozenset(tx.execute(named).scalars())


def photos_staged(tx: Tx, case_id: UUID) -> list[StagedPhoto]:
    """Return the case's photos with the step that each came with, in their order."""
    named = (
        sa.select(CasePhoto.sha256, CasePhoto.stage, _sent_by_somebody_of_it().label("kept"))
        .where(CasePhoto.case_id == case_id)
        .order_by(CasePhoto.position)
    )
    return [StagedPhoto(**row._mapping) for row in tx.execute(named)]


def photo_seen(tx: Tx, sha256: str, *, sight: Sight) -> bool:
    """Whether the photo is of a case that `sight` allows or of a facility, or came from the viewer.

    Of a case is what somebody of the case sent: naming a photo in a report of one's own opens none.
    """
    of_case = sa.exists().where(
        CasePhoto.sha256 == sha256, CasePhoto.case_id == Case.id, _seen(sight), _sent_by_somebody_of_it()
    )
    of_facility = sa.exists().where(Facility.photo_sha256 == sha256)
    own = sa.exists().where(PhotoSender.sha256 == sha256, PhotoSender.person_id == sight.person_id)
    return bool(tx.execute(sa.select(of_case | of_facility | own)).scalar())


def _sent_by_somebody_of_it() -> sa.ColumnElement[bool]:
    """Return "a sender of this photo has taken a step of this case", the report among them."""
    return (
        sa.exists()
        .where(
            PhotoSender.sha256 == CasePhoto.sha256,
            CaseStep.case_id == CasePhoto.case_id,
            CaseStep.by_person == PhotoSender.person_id,
        )
        .correlate(CasePhoto)
    )


def _seen(sight: Sight) -> sa.ColumnElement[bool]:
    allowed: list[sa.ColumnElement[bool]] = [within(prefix) for prefix in sight.areas]
    if sight.worker_id is not None:
        allowed.append(Case.worker_id == sight.worker_id)
        allowed.append(Case.checker_id == sight.worker_id)
    if sight.unit_code is not None:
        allowed.append(Case.unit_code == sight.unit_code)
        allowed.append(sa.literal(sight.unit_code) == sa.any_(Case.assisting))
    if sight.person_id is not None:
        allowed.append(Case.reported_by == sight.person_id)
    return sa.or_(sa.false(), *allowed)


def within(prefix: str) -> sa.ColumnElement[bool]:
    """Return "the community's code starts with `prefix`" as a range, which an index answers."""
    after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    return sa.and_(
        Case.community_code >= needles.written(prefix), Case.community_code < needles.written(after)
    )


def _narrowed(wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.bbox is not None:
        yield Case.geom.op("&&")(sa.func.ST_MakeEnvelope(*wanted.bbox, 4326))
    if wanted.cell is not None:
        yield Case.cell_code == wanted.cell
    if wanted.area is not None:
        yield within(prefix_of(wanted.area))
    if wanted.statuses:
        # a plan for any status could not use the indexes of some
        yield Case.status.in_([needles.written(status) for status in wanted.statuses])
        if not ENDED.intersection(wanted.statuses):
            yield Case.closed_at.is_(None)  # so that the indexes of open cases serve
    if wanted.type is not None:
        yield Case.type_code == wanted.type
    if wanted.worker is not None:
        of = sa.select(Worker.id).where(Worker.code == wanted.worker).scalar_subquery()
        yield Case.worker_id == of
    yield from _at_times(wanted)


def _at_times(wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.since is not None:
        yield Case.received_at >= wanted.since
    if wanted.overdue_at is not None:
        yield sa.and_(Case.closed_at.is_(None), Case.due_at < wanted.overdue_at)


def _before(wanted: Wanted) -> sa.ColumnElement[bool]:
    """Return "older than the last case of the page before".

    The cursor is written into the statement: a plan for any page would walk to the last one from the first.
    """
    if wanted.before is None:
        return sa.true()
    at, case_id = wanted.before
    last = needles.written(at, Case.received_at.type), needles.written(case_id, Case.id.type)
    return sa.tuple_(Case.received_at, Case.id) < sa.tuple_(*last)
