"""Notices in the app: the bell, the page with its choices, and the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from pydantic import Field
from werkzeug.wrappers import Response as AnyResponse

from app import clock, i18n
from app.cases import page_routes as case_pages
from app.errors import BadValue
from app.http import Description, Parsed, decode_cursor, describe, encode_cursor, json_answer
from app.identity.access import allow, viewer, viewer_or_none
from app.identity.rules import LISTS, STEPS, Permission
from app.notices import actions, queries
from app.notices.channels import MAX_ADDRESS, trusted_hosts, webhook_key
from app.notices.queries import NoticePage, NoticeRow, Preference
from app.notices.rules import CHANNEL_WORDS, DEFAULTS, KIND_WORDS, Channel, NoticeKind
from app.notices.words import said, translated
from app.settings import Settings
from app.transaction import read, write

blueprint = Blueprint("notices", __name__)

ID_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class NoticeCard:
    """A notice: `text` is in Chinese, `text_en` in English; `kind` and `step` say what it is about."""

    id: int
    kind: str
    step: str
    case_id: UUID
    no: str
    text: str
    text_en: str
    at: datetime
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Notices:
    """Some notices, newest first; `unread` counts all that are not read, up to 100."""

    items: list[NoticeCard]
    next: str | None
    unread: int


@dataclass(frozen=True, slots=True)
class Choosing:
    """Where and how somebody is told: the channels of each kind of notice."""

    email: str | None
    webhook: str | None
    webhook_key: str | None
    language: str
    choices: dict[str, list[str]]


class NoticesQuery(Parsed):
    """Which notices."""

    unread: bool = Field(default=False, description="Only those that are not read")
    after: str | None = Field(None, description="`next` of the page before", max_length=200)


class ReadBody(Parsed):
    """Up to which notice somebody has read."""

    up_to: int = Field(ge=1, le=ID_MAX, description="The newest notice that was seen")


class ChoosingBody(Parsed):
    """Where and how somebody wants to be told; what is left out goes back to its default."""

    email: str | None = Field(None, max_length=MAX_ADDRESS)
    webhook: str | None = Field(None, max_length=MAX_ADDRESS, description="https://...; see docs/notices.md")
    language: Literal["zh", "en"] = "zh"
    choices: dict[NoticeKind, tuple[Channel, ...]] = Field(
        default_factory=dict, description="Channels by kind of notice; a kind left out has its default"
    )


@blueprint.get("/api/v1/notices")
@allow(Permission.SIGNED_IN, limit=LISTS)
@describe(
    Description(
        "List what the viewer is told, newest first",
        "notices",
        query=NoticesQuery,
        answers={200: Notices},
        problems=(422, 429),
    )
)
def list_notices(query: NoticesQuery) -> Response:
    """List the viewer's notices."""
    by = viewer().person_id
    with read() as tx:
        page = queries.notices(tx, by, before=_before(query.after), only_unread=query.unread)
        waiting = queries.unread(tx, by)
    return json_answer(Notices([_card(one) for one in page.items], _next(page), waiting))


@blueprint.put("/api/v1/notices/<int:notice_id>/read")
@allow(Permission.SIGNED_IN, limit=STEPS)
@describe(Description("Mark a notice as read", "notices", answers={204: "It is read."}, problems=(404, 429)))
def put_read(notice_id: int) -> Response:
    """Mark a notice as read."""
    with write() as tx:
        actions.read_notice(tx, _id(notice_id), by=viewer().person_id, at=clock.now())
    return Response(status=204)


@blueprint.put("/api/v1/notices/read")
@allow(Permission.SIGNED_IN, limit=STEPS)
@describe(
    Description(
        "Mark all notices up to one as read",
        "notices",
        body=ReadBody,
        answers={204: "They are read."},
        problems=(422, 429),
    )
)
def put_all_read(body: ReadBody) -> Response:
    """Mark what was seen as read."""
    with write() as tx:
        actions.read_all(tx, by=viewer().person_id, up_to=body.up_to, at=clock.now())
    return Response(status=204)


@blueprint.get("/api/v1/notices/choices")
@allow(Permission.SIGNED_IN, limit=LISTS)
@describe(
    Description("Show where and how the viewer is told", "notices", answers={200: Choosing}, problems=(429,))
)
def show_choices() -> Response:
    """Show the viewer's addresses and channels."""
    with read() as tx:
        return json_answer(_choosing(queries.preference(tx, viewer().person_id)))


@blueprint.put("/api/v1/notices/choices")
@allow(Permission.SIGNED_IN, limit=STEPS)
@describe(
    Description(
        "Choose where and how the viewer is told",
        "notices",
        body=ChoosingBody,
        answers={200: Choosing},
        problems=(422, 429),
    )
)
def put_choices(body: ChoosingBody) -> Response:
    """Keep the viewer's addresses and channels."""
    wanted = Preference(body.email or None, body.webhook or None, body.language, {**DEFAULTS, **body.choices})
    with write() as tx:
        actions.prefer(tx, wanted, by=viewer().person_id, trusted=trusted_hosts(_settings()))
    return json_answer(_choosing(wanted))


@blueprint.get("/notices")
@allow(Permission.SIGNED_IN, page=True, limit=LISTS)
def show_page() -> AnyResponse:
    """Show the viewer's notices, and below them the choices."""
    try:
        before = _before(request.args.get("after"))
    except BadValue:
        return redirect(url_for(".show_page"), code=303)
    return Response(_page(before=before))


@blueprint.post("/notices/read")
@allow(Permission.SIGNED_IN, page=True, limit=STEPS)
def read_from_page() -> AnyResponse:
    """Mark one as read and go on to its case with `open`, or stay; or mark all up to the newest seen."""
    by, at = viewer().person_id, clock.now()
    with write() as tx:
        if "up_to" in request.form:
            actions.read_all(tx, by=by, up_to=_form_id("up_to"), at=at)
            return redirect(url_for(".show_page"), code=303)
        name = "open" if "open" in request.form else "id"
        case_id = actions.read_notice(tx, _form_id(name), by=by, at=at)
    here = url_for(".show_page") if name == "id" else url_for("case_pages.case", case_id=case_id)
    return redirect(here, code=303)


@blueprint.post("/notices/choices")
@allow(Permission.SIGNED_IN, page=True, limit=STEPS)
def choose_on_page() -> AnyResponse:
    """Keep what the form says; a kind without a tick has no channel."""
    said_so = set(request.form.getlist("channel"))
    language = request.form.get("language", "")
    wanted = Preference(
        request.form.get("email", "").strip() or None,
        request.form.get("webhook", "").strip() or None,
        language if language in i18n.LANGUAGES else i18n.FIRST,
        {kind: tuple(c for c in Channel if f"{kind}:{c}" in said_so) for kind in NoticeKind},
    )
    try:
        with write() as tx:
            actions.prefer(tx, wanted, by=viewer().person_id, trusted=trusted_hosts(_settings()))
    except BadValue as error:
        return Response(_page(wanted=wanted, faulty=error.field), 422)
    return redirect(url_for(".show_page", kept=1, _anchor="choices"), code=303)


@blueprint.post("/notices/retry")
@allow(Permission.ADMINISTER, page=True, limit=STEPS)
def retry_from_page() -> AnyResponse:
    """Try everything again that was given up."""
    with write() as tx:
        actions.retry(tx, None, at=clock.now())
    return redirect(url_for(".show_page", _anchor="failed"), code=303)


def _page(*, before: int | None = None, wanted: Preference | None = None, faulty: str | None = None) -> str:
    by, settings = viewer(), _settings()
    with read() as tx:
        page = queries.notices(tx, by.person_id, before=before)
        kept = wanted or queries.preference(tx, by.person_id)
        failed = queries.failed(tx) if by.may(Permission.ADMINISTER) else []
    open_ways = [c for c in Channel if c is not Channel.EMAIL or settings.smtp_host]
    if settings.sms == "off" or by.worker_id is None:
        open_ways.remove(Channel.SMS)
    return render_template(
        "notices/list.html",
        page=page,
        following=_next(page),
        first_page=before is None,
        wanted=kept,
        faulty=faulty,
        failed=failed,
        said=lambda one: said(one.kind, one.data, i18n.language()),
        word=lambda text: translated(text, i18n.language()),
        kinds=KIND_WORDS,
        channels={c: CHANNEL_WORDS[c] for c in open_ways},
        channel_words=CHANNEL_WORDS,
        key=webhook_key(settings.secret_key, by.person_id).decode(),
        moment=lambda when: case_pages.moment(when, clock.now()),
    )


@blueprint.app_context_processor
def _bell() -> dict[str, Any]:
    return {"unread_notices": _unread}


def _unread() -> int:
    """Return how many notices the viewer has not read: one look into an index of unread ones."""
    by = viewer_or_none()
    if by is None:
        return 0
    with read() as tx:
        return queries.unread(tx, by.person_id)


def _settings() -> Settings:
    found: Settings = current_app.config["JINGWEI"]
    return found


def _card(one: NoticeRow) -> NoticeCard:
    return NoticeCard(
        one.id,
        one.kind,
        one.data["step"],
        one.case_id,
        one.data["no"],
        said(one.kind, one.data, "zh"),
        said(one.kind, one.data, "en"),
        one.at,
        one.read_at,
    )


def _choosing(wanted: Preference) -> Choosing:
    key = webhook_key(_settings().secret_key, viewer().person_id).decode() if wanted.webhook else None
    return Choosing(
        wanted.email,
        wanted.webhook,
        key,
        wanted.language,
        {kind.value: [c.value for c in channels] for kind, channels in wanted.choices.items()},
    )


def _next(page: NoticePage) -> str | None:
    return encode_cursor(str(page.items[-1].id)) if page.more else None


def _before(cursor: str | None) -> int | None:
    """Return the notice before which the page begins.

    Raises:
        BadValue: the cursor is none of ours.
    """
    if not cursor:
        return None
    [text] = decode_cursor(cursor, 1)
    if not (text.isascii() and text.isdecimal() and len(text) <= 19 and int(text) <= ID_MAX):
        raise BadValue("after: this is no cursor of ours; leave it out", field="after", value=cursor[:80])
    return int(text)


def _form_id(name: str) -> int:
    """Return a notice's number in a form, 0 when it is none: there is no such notice."""
    text = request.form.get(name, "")
    return _id(int(text)) if text.isascii() and text.isdecimal() and len(text) <= 19 else 0


def _id(number: int) -> int:
    return number if number <= ID_MAX else 0
