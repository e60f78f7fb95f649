"""Who may what, as a page: `docs/permissions.md` is made of the routes' permissions and the table of steps.

python -m app.permissions     print the page; a test holds the one in docs/ against it
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence

from flask import Flask

from app.cases.persons import TOLD
from app.cases.rules import RULES, Rule, Status, Step
from app.identity.access import permission_of
from app.identity.rules import PERMISSIONS, Permission, Role

Row = tuple[tuple[str, ...], frozenset[Role] | None]
"""The cells of a line, and which roles it marks; None stands for everybody, signed in or not."""

ROLES = tuple(Role)
YES = "●"
SHORT = {
    Role.SHIFT_LEADER: "shift",
    Role.DISPATCHER: "dispatch",
    Role.SUPERVISOR: "supervise",
    Role.COMMITTEE: "committee",
}
HEAD = """# Who may what

Made by `python -m app.permissions > docs/permissions.md` from `@allow` of every route, `PERMISSIONS` in
`app/identity/rules.py` and `RULES` in `app/cases/rules.py`; a test holds it against them.

A role is held in an area, and reaches what lies in it: ● means "there", not "everywhere". Across the wall a
thing is as if it were not (404). A worker sees and does what they hold or check, a handler what is their
department's, a citizen what is their own. A token of scope `read` only looks.
"""


def page(app: Flask) -> str:
    """Return the page as Markdown."""
    parts = [
        HEAD,
        "## Permissions\n",
        *_table(("permission",), _permissions()),
        "\n## Routes\n",
        *_table(("route", "permission"), _routes(app)),
        "\n## Steps\n",
        "A step that no role takes is the system's own.\n",
        *_table(("step", "from", "to"), _steps()),
        "\n## The person behind a case\n",
        "Masked for everybody (张*, 138****5678). `POST /api/v1/cases/<case>/unmask` tells name, telephone",
        "and address, for a reason and with a row in the audit, to whoever has to act on the case (of a",
        "return visit, the one of these roles that makes it):\n",
        *_table(("while the case is",), _told()),
    ]
    return "\n".join(parts) + "\n"


def _table(
    columns: Sequence[str], rows: Iterator[tuple[tuple[str, ...], frozenset[Role] | None]]
) -> Iterator[str]:
    """Yield a table: the columns, then a column a role."""
    yield f"| {' | '.join((*columns, *(SHORT.get(role, role.value) for role in ROLES)))} |"
    yield f"|{'---|' * len(columns)}{':-:|' * len(ROLES)}"
    for cells, roles in rows:
        marks = (YES if roles is None or role in roles else "" for role in ROLES)
        yield f"| {' | '.join((*cells, *marks))} |"


def _holders(permission: Permission) -> frozenset[Role] | None:
    if permission is Permission.PUBLIC:
        return None
    return frozenset(role for role in Role if permission in PERMISSIONS[role])


def _permissions() -> Iterator[Row]:
    for permission in Permission:
        yield (f"`{permission}`",), _holders(permission)


def _routes(app: Flask) -> Iterator[Row]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(rule.methods or ()))):
        permission = permission_of(app.view_functions[rule.endpoint])
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if permission is not None:
                yield (f"{method} `{rule.rule}`", f"`{permission}`"), _holders(permission)


def _steps() -> Iterator[Row]:
    """Yield a row a step; statuses from which it leads alike share one."""
    alike: dict[tuple[Step, str, frozenset[Role]], list[Status]] = defaultdict(list)
    for (status, step), rule in RULES.items():
        alike[step, _target(status, rule), rule.by].append(status)
    order = list(Step)
    for (step, target, roles), statuses in sorted(alike.items(), key=lambda row: order.index(row[0][0])):
        yield (f"`{step}`", ", ".join(statuses), target), roles


def _target(status: Status, rule: Rule) -> str:
    return "(same)" if rule.to is status else rule.to.value


def _told() -> Iterator[Row]:
    for status in Status:
        yield (status.value,), TOLD[status]


if __name__ == "__main__":
    from app import create_app  # this module is not imported by the application
    from app.settings import Settings

    sys.stdout.write(page(create_app(Settings(database_url="postgresql:///never_asked"))))
