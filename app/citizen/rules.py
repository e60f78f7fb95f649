"""Secrets to track with, proofs against robots, and what makes an appeal suspicious. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without what is mistaken for something else: 0 O, 1 I L, U V."""

SECRET_LENGTH = 10
BITS = 14
"""How many leading zero bits a proof has: some 16,000 hashes, under a second on an old phone."""

SHORTEST = timedelta(seconds=3)
LONGEST = timedelta(hours=6)
"""Nobody fills the form in faster than the first; after the second it is loaded again."""


def new_secret() -> str:
    """Return ten characters, 49 random bits, that can be read out over a telephone."""
    return "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))


def digest(secret: str) -> bytes:
    """Return what is stored of a secret, however it was typed."""
    plain = re.sub(r"[^0-9A-Z]", "", secret.upper())
    return hashlib.sha256(plain.encode()).digest()


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a form asks to be proved; `question` is for those without script."""

    text: str
    question: tuple[int, int]


def challenge(key: str, at: datetime) -> Challenge:
    """Return a new challenge, signed, with the moment at which it was made."""
    one, two = secrets.randbelow(9) + 1, secrets.randbelow(9) + 1
    said = f"{int(at.timestamp())}.{secrets.token_hex(8)}.{one}.{two}"
    return Challenge(f"{said}.{_signature(key, said)}", (one, two))


def fault_of(key: str, given: str, *, proof: str, answer: str, at: datetime) -> str | None:
    """Return what is wrong with a proof: 'old', 'fast', 'wrong'; None when it holds.

    Either a number after which the SHA-256 of challenge and number begins with `BITS` zero bits, or the sum.
    """
    said, _, signature = given.rpartition(".")
    parts = said.split(".")
    if len(parts) != 4 or not hmac.compare_digest(signature.encode(), _signature(key, said).encode()):
        return "old"
    made, one, two = datetime.fromtimestamp(int(parts[0]), UTC), int(parts[2]), int(parts[3])
    if not made <= at <= made + LONGEST:
        return "old"
    if at - made < SHORTEST:
        return "fast"
    return None if _proved(given, proof) or answer.strip() == str(one + two) else "wrong"


def _proved(given: str, proof: str) -> bool:
    if not re.fullmatch(r"[0-9]{1,12}", proof):
        return False
    found = hashlib.sha256(f"{given}.{proof}".encode()).digest()
    return int.from_bytes(found[:4], "big") >> (32 - BITS) == 0


def _signature(key: str, said: str) -> str:
    return hmac.new(key.encode(), f"appeal {said}".encode(), hashlib.sha256).hexdigest()[:32]


def suspicion(text: str, *, seen_before: int, from_here: int) -> str | None:
    """Return why somebody should look before it is accepted: 'links', 'repeated', 'many'; None for nothing.

    Args:
        text: what was written.
        seen_before: how many appeals of the last day say the same words.
        from_here: how many came from the same address within the hour.
    """
    if len(re.findall(r"https?://|www\.", text, re.IGNORECASE)) >= 2:
        return "links"
    if seen_before >= 3:
        return "repeated"
    return "many" if from_here > 10 else None
