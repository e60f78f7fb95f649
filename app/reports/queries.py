"""The figures of a period, told by something, from the daily sums or from the facts; and their very cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.errors import BadValue, NotFound
from app.identity.rules import prefix_of
from app.reports import statements
from app.reports.rules import (
    ALL_FIGURES,
    MEASURES,
    NUMBERS,
    STOCKS,
    ZONE,
    By,
    Figure,
    Period,
    Post,
)
from app.transaction import Tx

PAGE = 100
_FROM_TOWNS: Mapping[By, str] = {By.TOTAL: "''", By.DISTRICT: "left(key, 6)", By.TOWN: "key"}
"""What the roll-up by town tells too."""

_NAMES: Mapping[By, str] = {
    By.DISTRICT: "areas_named",
    By.TOWN: "areas_named",
    By.COMMUNITY: "areas_named",
    By.DEPARTMENT: "units_named",
    By.TYPE: "types_named",
    By.WORKER: "workers_named",
    By.PERSON: "people_named",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose cases are counted. `prefixes`: areas, all of the city when there is none."""

    prefixes: tuple[str, ...] = ()
    kind: str | None = None
    type: str | None = None
    source: str | None = None

    @property
    def whole(self) -> bool:
        """Whether no case is left out."""
        return not (self.prefixes or self.kind or self.type or self.source)

    @property
    def of_towns(self) -> bool:
        """Whether only whole towns, or districts, are left out."""
        return not (self.kind or self.type or self.source) and all(len(p) <= 9 for p in self.prefixes)

    def narrowed(self, area: str | None) -> Scope:
        """Return the scope within `area`.

        Raises:
            NotFound: the area lies outside.
        """
        if not area:
            return self
        prefix = prefix_of(area)
        if self.prefixes and not any(prefix.startswith(p) for p in self.prefixes):
            if any(p.startswith(prefix) for p in self.prefixes):
                return replace(self, prefixes=tuple(p for p in self.prefixes if p.startswith(prefix)))
            raise NotFound(f"there is no area {area}, or not for you", field="area", value=area)
        return replace(self, prefixes=(prefix,))

    def holds(self, community: str) -> bool:
        """Whether the community lies in the scope."""
        return not self.prefixes or any(community.startswith(prefix) for prefix in self.prefixes)

    def bound(self) -> dict[str, Any]:
        """Return the values that the conditions name."""
        values: dict[str, Any] = {f"prefix_{n}": p for n, p in enumerate(self.prefixes)}
        values |= {f"after_{n}": p[:-1] + chr(ord(p[-1]) + 1) for n, p in enumerate(self.prefixes)}
        return values | {
            name: value
            for name, value in (("kind", self.kind), ("type", self.type), ("source", self.source))
            if value
        }

    def of_facts(self) -> str:
        """Return the condition on the facts `f`."""
        conditions = [self._areas("f.community_code")]
        conditions += ["f.kind = :kind"] if self.kind else []
        conditions += ["f.type_code = :type"] if self.type else []
        conditions += ["f.source = :source"] if self.source else []
        return " AND ".join(conditions)

    def of_days(self) -> str:
        """Return the condition on the roll-up by town."""
        return self._areas("key")

    def _areas(self, column: str) -> str:
        within = [f"{column} >= :prefix_{n} AND {column} < :after_{n}" for n, _ in enumerate(self.prefixes)]
        return f"({' OR '.join(within)})" if within else "true"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which numbers: of a period, by something (and month), of what scope, which codes, of one key or all."""

    period: Period
    by: By = By.TOTAL
    monthly: bool = False
    scope: Scope = field(default_factory=Scope)
    codes: tuple[str, ...] = NUMBERS
    key: str | None = None

    @property
    def measures(self) -> tuple[str, ...]:
        """Those counted by their moment."""
        return tuple(code for code in self.codes if code in MEASURES)

    @property
    def stocks(self) -> tuple[str, ...]:
        """Those late and undone."""
        return tuple(code for code in self.codes if code in STOCKS)

    @property
    def parts(self) -> list[Period]:
        """The months, or the period as one."""
        return self.period.months() if self.monthly else [self.period]

    @property
    def is_rolled(self) -> bool:
        """Whether the daily sums tell it."""
        if self.by in _FROM_TOWNS:
            return self.scope.of_towns
        return self.by in {By.WORKER, By.DEPARTMENT, By.TYPE} and self.scope.whole


@dataclass(frozen=True, slots=True)
class Told:
    """The numbers of one key in one part of the period (its first day)."""

    key: str
    first: date
    numbers: Mapping[str, int]

    def numbers_sum(self, codes: Iterable[str]) -> int:
        """Return a figure's numerator or denominator."""
        return sum(self.numbers.get(code, 0) for code in codes)

    def value(self, figure: Figure | str) -> float | None:
        """Return a figure's exact value."""
        return _figure(figure).value(self.numbers)

    def shown(self, figure: Figure | str) -> str | None:
        """Return a figure as it is shown."""
        return _figure(figure).shown(self.numbers)


def _figure(figure: Figure | str) -> Figure:
    return ALL_FIGURES[figure] if isinstance(figure, str) else figure


@dataclass(frozen=True, slots=True)
class Name:
    """What a key is called; a worker's and a person's code."""

    key: str
    zh: str
    en: str
    code: str = ""


def numbers(tx: Tx, asked: Asked, *, at: datetime) -> list[Told]:
    """Return the numbers, by key and part; from the daily sums where they tell it, else from the facts."""
    return from_days(tx, asked, at=at) if asked.is_rolled else from_facts(tx, asked, at=at)


def codes_of(figures: Iterable[str]) -> tuple[str, ...]:
    """Return the numbers that these figures are made of."""
    wanted = {code for name in figures for code in (*ALL_FIGURES[name].over, *ALL_FIGURES[name].under)}
    return tuple(code for code in NUMBERS if code in wanted)


def from_facts(tx: Tx, asked: Asked, *, at: datetime) -> list[Told]:
    """Return the numbers counted case by case."""
    found = _Gathered(asked)
    scope, bound = asked.scope.of_facts(), asked.scope.bound()
    if asked.key is not None:
        scope, bound = f"{scope} AND {statements.key_of(asked.by)} = :key", {**bound, "key": asked.key}
    if asked.measures:
        sql = statements.in_period(monthly=asked.monthly, by=asked.by, codes=asked.measures, scope=scope)
        values = {**bound, "start": asked.period.start, "end": asked.period.end}
        for row in tx.execute(sa.text(sql), values).mappings():
            found.add(row["key"], row["month"], row)
    ends = {number: min(part.end, at) for number, part in enumerate(asked.parts) if part.start < at}
    if asked.stocks and ends:
        sql = statements.undone(ends=len(ends), by=asked.by, codes=asked.stocks, scope=scope)
        values = {**bound, **{f"end_{number}": end for number, end in ends.items()}}
        for row in tx.execute(sa.text(sql), values).mappings():
            found.add(row["key"], asked.parts[row["number"]].first, row)
    return found.told()


def from_days(tx: Tx, asked: Asked, *, at: datetime) -> list[Told]:
    """Return the numbers from the daily sums. What is late now, of a running period, the facts tell."""
    found = _Gathered(asked)
    by, key = (By.TOWN, _FROM_TOWNS[asked.by]) if asked.by in _FROM_TOWNS else (asked.by, "key")
    scope = asked.scope.of_days() if by is By.TOWN else "true"
    bound: dict[str, Any] = {**asked.scope.bound(), "by": by.value}
    if asked.key is not None:
        scope, bound = f"{scope} AND {key} = :key", {**bound, "key": asked.key}
    if asked.measures:
        sql = statements.rolled(monthly=asked.monthly, key=key, codes=asked.measures, scope=scope)
        values = {**bound, "first": asked.period.first, "last": asked.period.last}
        rows: Iterable[Sequence[Any]] = tx.execute(sa.text(sql), values)
        for row in rows:
            found.add_sums(row[0], row[1], asked.measures, row[2:])
    if asked.stocks:
        _add_undone(tx, asked, found, key=key, scope=scope, bound=bound, at=at)
    return found.told()


def _add_undone(
    tx: Tx, asked: Asked, found: _Gathered, *, key: str, scope: str, bound: dict[str, Any], at: datetime
) -> None:
    over = [part for part in asked.parts if part.end <= at]
    if over:
        sql = statements.rolled_undone(ends=len(over), key=key, codes=asked.stocks, scope=scope)
        days = {f"day_{number}": part.end.astimezone(ZONE).date() for number, part in enumerate(over)}
        for row in tx.execute(sa.text(sql), {**bound, **days}).mappings():
            for number, part in enumerate(over):
                late = {code: row[f"{code}_{number}"] for code in asked.stocks}
                found.add(row["key"], part.first, late)
    running = [part for part in asked.parts if part.start < at < part.end]
    if running:
        only = replace(asked, codes=asked.stocks, monthly=False, period=running[0])
        for told in from_facts(tx, replace(only, scope=_open(asked.scope)), at=at):
            found.add(told.key, running[0].first, told.numbers)


@dataclass(frozen=True, slots=True)
class _OpenScope(Scope):
    """Only cases that are not over: what is undone now is among them, and an index holds them."""

    def of_facts(self) -> str:
        """Return the condition on the facts `f`."""
        return f"{Scope.of_facts(self)} AND f.closed_at IS NULL"


def _open(scope: Scope) -> Scope:
    return _OpenScope(scope.prefixes, scope.kind, scope.type, scope.source)


class _Gathered:
    """Numbers of several statements, put together by key and part."""

    def __init__(self, asked: Asked) -> None:
        self.codes = asked.codes
        self.parts = {part.first.replace(day=1): part.first for part in asked.parts}
        self.first = asked.period.first
        self.monthly = asked.monthly
        self.found: dict[tuple[str, date], dict[str, int]] = {}

    def add(self, key: str | None, month: date | None, row: Mapping[str, Any] | sa.RowMapping) -> None:
        """Add a row's numbers; what is nobody's is not told."""
        if key is None:
            return
        first = self.parts[month.replace(day=1)] if self.monthly and month else self.first
        numbers = self.found.setdefault((key, first), {})
        for code in self.codes:
            if row.get(code):
                numbers[code] = numbers.get(code, 0) + int(row[code])

    def add_sums(self, key: str, month: date | None, codes: Sequence[str], sums: Sequence[Any]) -> None:
        """Add sums in the order of `codes`: a thousand keys and months are told in a few milliseconds."""
        first = self.parts[month] if self.monthly and month else self.first
        numbers = self.found.setdefault((key, first), {})
        for code, total in zip(codes, sums, strict=True):
            if total:
                numbers[code] = numbers.get(code, 0) + int(total)

    def told(self) -> list[Told]:
        """Return them by key and part."""
        return [Told(key, first, kept) for (key, first), kept in sorted(self.found.items()) if kept]


def names(tx: Tx, by: By, keys: Sequence[str]) -> dict[str, Name]:
    """Return what keys are called; those without a name are told by their code."""
    found: dict[str, Name] = {}
    if by in _NAMES and keys:
        given = [int(key) for key in keys] if by in {By.WORKER, By.PERSON} else list(keys)
        for row in tx.named(f"reports.{_NAMES[by]}", keys=given).mappings():
            zh = row["name_zh"] if "name_zh" in row else row["name"]
            found[row["key"]] = Name(row["key"], zh, row.get("name_en") or zh, row.get("code") or row["key"])
    return {key: found.get(key, Name(key, key, key, key)) for key in keys}


@dataclass(frozen=True, slots=True)
class Counted:
    """A case that a figure counts, and by which number."""

    id: UUID
    no: str
    type_zh: str
    type_en: str
    status: str
    community: str
    unit_zh: str | None
    unit_en: str | None
    reported_at: datetime
    due: datetime | None
    done: datetime | None
    by: str


@dataclass(frozen=True, slots=True)
class CountedPage:
    """A page of the cases that a figure counts, newest first; how many in all; whether more follow."""

    items: tuple[Counted, ...]
    total: int
    more: bool


def counted(
    tx: Tx,
    codes: Sequence[str],
    asked: Asked,
    *,
    at: datetime,
    after: tuple[datetime, UUID] | None = None,
    limit: int = PAGE,
) -> CountedPage:
    """Return the very cases that the sum of `codes` counts in the period of `asked`, of its key."""
    unknown = [code for code in codes if code not in NUMBERS]
    if unknown or not codes:
        raise BadValue(f"there is no number {unknown}", field="figure", value=unknown)
    condition = statements.counted_cases(codes, by=asked.by, keyed=asked.key is not None)
    where = f"({condition}) AND {asked.scope.of_facts()}"
    bound: dict[str, Any] = {
        **asked.scope.bound(),
        "start": asked.period.start,
        "end": asked.period.end,
        "late_at": min(asked.period.end, at),
    }
    if asked.key is not None:
        bound["key"] = asked.key
    counting = sa.text(f"SELECT count(*) FROM case_facts f WHERE {where}")
    total = tx.execute(counting, bound).scalar_one()
    keyset = ""
    if after is not None:
        keyset = " AND (f.reported_at, f.case_id) < (:after_at, :after_id)"
        bound |= {"after_at": after[0], "after_id": after[1]}
    rows = tx.execute(sa.text(_listing(codes, where + keyset)), {**bound, "limit": limit + 1}).mappings()
    items = tuple(Counted(**row) for row in rows)
    return CountedPage(items[:limit], total, len(items) > limit)


def _listing(codes: Sequence[str], where: str) -> str:
    stage = next((STOCKS[code] for code in STOCKS if _stage_of(code) in map(_stage_of, codes)), None)
    due, done = (stage.due, stage.done) if stage else ("NULL::timestamptz", MEASURES[codes[0]].at)
    return (
        "WITH page AS (SELECT f.case_id, f.reported_at,"
        f" {due} AS due, {done} AS done, {statements.counted_by(codes)} AS by"
        f" FROM case_facts f WHERE {where}"
        " ORDER BY f.reported_at DESC, f.case_id DESC LIMIT :limit)"
        " SELECT c.id, c.no, y.name_zh AS type_zh, y.name_en AS type_en, c.status, a.name AS community,"
        " u.name_zh AS unit_zh, u.name_en AS unit_en, p.reported_at, p.due, p.done, p.by"
        " FROM page p JOIN cases c ON c.id = p.case_id JOIN case_types y ON y.code = c.type_code"
        " LEFT JOIN areas a ON a.code = c.community_code LEFT JOIN units u ON u.code = c.unit_code"
        " ORDER BY p.reported_at DESC, p.case_id DESC"
    )


def _stage_of(code: str) -> str:
    return code.rsplit("_", 1)[0]


def weights(tx: Tx) -> dict[Post, Mapping[str, int]]:
    """Return the weights that hold now, by post."""
    held = {Post(row.post): row.weights for row in tx.named("reports.weights")}
    return {post: dict(sorted(held[post].items(), key=lambda one: -one[1])) for post in Post if post in held}


@dataclass(frozen=True, slots=True)
class WeightsVersion:
    """A version of a post's weights: since when, by whom, why."""

    post: str
    version: int
    weights: Mapping[str, int]
    at: datetime
    by: str | None
    reason: str


def weight_versions(tx: Tx) -> list[WeightsVersion]:
    """Return every version of the weights, the newest first."""
    return [WeightsVersion(**row) for row in tx.named("reports.weight_versions").mappings()]


@dataclass(frozen=True, slots=True)
class PublishedSheet:
    """Figures as published, with the definitions of that day."""

    id: int
    first_day: date
    last_day: date
    area_code: str
    area: str
    revision: int
    reason: str
    by: str
    at: datetime
    figures: Mapping[str, Any]
    definitions: Mapping[str, Any]
    sha256: str


def published(tx: Tx, *, scope: Scope | None = None, sheet: int | None = None) -> list[PublishedSheet]:
    """Return what was published, newest first: all of it in the scope, or one."""
    rows = tx.named("reports.published", id=sheet).mappings()
    found = [PublishedSheet(**row) for row in rows]
    return [one for one in found if scope is None or scope.holds(one.area_code) or _covers(one, scope)]


def _covers(sheet: PublishedSheet, scope: Scope) -> bool:
    """Whether the sheet is of an area around the scope: what is published of the city, all its desks read."""
    return any(prefix.startswith(prefix_of(sheet.area_code)) for prefix in scope.prefixes)


@dataclass(frozen=True, slots=True)
class ObjectionCard:
    """An appraisal objection with its case's number."""

    id: int
    case_id: UUID
    no: str
    stage: str
    reason: str
    by: str
    at: datetime
    decided_by: str | None
    decided_at: datetime | None
    upheld: bool | None


def objections(tx: Tx, *, scope: Scope) -> list[ObjectionCard]:
    """Return the newest objections of the scope, the undecided first."""
    found = tx.named("reports.objections").mappings()
    return [
        ObjectionCard(**{k: v for k, v in row.items() if k != "community_code"})
        for row in found
        if scope.holds(row["community_code"])
    ]


def refreshed_at(tx: Tx) -> datetime | None:
    """Return when the facts were last brought up to date."""
    return tx.named("reports.refreshed_at").scalar()


def differing(tx: Tx) -> int:
    """Return how many daily sums are not what the facts say: none, unless something is broken."""
    return int(tx.execute(sa.text(statements.differing_days())).scalar_one())
