"""What a reader or a check found: which row, what, where on the ground, and how to mend it.

Reading a file and checking its content speak in the same findings, so that the command line, a page and
the API show one list.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a finding weighs: an error stops an import, a warning asks for eyes, a note only tells."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about a file, in plain words.

    Attributes:
        code: the kind of finding, part of the API ("overlap", "duplicate-code").
        severity: see `Severity`.
        en: the message in English: what, where, how to mend.
        zh: the same in Chinese.
        row: 1-based row of the file (a table's first record is row 1), None when it is about the whole file.
        value: the value found, as text.
        place: (lon, lat) in WGS 84 of the spot to look at.
        area_m2: area of the overlap, gap or sliver.
        length_m: length of an edge, or a distance.
        others: further rows that take part, for instance the other cell of an overlap.
    """

    code: str
    severity: Severity
    en: str
    zh: str
    row: int | None = None
    value: str | None = None
    place: tuple[float, float] | None = None
    area_m2: float | None = None
    length_m: float | None = None
    others: tuple[int, ...] = ()

    def text(self, language: str = "en") -> str:
        """Return the message in "en" or "zh"."""
        return self.zh if language.startswith("zh") else self.en

    def as_json(self) -> dict[str, Any]:
        """Return the finding as JSON knows it; absent values are left out."""
        return {k: v for k, v in asdict(self).items() if v is not None and v != ()}


def has_errors(findings: Iterable[Finding]) -> bool:
    """Say whether any finding stops an import."""
    return any(f.severity is Severity.ERROR for f in findings)


def rows_en(rows: Iterable[int], *, most: int = 8) -> str:
    """Return "row 3", "rows 2, 5 and 9", "rows 1, 2, 3 ... (120 in all)"."""
    listed = list(rows)
    if len(listed) == 1:
        return f"row {listed[0]}"
    if len(listed) > most:
        return f"rows {', '.join(map(str, listed[:most]))} ... ({len(listed)} in all)"
    return f"rows {', '.join(map(str, listed[:-1]))} and {listed[-1]}"


def rows_zh(rows: Iterable[int], *, most: int = 8) -> str:
    """Return `rows_en` in Chinese."""
    listed = list(rows)
    text = f"第 {'、'.join(map(str, listed[:most]))} 行"
    return f"{text}等（共 {len(listed)} 行）" if len(listed) > most else text


def finding(
    code: str,
    row: int | None,
    en: str,
    zh: str,
    *,
    severity: Severity = Severity.ERROR,
    value: object = None,
    place: tuple[float, float] | None = None,
    area_m2: float | None = None,
    length_m: float | None = None,
    others: Iterable[int] = (),
) -> Finding:
    """Return a finding whose messages begin with its row and end with its place."""
    where = f" At {place[0]:.6f}, {place[1]:.6f}." if place else ""
    where_zh = f"位置 {place[0]:.6f}, {place[1]:.6f}。" if place else ""
    text = None if value is None else str(value)
    return Finding(
        code,
        severity,
        f"{f'Row {row}: ' if row else ''}{en}{where}",
        f"{f'第 {row} 行：' if row else ''}{zh}{where_zh}",
        row=row,
        value=text,
        place=place,
        area_m2=area_m2,
        length_m=length_m,
        others=tuple(others),
    )
