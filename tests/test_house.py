"""The house keeps its own rules."""

from uuid import UUID

import pytest
from werkzeug.routing import Rule

from app.errors import NotAllowed, NotSignedIn
from app.identity.access import permission_of
from app.identity.rules import PERMISSIONS, Permission, Role

OPEN_CHANGES = {"identity.enter", "identity.sign_out"}
"""Routes that change something for somebody unknown; both check their form's token themselves."""

PARTS = {
    "UUIDConverter": UUID("0190d6f0-0000-7000-8000-000000000000"),
    "IntegerConverter": 1,
    "FloatConverter": 1.0,
}


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
