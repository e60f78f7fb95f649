"""Who may do what: roles, permissions, and areas of authority as prefixes of division codes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from app.errors import BadValue, NotFound

IDLE_LIMIT = timedelta(hours=12)
"""A session that nobody used for so long is over."""

SESSION_LIFE = timedelta(days=7)
"""A session is over after this, however much it was used."""

SEEN_EVERY = timedelta(minutes=1)
"""`seen_at` and `used_at` are written at most so often: not at every request."""

USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
TOKEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")
PASSWORD_LENGTH = range(10, 257)

FREE_ATTEMPTS = 5
LONGEST_WAIT_S = 900
FORGIVEN_AFTER = timedelta(hours=1)


class Role(StrEnum):
    """The roles of domain.md, section 7."""

    CITIZEN = "citizen"
    WORKER = "worker"
    OPERATOR = "operator"
    SHIFT_LEADER = "shift_leader"
    DISPATCHER = "dispatcher"
    HANDLER = "handler"
    SUPERVISOR = "supervisor"
    COMMITTEE = "committee"
    LEADER = "leader"
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
    HANDLE_CASES = "handle_cases"
    TAKE_APPEALS = "take_appeals"
    READ_PERSONAL = "read_personal"
    READ_FIGURES = "read_figures"
    PUBLISH_FIGURES = "publish_figures"
    EDIT_CALENDAR = "edit_calendar"
    READ_AUDIT = "read_audit"
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

_STAFF = _DESK | {Permission.HANDLE_CASES}
_FIGURES = frozenset({Permission.READ_FIGURES})

PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.CITIZEN: frozenset(
            {
                Permission.SIGNED_IN,
                Permission.REPORT_CASE,
                Permission.READ_MAP,
                Permission.READ_CASES,
                Permission.HANDLE_CASES,
            }
        ),
        Role.WORKER: _STAFF - {Permission.READ_WORKERS},
        Role.OPERATOR: _STAFF | {Permission.READ_PERSONAL, Permission.TAKE_APPEALS},
        Role.SHIFT_LEADER: _STAFF | _FIGURES | {Permission.READ_PERSONAL, Permission.TAKE_APPEALS},
        Role.DISPATCHER: _STAFF | _FIGURES,
        Role.HANDLER: (_STAFF | {Permission.READ_PERSONAL}) - {Permission.READ_WORKERS},
        Role.SUPERVISOR: _STAFF | _FIGURES | {Permission.READ_PERSONAL},
        Role.COMMITTEE: _STAFF | _FIGURES | {Permission.READ_PERSONAL, Permission.PUBLISH_FIGURES},
        Role.LEADER: _STAFF | _FIGURES,
        Role.PLANNER: _DESK | _FIGURES | {Permission.EDIT_CALENDAR},
        Role.ADMIN: _DESK
        | _FIGURES
        | {
            Permission.ADMINISTER,
            Permission.EDIT_CALENDAR,
            Permission.READ_AUDIT,
            Permission.PUBLISH_FIGURES,
        },
    }
)
"""What each role may do. READ_WORKERS makes a desk, which sees every case of its areas."""


class Scope(StrEnum):
    """What a token may do with its person's roles: everything, or look only."""

    FULL = "full"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Limit:
    """How often one viewer (or one address, when nobody is signed in) may do something in a window.

    A process takes `lease` of them from the shared table at a time, so that most requests write nothing;
    what a process took and did not use is lost to the others until the window ends. Of a large amount it
    takes a 400th at a time, where that is more.
    """

    name: str
    amount: int
    by_token: int
    window_s: int = 60
    lease: int = 1

    def at_a_time(self, amount: int) -> int:
        """Return how many a process takes of `amount`."""
        return max(self.lease, amount // 400)


SIGN_INS = Limit("sign_in", amount=60, by_token=60)
REPORTS = Limit("reports", amount=300, by_token=120_000, lease=30)
STEPS = Limit("steps", amount=600, by_token=120_000, lease=30)
UNMASKINGS = Limit("unmaskings", amount=60, by_token=60, window_s=3_600)
APPEALS = Limit("appeals", amount=10, by_token=600, window_s=600)
TRACKS = Limit("tracks", amount=30, by_token=600, window_s=600)
PRINTS = Limit("prints", amount=60, by_token=600)
PHOTOS = Limit("photos", amount=300, by_token=60_000, lease=10)
LISTS = Limit("lists", amount=300, by_token=12_000, lease=20)
SEARCHES = Limit("searches", amount=600, by_token=12_000, lease=40)
"""A search is asked at nearly every key."""

CARDS = Limit("cards", amount=1_200, by_token=60_000, lease=60)
TILES = Limit("tiles", amount=6_000, by_token=120_000, lease=200)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is asking. `areas` are code prefixes of their authority; a citizen has none, and sees their own.

    Behind a route, `areas` are already those in which the viewer holds the route's permission.
    """

    person_id: int
    name: str
    username: str
    roles: frozenset[Role]
    areas: tuple[str, ...]
    worker_id: int | None = None
    unit_code: str | None = None
    via_token: bool = False
    read_only: bool = False
    grants: tuple[tuple[Role, str], ...] = ()

    def may(self, permission: Permission) -> bool:
        """Whether one of the roles grants `permission`."""
        return permission is Permission.PUBLIC or any(permission in PERMISSIONS[role] for role in self.roles)

    def sees_area(self, code: str) -> bool:
        """Whether the area with this code lies in the viewer's authority."""
        return any(code.startswith(prefix) for prefix in self.areas)

    def narrowed(self, permission: Permission) -> Viewer:
        """Return the viewer with the areas of those roles only that grant `permission`.

        A supervisor here who is a worker there supervises here only.
        """
        areas = _areas_with(self.grants, permission)
        return self if areas == self.areas else replace(self, areas=areas)


@lru_cache(maxsize=10_000)
def _areas_with(grants: tuple[tuple[Role, str], ...], permission: Permission) -> tuple[str, ...]:
    return areas_of(grant for grant in grants if permission in PERMISSIONS[grant[0]])


def areas_of(grants: Iterable[tuple[Role, str]]) -> tuple[str, ...]:
    """Return the prefixes that the grants cover. A citizen's is none: they see what is their own."""
    prefixes = {prefix_of(code) for role, code in grants if role is not Role.CITIZEN}
    return tuple(sorted(p for p in prefixes if not any(p != q and p.startswith(q) for q in prefixes)))


def must_see(viewer: Viewer, area_code: str, what: str) -> None:
    """Do nothing when the area lies in the viewer's authority.

    Raises:
        NotFound: it does not; the answer is the same as if `what` did not exist, so that nothing leaks.
    """
    if not viewer.sees_area(area_code):
        raise NotFound(f"there is no {what}, or not for you")


def prefix_of(area_code: str) -> str:
    """Return the prefix that all codes inside an area share (a city's code ends in 00, a district's not)."""
    return area_code[:4] if len(area_code) == 6 and area_code.endswith("00") else area_code


def wait_s(failures: int, last: datetime, at: datetime) -> int:
    """Return how many seconds the next attempt to sign in has to wait.

    A mistake or two costs nothing; then the wait doubles up to a quarter of an hour. It never becomes a lock,
    which anybody could put on somebody else's account.
    """
    if failures < FREE_ATTEMPTS or at - last >= FORGIVEN_AFTER:
        return 0
    delay = min(LONGEST_WAIT_S, 2 ** min(failures - FREE_ATTEMPTS, 20))
    left = (last + timedelta(seconds=delay) - at).total_seconds()
    return max(0, math.ceil(left))


def window_of(at: datetime, window_s: int) -> datetime:
    """Return the start of the window of `window_s` seconds that `at` lies in."""
    return datetime.fromtimestamp(at.timestamp() // window_s * window_s, UTC)


def checked_username(text: str) -> str:
    """Return `text` as a username: small letters.

    Raises:
        BadValue: it is none.
    """
    username = text.strip().lower()
    if not USERNAME.fullmatch(username):
        raise BadValue(
            f"{text!r} is no username: 1 to 64 of a-z, 0-9, . _ -, a letter or digit first",
            field="username",
            value=text,
        )
    return username


def checked_password(password: str, username: str) -> str:
    """Return `password` when it may be used.

    Raises:
        BadValue: it is too short, too long, or the username itself.
    """
    if len(password) not in PASSWORD_LENGTH:
        raise BadValue(
            f"a password has {PASSWORD_LENGTH.start} to {PASSWORD_LENGTH.stop - 1} characters,"
            f" this one has {len(password)}",
            field="password",
        )
    if username and username in password.lower():
        raise BadValue("a password may not hold the username", field="password")
    return password
