"""The loop as a page, made from the table: `python -m app.cases.diagram > docs/loop.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from app.cases.rules import INCIDENT_NEEDS, OWNERS, RULES, STAGE_LIMITS, Clock, Rule, Status, Step


def page() -> str:
    """Return the page: a diagram of the ways between statuses, who acts where, and every row of the table."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# The loop\n"
    yield "Made from `app/cases/rules.py` by `python -m app.cases.diagram`; a test holds both equal.\n"
    yield "```mermaid\nstateDiagram-v2"
    yield "    [*] --> reported: report"
    for (start, end), steps in _ways().items():
        yield f"    {start} --> {end}: {', '.join(sorted(steps))}"
    yield "```\n"
    yield "Every open status also has merge (to merged) and force_close (to closed).\n"
    yield "| status | who acts next | within |"
    yield "|---|---|---|"
    for status, roles in OWNERS.items():
        yield f"| {status} | {', '.join(sorted(roles))} | {_stage(status)} |"
    yield "\n| from | step | to | by | needs | when | clock | domain.md row |"
    yield "|---|---|---|---|---|---|---|---|"
    for (status, step), rule in sorted(RULES.items(), key=_order):
        yield _row(status, step, rule)


def _order(item: tuple[tuple[Status, Step], Rule]) -> tuple[int, int]:
    (status, step), _ = item
    return list(Status).index(status), list(Step).index(step)


def _ways() -> dict[tuple[str, str], set[str]]:
    ways: dict[tuple[str, str], set[str]] = {}
    for (status, step), rule in sorted(RULES.items(), key=_order):
        if rule.to is not status and step not in {Step.MERGE, Step.FORCE_CLOSE}:
            ways.setdefault((status.value, rule.to.value), set()).add(step.value)
    return ways


def _stage(status: Status) -> str:
    if status not in STAGE_LIMITS:
        return "its own limit" if status is Status.HANDLING else "the day named"
    kind, limit = STAGE_LIMITS[status]
    return f"{limit:g} {kind}"


def _row(status: Status, step: Step, rule: Rule) -> str:
    by = ", ".join(sorted(rule.by)) or "the system"
    needs = ", ".join(rule.needs)
    if step in INCIDENT_NEEDS:
        needs += f" (incidents: {', '.join(INCIDENT_NEEDS[step])})"
    clock = "" if rule.clock is Clock.KEEP else rule.clock.value
    cells = (status, step, rule.to, by, needs, ", ".join(rule.when), clock, rule.row or "")
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(page())
