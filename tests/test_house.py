"""The house keeps its own rules."""

import re
from dataclasses import fields
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from werkzeug.routing import Rule

from app import permissions
from app.db import named_statements
from app.errors import NotAllowed, NotSignedIn
from app.identity.access import permission_of
from app.identity.rules import PERMISSIONS, Permission, Role
from app.settings import PREFIX, ROOT, Settings

OPEN_CHANGES = {"identity.enter", "identity.sign_out"}
"""Routes that change something for somebody unknown; both check their form's token themselves."""

PARTS = {
    "UUIDConverter": UUID("0190d6f0-0000-7000-8000-000000000000"),
    "IntegerConverter": 1,
    "FloatConverter": 1.0,
}


STAND_ALONE = ("print.html", " style=")
"""The printed map may have style attributes, as folium's pages do (app/security.py)."""


def _routes(app) -> list[tuple[Rule, str]]:
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
    ]


def _path(app, rule: Rule) -> str:
    values = {
        name: min(getattr(part, "items", None) or [PARTS.get(type(part).__name__, "x")])
        for name, part in rule._converters.items()
    }
    return app.url_map.bind("localhost").build(rule.endpoint, values, method=min(rule.methods))


def _asked(app, rule: Rule, method: str, **headers: str) -> str:
    """Ask the gate alone, so that nothing is changed: 'in', 'sent to sign in', '401' or '403'."""
    with app.test_request_context(_path(app, rule), method=method, headers=headers):
        try:
            answer = app.preprocess_request()
        except NotSignedIn:
            return "401"
        except NotAllowed:
            return "403"
    return "in" if answer is None else "sent to sign in"


def test_every_route_declares_a_permission(app):
    bare = [
        rule.endpoint for rule, _ in _routes(app) if permission_of(app.view_functions[rule.endpoint]) is None
    ]
    assert bare == []


def test_nothing_is_changed_by_somebody_unknown(app):
    unknown = {
        rule.endpoint
        for rule, method in _routes(app)
        if method != "GET" and permission_of(app.view_functions[rule.endpoint]) is Permission.PUBLIC
    }
    assert unknown <= OPEN_CHANGES


def test_somebody_unknown_comes_in_where_it_is_public_only(app):
    for rule, method in _routes(app):
        public = permission_of(app.view_functions[rule.endpoint]) is Permission.PUBLIC
        assert (_asked(app, rule, method) == "in") == public, (method, rule.rule)


@pytest.mark.parametrize("role", list(Role))
def test_every_route_lets_in_the_roles_that_have_its_permission(app, client_as, role):
    bearer = client_as(role.value).environ_base["HTTP_AUTHORIZATION"]
    for rule, method in _routes(app):
        permission = permission_of(app.view_functions[rule.endpoint])
        expected = permission is Permission.PUBLIC or permission in PERMISSIONS[role]
        answer = _asked(app, rule, method, Authorization=bearer)
        assert answer == ("in" if expected else "403"), (role, method, rule.rule)


def test_the_page_of_permissions_is_what_the_code_says(app):
    written = (ROOT / "docs" / "permissions.md").read_text("utf-8")
    assert written == permissions.page(app), "run: python -m app.permissions > docs/permissions.md"


def test_every_setting_is_documented_and_no_other():
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `(JINGWEI_\w+)` \|", text, re.MULTILINE))
    assert documented == {PREFIX + field.name.upper() for field in fields(Settings)}


@pytest.mark.parametrize("statement", sorted(named_statements()))
def test_every_named_statement_can_be_planned(tx, statement):
    compiled = named_statements()[statement].compile(dialect=postgresql.dialect(paramstyle="numeric_dollar"))
    numbers = {int(number) for number in re.findall(r"\$(\d+)", str(compiled))}
    nothing = f"({', '.join(['NULL'] * len(numbers))})" if numbers else ""
    raw = tx.connection.connection.cursor()
    raw.execute(f"PREPARE planned AS {compiled}")
    try:
        raw.execute(f"EXPLAIN EXECUTE planned{nothing}")
        assert raw.fetchall()
    finally:
        tx.execute(sa.text("DEALLOCATE planned"))


def _ours(*patterns: str):
    for pattern in patterns:
        for path in ROOT.glob(pattern):
            if "vendor" not in path.parts:
                yield path, path.read_text("utf-8")


def test_no_page_names_another_host():
    found = [
        (path.name, host)
        for path, text in _ours("app/templates/**/*.html", "app/static/**/*.*")
        for host in re.findall(r"(?:https?:)?//([a-z0-9-]+(?:\.[a-z0-9-]+)+)", text)
        if host != "www.w3.org"  # the name of SVG's namespace, never asked
    ]
    assert found == []


def test_sql_names_no_schema_and_sets_no_search_path():
    found = [
        (path.name, words)
        for path, text in _ours("app/**/*.sql", "migrations/functions/*.sql")
        for words in re.findall(r"(?i)\b(?:jingwei|public)\.\w+|\bsearch_path\b", re.sub(r"--.*", "", text))
    ]
    assert found == []


def test_no_page_has_a_script_or_style_of_its_own():
    """Only a page that must stand alone has: each of its tags carries the answer's nonce."""
    own = r"<(?:script(?![^>]*(?:src=|type=\"application/json))|style)[^>]*>|\son\w+=|\sstyle="
    found = [
        (path.name, tag)
        for path, text in _ours("app/templates/**/*.html")
        for tag in re.findall(own, text)
        if not (tag.startswith("<") and 'nonce="{{' in tag) and (path.name, tag) != STAND_ALONE
    ]
    assert found == []
