"""Secrets of sessions and tokens: long and random, so a plain SHA-256 is enough to store them."""

from __future__ import annotations

import hashlib
import hmac
import secrets

TOKEN_PREFIX = "jw_"  # noqa: S105 - marks a token, so that scanners of published code find one


def new_secret(prefix: str = "") -> str:
    """Return a new secret of 256 random bits."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """Return what is stored of `secret`."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def form_token(secret: str) -> str:
    """Return what a form must bring back to show that it is ours: only who has the cookie can make it."""
    return hmac.new(secret.encode("utf-8", "replace"), b"form", hashlib.sha256).hexdigest()


def same(given: str, expected: str) -> bool:
    """Whether both are equal, in a time that tells nothing about where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
