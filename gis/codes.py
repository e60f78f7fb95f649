"""Codes of areas, cells, facilities and cases: taken apart, checked, numbered.

Codes are text and are compared bytewise. Their rules differ from city to city, so that each is a `Rule`: the
widths of its parts, written "6+3+3+3", and perhaps a pattern besides. The defaults are:

    area      6, 9 or 12 digits   county, town, community (GB/T 2260, GB/T 10114); city = county ending in 00
    cell      6+3+3+3             county, town, community, number inside the community
    facility  6+2+2+6             county, class, type, serial per county and type (GB/T 30428.2)
    case      6+8+5               county, day yyyymmdd, serial of the day
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.errors import BadCode, TooManyCells

_LOOKALIKES = {"O": "0", "o": "0", "I": "1", "l": "1", "〇": "0", "零": "0"}


@dataclass(frozen=True, slots=True)
class Rule:
    """How the codes of one kind are made.

    Args:
        kind: the word for messages: "cell", "facility".
        names: the parts from left to right.
        widths: their numbers of digits, as "6+3+3+3".
        pattern: a regular expression that the whole code must match besides the widths.
    """

    kind: str
    names: tuple[str, ...]
    widths: str
    pattern: str | None = None
    _widths: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        widths = self.widths.replace(" ", "").split("+")
        if len(widths) != len(self.names) or not all(w.isdecimal() and int(w) > 0 for w in widths):
            raise ValueError(
                f"Widths {self.widths!r} do not fit a {self.kind} code: "
                f"give {len(self.names)} positive numbers joined by '+', for {', '.join(self.names)}."
            )
        object.__setattr__(self, "_widths", tuple(map(int, widths)))
        if self.pattern is not None:
            re.compile(self.pattern)

    @property
    def length(self) -> int:
        """Digits of the whole code."""
        return sum(self._widths)

    @property
    def regex(self) -> str:
        """What a code matches, for schemas and forms: its number of digits, and no more than that."""
        return f"^[0-9]{{{self.length}}}$"

    def width(self, name: str) -> int:
        """Digits of one part."""
        return self._widths[self.names.index(name)]

    def split(self, text: object) -> tuple[str, ...]:
        """Return the parts of a code.

        Raises:
            BadCode: it breaks the rule.
        """
        if not isinstance(text, str):
            raise BadCode(self.kind, text, why="is not text", mend="Store codes as text, not as numbers")
        if not re.fullmatch(rf"[0-9]{{{self.length}}}", text):
            raise self._broken(text)
        if self.pattern is not None and not re.fullmatch(self.pattern, text):
            raise BadCode(
                self.kind,
                text,
                why=f"does not match this city's pattern {self.pattern}",
                mend="Correct the code, or the pattern in the settings",
            )
        return tuple(self._cut(text))

    def _cut(self, text: str) -> Iterator[str]:
        start = 0
        for width in self._widths:
            yield text[start : start + width]
            start += width

    def _layout(self) -> str:
        return " + ".join(f"{width} {name}" for name, width in zip(self.names, self._widths, strict=True))

    def _broken(self, text: str) -> BadCode:
        """Say what is wrong with a code that is not `length` digits, and how to mend it."""
        if text == "":
            return BadCode(
                self.kind, text, why="is empty", mend=f"Give {self.length} digits ({self._layout()})"
            )
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?[eE]\+?[0-9]+|[0-9]+\.0*", text):
            return BadCode(
                self.kind,
                text,
                why="was turned into a number, as spreadsheets do",
                mend="Make the column text in the source file and enter or export the codes again",
            )
        strange = re.search(r"[^0-9]", text)
        if strange:
            return self._strange(text, strange.group(), strange.start() + 1)
        missing = self.length - len(text)
        amount = f"{missing} too few" if missing > 0 else f"{-missing} too many"
        lost = " A leading zero may have been lost." if missing == 1 else ""
        return BadCode(
            self.kind,
            text,
            why=f"has {len(text)} digits, {amount}",
            mend=f"Give {self.length} digits: {self._layout()}.{lost}",
        )

    def _strange(self, text: str, character: str, place: int) -> BadCode:
        why = f"has {character!r} at place {place}, where a digit belongs"
        if text.strip() != text:
            return BadCode(self.kind, text, why="has space around it", mend=f"Write {text.strip()!r}")
        digits = "".join(str(int(c)) if c.isdecimal() else _LOOKALIKES.get(c, c) for c in text)
        if re.fullmatch(rf"[0-9]{{{self.length}}}", digits):
            return BadCode(self.kind, text, why=why, mend=f"Did you mean {digits!r}?")
        return BadCode(self.kind, text, why=why, mend=f"Give {self.length} digits: {self._layout()}")


CELL = Rule("cell", ("county", "town", "community", "number"), "6+3+3+3")
FACILITY = Rule("facility", ("county", "class", "type", "serial"), "6+2+2+6")
CASE = Rule("case", ("county", "day", "serial"), "6+8+5")
_COUNTY = Rule("area", ("county",), "6")
_TOWN = Rule("area", ("county", "town"), "6+3")
_COMMUNITY = Rule("area", ("county", "town", "community"), "6+3+3")
AREA_REGEX = f"^([0-9]{{{_COUNTY.length}}}|[0-9]{{{_TOWN.length}}}|[0-9]{{{_COMMUNITY.length}}})$"
"""What an area's code matches: 6, 9 or 12 digits."""
WORKER_REGEX = "^W[0-9]+$"
"""What a grid worker's code matches."""


class Level(StrEnum):
    """The levels of areas, from wide to narrow."""

    CITY = "city"
    DISTRICT = "district"
    TOWN = "town"
    COMMUNITY = "community"


@dataclass(frozen=True, slots=True)
class AreaCode:
    """A division code and its level."""

    text: str
    level: Level

    @property
    def prefix(self) -> str:
        """What the codes of everything inside begin with: '2103' for the city 210300."""
        return self.text[:4] if self.level is Level.CITY else self.text

    @property
    def parent(self) -> str | None:
        """The code of the area around it; None for a city."""
        match self.level:
            case Level.CITY:
                return None
            case Level.DISTRICT:
                return self.text[:4] + "00"
            case _:
                return self.text[:-3]


@dataclass(frozen=True, slots=True)
class CellCode:
    """A cell's code and its parts; `community` is the whole code of the community."""

    text: str
    county: str
    community: str
    number: int


@dataclass(frozen=True, slots=True)
class FacilityCode:
    """A facility's code and its parts; `type` is class and type together, as "0101"."""

    text: str
    county: str
    type: str
    serial: int


@dataclass(frozen=True, slots=True)
class CaseCode:
    """A case's number and its parts; `day` is the local day of filing."""

    text: str
    county: str
    day: date
    serial: int


def parse_area(text: str) -> AreaCode:
    """Return the area that a code of 6, 9 or 12 digits means.

    Raises:
        BadCode: it has another length, other characters, or its county is none.
    """
    rules = {6: _COUNTY, 9: _TOWN, 12: _COMMUNITY}
    length = len(str(text))
    if str(text).isdecimal() and length not in rules:
        mend = "Give 6 digits for a city or district, 9 for a town, 12 for a community"
        raise BadCode("area", text, why=f"has {length} digits", mend=mend)
    rule = rules.get(length, _COMMUNITY)
    parts = rule.split(text)
    _check_county(rule, text, parts[0])
    if rule is not _COUNTY and parts[0].endswith("00"):
        raise BadCode(
            "area", text, why=f"lies in {parts[0]}, a city", mend="Begin with the code of a district"
        )
    if "000" in parts[1:]:
        raise BadCode("area", text, why="has a part 000", mend="Give the shorter code of the area around it")
    levels = {6: Level.CITY if text.endswith("00") else Level.DISTRICT, 9: Level.TOWN, 12: Level.COMMUNITY}
    return AreaCode(text, levels[length])


def parse_cell(text: str, rule: Rule = CELL) -> CellCode:
    """Return the parts of a cell's code.

    Raises:
        BadCode: it breaks the rule.
    """
    parts = rule.split(text)
    _check_county(rule, text, parts[0])
    number = int(parts[-1])
    if number == 0:
        raise BadCode(rule.kind, text, why=f"has the number {parts[-1]}", mend="Cells are numbered from 1")
    return CellCode(text, parts[0], text[: -len(parts[-1])], number)


def parse_facility(text: str, rule: Rule = FACILITY) -> FacilityCode:
    """Return the parts of a facility's code.

    Raises:
        BadCode: it breaks the rule.
    """
    county, first, second, serial = rule.split(text)
    _check_county(rule, text, county)
    if int(serial) == 0:
        raise BadCode(rule.kind, text, why=f"has the serial {serial}", mend="Facilities are numbered from 1")
    return FacilityCode(text, county, first + second, int(serial))


def parse_case(text: str, rule: Rule = CASE) -> CaseCode:
    """Return the parts of a case's number.

    Raises:
        BadCode: it breaks the rule, or its day is not in the calendar.
    """
    county, day, serial = rule.split(text)
    _check_county(rule, text, county)
    try:
        return CaseCode(text, county, date(int(day[:4]), int(day[4:6]), int(day[6:])), int(serial))
    except ValueError:
        mend = "Write the day as yyyymmdd, such as 20250607"
        raise BadCode(rule.kind, text, why=f"has the day {day}, which no calendar knows", mend=mend) from None


def case_code(county: str, day: date, serial: int, rule: Rule = CASE) -> str:
    """Return the number of the `serial`-th case that a county files on a local day.

    Raises:
        BadCode: the serial has more digits than the rule gives it.
    """
    text = f"{county}{day:%Y%m%d}{serial:0{rule.width('serial')}d}"
    return parse_case(text, rule).text


def numbers(
    community: ArrayLike, x: ArrayLike, y: ArrayLike, *, row_height: float | None = None
) -> NDArray[np.int64]:
    """Number the cells inside each community from 1, west to east, then north to south.

    As one reads a page (the Beijing standard's 自西向东, 由北向南): cells are put in rows, and a new row
    begins where a cell lies more than `row_height` south of the row's first. Ties keep the order given.

    Args:
        community: (n,) the community of each cell.
        x: (n,) eastings or longitudes of the cells' centres.
        y: (n,) northings or latitudes, in the same unit.
        row_height: in that unit; by default the side of a square with the mean area of the community's cells,
            judged by the extent of their centres.

    Returns:
        (n,) numbers, unique inside a community.
    """
    communities = np.asarray(community)
    east, north = np.asarray(x, float), np.asarray(y, float)
    found = np.zeros(len(communities), np.int64)
    order = np.argsort(communities, kind="stable")
    if len(order) == 0:
        return found
    starts = np.flatnonzero(communities[order][1:] != communities[order][:-1]) + 1
    for members in np.split(order, starts):
        found[members] = _numbered(east[members], north[members], row_height)
    return found


def cell_codes(
    community: ArrayLike, x: ArrayLike, y: ArrayLike, *, rule: Rule = CELL, row_height: float | None = None
) -> NDArray[np.str_]:
    """Return a code for each cell: its community's code and its number; see `numbers`.

    Raises:
        TooManyCells: a community has more cells than the rule's last part can count.
    """
    communities = np.asarray(community, str)
    number = numbers(communities, x, y, row_height=row_height)
    if number.size == 0:
        return communities
    width = rule.width(rule.names[-1])
    most = 10**width - 1
    if number.max() > most:
        crowded = str(communities[int(number.argmax())])
        raise TooManyCells(crowded, int(number[communities == crowded].max()), most)
    return np.strings.add(communities, np.strings.zfill(number.astype(str), width))


def _numbered(x: NDArray[np.float64], y: NDArray[np.float64], row_height: float | None) -> NDArray[np.int64]:
    if row_height is None:
        row_height = float(np.sqrt(np.ptp(x) * np.ptp(y) / len(x)))
    rows = np.zeros(len(x), np.int64)
    row, top = -1, np.inf
    for i in np.argsort(-y, kind="stable"):
        if y[i] < top - row_height or row < 0:
            row, top = row + 1, y[i]
        rows[i] = row
    found = np.empty(len(x), np.int64)
    found[np.lexsort((x, rows))] = np.arange(1, len(x) + 1)
    return found


def _check_county(rule: Rule, text: str, county: str) -> None:
    # GB/T 2260: provinces run from 11 (Beijing) to 82 (Macao); 00 is none at all.
    if len(county) == 6 and not 11 <= int(county[:2]) <= 82:
        raise BadCode(
            rule.kind,
            text,
            why=f"begins with {county[:2]}, which is no province",
            mend="Begin with the six digits of the county, such as 210302",
        )
