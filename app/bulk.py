"""Many rows at once: binary COPY through psycopg, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray
from psycopg import sql
from psycopg.types.string import BytesBinaryDumper

from app.transaction import Tx


def copy_rows(tx: Tx, table: str, columns: Mapping[str, str], rows: Iterable[Sequence[object]]) -> int:
    """Write `rows` into `table` by binary COPY, and return how many there were.

    Args:
        tx: the transaction that the rows belong to.
        table: the table's name, in the city's schema.
        columns: SQL type by column, in the rows' order; a geometry is given as EWKB bytes and typed "bytea".
        rows: one sequence of values a row.
    """
    raw = tx.connection.connection.driver_connection
    assert raw is not None  # noqa: S101 - SQLAlchemy types the driver's connection as optional
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    count = 0
    with raw.cursor() as cursor:
        # The last one registered serves bytea: psycopg's own last one is the DB-API's Binary, in Python.
        cursor.adapters.register_dumper(bytes, BytesBinaryDumper)
        with cursor.copy(statement) as copy:
            copy.set_types(list(columns.values()))
            for row in rows:
                copy.write_row(row)
                count += 1
    return count


_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_EPOCH = np.datetime64("2000-01-01", "us")
_FIXED = {
    "int2": ">i2",
    "int4": ">i4",
    "int8": ">i8",
    "float8": ">f8",
    "bool": ">i1",
    "date": ">i4",
    "timestamptz": ">i8",
}
_SLICE = 50_000
_FAR = 2**31 - 1


def copy_columns(tx: Tx, table: str, types: Mapping[str, str], columns: Mapping[str, Any]) -> int:
    """Write whole columns into `table` by binary COPY, and return how many rows there were.

    Twice as quick as `copy_rows` where a column is already an array: Arrow joins the fields of all rows in
    compiled code, and Python never sees a row.

    Args:
        tx: the transaction that the rows belong to.
        table: the table's name, in the city's schema.
        types: SQL type by column: text, bytea (also EWKB), bool, int2, int4, int8, float8, date, timestamptz.
        columns: the values by column: lists, arrays, Series or Arrow arrays of one length; None is NULL.
    """
    raw = tx.connection.connection.driver_connection
    assert raw is not None  # noqa: S101 - SQLAlchemy types the driver's connection as optional
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, types))
    )
    arrays = {name: _array(columns[name], kind) for name, kind in types.items()}
    count = len(next(iter(arrays.values())))
    with raw.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_HEADER)
        for start in range(0, count, _SLICE):
            parts = [_fields(array.slice(start, _SLICE), types[name]) for name, array in arrays.items()]
            copy.write(_joined(parts))
        copy.write(_TRAILER)
    return count


def _array(values: Any, kind: str) -> pa.Array:
    """Return a column as one Arrow array of bytes, or of the numbers that the wire carries."""
    types = {"text": pa.string(), "bytea": pa.binary(), "bool": pa.bool_(), "float8": pa.float64()}
    types |= {"date": pa.date32(), "timestamptz": pa.timestamp("us", "UTC")}
    wanted = types.get(kind, pa.int64())
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    array = pa.array(values, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = array if array.type == wanted else array.cast(wanted)
    return array.cast(pa.binary()) if kind == "text" else array


def _fields(array: pa.Array, kind: str) -> tuple[pa.Array, pa.Array]:
    """Return each value's length (four bytes, -1 for NULL) and its bytes."""
    absent = np.asarray(array.is_null())
    if kind in _FIXED:
        width = int(_FIXED[kind][2])
        lengths = np.where(absent, -1, width)
        body = _bytes(_numbers(array, kind).astype(_FIXED[kind]), width)
    else:
        lengths = np.where(absent, -1, np.asarray(pc.fill_null(pc.binary_length(array), 0)))
        body = array
    # The bytes of a NULL are none.
    return _bytes(lengths.astype(">i4"), 4), pc.if_else(pa.array(absent), pa.scalar(b""), body)


def _numbers(array: pa.Array, kind: str) -> NDArray[Any]:
    """Return the numbers of the wire, 0 for NULL; PostgreSQL counts time from the year 2000."""
    number = {"date": pa.int32(), "bool": pa.int8()}.get(kind, array.type if kind == "float8" else pa.int64())
    numbers: NDArray[Any] = np.asarray(pc.fill_null(array.cast(number), 0))
    if kind == "date":
        numbers = numbers.astype(np.int64) - _EPOCH.astype("datetime64[D]").astype(np.int64)
    if kind == "timestamptz":
        numbers = numbers - _EPOCH.astype(np.int64)
    return numbers


def _bytes(numbers: NDArray[Any], width: int) -> pa.Array:
    """Return each number's own bytes, without a copy."""
    raw = np.ascontiguousarray(numbers)
    fixed = pa.Array.from_buffers(pa.binary(width), len(raw), [None, pa.py_buffer(raw)])
    return fixed.cast(pa.binary())


def _joined(parts: Sequence[tuple[pa.Array, pa.Array]]) -> bytes:
    """Return the wire's rows: the number of fields, then each field's length and bytes."""
    head = pa.scalar(len(parts).to_bytes(2, "big"))
    fields = [piece for part in parts for piece in part]
    rows = pc.binary_join_element_wise(head, *fields, b"")
    _, offsets, data = rows.buffers()
    first, last = np.frombuffer(offsets, np.int32)[[rows.offset, rows.offset + len(rows)]]
    return bytes(data[int(first) : int(last)])


def ewkb(shapes: NDArray[np.object_], srid: int = 4326) -> pa.Array:
    """Return two-dimensional geometries as an Arrow array of EWKB with their SRID; None stays None.

    The SRID is put into the bytes, because `shapely.set_srid` copies every geometry first.
    """
    plain = pa.array(shapely.to_wkb(shapes, byte_order=1, output_dimension=2), pa.binary())
    # Little endian: the flag 0x20000000 is the last byte of the type; the SRID follows it.
    flagged = pa.scalar(b"\x20" + srid.to_bytes(4, "little"))
    # With no stop, Arrow 26 fails on large arrays.
    parts = (pc.binary_slice(plain, 0, 4), flagged, pc.binary_slice(plain, 5, _FAR))
    return pc.binary_join_element_wise(*parts, b"")
