"""Search by code, name or place: each kind of thing by its own index, a few of each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

from app.http import Answer
from app.identity.rules import Viewer
from app.maps.cards import sight
from app.transaction import Tx

MOST = 12
CELL_DIGITS = range(9, 16)
FACILITY_DIGITS = range(8, 17)
CASE_DIGITS = range(8, 20)


class Hit(Answer):
    """Something found, with where it lies."""

    kind: Literal["area", "cell", "facility", "case", "worker"]
    code: str
    name: str
    detail: str
    lon: float | None
    lat: float | None
    bbox: tuple[float, float, float, float] | None


class Hits(Answer):
    """What was found, the likeliest first."""

    items: list[Hit]


def hits(tx: Tx, q: str, *, viewer: Viewer, at: datetime, english: bool) -> Hits:
    """Return what `q` may mean: the beginning of a code, or a part of a name."""
    text = " ".join(q.split())
    if not text:
        return Hits(items=[])
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    values = {
        "text": text,
        "prefix": f"{escaped}%",
        "like": f"%{escaped}%",
        "at": at,
        "english": english,
        **sight(viewer),
    }
    found = [
        Hit.model_validate(dict(row._mapping))
        for statement in _statements(text)
        for row in tx.named(f"maps.{statement}", **_only(statement, values))
    ]
    return Hits(items=_fair(found))


def _statements(text: str) -> Iterator[str]:
    if not text.isascii() or not text.isdigit():
        yield from ("search_areas", "search_workers", "search_facility_names")
        return
    if len(text) <= 12:
        yield "search_areas"
    if len(text) in CELL_DIGITS:
        yield "search_cells"
    if len(text) in FACILITY_DIGITS:
        yield "search_facilities"
    if len(text) in CASE_DIGITS:
        yield "search_cases"


_TAKES = {
    "search_areas": ("text", "prefix", "like"),
    "search_cells": ("prefix", "at"),
    "search_facilities": ("prefix", "english"),
    "search_facility_names": ("like", "english"),
    "search_cases": ("prefix", "english", "areas", "person", "worker", "unit"),
    "search_workers": ("prefix", "like", "named"),
}


def _only(statement: str, values: dict[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in _TAKES[statement]}


def _fair(found: list[Hit]) -> list[Hit]:
    """Keep a few of each kind, in the order of the kinds, so that one does not hide the others."""
    kinds = list(dict.fromkeys(hit.kind for hit in found))
    share = max(3, MOST // max(len(kinds), 1))
    kept = [hit for kind in kinds for hit in [h for h in found if h.kind == kind][:share]]
    return kept[:MOST]
