"""HTTP conventions: parsing by pydantic, problem+json, statuses of errors, bounding boxes, paging."""

from __future__ import annotations

import base64
import binascii
import functools
import json
import logging
import re
import reprlib
import secrets
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import orjson
import psycopg
import sqlalchemy as sa
from flask import Flask, Request, Response, current_app, request
from flask.sessions import SessionInterface, SessionMixin
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema
from sqlalchemy.exc import DBAPIError, OperationalError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.routing import UUIDConverter

from app import errors
from gis import codes
from gis.errors import GisError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)

STATUS: Mapping[type[Exception], int] = {
    errors.BadSetting: 500,
    errors.BadValue: 422,
    errors.NotSignedIn: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooMany: 429,
    errors.TooLarge: 413,
    errors.CommitUncertain: 503,
    errors.NoRoom: 507,
    GisError: 422,
}
REQUEST_ID = "jingwei.request_id"
MAX_VALUE_SHOWN = 80
MAX_JSON = 1_000_000
ParsedT = TypeVar("ParsedT", bound="Parsed")


class Parsed(BaseModel):
    """Base of every query and body: an unknown field is an error, not a silent nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _since_midnight(value: object) -> object:
    """Return the moment that a plain date means, midnight in the city's time; else `value` as it is.

    In an address "+" means a blank: `2026-05-01T08:00+08:00` arrives without it, and is taken as was meant.
    Digits alone are refused: `20260501` would be taken for seconds since 1970.
    """
    if not isinstance(value, str):
        return value
    if value.isdecimal():
        raise ValueError(_MENDS["datetime_parsing"])
    if _DATE.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            return value  # the 30th of February, which pydantic refuses in its words
        zone = ZoneInfo(current_app.config["JINGWEI"].timezone)
        return datetime.combine(day, time(), zone).astimezone(UTC)
    return _LOST_PLUS.sub("+", value)


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LOST_PLUS = re.compile(r"(?<=\d) (?=\d{2}:?\d{2}$)", re.ASCII)

Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_since_midnight),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
    ),
]
"""A moment in a query: with its zone, or a plain date, which is midnight in the city's time."""


class Answer(BaseModel):
    """Base of every documented answer."""

    model_config = ConfigDict(frozen=True)


class FieldProblem(Answer):
    """One field that does not fit."""

    field: str
    value: str
    message: str


class Problem(Answer):
    """An error (RFC 9457). `code` is stable, `detail` says what is wrong, where, and how to mend it."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[FieldProblem] = []


@dataclass(frozen=True, slots=True)
class Description:
    """What a route takes and answers; `/api/openapi.json` is made of these.

    An answer is a type (JSON), a media type (it has a slash), or a sentence about an answer without a body.
    `also` adds media types to an answer: a type where it is JSON, None where it is not. `upload` names the
    media types of a body that is no JSON. `problems` are the statuses of errors beyond those that every
    route of its kind can have.
    """

    summary: str
    tag: str
    query: type[Parsed] | None = None
    body: type[Parsed] | None = None
    answers: Mapping[int, type[Any] | str] = field(default_factory=dict)
    problems: tuple[int, ...] = ()
    path: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    also: Mapping[int, Mapping[str, type[Any] | None]] = field(default_factory=dict)
    upload: tuple[str, ...] = ()


def describe(description: Description) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Parse the request by `description` before the route, which gets `query` and `body` by keyword."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def parsed(**path: Any) -> Any:
            if description.query is not None:
                path["query"] = parse(description.query, request.args.to_dict())
            if description.body is not None:
                path["body"] = parse(description.body, json_body())
            return view(**path)

        parsed.description = description  # type: ignore[attr-defined]  # read by `description_of`
        return parsed

    return decorate


def description_of(view: Callable[..., Any]) -> Description | None:
    """Return what `view` says it takes and answers, None when it says nothing."""
    return getattr(view, "description", None)


def parse(model: type[ParsedT], values: Any) -> ParsedT:
    """Return `values` as a `model`.

    Raises:
        BadFields: with one line a field.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise BadFields(
            [
                FieldProblem(
                    field=".".join(str(part) for part in e["loc"]) or "(whole)",
                    value=_short(e.get("input")),
                    message=_MENDS.get(e["type"]) or e["msg"].removeprefix("Value error, "),
                )
                for e in error.errors(include_url=False, include_context=False)
            ]
        ) from None


_MENDS = {
    "extra_forbidden": "is no field here; leave it out, or spell it as the API's description does",
    "model_type": "is no object; send {...} with the fields in it",
    "missing": "is required; give it",
    "timezone_aware": "is without a time zone; write it like 2026-05-01T08:00:00+08:00",
    "datetime_from_date_parsing": "is no moment; write it like 2026-05-01T08:00:00+08:00",
    "datetime_parsing": "is no moment; write it like 2026-05-01T08:00:00+08:00",
}
"""Messages of pydantic that name no mend, or a class of ours."""


class BadFields(errors.BadValue):
    """One or more fields do not fit; `problems` has a line for each."""

    code = "bad_value"

    def __init__(self, problems: list[FieldProblem]) -> None:
        super().__init__("; ".join(f"{p.field}: {p.message} (got {p.value})" for p in problems))
        self.problems = problems


class BadBody(errors.BadValue):
    """The body is no JSON, or not UTF-8."""

    code = "bad_body"


def json_body() -> Any:
    """Return the body as JSON.

    Raises:
        BadBody: it is none; NaN and Infinity are no JSON either.
    """
    raw = raw_body(MAX_JSON, mend="send less at once")
    try:
        value = orjson.loads(raw)
        if not _flat(value, raw):
            json.loads(raw, object_pairs_hook=_named_once, parse_int=str, parse_float=str)
    except RecursionError:
        raise BadBody("the body is nested too deep; send an object with its fields") from None
    except orjson.JSONDecodeError as error:
        number = _NO_NUMBER.search(raw)
        if number is not None:
            name, value = (part.decode() for part in number.groups())
            raise BadBody(
                f"{name}: {value[:40]} is no JSON; give a number, or leave the field out",
                field=name,
                value=value,
            ) from None
        raise BadBody(f"the body is no JSON: {error}; send an object as application/json") from None
    return value


def raw_body(most: int, *, mend: str) -> bytes:
    """Return the body's bytes, at most `most`.

    Raises:
        TooLarge: there are more; the rest is not read.
    """
    request.max_content_length = most + 1  # a body without a length is cut there, and nothing is raised
    try:
        raw = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raw = None
    if raw is not None and len(raw) <= most:
        return raw
    length = request.content_length
    told = f"more than {most:,}" if length is None else f"{length:,}"
    message = f"body: it has {told} bytes, and at most {most:,} fit; {mend}"
    raise errors.TooLarge(message, field="body", value=length)


def _flat(value: Any, raw: bytes) -> bool:
    """Whether there are as many colons as fields: then no name stands twice, and none need be looked for."""
    return isinstance(value, dict) and raw.count(b":") == len(value) and raw.count(b"[") <= 1


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a field that stands twice: readers differ in which of the two they believe."""
    named = dict(pairs)
    if len(named) < len(pairs):
        name, value = next((n, v) for n, v in pairs if sum(n == other for other, _ in pairs) > 1)
        raise BadBody(f"{name}: stands twice in the body; name it once", field=name, value=value)
    return named


_NO_NUMBER = re.compile(rb'"(\w+)"\s*:\s*(-?(?:NaN|Infinity|\d[\d.]*[eE]\+?\d{3,}|\d{309,}))\b', re.ASCII)


def json_answer(value: Any, status: int = 200, *, media_type: str = "application/json") -> Response:
    """Return `value` (a model, dataclass, mapping or list) as JSON."""
    body = orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z)
    return Response(body, status, content_type=media_type)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(type(value).__name__)


def _short(value: Any) -> str:
    text = _shown.repr(value)
    return text if len(text) <= MAX_VALUE_SHOWN else text[:MAX_VALUE_SHOWN] + "…"


_shown = reprlib.Repr()
"""Writes a value however long and deep it is: plain repr() of a thousand brackets fails."""
_shown.maxstring = _shown.maxother = _shown.maxlong = 4 * MAX_VALUE_SHOWN
_shown.maxlevel = 4


def bbox(text: str) -> tuple[float, float, float, float]:
    """Return min lon, min lat, max lon, max lat of `text`.

    Raises:
        ValueError: it is not four numbers in that order within the globe.
    """
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError("give four numbers: minlon,minlat,maxlon,maxlat") from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueError("give minlon,minlat,maxlon,maxlat in degrees, the smaller first")
    return west, south, east, north


def encode_cursor(*parts: str) -> str:
    """Return an opaque cursor of keyset paging."""
    return base64.urlsafe_b64encode("\x1f".join(parts).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, parts: int) -> list[str]:
    """Return the parts of a cursor.

    Raises:
        BadValue: it is not one of ours.
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        text = ""
    found = text.split("\x1f")
    if len(found) != parts:
        raise errors.BadValue("after: this is no cursor of ours; leave it out", field="after", value=cursor)
    return found


def problem(status: int, code: str, detail: str, *, fields: list[FieldProblem] | None = None) -> Response:
    """Return an error as application/problem+json."""
    body = Problem(
        type=f"/problems/{code}",
        title=code.replace("_", " "),
        status=status,
        code=code,
        detail=detail,
        request_id=request_id(),
        errors=fields or [],
    )
    return json_answer(body, status, media_type="application/problem+json")


def request_id() -> str:
    """Return this request's id, which stands in the log and in every error."""
    return _id_of(request.environ)


def _id_of(environ: WSGIEnvironment) -> str:
    found: str = environ.get(REQUEST_ID) or environ.setdefault(REQUEST_ID, secrets.token_hex(8))
    return found


def status_of(error: Exception) -> int:
    """Return the status of the nearest class in the table."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def _as_it_is(view: Callable[..., Any]) -> Callable[..., Any]:
    return view


class _NoSession(SessionInterface):
    """Sessions are `identity`'s; opening and signing Flask's own costs a tenth of a small request."""

    def open_session(self, app: Flask, request: Request) -> None:
        """Open none."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Save none."""


def install(app: Flask) -> None:
    """Answer every error in one form, and give every answer its request id."""
    app.session_interface = _NoSession()
    app.ensure_sync = _as_it_is  # type: ignore[assignment,method-assign]  # no view is a coroutine; asking costs a tenth
    app.register_error_handler(errors.JingweiError, _caused)
    app.register_error_handler(GisError, _caused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(sa.exc.TimeoutError, _database_away)
    app.register_error_handler(Exception, _unknown)


def _caused(error: errors.JingweiError | GisError) -> Response:
    status = status_of(error)
    fields = error.problems if isinstance(error, BadFields) else []
    if not fields and getattr(error, "field", None):
        value = _short(getattr(error, "value", None))
        fields = [FieldProblem(field=str(error.field), value=value, message=str(error))]  # type: ignore[union-attr]  # looked for above
    answer = problem(status, error.code, str(error), fields=fields)
    if isinstance(error, errors.TooMany):
        answer.headers["Retry-After"] = str(error.retry_after_s)
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="jingwei"'
    return answer


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return error.get_response()  # type: ignore[return-value]  # werkzeug's own redirect
    if status == 404 and request.url_rule is None:
        return _nowhere()
    answer = problem(status, error.name.lower().replace(" ", "_"), error.description or error.name)
    answer.headers.extend({k: v for k, v in error.get_headers() if k in {"Allow", "Retry-After"}})
    return answer


def _nowhere() -> Response:
    """Say why an address is none of ours: an id that is no UUID, or a path that nothing answers."""
    for rule in current_app.url_map.iter_rules():
        ids = [name for name, part in rule._converters.items() if isinstance(part, UUIDConverter)]
        if not ids:
            continue
        found = re.fullmatch(re.sub(r"<[^<>]*?(\w+)>", r"(?P<\1>[^/]+)", rule.rule), request.path)
        wrong = found and [(name, found[name]) for name in ids if not _UUID.fullmatch(found[name])]
        if wrong:
            return _no_uuid(*wrong[0])
    shown = request.path[:MAX_VALUE_SHOWN]
    told = f"nothing stands at {shown}; GET /api/openapi.json describes every address of the API"
    return problem(404, "not_found", told)


def _no_uuid(name: str, value: str) -> Response:
    mend = "give a UUID such as 0190d6f0-8c1a-7000-8000-000000000000"
    if _CASE_NUMBER.fullmatch(value):
        mend = f"a case is found by its number with GET /api/v1/cases?text={value}"
    elif request.method == "PUT":
        mend = "make one where the report is made, the same at every try (uuidgen)"
    message = f"{name}: {value[:MAX_VALUE_SHOWN]!r} is no UUID; {mend}"
    return problem(
        404, "not_found", message, fields=[FieldProblem(field=name, value=_short(value), message=message)]
    )


_UUID = re.compile(UUIDConverter.regex)
_CASE_NUMBER = re.compile(codes.CASE.regex)


def _database_away(error: Exception) -> Response:
    log.error("request %s: database: %s", request_id(), _without_data(error))
    answer = problem(503, "database_away", "the database does not answer just now; send the same again")
    answer.headers["Retry-After"] = "1"
    return answer


def _unknown(error: Exception) -> Response:
    if isinstance(error, DBAPIError | psycopg.Error):
        places = "".join(traceback.format_tb(error.__traceback__))
        log.error("request %s failed: %s\n%s", request_id(), _without_data(error), places)
    else:
        log.exception("request %s failed", request_id(), exc_info=error)
    return problem(500, "internal", f"something failed here; tell us the id {request_id()}")


def _without_data(error: Exception) -> str:
    """Return which error it is. PostgreSQL's own words may repeat a whole row, and a log is read by many."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    told = getattr(cause, "diag", None)
    known = [getattr(told, name, None) for name in ("sqlstate", "table_name", "constraint_name")]
    return " ".join([type(cause).__name__, *(word for word in known if word)])


def close(app: Flask, headers: Mapping[str, str]) -> None:
    """Give every answer its request id, and those of `headers` that it does not have yet.

    On the plain list that the server gets: on a response's headers the same takes a tenth of a small request.
    """
    inner = app.wsgi_app
    wanted = [(name.lower(), (name, value)) for name, value in headers.items()]

    def closed(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, given: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
            known = {name.lower() for name, _ in given}
            missing = [pair for name, pair in wanted if name not in known]
            return start_response(status, [*given, *missing, ("X-Request-Id", _id_of(environ))], *error)

        return inner(environ, start)

    app.wsgi_app = closed  # type: ignore[method-assign]  # Flask's own advice
