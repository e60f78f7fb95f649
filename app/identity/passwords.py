"""Passwords: argon2id, and the same work whether the account exists or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

HASHER = PasswordHasher(time_cost=2, memory_cost=32_768, parallelism=1)
"""Above OWASP's least of 19 MiB and 2 rounds; about 50 ms of one core."""

LONGEST = 1_024


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the password fits; `new_hash` is to be stored when the parameters have changed since."""

    fits: bool
    new_hash: str | None = None


def hashed(password: str) -> str:
    """Return the hash to store of `password`."""
    return HASHER.hash(password)


def verdict(stored: str | None, password: str) -> Verdict:
    """Return whether `password` fits the `stored` hash.

    Without one (an unknown person, or one who has no password) a dummy is verified, so that the time does not
    tell who exists.
    """
    if len(password) > LONGEST:
        password, stored = "", None
    try:
        HASHER.verify(stored or _dummy(), password)
    except (VerificationError, InvalidHashError):
        return Verdict(fits=False)
    if stored is None:
        return Verdict(fits=False)
    return Verdict(fits=True, new_hash=hashed(password) if HASHER.check_needs_rehash(stored) else None)


@cache
def _dummy() -> str:
    return HASHER.hash("nobody has this password")
