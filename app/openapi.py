"""`/api/openapi.json`: what every route says of itself, put together as one OpenAPI 3.1 document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, cast

import orjson
from flask import Blueprint, Flask, current_app, request
from pydantic import TypeAdapter
from werkzeug.routing import Rule
from werkzeug.wrappers import Response as AnyResponse

from app.http import Answer, Description, Problem, describe, description_of, json_answer
from app.identity.access import SAFE, allow, cookie_name, permission_of
from app.identity.rules import Permission

blueprint = Blueprint("openapi", __name__)

DOCUMENT = "jingwei.openapi"
SCHEMAS = "#/components/schemas/{model}"
JSON = "application/json"
ALWAYS = (503,)
SAYS: Mapping[int, str] = {
    200: "as asked",
    201: "made",
    204: "nothing to show",
    304: "not changed since the ETag sent",
    400: "not HTTP as it should be",
    401: "sign in, or send a token",
    403: "your roles do not include this, or a cookie came without the page's token",
    404: "there is none, or not for you",
    409: "the present state of things does not allow it",
    413: "the body is too large",
    422: "a field does not fit; `errors` has a line for each",
    429: "too many requests; `Retry-After` says when to come back",
    503: "the database does not answer just now; send the same again",
    507: "the disk is full; nothing was written",
}
Mode = Literal["validation", "serialization"]


class Document(Answer):
    """An OpenAPI document; https://spec.openapis.org/oas/v3.1.1 says what is in it."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]


@blueprint.get("/api/openapi.json")
@allow(Permission.PUBLIC)
@describe(Description("This document", "about", answers={200: Document, 304: SAYS[304]}))
def show() -> AnyResponse:
    """Answer the document; it is made once a process."""
    made = current_app.extensions.get(DOCUMENT)
    if made is None:
        made = current_app.extensions[DOCUMENT] = document(current_app)
    answer = json_answer(made)
    answer.add_etag()
    return answer.make_conditional(request)


def document(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI document of an application, inside its context."""
    routes = list(described(app))
    references, definitions = _schemas(view for _, view in routes)
    paths: dict[str, dict[str, Any]] = {}
    for rule, view in routes:
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            operation = _operation(rule, method, view, references)
            paths.setdefault(template(rule), {})[method.lower()] = operation
    made = {
        "openapi": "3.1.0",
        "info": {
            "title": "Jingwei 经纬",
            "version": "1",
            "description": "Grid governance for a city. Positions are lon, lat; moments are UTC.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": definitions, "securitySchemes": _security_schemes()},
    }
    return _named_shortly(made)


def _named_shortly(made: dict[str, Any]) -> dict[str, Any]:
    """Tell types of one name apart by capability: `GridHolder`; pydantic says app__grid__queries__Holder."""

    def shorter(found: re.Match[str]) -> str:
        return found[1].title() + found[2]

    text = re.sub(r"\bapp__([a-z]+)__(?:[a-z_]+__)*([A-Z]\w*)", shorter, orjson.dumps(made).decode())
    named: dict[str, Any] = orjson.loads(text)
    return named


def described(app: Flask) -> Iterator[tuple[Rule, Callable[..., Any]]]:
    """Give every route that describes itself."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if description_of(view) is not None:
            yield rule, view


def template(rule: Rule) -> str:
    """Return a rule's path as OpenAPI writes it: `/cells/{code}` for `/cells/<code>`."""
    return re.sub(r"<(?:[^<>:]*:)?(\w+)>", r"{\1}", rule.rule)


def _operation(
    rule: Rule, method: str, view: Callable[..., Any], references: Mapping[Any, Any]
) -> dict[str, Any]:
    description, permission = _description(view), permission_of(view) or Permission.PUBLIC
    made: dict[str, Any] = {
        "operationId": rule.endpoint.replace(".", "_"),
        "summary": description.summary,
        "description": (view.__doc__ or "").strip(),
        "tags": [description.tag],
        "x-permission": permission.value,
        "security": _security(permission, method),
        "parameters": [*_path_parameters(rule, description), *_query_parameters(description)],
        "responses": _responses(rule, view, references),
    }
    if description.body is not None:
        content = {JSON: {"schema": references[description.body, "validation"]}}
        made["requestBody"] = {"required": True, "content": content}
    elif description.upload:
        made["requestBody"] = {"required": True, "content": {kind: {} for kind in description.upload}}
    return made


def _description(view: Callable[..., Any]) -> Description:
    return cast(Description, description_of(view))


def _schemas(views: Iterable[Callable[..., Any]]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """Return a reference to the schema of every type, and the schemas, named apart by pydantic."""
    wanted: dict[tuple[Any, Mode], TypeAdapter[Any]] = {}
    for view in views:
        description = _description(view)
        if description.body is not None:
            wanted[description.body, "validation"] = TypeAdapter(description.body)
        further = [kind for media in description.also.values() for kind in media.values()]
        for kind in [*description.answers.values(), *further, Problem]:
            if not isinstance(kind, str | None):
                wanted[kind, "serialization"] = TypeAdapter(kind)
    made, shared = TypeAdapter.json_schemas(
        [(str(number), key[1], adapter) for number, (key, adapter) in enumerate(wanted.items())],
        ref_template=SCHEMAS,
    )
    references = {key: made[str(number), key[1]] for number, key in enumerate(wanted)}
    return references, dict(sorted(shared.get("$defs", {}).items()))


def _path_parameters(rule: Rule, description: Description) -> Iterator[dict[str, Any]]:
    for name, converter in rule._converters.items():
        told = dict(description.path.get(name, {}))
        about: dict[str, Any] = {key: told.pop(key) for key in ("description", "example") if key in told}
        yield {"name": name, "in": "path", "required": True, "schema": _part(converter) | told, **about}


def _part(converter: object) -> dict[str, Any]:
    """Return the schema of what a part of a path takes."""
    match type(converter).__name__:
        case "UUIDConverter":
            return {"type": "string", "format": "uuid"}
        case "IntegerConverter":
            return {"type": "integer", "minimum": 0}
        case "AnyConverter":
            return {"type": "string", "enum": sorted(getattr(converter, "items", ()))}
        case _:
            return {"type": "string", "pattern": "^[^/]+$"}


def _query_parameters(description: Description) -> Iterator[dict[str, Any]]:
    if description.query is None:
        return
    schema = description.query.model_json_schema()
    for name, told in schema.get("properties", {}).items():
        field = _present(told)
        about = field.pop("description", None)
        yield {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": field,
            **({"description": about} if about else {}),
        }


def _present(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter that is given: one left out is no null."""
    field = dict(told)
    field.pop("title", None)
    if field.get("default", ...) is None:
        del field["default"]
    choices = [choice for choice in field.pop("anyOf", ()) if choice != {"type": "null"}]
    return field | (choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {})


def _responses(rule: Rule, view: Callable[..., Any], references: Mapping[Any, Any]) -> dict[str, Any]:
    description = _description(view)
    made: dict[int, dict[str, Any]] = {}
    for status, answer in description.answers.items():
        content = _content(answer, references)
        for media, kind in description.also.get(status, {}).items():
            content[media] = {} if kind is None else {"schema": references[kind, "serialization"]}
        bare = isinstance(answer, str) and "/" not in answer
        made[status] = {"description": answer if bare else SAYS.get(status, "as asked")}
        if content:
            made[status]["content"] = content
    problem = {"application/problem+json": {"schema": references[Problem, "serialization"]}}
    for status in _problems(rule, view):
        made[status] = {"description": SAYS.get(status, "an error"), "content": problem}
        if status in {429, 503}:
            made[status]["headers"] = {
                "Retry-After": {"schema": {"type": "string"}, "description": "seconds"}
            }
    return {str(status): made[status] for status in sorted(made)}


def _content(answer: type[Any] | str, references: Mapping[Any, Any]) -> dict[str, Any]:
    if not isinstance(answer, str):
        return {JSON: {"schema": references[answer, "serialization"]}}
    return {answer: {}} if "/" in answer else {}


def _problems(rule: Rule, view: Callable[..., Any]) -> set[int]:
    """Return the statuses of errors that a route can answer by what it declares."""
    description = _description(view)
    found = {*description.problems, *ALWAYS}
    if permission_of(view) is not Permission.PUBLIC:
        found |= {401, 403}
    if rule.arguments:
        found.add(404)
    if description.query is not None:
        found.add(422)
    if description.body is not None or description.upload:
        found |= {413, 422}
    if getattr(view, "limit", None) is not None:
        found.add(429)
    return found - set(description.answers)


def _security(permission: Permission, method: str) -> list[dict[str, list[str]]]:
    if permission is Permission.PUBLIC:
        return []
    session: dict[str, list[str]] = {"session": []} if method in SAFE else {"session": [], "form": []}
    return [{"bearer": []}, {"basic": []}, session]


def _security_schemes() -> dict[str, Any]:
    return {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of `jingwei token create NAME`",
        },
        "basic": {
            "type": "http",
            "scheme": "basic",
            "description": "The same token as the password, with any name: for programs such as QGIS",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie_name("session"),
            "description": "What a browser gets at the sign-in",
        },
        "form": {
            "type": "apiKey",
            "in": "header",
            "name": "X-CSRF-Token",
            "description": "Beside a session's cookie: the token that the page holds",
        },
    }
