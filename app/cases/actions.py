"""What is done to cases. Actions take a transaction and never commit it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import sqlalchemy as sa

from app.calendar import queries as calendars
from app.calendar.rules import Calendar
from app.cases import deadlines, queries
from app.cases.models import Case
from app.cases.queries import CaseCard, TypeCard
from app.cases.rules import ClockKind, Source
from app.errors import BadValue, Conflict, TooMany
from app.identity.rules import Role, Viewer
from app.transaction import Tx
from gis.crs import to_wgs84
from gis.errors import NoCells

OLDEST = timedelta(days=31)
"""A phone that was a month without a network still delivers; what is older is a wrong clock."""

AHEAD = timedelta(minutes=10)
"""How far a phone's clock may go ahead of ours."""

OUTSIDE_LIMIT_M = 50_000.0
"""How far outside the grid a duty desk still takes a report, where no setting says otherwise."""

FACILITY_REACH_M = 500.0
"""A facility named by its code lies no farther from the pin: a long road or a rough position, not a slip."""


class ReportDiffers(Conflict):
    """The id is known with other content, or from somebody else."""

    code = "report_differs"


class UnknownType(BadValue):
    """No such type can be reported."""

    code = "unknown_type"


class UnknownFacility(BadValue):
    """No facility has this code."""

    code = "unknown_facility"


class OtherFacility(BadValue):
    """The facility is of another type than the report."""

    code = "other_facility"


class FarFacility(BadValue):
    """The facility is somewhere else."""

    code = "far_facility"


class TooFar(BadValue):
    """The place is farther from the grid than a report can be meant."""

    code = "too_far"


class BadMoment(BadValue):
    """The observation's moment cannot be: a clock is wrong."""

    code = "bad_moment"


class NoNumberLeft(TooMany):
    """The county has filed 99,999 cases today, which is all that a case number can count."""

    code = "no_number_left"


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it was sent: `lon`, `lat` are in `crs`; what the sender did not say is None."""

    id: UUID
    type: str
    lon: float
    lat: float
    crs: str = "wgs84"
    accuracy_m: float | None = None
    observed_at: datetime | None = None
    text: str = ""
    facility: str | None = None
    photos: tuple[str, ...] = ()


SAID = tuple(field.name for field in fields(Report))


@dataclass(frozen=True, slots=True)
class Filed:
    """The case of a report; `fresh` when this very report made it."""

    case: CaseCard
    fresh: bool


def report_case(
    tx: Tx, report: Report, *, by: Viewer, at: datetime, outside_limit_m: float = OUTSIDE_LIMIT_M
) -> Filed:
    """File a report as a case in the hands of its cell's worker, or of a duty desk.

    A report sent twice, as an offline queue will, is filed once. Cell, holder and deadline are those of `at`,
    the server's moment: a phone's clock decides nothing.

    Raises:
        ReportDiffers: the id is known with other content or from another person.
        UnknownType, UnknownFacility, OtherFacility, FarFacility, BadMoment, TooFar: a field does not fit.
        NoCells: there is no grid yet.
        NoNumberLeft: the county's numbers of the day are used up.
        OutsideCrs: the position has no image in WGS 84.
    """
    _check_moment(tx, report, at)
    place = to_wgs84(report.lon, report.lat, report.crs)
    _check_reach(tx, report, place, at, outside_limit_m)
    asked = _parameters(report, place, by=by, at=at)
    for kind in queries.type_candidates(tx, report.type):
        row = tx.one("cases.file_report", **asked, **_limits(kind, at, calendars.current(tx)))
        if row.outcome in {"filed", "again"}:
            return Filed(queries.card(row.card, queries.sight_of(by)), fresh=row.outcome == "filed")
        if row.outcome != "unknown_type":
            raise _refusal(report, row.outcome, row.detail)
    raise UnknownType(
        f"type: nothing of type {report.type!r} can be reported; GET /api/v1/types lists what can",
        field="type",
        value=report.type,
    )


def _parameters(report: Report, place: tuple[float, float], *, by: Viewer, at: datetime) -> dict[str, object]:
    lon, lat = place
    return {
        "id": report.id,
        "body": _digest(report),
        "type": report.type,
        "lon": lon,
        "lat": lat,
        "accuracy_m": report.accuracy_m,
        "crs": report.crs,
        "text": report.text,
        "facility": report.facility,
        "photos": list(report.photos),
        "observed_at": report.observed_at or at,
        "received_at": at,
        "day": at.astimezone(deadlines.CHINA_TIME).strftime("%Y%m%d"),
        "source": source_of(by).value,
        "person": by.person_id,
        "worker": by.worker_id,
        "facility_reach_m": FACILITY_REACH_M + (report.accuracy_m or 0),
    }


def _limits(kind: TypeCard, at: datetime, calendar: Calendar) -> dict[str, object]:
    due = deadlines.due(at, ClockKind(kind.clock), kind.limit_value, calendar)
    return {"clock": kind.clock, "limit_value": kind.limit_value, "due_at": due.at}


def _digest(report: Report) -> bytes:
    """Return the SHA-256 of what was said, however its JSON was written."""
    said = {name: getattr(report, name) for name in SAID}
    if report.observed_at is not None:
        said["observed_at"] = report.observed_at.astimezone(UTC)
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()


def source_of(viewer: Viewer) -> Source:
    """Return who found the matter, by the role that comes nearest to it."""
    if viewer.via_token and Role.WORKER not in viewer.roles:
        return Source.SCRIPT
    if Role.WORKER in viewer.roles:
        return Source.WORKER
    return Source.CITIZEN if viewer.roles <= {Role.CITIZEN} else Source.OPERATOR


def _check_moment(tx: Tx, report: Report, at: datetime) -> None:
    """Refuse an impossible moment, but for a report that we know: it answers as it did, however late."""
    seen = report.observed_at
    if seen is None or at - OLDEST <= seen <= at + AHEAD:
        return
    if _is_known(tx, report):
        return
    wrong = "lies more than 31 days back" if seen < at else "lies in the future"
    raise BadMoment(
        f"observed_at: {seen.isoformat()} {wrong} (it is {at.isoformat(timespec='seconds')});"
        " set the device's clock, or leave observed_at out",
        field="observed_at",
        value=seen.isoformat(),
    )


def _is_known(tx: Tx, report: Report) -> bool:
    return tx.execute(sa.select(Case.id).where(Case.id == report.id)).scalar() is not None


def _check_reach(tx: Tx, report: Report, place: tuple[float, float], at: datetime, limit_m: float) -> None:
    """Refuse what lies far outside the grid, but for a report that we know.

    Within the city's box nothing is asked, so that an ordinary report pays nothing.
    """
    if queries.in_city_box(tx, *place):
        return
    away = queries.outside_m(tx, *place, at=at)
    if away is None or away <= limit_m or _is_known(tx, report):
        return
    raise TooFar(
        f"lon, lat: {report.lon:g}, {report.lat:g} ({report.crs}) lies {away / 1000:,.0f} km outside the"
        " grid,"
        f" and at most {limit_m / 1000:,.0f} km are taken; give longitude first, then latitude, and the crs"
        " they are in (JINGWEI_OUTSIDE_LIMIT_KM sets the limit)",
        field="lon",
        value=f"{report.lon:g}, {report.lat:g}",
    )


def _refusal(report: Report, outcome: str, detail: str | None) -> Exception:
    code = report.facility
    match outcome:
        case "differs":
            return ReportDiffers(
                f"report {report.id} was filed with other content or by somebody else;"
                " a correction is a new report with a new id",
                field="id",
                value=str(report.id),
            )
        case "unknown_facility":
            message = f"facility: no facility has the code {code}; leave it out and the nearest is taken"
            return UnknownFacility(message, field="facility", value=code)
        case "other_facility":
            message = f"facility: {code} is of type {detail}, which {report.type} is not about"
            return OtherFacility(message, field="facility", value=code)
        case "far_facility":
            message = f"facility: {code} lies {detail} m from the pin; move the pin, or leave facility out"
            return FarFacility(message, field="facility", value=code)
        case "no_number":
            return NoNumberLeft("today's case numbers are used up", retry_after_s=3_600)
        case _:
            return NoCells()
