"""A block of another system's rows as columns of ours, and what is wrong with those that are not taken.

Whole columns at once: each different word is looked up once, the cells of all positions together. Nothing is
guessed: what is not said stays empty, and what contradicts itself is given back.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.interop.case_files import Block
from app.interop.case_form import MOMENTS, NATURE, SATISFIED, SOURCE, STATUS, Bad
from gis.crs import to_wgs84
from gis.errors import GisError
from gis.locate import NO_CELL, Grid

Texts = NDArray[np.object_]
Flags = NDArray[np.bool_]
Seconds = NDArray[np.int64]

NAMESPACE = UUID("0d1c6a52-5210-5a00-9000-000000210300")
"""An imported case's id is the UUIDv5 of its system and number: imported again, it is the same case."""

NOT = np.iinfo(np.int64).min
OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
FAR_M = 5_000.0
MAX_NUMBER, MAX_TEXT = 60, 20_000
ENDED = ("closed", "void")
ANYTHING = "*"


@dataclass(frozen=True, slots=True)
class Kind:
    """A type as an import needs it: whether it is an appeal's, its standard, its clock and limit."""

    code: str
    appeal: bool
    standard: int | None
    works: bool
    limit_s: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the city knows: types and units by every name they go by, areas, workers, and the grid."""

    types: Mapping[str, Kind]
    units: Mapping[str, str]
    areas: Mapping[str, str]
    workers: Mapping[str, int]
    cells: NDArray[np.object_]
    grid: Grid
    bounds: tuple[float, float, float, float]
    city: str


@dataclass(frozen=True, slots=True)
class Terms:
    """How a file is taken: its system, its coordinates and zone, and words mapped by hand, by field."""

    system: str
    crs: str
    zone: tzinfo
    at: datetime
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Taken:
    """Rows that are taken, as columns; those that are not, by the reason; and the words that are unknown."""

    rows: NDArray[np.intp]
    bad: dict[int, Bad]
    unknown: Counter[tuple[str, str]]
    columns: dict[str, Any]

    def without(self, refused: Mapping[int, Bad], known: Flags) -> Taken:
        """Return the rows that are neither refused (by place among the rows) nor known already."""
        keep = ~known
        keep[list(refused)] = False
        places = np.flatnonzero(keep)
        bad = {**self.bad, **{int(self.rows[i]): why for i, why in refused.items()}}
        columns = {name: _kept(column, places) for name, column in self.columns.items()}
        return Taken(self.rows[places], bad, self.unknown, columns)


def _kept(column: Any, places: NDArray[np.intp]) -> Any:
    return column[places] if isinstance(column, np.ndarray) else [column[i] for i in places]


class Rows:
    """Reads blocks: what is unknown or contradicts itself is noted by row (0 is the block's first)."""

    def __init__(self, block: Block, names: Mapping[str, str], known: Known, terms: Terms) -> None:
        """Take a block whose `names` give the heading of each field."""
        self.block, self.names, self.known, self.terms = block, names, known, terms
        self.count = len(block)
        self.bad: dict[int, Bad] = {}
        self.unknown: Counter[tuple[str, str]] = Counter()

    def text(self, name: str) -> Texts:
        """Return a field without blanks around it, '' where it is absent."""
        if name not in self.names:
            return np.full(self.count, "", object)
        trimmed = pc.utf8_trim_whitespace(self.block.columns[self.names[name]])
        return np.asarray(trimmed.to_numpy(zero_copy_only=False), object)

    def refuse(self, rows: Flags, why: Bad) -> None:
        """Note why rows are not taken; the first reason stays."""
        for row in np.flatnonzero(rows):
            self.bad.setdefault(int(row), why)

    def looked_up(self, name: str, words: Mapping[str, Any], why: Bad, *, absent: Any = None) -> Texts:
        """Return what each word of a field means; unknown ones are noted, empty ones mean `absent`."""
        if name not in self.names:
            return np.full(self.count, words.get("", absent), object)
        encoded = pc.utf8_trim_whitespace(self.block.columns[self.names[name]]).dictionary_encode()
        by_hand = self.terms.values.get(name, {})
        meanings = np.full(len(encoded.dictionary), None, object)
        missing = np.zeros(len(meanings), bool)
        for i, word in enumerate(encoded.dictionary.to_pylist()):
            ours = by_hand.get(word, word)
            if ours not in words and word and ANYTHING in by_hand:
                ours = by_hand[ANYTHING]
            if not ours and "" not in words:
                meanings[i] = absent
            elif ours in words:
                meanings[i] = words[ours]
            else:
                missing[i] = True
        codes = np.asarray(encoded.indices)
        for place in np.flatnonzero(missing):
            self.unknown[name, str(encoded.dictionary[int(place)].as_py())] += int((codes == place).sum())
        self.refuse(missing[codes], why)
        return np.asarray(meanings[codes])

    def moments(self, name: str, why: Bad) -> Seconds:
        """Return a field's moments in microseconds since 1970, `NOT` where absent; a bare one is local."""
        given = self.text(name)
        if not (given != "").any():
            return np.full(self.count, NOT)
        found = _moments(given, self.terms.zone)
        self.refuse((given != "") & (found == NOT), why)
        return found


def _moments(given: Texts, zone: tzinfo) -> Seconds:
    """Read moments: ISO 8601, and the ways of Chinese spreadsheets (2026/5/1 8:00, 2026年5月1日 8时30分)."""
    texts = pd.Series(given, dtype="str")
    plain = texts.str.replace("T", " ", regex=False) if texts.str.contains("T", regex=False).any() else texts
    read = pd.to_datetime(plain, format="%Y-%m-%d %H:%M:%S", errors="coerce")
    rest = (read.isna() & (texts != "")).to_numpy()
    local = read.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    result = np.array(local.dt.tz_convert("UTC").dt.tz_localize(None), "datetime64[us]")
    if rest.any():
        result[rest] = _odd_moments(texts[rest], zone)
    found = result.astype(np.int64)
    return np.asarray(np.where(np.isnat(result), NOT, found))


def _odd_moments(texts: pd.Series[str], zone: tzinfo) -> NDArray[np.datetime64]:
    mended = (
        texts.str.replace(r"[年月/.](?=\d{1,2}\D|\d{1,2}$)", "-", regex=True)
        .str.replace(r"日\s*", " ", regex=True)
        .str.replace(r"[时点:](?=\d)", ":", regex=True)
        .str.replace(r"[时点]$", ":00", regex=True)
        .str.replace("[分秒]", "", regex=True)
        .str.strip()
    )
    found = np.full(len(mended), np.datetime64("NaT"), "datetime64[us]")
    for i, text in enumerate(mended):
        try:
            moment = pd.Timestamp(text) if text[:4].isdigit() else pd.NaT
        except (ValueError, OverflowError):
            continue
        if moment is pd.NaT or pd.isna(moment):
            continue
        aware = (
            moment if moment.tzinfo else moment.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
        )
        found[i] = aware.tz_convert("UTC").tz_localize(None).to_datetime64()
    return found


def taken(block: Block, names: Mapping[str, str], known: Known, terms: Terms, seen: set[int]) -> Taken:
    """Return a block's rows as columns; `seen` holds digests of the numbers of earlier rows, and grows."""
    rows = Rows(block, names, known, terms)
    numbers, ids = _numbers(rows, seen)
    columns: dict[str, Any] = {"no": numbers, "id": ids}
    kinds = rows.looked_up("type", known.types, Bad.TYPE)
    rows.refuse(kinds == None, Bad.TYPE)  # noqa: E711 - elementwise
    columns |= _times(rows)
    columns |= {
        "kind": kinds,
        "unit": rows.looked_up("unit", known.units, Bad.UNIT),
        "source": rows.looked_up("source", SOURCE, Bad.SOURCE),
        "satisfaction": rows.looked_up("satisfied", SATISFIED, Bad.SATISFIED),
        "nature": rows.looked_up("nature", NATURE, Bad.NATURE),
        "worker": _workers(rows),
    }
    columns |= _places(rows, kinds)
    for name in ("text", "wish", "name", "phone", "address"):
        columns[name] = rows.text(name)
        too_long = np.array([len(text) > MAX_TEXT or "\0" in text for text in columns[name]], bool)
        rows.refuse(too_long, Bad.TEXT)
    kept = np.ones(rows.count, bool)
    kept[list(rows.bad)] = False
    places = np.flatnonzero(kept)
    return Taken(
        places, rows.bad, rows.unknown, {name: _kept(column, places) for name, column in columns.items()}
    )


def _numbers(rows: Rows, seen: set[int]) -> tuple[Texts, list[bytes]]:
    numbers = rows.text("number")
    begin = NAMESPACE.bytes + rows.terms.system.encode() + b"\n"
    ids: list[bytes] = []
    odd, twice = np.zeros(rows.count, bool), np.zeros(rows.count, bool)
    for row, number in enumerate(numbers):
        digest = hashlib.sha1(begin + number.encode(), usedforsecurity=False).digest()
        ids.append(_uuid5(digest))
        odd[row] = not 0 < len(number) <= MAX_NUMBER or "\0" in number
        short = int.from_bytes(digest[:8], "big")
        twice[row] = short in seen
        seen.add(short)
    rows.refuse(odd, Bad.NUMBER)
    rows.refuse(twice, Bad.TWICE)
    return numbers, ids


def _uuid5(digest: bytes) -> bytes:
    made = bytearray(digest[:16])
    made[6] = made[6] & 0x0F | 0x50
    made[8] = made[8] & 0x3F | 0x80
    return bytes(made)


def _times(rows: Rows) -> dict[str, Any]:
    """Return the moments and the status; a status is only taken when the moments bear it out."""
    at = {name: rows.moments(name, Bad.RECEIVED if name == "received" else Bad.MOMENT) for name in MOMENTS}
    received, closed = at["received"], at["closed"]
    now, oldest = (round(moment.timestamp() * 1e6) for moment in (rows.terms.at, OLDEST))
    rows.refuse((received == NOT) | (received > now) | (received < oldest), Bad.RECEIVED)
    for name in ("dispatched", "feedback", "closed"):
        rows.refuse((at[name] != NOT) & ((at[name] < received) | (at[name] > now)), Bad.ORDER)
    rows.refuse((closed != NOT) & (closed < np.maximum(at["dispatched"], at["feedback"])), Bad.ORDER)
    status = rows.looked_up("status", STATUS, Bad.STATUS)
    reached = np.select(
        [closed != NOT, at["feedback"] != NOT, at["dispatched"] != NOT],
        ["closed", "feedback", "dispatched"],
        "reported",
    ).astype(object)
    status = np.where(status == None, reached, status)  # noqa: E711 - elementwise
    rows.refuse(np.isin(status, ENDED) != (closed != NOT), Bad.ENDED)
    return {**at, "status": status}


def _workers(rows: Rows) -> NDArray[np.int64]:
    if "worker" not in rows.names:
        return np.zeros(rows.count, np.int64)
    return np.array([rows.known.workers.get(code, 0) for code in rows.text("worker")], np.int64)


def _places(rows: Rows, kinds: Texts) -> dict[str, Any]:
    """Return position, cell and area. No address is looked up: without a position there is none."""
    lon, placed = _positions(rows)
    cells = np.full(rows.count, NO_CELL)
    xy = np.full((rows.count, 2), np.nan)
    where = np.flatnonzero(placed)
    if len(where):
        xy[where] = _in_wgs84(rows, lon[where], where)
        where = where[np.isfinite(xy[where]).all(axis=1)]
        cells[where] = rows.known.grid.locate(xy[where, 0], xy[where, 1])
    inside = cells != NO_CELL
    cell = np.full(rows.count, None, object)
    cell[inside] = rows.known.cells[cells[inside]]
    nearest, outside_m = _outside(rows, xy, np.flatnonzero(placed & ~inside & np.isfinite(xy).all(axis=1)))
    place = np.where(inside, cell, nearest)
    incident = np.array([kind is not None and not kind.appeal for kind in kinds], bool)
    rows.refuse(~placed & incident, Bad.NO_PLACE)
    area = rows.looked_up("area", rows.known.areas, Bad.AREA, absent=rows.known.city)
    community = np.array(
        [code[:12] if code is not None else named for code, named in zip(place, area, strict=True)], object
    )
    return {
        "xy": xy,
        "placed": placed,
        "cell": cell,
        "nearest": nearest,
        "outside_m": outside_m,
        "community": community,
    }


def _positions(rows: Rows) -> tuple[NDArray[np.float64], Flags]:
    given = [rows.text(name) for name in ("lon", "lat")]
    said = (given[0] != "") | (given[1] != "")
    numbers = [pd.to_numeric(pd.Series(text), errors="coerce").to_numpy(float) for text in given]
    xy = np.column_stack(numbers)
    unread = said & ~np.isfinite(xy).all(axis=1)
    rows.refuse(unread, Bad.POSITION)
    return xy, said & ~unread


def _in_wgs84(rows: Rows, xy: NDArray[np.float64], where: NDArray[np.intp]) -> NDArray[np.float64]:
    """Convert positions, and refuse those that cannot be positions at all."""
    try:
        lon, lat = to_wgs84(xy[:, 0], xy[:, 1], rows.terms.crs)
    except GisError:  # some have no image: one by one
        lon, lat = np.array([_one(x, y, rows.terms.crs) for x, y in xy]).T
    wrong = ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90))
    refused = np.zeros(rows.count, bool)
    refused[where[wrong]] = True
    rows.refuse(refused, Bad.POSITION)
    found = np.column_stack([lon, lat])
    found[wrong] = np.nan
    return found


def _one(x: float, y: float, crs: str) -> tuple[float, float]:
    try:
        return to_wgs84(float(x), float(y), crs)
    except GisError:
        return np.nan, np.nan


def _outside(
    rows: Rows, xy: NDArray[np.float64], where: NDArray[np.intp]
) -> tuple[Texts, NDArray[np.float64]]:
    nearest, metres = np.full(rows.count, None, object), np.full(rows.count, np.nan)
    far = np.zeros(rows.count, bool)
    west, south, east, north = rows.known.bounds
    margin = 0.1  # degrees, more than FAR_M at any latitude where a city is
    for row in where:
        lon, lat = xy[row]
        if not (west - margin < lon < east + margin and south - margin < lat < north + margin):
            far[row] = True
            continue
        found = rows.known.grid.nearest(float(lon), float(lat))
        far[row] = found.distance_m > FAR_M
        nearest[row], metres[row] = rows.known.cells[found.index], found.distance_m
    rows.refuse(far, Bad.OUTSIDE)
    return nearest, metres
