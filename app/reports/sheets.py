"""Figures as XLSX: text stays text, whatever sign it begins with."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

Value = str | int | float | Decimal | None
HEAD = PatternFill("solid", start_color="FFE8EEF6")
WIDEST = 40


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet: its name, lines above, the heads, and the rows."""

    name: str
    heads: Sequence[str]
    rows: Iterable[Sequence[Value]]
    above: Sequence[str] = ()
    widths: Mapping[int, int] = field(default_factory=dict)


def book(tables: Sequence[Table]) -> bytes:
    """Return a workbook. A text that begins with = + - @ is no formula, here and after it is edited."""
    made = Workbook(write_only=True)
    for table in tables:
        sheet = made.create_sheet(_title(table.name))
        for column, head in enumerate(table.heads, 1):
            width = table.widths.get(column - 1, min(WIDEST, 4 + 2 * len(head)))
            sheet.column_dimensions[get_column_letter(column)].width = width
        sheet.freeze_panes = f"B{len(table.above) + 2}"
        for line in table.above:
            sheet.append([_cell(sheet, line, bold=False)])
        sheet.append([_cell(sheet, head, bold=True) for head in table.heads])
        for row in table.rows:
            sheet.append([_cell(sheet, value) for value in row])
    kept = io.BytesIO()
    made.save(kept)
    return kept.getvalue()


def _cell(sheet: object, value: Value, *, bold: bool = False) -> WriteOnlyCell:  # type: ignore[valid-type]  # a factory in openpyxl
    cell = WriteOnlyCell(sheet, value=_plain(value))  # type: ignore[arg-type]  # typed as a worksheet of the other kind
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = value[:1] in {"=", "+", "-", "@", "\t", "\r"}
    elif isinstance(value, Decimal):
        cell.number_format = "0.0"
    if bold:
        cell.font, cell.fill = Font(bold=True), HEAD
        cell.alignment = Alignment(wrap_text=True, vertical="center")
    return cell


def _plain(value: Value) -> Value:
    """Return text without what XML cannot hold."""
    if not isinstance(value, str):
        return value
    return "".join(sign for sign in value if sign >= " " or sign in "\t\n")


def _title(name: str) -> str:
    """Return a sheet's name: at most 31 signs, none of those that Excel refuses."""
    return "".join("·" if sign in "[]:*?/\\" else sign for sign in name)[:31]
