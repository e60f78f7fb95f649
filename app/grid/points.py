"""A table of points as people keep it: read from CSV with every column, written again with more."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import BadValue
from gis import crs as systems
from gis.encodings import detect
from gis.errors import BadFile, EmptyFile, TooLarge, UnknownColumn
from gis.reading import LONLAT_NAMES

MOST_ROWS = 1_000_000
SHOWN = 10
BOM = b"\xef\xbb\xbf"
_DANGEROUS = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Points:
    """The rows of a CSV file, and (n,) coordinates as they stand in it, in its own system."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    encoding: str
    delimiter: str


class BadRows(BadValue):
    """Some rows hold no position; the message names the first."""

    code = "bad_rows"

    def __init__(self, problems: Sequence[str]) -> None:
        more = f"\n... and {len(problems) - SHOWN:,} more" if len(problems) > SHOWN else ""
        many = (
            f"{len(problems):,} rows hold no position" if len(problems) > 1 else "one row holds no position"
        )
        super().__init__(f"{many}; nothing was written.\n" + "\n".join(problems[:SHOWN]) + more)


def read(path: Path, crs: str) -> Points:
    """Return the points of a CSV file whose coordinates are in `crs`; row 1 is the first below the names.

    Raises:
        BadFile: it is empty, no CSV, too long, or has no columns for longitude and latitude.
        BadRows: a row has no position.
    """
    data = path.read_bytes()
    encoding = "utf-8-sig" if data.startswith(BOM) else detect(data, file=path.name).name
    text = data.decode(encoding, "replace")
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    columns, rows = _table(text, delimiter, path.name)
    x, y = _lonlat(columns, path.name)
    problems: list[str] = []
    lon = _numbers(rows, x, columns[x], problems)
    lat = _numbers(rows, y, columns[y], problems)
    if systems.named(crs).geographic:
        problems += _off_the_globe(lon, lat, columns[x], columns[y])
    if problems:
        raise BadRows(sorted(problems, key=_row_of))
    return Points(columns, rows, lon, lat, encoding, delimiter)


def write(path: Path, points: Points, columns: Sequence[str], more: Iterable[Sequence[str]]) -> None:
    """Write the points with further `columns`, whose values `more` gives row by row; whole or not."""
    named = [f"located_{name}" if name in points.columns else name for name in columns]
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with half.open("w", encoding=points.encoding, newline="") as file:
            out = csv.writer(file, delimiter=points.delimiter, lineterminator="\n")
            out.writerow(map(guarded, (*points.columns, *named)))
            for row, further in zip(points.rows, more, strict=True):
                out.writerow(map(guarded, (*row, *further)))
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def guarded(text: str) -> str:
    """Return `text` so that a spreadsheet takes it for text: `=1+1` becomes `'=1+1`; numbers stay."""
    if _DANGEROUS.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _table(text: str, delimiter: str, name: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = tuple(next(reader, ()))
        rows: list[tuple[str, ...]] = []
        for row in reader:
            if not row:
                continue
            if len(rows) == MOST_ROWS:
                raise TooLarge(
                    f"{name} has more than {MOST_ROWS:,} rows; split it.",
                    f"{name} 超过 {MOST_ROWS:,} 行，请拆分。",
                )
            rows.append(_filled(row, len(columns), len(rows) + 1, name))
    except csv.Error as error:
        raise BadFile(
            f"{name}, line {reader.line_num}: {error}. Save it as CSV again.",
            f"{name} 第 {reader.line_num} 行不是合格的 CSV（{error}），请重新另存为 CSV。",
        ) from None
    if not rows:
        raise EmptyFile(
            f"{name} has no rows; the first line names the columns, points follow.",
            f"{name} 没有数据：第一行是列名，其后每行一个点。",
        )
    return columns, tuple(rows)


def _filled(row: list[str], width: int, number: int, name: str) -> tuple[str, ...]:
    if len(row) > width:
        raise BadFile(
            f"{name}, row {number}: {len(row)} values for {width} columns; quote texts that hold commas.",
            f"{name} 第 {number} 行有 {len(row)} 个值，而只有 {width} 列；含逗号的文字请加引号。",
            rows=(number,),
        )
    return (*row, *[""] * (width - len(row)))


def _lonlat(columns: Sequence[str], name: str) -> tuple[int, int]:
    small = [column.strip().lower() for column in columns]
    for lon, lat in LONLAT_NAMES:
        if lon in small and lat in small:
            return small.index(lon), small.index(lat)
    spellings = ", ".join(f"{lon}/{lat}" for lon, lat in LONLAT_NAMES)
    raise UnknownColumn(
        f"{name} has no columns of longitude and latitude among {', '.join(columns)}; call them {spellings}.",
        f"{name} 没有经纬度列（现有：{'、'.join(columns)}）。请命名为 {spellings} 之一。",
    )


def _numbers(
    rows: Sequence[Sequence[str]], column: int, name: str, problems: list[str]
) -> NDArray[np.float64]:
    found = np.full(len(rows), np.nan)
    for index, row in enumerate(rows):
        with contextlib.suppress(ValueError):  # it stays NaN then, and is told
            found[index] = float(row[column])
        if not math.isfinite(found[index]):
            problems.append(f"row {index + 1}: {name} is {row[column][:40]!r}, which is no number")
    return found


def _off_the_globe(
    lon: NDArray[np.float64], lat: NDArray[np.float64], lon_name: str, lat_name: str
) -> list[str]:
    problems = [
        f"row {i + 1}: {lon_name} is {lon[i]:g}, outside -180 to 180; give degrees, or name the --crs"
        for i in np.flatnonzero(np.abs(lon) > 180)
    ]
    for i in np.flatnonzero(np.abs(lat) > 90):
        swapped = abs(lon[i]) <= 90 and abs(lat[i]) <= 180
        mend = f"{lon_name} and {lat_name} look swapped" if swapped else "give degrees, or name the --crs"
        problems.append(f"row {i + 1}: {lat_name} is {lat[i]:g}, outside -90 to 90; {mend}")
    return problems


def _row_of(problem: str) -> int:
    return int(problem.removeprefix("row ").split(":", 1)[0])
