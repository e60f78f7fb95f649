"""Search by code, name or place: each kind of thing by its own index, a few of each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import RowMapping

from app.http import Answer
from app.identity.rules import Viewer
from app.maps.cards import sight
from app.transaction import Tx

MOST = 12
FEW = 3
IN_ADDRESS = 3
"""The worst match: not the name, but the address holds what was written."""

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
        row for one in _statements(text) for row in tx.named(f"maps.{one}", **_only(one, values)).mappings()
    ]
    return Hits(items=[Hit.model_validate(dict(row)) for row in _fair(found)])


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
    "search_cells": ("text", "prefix", "at"),
    "search_facilities": ("text", "prefix", "english"),
    "search_facility_names": ("text", "prefix", "like", "english"),
    "search_cases": ("text", "prefix", "english", "areas", "person", "worker", "unit"),
    "search_workers": ("text", "prefix", "like", "named"),
}


def _only(statement: str, values: dict[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in _TAKES[statement]}


def _fair(found: list[RowMapping]) -> list[RowMapping]:
    """Return the best matches first, a few of each kind so that one does not hide the others.

    Of what only has the words in its address there are fewer still, when anything is called so.
    """
    kinds = {row["kind"] for row in found}
    share = max(3, MOST // max(len(kinds), 1))
    called = any(row["match"] < IN_ADDRESS for row in found)
    kept: list[RowMapping] = []
    for row in sorted(found, key=lambda row: int(row["match"])):
        most = FEW if called and row["match"] == IN_ADDRESS else share
        alike = [one for one in kept if one["kind"] == row["kind"]]
        if len(alike) < most:
            kept.append(row)
    return kept[:MOST]
