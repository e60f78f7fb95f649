"""Who may do what: roles, permissions, and areas of authority as prefixes of division codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """The roles of domain.md, section 7, that this ground needs."""

    CITIZEN = "citizen"
    WORKER = "worker"
    OPERATOR = "operator"
    DISPATCHER = "dispatcher"
    SUPERVISOR = "supervisor"
    PLANNER = "planner"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a route may ask for. Every route declares one; PUBLIC asks for nothing, SIGNED_IN for anybody."""

    PUBLIC = "public"
    SIGNED_IN = "signed_in"
    REPORT_CASE = "report_case"
    READ_MAP = "read_map"
    READ_CASES = "read_cases"
    READ_WORKERS = "read_workers"
    LOCATE = "locate"
    ADMINISTER = "administer"


_DESK = frozenset(
    {
        Permission.SIGNED_IN,
        Permission.REPORT_CASE,
        Permission.READ_MAP,
        Permission.READ_CASES,
        Permission.READ_WORKERS,
        Permission.LOCATE,
    }
)

PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.CITIZEN: frozenset(
            {Permission.SIGNED_IN, Permission.REPORT_CASE, Permission.READ_MAP, Permission.READ_CASES}
        ),
        Role.WORKER: _DESK - {Permission.READ_WORKERS},
        Role.OPERATOR: _DESK,
        Role.DISPATCHER: _DESK,
        Role.SUPERVISOR: _DESK,
        Role.PLANNER: _DESK,
        Role.ADMIN: _DESK | {Permission.ADMINISTER},
    }
)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is asking. `areas` are code prefixes of their authority; a citizen has none, and sees their own."""

    person_id: int
    name: str
    username: str
    roles: frozenset[Role]
    areas: tuple[str, ...]
    worker_id: int | None = None
    via_token: bool = False

    def may(self, permission: Permission) -> bool:
        """Whether one of the roles grants `permission`."""
        return permission is Permission.PUBLIC or any(permission in PERMISSIONS[role] for role in self.roles)

    def sees_area(self, code: str) -> bool:
        """Whether the area with this code lies in the viewer's authority."""
        return any(code.startswith(prefix) for prefix in self.areas)


def prefix_of(area_code: str) -> str:
    """Return the prefix that all codes inside an area share (a city's code ends in 00, a district's not)."""
    return area_code[:4] if len(area_code) == 6 and area_code.endswith("00") else area_code
