"""Mine today: what waits for the viewer, with filters that live in the address, and views that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from types import MappingProxyType
from typing import Literal
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from pydantic import Field, field_validator
from werkzeug.wrappers import Response as AnyResponse

from app import clock
from app.cases import queries
from app.cases.inbox import LAMPS, MOST_VIEWS, STAGES, Filters, Inbox, drop_view, inbox, keep_view, views
from app.cases.page_routes import Due, due_at, moment, on_map
from app.cases.queries import sight_of
from app.errors import BadValue
from app.http import BadFields, Parsed, decode_cursor, encode_cursor, parse
from app.identity.access import allow, viewer
from app.identity.rules import LISTS, Permission, Role
from app.transaction import read, write

blueprint = Blueprint("inbox", __name__)

LONGEST_NAME = 30
LONGEST_QUERY = 400


class InboxQuery(Parsed):
    """What the inbox is narrowed to; '' leaves a filter out."""

    stage: str | None = None
    lamp: Literal["red", "yellow", "green"] | None = None
    kind: Literal["incident", "appeal"] | None = None
    type: str | None = Field(None, max_length=16)
    area: str | None = Field(None, pattern=r"^[0-9]{6}(...){0,2}$")
    text: str | None = Field(None, max_length=100)
    unit: Literal["all"] | None = None
    after: str | None = Field(None, max_length=200)

    @field_validator("stage")
    @classmethod
    def _known(cls, stage: str | None) -> str | None:
        if stage is not None and stage not in STAGES:
            raise ValueError(f"{stage!r} is nothing that a case waits in")
        return stage

    @field_validator("type", "text", "area")
    @classmethod
    def _storable(cls, text: str | None) -> str | None:
        if text is not None and "\0" in text:
            raise ValueError("holds the character NUL; leave it out")
        return text

    def filters(self) -> Filters:
        """Return the filters."""
        return Filters(
            stage=self.stage,
            lamp=self.lamp,
            kind=self.kind,
            type=self.type,
            area=self.area,
            text=self.text,
            whole_unit=self.unit == "all",
            after=None if self.after is None else _after(self.after),
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters as they stand in the address; '' leaves one out."""

    stage: str = ""
    lamp: str = ""
    kind: str = ""
    type: str = ""
    area: str = ""
    text: str = ""
    unit: str = ""
    after: str = ""

    def query(self, **changes: str) -> str:
        """Return the filters as a query, some of them changed, from the first page on."""
        asked = {**asdict(self), "after": "", **changes}
        return urlencode({name: value for name, value in asked.items() if value})

    def address(self, **changes: str) -> str:
        """Return the address of the inbox with these filters, some of them changed."""
        query = self.query(**changes)
        return f"{url_for('.page')}?{query}" if query else url_for(".page")


NAMES = tuple(field.name for field in fields(Asked))


@blueprint.get("/inbox")
@allow(Permission.HANDLE_CASES, page=True, limit=LISTS)
def page() -> Response:
    """Show what waits for the viewer, the soonest due first."""
    asked = Asked(**{name: request.args.get(name, "").strip() for name in NAMES})
    by, at = viewer(), clock.now()
    faults: Mapping[str, str] = MappingProxyType({})
    found = Inbox((), more=False, counts={})
    with read() as tx:
        types, areas = queries.types(tx), queries.areas_of(tx, sight_of(by).areas)
        kept = views(tx, by)
        units = tx.named("cases.unit_names").all() if Role.DISPATCHER in by.roles else []
        try:
            given = {name: value for name, value in asdict(asked).items() if value}
            found = inbox(tx, by, parse(InboxQuery, given).filters(), at=at)
        except BadValue as error:
            faults = _faults(error)
    body = render_template(
        "cases/inbox.html",
        asked=asked,
        faults=faults,
        inbox=found,
        following=_following(found),
        types=types,
        areas=areas,
        units=units,
        views=kept,
        most_views=MOST_VIEWS,
        lamps=LAMPS,
        handler=Role.HANDLER in by.roles,
        stage_due=lambda case: _stage_due(case.stage_due_at, at),
        due=lambda case: due_at(case.due_at, at),
        moment=lambda when: moment(when, at),
        on_map=on_map,
        today=at.date(),
    )
    return make_response(body, 422 if faults else 200)


@blueprint.post("/inbox/views")
@allow(Permission.HANDLE_CASES, limit=LISTS)
def keep() -> AnyResponse:
    """Keep the filters that stand in the address under a name."""
    name = " ".join(request.form.get("name", "").split())[:LONGEST_NAME].replace("\0", "")
    query = _clean(request.form.get("query", ""))
    if name:
        with write() as tx:
            keep_view(tx, name, query, by=viewer())
    return redirect(f"{url_for('.page')}?{query}" if query else url_for(".page"), code=303)


@blueprint.post("/inbox/views/<int:view>/drop")
@allow(Permission.HANDLE_CASES, limit=LISTS)
def drop(view: int) -> AnyResponse:
    """Forget a view of one's own."""
    with write() as tx:
        drop_view(tx, min(view, 2**63 - 1), by=viewer())
    return redirect(url_for(".page"), code=303)


def _clean(query: str) -> str:
    """Return the filters in `query` that we know, so that nothing else is kept and shown again."""
    given = {
        name: value.replace("\0", "") for name, value in parse_qsl(query[:LONGEST_QUERY]) if name in NAMES
    }
    return Asked(**given).query()


def _stage_due(when: datetime | None, at: datetime) -> Due | None:
    return None if when is None else due_at(when, at)


def _following(found: Inbox) -> str | None:
    if not found.more:
        return None
    last = found.items[-1].case
    return encode_cursor(last.stage_due_at.isoformat() if last.stage_due_at else "", str(last.id))


def _after(cursor: str) -> tuple[datetime | None, UUID]:
    when, last = decode_cursor(cursor, 2)
    try:
        return (datetime.fromisoformat(when) if when else None), UUID(last)
    except ValueError:
        message = "after: this is no cursor of ours; leave it out"
        raise BadValue(message, field="after", value=cursor) from None


def _faults(error: BadValue) -> dict[str, str]:
    if isinstance(error, BadFields):
        return {problem.field: problem.value for problem in error.problems}
    return {error.field or "": str(error.value)[:80]}
