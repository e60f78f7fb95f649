"""A file of cases, read a block at a time as columns of text: a million rows need the memory of one block."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import pyogrio.errors
import pyogrio.raw
import shapely

from app.errors import BadValue
from gis import encodings

BLOCK = 50_000
SAMPLE = 4_000_000
SUFFIXES = (".csv", ".xlsx", ".gpkg", ".parquet")
_GUARDED = r"^'('*[=+\-@\t\r])"
LON, LAT = "lon", "lat"


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of a file: the number of the first one (the heading is none), text by column, and bad lines.

    `broken` are lines that are no rows: their number, and what stands there.
    """

    first: int
    columns: Mapping[str, pa.Array]
    broken: tuple[tuple[int, str], ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def number(self, place: int) -> int:
        """Return the number in the file of the row at a place; broken lines before it count too."""
        number = self.first + place
        for broken, _ in self.broken:
            number += broken <= number
        return number


@dataclass(slots=True)
class CaseFile:
    """An open file: its headings, the coordinate system it names, its encoding, and how much is read."""

    path: Path
    headings: tuple[str, ...]
    crs: str | None
    encoding: str
    blocks: Iterator[Block]
    rows: int | None = None
    notes: list[str] = field(default_factory=list)


@contextmanager
def opened(
    path: Path, *, encoding: str | None = None, layer: str | None = None, block: int = BLOCK
) -> Iterator[CaseFile]:
    """Open a CSV, XLSX, GeoPackage or Parquet file of cases.

    Raises:
        BadFile, BadValue: it is none, cannot be read, or has no rows.
    """
    if not path.is_file():
        raise BadValue(f"{path}: there is no such file", field="file", value=str(path))
    match path.suffix.lower():
        case ".csv" | ".txt" | ".tsv":
            found = _csv(path, encoding, block)
        case ".xlsx":
            found = _xlsx(path, layer, block)
        case ".gpkg":
            found = _gpkg(path, layer, block)
        case ".parquet":
            found = _parquet(path, block)
        case other:
            raise BadValue(
                f"{path.name}: cases are read from {', '.join(SUFFIXES)}, not {other or 'a bare name'}",
                field="file",
                value=path.name,
            )
    try:
        yield found
    except pa.ArrowInvalid as error:
        raise BadValue(f"{path.name} cannot be read: {error}", field="file", value=path.name) from None
    finally:
        close = getattr(found.blocks, "close", None)
        if close is not None:
            close()


def _csv(path: Path, encoding: str | None, block: int) -> CaseFile:
    with path.open("rb") as file:
        sample = file.read(SAMPLE)
    told = encodings.known(encoding) if encoding else "utf-8" if sample.startswith(b"\xef\xbb\xbf") else None
    name = told or encodings.detect(sample.rpartition(b"\n")[0] or sample, file=path.name).name
    first = sample.decode(name, "replace").removeprefix("\ufeff").splitlines()[:1]
    if not first:
        raise BadValue(f"{path.name} is empty", field="file", value=path.name)
    mark = max(",;\t", key=first[0].count)
    headings = tuple(next(csv.reader(first, delimiter=mark)))
    if len(set(headings)) < len(headings):
        twice = sorted({one for one in headings if headings.count(one) > 1})
        raise BadValue(f"{path.name} has the heading {twice[0]!r} twice; name each column once", field="file")
    return CaseFile(path, headings, None, name, _csv_blocks(path, name, mark, headings, block))


def _csv_blocks(
    path: Path, encoding: str, mark: str, headings: tuple[str, ...], block: int
) -> Iterator[Block]:
    broken: list[tuple[int, str]] = []

    def skip(row: Any) -> str:
        broken.append((int(row.number or 0) - 1, row.text))
        return "skip"

    reader = pa.csv.open_csv(
        path,
        read_options=pa.csv.ReadOptions(
            use_threads=False, encoding="utf8" if encoding == "utf-8" else encoding, block_size=1 << 24
        ),
        parse_options=pa.csv.ParseOptions(delimiter=mark, newlines_in_values=True, invalid_row_handler=skip),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(headings, pa.string()), strings_can_be_null=False
        ),
    )
    first = 1
    for batch in reader:
        for start in range(0, batch.num_rows, block):
            part = batch.slice(start, block)
            columns = {
                name: pc.replace_substring_regex(part.column(i), _GUARDED, r"\1")
                for i, name in enumerate(headings)
            }
            block_read = Block(first, columns, tuple(sorted(broken)))
            end = block_read.number(part.num_rows - 1)
            yield Block(first, columns, tuple(line for line in block_read.broken if line[0] <= end))
            broken[:] = [line for line in broken if line[0] > end]
            first = end + 1
    if broken:
        yield Block(first, {name: pa.array([], pa.string()) for name in headings}, tuple(broken))


def _xlsx(path: Path, layer: str | None, block: int) -> CaseFile:
    try:
        # a formula stays the text that it is: nothing is computed, nothing is run
        book = openpyxl.load_workbook(path, read_only=True, data_only=False)
    except Exception as error:  # noqa: BLE001 - a damaged workbook raises whatever its parts raise
        raise BadValue(f"{path.name} is no workbook: {error}", field="file", value=path.name) from None
    if layer is not None and layer not in book.sheetnames:
        raise BadValue(
            f"{path.name} has no sheet {layer!r}; it has {', '.join(book.sheetnames)}", field="layer"
        )
    sheet = book[layer] if layer else book[book.sheetnames[0]]
    rows = sheet.iter_rows(values_only=True)
    headings = tuple("" if cell is None else str(cell).strip() for cell in next(rows, ()))
    while headings and not headings[-1]:
        headings = headings[:-1]
    if not headings:
        raise BadValue(f"{path.name} is empty", field="file", value=path.name)
    total = sheet.max_row - 1 if sheet.max_row else None
    return CaseFile(path, headings, None, "utf-8", _xlsx_blocks(rows, headings, block), total)


def _xlsx_blocks(rows: Iterator[tuple[Any, ...]], headings: tuple[str, ...], block: int) -> Iterator[Block]:
    width, first, kept = len(headings), 1, 0
    table: list[list[str]] = []
    for row in rows:
        cells = [_plain(cell) for cell in row[:width]]
        table.append(cells + [""] * (width - len(cells)))
        if len(table) == block:
            yield Block(first, _columns(headings, table))
            first, table = first + len(table), []
    while table and not any(table[-1]):
        table.pop()  # rows that were formatted and never filled
    if table or not kept:
        yield Block(first, _columns(headings, table))


def _columns(headings: tuple[str, ...], table: list[list[str]]) -> dict[str, pa.Array]:
    return {name: pa.array([row[i] for row in table], pa.string()) for i, name in enumerate(headings)}


def _plain(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat(" ") if hasattr(cell, "isoformat") else str(cell).strip()


def _parquet(path: Path, block: int) -> CaseFile:
    try:
        file = pa.parquet.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadValue(f"{path.name} is no Parquet file: {error}", field="file", value=path.name) from None
    headings = tuple(file.schema_arrow.names)
    batches = file.iter_batches(batch_size=block)
    return CaseFile(path, headings, None, "utf-8", _batches(batches, headings, None), file.metadata.num_rows)


def _gpkg(path: Path, layer: str | None, block: int) -> CaseFile:
    try:
        info = pyogrio.read_info(path, layer=layer, force_feature_count=True)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise BadValue(f"{path.name} cannot be read: {error}", field="file", value=path.name) from None
    headings = tuple(info["fields"])
    wanted = {"layer": layer, "batch_size": block, "use_pyarrow": True}

    def batches() -> Iterator[Any]:
        with pyogrio.raw.open_arrow(path, **wanted) as (meta, reader):
            del meta
            yield from reader

    shown = headings if info["geometry_type"] is None else (*headings, LON, LAT)
    geometry = None if info["geometry_type"] is None else "geometry"
    found = _batches(batches(), headings, geometry)
    return CaseFile(path, tuple(dict.fromkeys(shown)), info["crs"], "utf-8", found, int(info["features"]))


def _batches(batches: Iterator[Any], headings: tuple[str, ...], geometry: str | None) -> Iterator[Block]:
    first = 1
    for batch in batches:
        names = list(batch.schema.names)
        columns = {name: text_of(batch.column(names.index(name))) for name in headings if name in names}
        if geometry is not None:
            wkb = next(
                n for n in names if n not in headings and pa.types.is_binary(batch.schema.field(n).type)
            )
            shapes = shapely.from_wkb(np.asarray(batch.column(names.index(wkb))), on_invalid="ignore")
            shapes = np.where(shapely.get_type_id(shapes) == 0, shapes, None)
            for name, values in ((LON, shapely.get_x(shapes)), (LAT, shapely.get_y(shapes))):
                columns[name] = pa.array([repr(float(v)) if v == v else "" for v in values], pa.string())  # noqa: PLR0124 - NaN
        yield Block(first, columns)
        first += batch.num_rows


def text_of(values: Any) -> pa.Array:
    """Return a column as text: whole numbers without a point, moments in ISO, '' for what is absent."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.dictionary_decode()
        kind = values.type
    if pa.types.is_floating(kind):
        return pa.array(["" if v is None or v != v else _plain(v) for v in values.to_pylist()], pa.string())  # noqa: PLR0124 - NaN
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        values = values.cast(pa.timestamp("us", "UTC"))
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and not _castable(kind):
        return pa.array([""] * len(values), pa.string())
    return pc.fill_null(values.cast(pa.string()), "")


def _castable(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_temporal(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)
    )
