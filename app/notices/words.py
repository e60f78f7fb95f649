"""A notice in words, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app import i18n
from app.notices.rules import text_of


def said(kind: str, data: Mapping[str, Any], language: str) -> str:
    """Return the text of a notice."""
    text = translated(text_of(kind, data["step"]), language)
    name = data.get("type_en") if language == "en" else None
    return text.format(no=data["no"], type=name or data.get("type_zh") or "")


def translated(text: str, language: str) -> str:
    """Return a message of the catalogue in a language; Chinese is its own."""
    if language == i18n.FIRST:
        return text
    found = i18n.english().get(text)
    return str(found.string) if found is not None and found.string else text
