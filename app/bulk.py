"""Many rows at once: binary COPY through psycopg, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from psycopg import sql

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
    with raw.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)
            count += 1
    return count
