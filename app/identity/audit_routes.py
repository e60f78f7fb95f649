"""The record as people read it: `/audit` and its API, for those who may read it, in their areas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson
from flask import Blueprint, Response, current_app, make_response, render_template, request, url_for
from pydantic import Field, field_validator

from app.audit import queries
from app.audit.queries import Recorded, Rights, State, Wanted
from app.audit.rules import Action, Head
from app.errors import BadValue
from app.http import Description, Moment, Parsed, decode_cursor, describe, encode_cursor, json_answer, parse
from app.identity.access import allow, viewer
from app.identity.privacy import mask_username
from app.identity.rules import Permission, Viewer, prefix_of
from app.settings import Settings
from app.transaction import read

blueprint = Blueprint("audit", __name__)
PAGE = queries.PAGE
LONGEST = 200
FILTERS = ("who", "what", "subject", "from", "to", "after")


class AuditQuery(Parsed):
    """Which rows of the record to list; left out, a filter does nothing."""

    who: str | None = Field(None, description="A username", max_length=LONGEST)
    what: str | None = Field(None, description="An action, such as person_read", max_length=LONGEST)
    subject: str | None = Field(None, description="Such as `case 0190...`, `person 7`", max_length=LONGEST)
    since: Moment | None = Field(None, description="Recorded at this moment or later")
    until: Moment | None = Field(None, description="Recorded before this moment")
    after: str | None = Field(None, description="`next` of the page before", max_length=LONGEST)
    limit: int = Field(PAGE, ge=1, le=PAGE, description="How many a page")

    @field_validator("who", "what", "subject")
    @classmethod
    def _storable(cls, text: str | None) -> str | None:
        if text is not None and "\0" in text:
            raise ValueError("holds the character NUL; leave it out")
        return text


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the record. A username that is a telephone number is masked."""

    id: int
    at: datetime
    username: str
    action: str
    subject: str
    area_code: str | None
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of the record, newest first."""

    items: list[Row]
    next: str | None


@dataclass(frozen=True, slots=True)
class HeadCard:
    """The chain's newest head: its place, its hash, and when it was signed."""

    no: int
    hash: str
    at: datetime
    signed: bool


@dataclass(frozen=True, slots=True)
class StateCard:
    """How the record stands: its head, what the last verification found, and what is amiss with the roles."""

    head: HeadCard | None
    verified_at: datetime | None
    sound: bool | None
    broken_row: int | None
    broken_why: str | None
    warning: str | None


@blueprint.get("/api/v1/audit")
@allow(Permission.READ_AUDIT)
@describe(
    Description(
        "List the record of who did what", "audit", query=AuditQuery, answers={200: Rows}, problems=(422,)
    )
)
def list_rows(query: AuditQuery) -> Response:
    """List the record, newest first, as far as it is of the viewer's areas."""
    with read() as tx:
        found = queries.recorded(tx, wanted(query, viewer()))
    return json_answer(page_of(found, query.limit))


@blueprint.get("/api/v1/audit/state")
@allow(Permission.READ_AUDIT)
@describe(Description("Whether the record is as it was written", "audit", answers={200: StateCard}))
def show_state() -> Response:
    """Tell the newest head and what the last verification found."""
    with read() as tx:
        return json_answer(state_card(queries.state(tx), queries.rights(tx)))


@blueprint.get("/audit")
@allow(Permission.READ_AUDIT, page=True)
def show_page() -> Response:
    """Show the record, with its filters in the address."""
    asked = {
        name: request.args.get(name, "").strip() for name in ("who", "what", "subject", "from", "to", "after")
    }
    fault, found = "", Rows([], None)
    with read() as tx:
        state = state_card(queries.state(tx), queries.rights(tx))
        try:
            query = _query(asked)
            found = page_of(queries.recorded(tx, wanted(query, viewer())), PAGE)
        except BadValue as error:
            fault = str(error)
    kept = {name: value for name, value in asked.items() if value and name != "after"}
    body = render_template(
        "audit/list.html",
        asked=asked,
        narrowed=bool(kept),
        fault=fault,
        page=found,
        state=state,
        actions=[action.value for action in Action],
        following=found.next and f"{url_for('.show_page')}?{urlencode({**kept, 'after': found.next})}",
        first=f"{url_for('.show_page')}?{urlencode(kept)}" if kept else url_for(".show_page"),
        moment=lambda at: at.astimezone(_zone()).strftime("%Y-%m-%d %H:%M:%S"),
        words=lambda detail: orjson.dumps(detail).decode() if detail else "",
    )
    return make_response(body, 422 if fault else 200)


def _query(asked: dict[str, str]) -> AuditQuery:
    """Return what the page's address asks for; days are local, `to` is the last one."""
    given: dict[str, object] = {name: asked[name] or None for name in ("who", "what", "subject", "after")}
    given["since"] = _midnight("from", asked["from"], timedelta(0))
    given["until"] = _midnight("to", asked["to"], timedelta(days=1))
    return parse(AuditQuery, given)


def _midnight(field: str, text: str, later: timedelta) -> datetime | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text) + later
    except (ValueError, OverflowError):
        raise BadValue(
            f"{field}: {text!r} is no day; write it like 2026-05-01", field=field, value=text
        ) from None
    return datetime.combine(day, time(), _zone()).astimezone(UTC)


def wanted(query: AuditQuery, asking: Viewer) -> Wanted:
    """Return the filters; what has no area belongs to the whole city."""
    city = prefix_of(_settings().city)
    return Wanted(
        areas=asking.areas,
        whole=any(city.startswith(prefix) for prefix in asking.areas),
        username=query.who or None,
        action=query.what or None,
        subject=query.subject or None,
        since=query.since,
        until=query.until,
        before=None if query.after is None else _before(query.after),
        limit=query.limit + 1,
    )


def _before(cursor: str) -> int:
    (number,) = decode_cursor(cursor, 1)
    if not (number.isascii() and number.isdecimal() and len(number) <= 18):
        raise BadValue("after: this is no cursor of ours; leave it out", field="after", value=cursor)
    return int(number)


def page_of(found: list[Recorded], limit: int) -> Rows:
    """Return a page of `limit` rows; one row more than that says that another page follows."""
    shown = found[:limit]
    rows = [
        Row(row.id, row.at, mask_username(row.username), row.action, row.subject, row.area_code, row.detail)
        for row in shown
    ]
    return Rows(rows, encode_cursor(str(shown[-1].id)) if len(found) > limit else None)


def state_card(state: State, rights: Rights) -> StateCard:
    """Return how the record stands."""
    broken = (state.found or {}).get("broken")
    return StateCard(
        None if state.head is None else _head_card(state.head),
        state.verified_at,
        None if state.found is None else broken is None,
        broken and broken["id"],
        broken and broken["why"],
        rights.warning,
    )


def _head_card(head: Head) -> HeadCard:
    return HeadCard(head.no, head.hash.hex(), head.at, head.signature is not None)


def _settings() -> Settings:
    settings: Settings = current_app.config["JINGWEI"]
    return settings


def _zone() -> ZoneInfo:
    return ZoneInfo(_settings().timezone)
