"""Masking: how a person's name and telephone number are shown to everybody but who has to know them."""

from __future__ import annotations

import re

STARS = "****"
KEPT_BEFORE, KEPT_AFTER = 3, 4
LIKE_A_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{5,}")


def mask_name(name: str | None) -> str | None:
    """Return a name by its first character: 张*. Nothing stays nothing."""
    stripped = (name or "").strip()
    return f"{stripped[0]}*" if stripped else None


def mask_phone(phone: str | None) -> str | None:
    """Return a number by its first three and last four digits: 138****5678. A short one tells nothing."""
    digits = re.sub(r"[^0-9]", "", phone or "")
    if not digits:
        return None
    if len(digits) <= KEPT_BEFORE + KEPT_AFTER:
        return STARS
    return f"{digits[:KEPT_BEFORE]}{STARS}{digits[-KEPT_AFTER:]}"


def mask_username(username: str) -> str:
    """Return a username; one that is a telephone number, as citizens choose, is masked like one."""
    return mask_phone(username) or STARS if LIKE_A_PHONE.fullmatch(username) else username
