"""Who holds a secret: asked of the database, and remembered for some seconds in each process.

What is remembered makes a request cheap and delays one thing: after a sign-out or a revocation, *another*
process may let the secret in for `REMEMBERED` longer. The process that did it forgets at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from app.errors import TooMany
from app.identity import actions, queries
from app.identity.keys import digest
from app.identity.queries import Known
from app.identity.rules import SEEN_EVERY, Limit, Viewer, window_of
from app.transaction import read, write

REMEMBERED = timedelta(seconds=3)
MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Memory:
    viewer: Viewer
    until: datetime


class Recognition:
    """A process's memory of who holds which secret; bounded in time and number."""

    def __init__(self) -> None:
        self._known: dict[tuple[bool, bytes], _Memory] = {}
        self._lock = Lock()

    def by_session(self, secret: str, *, at: datetime) -> Viewer | None:
        """Return who holds the session, None when it is over."""
        return self.remembered(secret, at, token=False) or self._asked(secret, at, token=False)

    def by_token(self, secret: str, *, at: datetime) -> Viewer | None:
        """Return whose token it is, None when it works no more."""
        return self.remembered(secret, at, token=True) or self._asked(secret, at, token=True)

    def forget(self, person_id: int) -> None:
        """Forget all secrets of a person."""
        with self._lock:
            kept = {k: m for k, m in self._known.items() if m.viewer.person_id != person_id}
            self._known = kept

    def remembered(self, secret: str, at: datetime, *, token: bool) -> Viewer | None:
        """Return who holds the secret if that was asked seconds ago, None when it has to be asked."""
        memory = self._known.get((token, digest(secret)))
        return memory.viewer if memory is not None and at < memory.until else None

    def _asked(self, secret: str, at: datetime, *, token: bool) -> Viewer | None:
        with read() as tx:
            known = (queries.by_token if token else queries.by_session)(tx, secret, at=at)
        if known is None:
            return None
        if _stale(known, at):
            with write() as tx:
                (actions.touch_token if token else actions.touch_session)(tx, secret, at=at)
        with self._lock:
            if len(self._known) >= MOST:
                self._known = {k: m for k, m in self._known.items() if at < m.until}
            if len(self._known) < MOST:
                self._known[token, digest(secret)] = _Memory(known.viewer, at + REMEMBERED)
        return known.viewer


def _stale(known: Known, at: datetime) -> bool:
    return known.last_at is None or known.last_at <= at - SEEN_EVERY


@dataclass(slots=True)
class _Lease:
    window_start: datetime
    left: int
    refused: bool = False


class Allowances:
    """A process's leases of the shared rate buckets (see `rules.Limit`)."""

    def __init__(self) -> None:
        self._leases: dict[tuple[str, str], _Lease] = {}
        self._lock = Lock()

    def spend(self, limit: Limit, key: str, amount: int, *, at: datetime) -> None:
        """Use one of the `amount` that `key` has in this window.

        Raises:
            TooMany: it is used up.
        """
        start = window_of(at, limit.window_s)
        with self._lock:
            lease = self._leases.get((limit.name, key))
            if lease is None or lease.window_start != start:
                lease = self._new(limit, key, start)
            if lease.left:
                lease.left -= 1
                return
        if not lease.refused:
            granted = self._ask(limit, key, amount, at)
            with self._lock:
                lease.left += max(0, granted - 1)
                lease.refused = granted == 0
        if lease.refused:
            left = max(1, round((start + timedelta(seconds=limit.window_s) - at).total_seconds()))
            raise TooMany(f"too many requests of this kind; try again in {left} s", retry_after_s=left)

    def spend_leased(self, limit: Limit, key: str, *, at: datetime) -> bool:
        """Use one of what this process has leased already; False when there is none, and nothing is used."""
        with self._lock:
            lease = self._leases.get((limit.name, key))
            if lease is None or not lease.left or lease.window_start != window_of(at, limit.window_s):
                return False
            lease.left -= 1
            return True

    def _new(self, limit: Limit, key: str, start: datetime) -> _Lease:
        if len(self._leases) >= MOST:
            self._leases.clear()
        lease = _Lease(start, 0)
        self._leases[limit.name, key] = lease
        return lease

    def _ask(self, limit: Limit, key: str, amount: int, at: datetime) -> int:
        lease = limit.at_a_time(amount)
        with write() as tx:
            taken = actions.take(tx, key, limit, amount=lease, at=at)
        return max(0, min(lease, amount - (taken - lease)))
