"""Figures as pages: a period told by something, the very cases of each figure, and workbooks of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, current_app, render_template, request, url_for
from pydantic import ConfigDict, Field

from app import clock, i18n
from app.cases.page_routes import moment
from app.cases.queries import AreaName, areas_of
from app.errors import BadValue
from app.http import Parsed, decode_cursor, encode_cursor, parse
from app.identity.access import allow, viewer
from app.identity.rules import PRINTS, Permission, prefix_of
from app.reports import charts, queries
from app.reports.queries import Asked, CountedPage, Name, Scope, Told
from app.reports.rules import CHIEF, FIGURES, NUMBERS, SEEDED, ZONE, By, Figure, Period
from app.transaction import Tx, read

blueprint = Blueprint("reports", __name__)

PAGE = 50
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CHOICES = (
    By.TOWN,
    By.DEPARTMENT,
    By.WORKER,
    By.TYPE,
    By.MONTH,
    By.DISTRICT,
    By.COMMUNITY,
    By.SOURCE,
    By.KIND,
)
MONTHS_SHOWN = 12


class ReportQuery(Parsed):
    """A period told by something, in an area."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    first: Annotated[date | None, Field(alias="from")] = None
    last: Annotated[date | None, Field(alias="to")] = None
    by: By = By.TOWN
    area: str = Field("", max_length=12, pattern=r"^\d*$")
    kind: Literal["", "incident", "appeal"] = ""
    figure: str = "close_on_time_rate"
    all: bool = False


class CasesOfQuery(ReportQuery):
    """Which cases of a figure: those of its numerator or its denominator, of one key."""

    part: Literal["over", "under"] = "over"
    key: str | None = Field(None, max_length=40)
    after: str = Field("", max_length=200)


@dataclass(frozen=True, slots=True)
class View:
    """What a page of figures shows, from its address."""

    query: ReportQuery
    period: Period
    figure: Figure
    scope: Scope
    at: datetime

    @property
    def today(self) -> date:
        """Today, in the city's time."""
        return self.at.astimezone(ZONE).date()

    def asked(self, **changes: Any) -> Asked:
        """Return the question for the table."""
        monthly = self.query.by is By.MONTH
        by = By.TOTAL if monthly else self.query.by
        return replace(Asked(self.period, by, monthly=monthly, scope=self.scope), **changes)

    def address(self, endpoint: str = "reports.board", **changes: Any) -> str:
        """Return the address of a page with this view, some of it changed."""
        given = {
            "from": self.period.first,
            "to": self.period.last,
            "by": self.query.by.value,
            "area": self.query.area,
            "kind": self.query.kind,
            "figure": self.query.figure,
            "all": "1" if self.query.all else "",
            **changes,
        }
        parts = {name: str(value) for name, value in given.items() if value not in {None, ""}}
        return f"{url_for(endpoint)}?{urlencode(parts)}"

    def month_of(self, first: date) -> dict[str, date]:
        """Return the part of the period that lies in the month of `first`, as the address has it."""
        part = next(one for one in self.period.months() if one.first.replace(day=1) == first.replace(day=1))
        return {"from": part.first, "to": part.last}

    def cases(self, figure: str, part: str = "over", **changes: Any) -> str:
        """Return the address of a figure's cases."""
        return self.address("reports.cases_of", figure=figure, part=part, all="", **changes)


def scope_of_viewer() -> Scope:
    """Return whose figures the viewer reads: all of the city, or their areas."""
    city = prefix_of(current_app.config["JINGWEI"].city)
    areas = viewer().areas
    return Scope() if any(city.startswith(prefix) for prefix in areas) else Scope(areas)


def view_of(query: ReportQuery) -> View:
    """Return the view that an address asks for; without a period, this month.

    Raises:
        BadValue: the figure is none, or the period ends before it begins.
    """
    at = clock.now()
    today = at.astimezone(ZONE).date()
    last = query.last or today
    if query.figure not in FIGURES:
        raise BadValue(f"figure: there is no figure {query.figure!r}", field="figure", value=query.figure)
    period = Period(query.first or last.replace(day=1), last)
    if period.days > 3_700:
        raise BadValue("from: at most ten years are told at once", field="from", value=str(period.first))
    scope = scope_of_viewer().narrowed(query.area)
    return View(query, period, FIGURES[query.figure], replace(scope, kind=query.kind or None), at)


@blueprint.get("/reports")
@allow(Permission.READ_FIGURES, page=True)
def board() -> str:
    """Show the figures of a period beside the period before, and what they are told by."""
    view = view_of(parse(ReportQuery, request.args.to_dict()))
    months = _months(view.period)
    shown = list(FIGURES) if view.query.all else list(dict.fromkeys((*CHIEF, view.figure.code)))
    codes = queries.codes_of(shown)
    with read(snapshot=True) as tx:
        now = _total(tx, view, view.period, codes)
        before = _total(tx, view, view.period.before(), codes)
        rows = queries.numbers(tx, view.asked(codes=codes), at=view.at)
        called = queries.names(tx, view.asked().by, sorted({row.key for row in rows}))
        trend = queries.numbers(
            tx,
            view.asked(
                by=By.TOTAL,
                monthly=True,
                period=Period(months[0], view.period.last),
                codes=queries.codes_of(("reported", "closed", view.figure.code, "close_on_time_rate")),
            ),
            at=view.at,
        )
        areas = _areas(tx)
        fresh = queries.refreshed_at(tx)
    rate = view.figure.code if view.figure.form.value == "rate" else "close_on_time_rate"
    return render_template(
        "reports/board.html",
        view=view,
        now=now,
        before=before,
        rows=_ordered(rows, view),
        called=called,
        chart=charts.trend(trend, months, counts=("reported", "closed"), rate=rate),
        rate=FIGURES[rate],
        ranking=charts.ranking(rows, view.figure.code) if view.query.by is not By.MONTH else [],
        figures=[FIGURES[code] for code in shown],
        chief=[FIGURES[code] for code in CHIEF],
        every=FIGURES.values(),
        seeded=SEEDED,
        areas=areas,
        choices=CHOICES,
        periods=_periods(view.today),
        fresh=fresh,
        moment=lambda when: moment(when, view.at),
        change=change,
        look=charts.look,
    )


@blueprint.get("/reports/cases")
@allow(Permission.READ_FIGURES, page=True)
def cases_of() -> str:
    """Show the very cases that a figure counts, newest first."""
    query = parse(CasesOfQuery, request.args.to_dict())
    view = view_of(query)
    with read(snapshot=True) as tx:
        found = _counted(tx, view, query)
        by = view.asked().by
        name = queries.names(tx, by, [query.key])[query.key] if query.key else None
    following = ""
    if found.more:
        last = found.items[-1]
        following = encode_cursor(last.reported_at.isoformat(), str(last.id))
    return render_template(
        "reports/cases.html",
        view=view,
        query=query,
        found=found,
        name=name,
        following=following,
        moment=lambda when: moment(when, view.at),
    )


@blueprint.get("/reports/figures.xlsx")
@allow(Permission.READ_FIGURES, page=True, limit=PRINTS)
def workbook() -> Response:
    """Answer the table of figures as a workbook, each figure with numerator and denominator."""
    from app.reports.sheets import book  # noqa: PLC0415 - 200 ms that a start need not wait
    from app.reports.tables import figures_table, overview_table  # noqa: PLC0415 - same

    view = view_of(parse(ReportQuery, request.args.to_dict()))
    with read(snapshot=True) as tx:
        rows = _ordered(queries.numbers(tx, view.asked(), at=view.at), view)
        called = queries.names(tx, view.asked().by, sorted({row.key for row in rows}))
        now, before = _total(tx, view, view.period), _total(tx, view, view.period.before())
    tables = [
        figures_table(view.asked(), rows, called, list(FIGURES)),
        overview_table(view.period, now, before),
    ]
    return download(book(tables), f"figures-{view.period.first}-{view.period.last}.xlsx")


def download(body: bytes, name: str) -> Response:
    """Return a workbook as a file."""
    answer = Response(body, content_type=XLSX)
    answer.headers["Content-Disposition"] = f'attachment; filename="jingwei-{name}"'
    return answer


def _counted(tx: Tx, view: View, query: CasesOfQuery) -> CountedPage:
    figure = view.figure
    codes = figure.over if query.part == "over" else figure.under
    if not codes:
        raise BadValue("part: a count has no denominator", field="part", value=query.part)
    codes = tuple(_CASES.get(code, code) for code in codes)
    after: tuple[datetime, UUID] | None = None
    if query.after:
        at, case = decode_cursor(query.after, 2)
        try:
            after = datetime.fromisoformat(at), UUID(case)
        except ValueError:
            raise BadValue("after: this is no cursor of ours", field="after", value=query.after) from None
    asked = view.asked(monthly=False, key=query.key if view.asked().by is not By.TOTAL else None)
    return queries.counted(tx, codes, asked, at=view.at, after=after, limit=PAGE)


_CASES: Mapping[str, str] = {"handle_s": "handled_timed", "handle_work_s": "handled_timed"}
"""A sum of seconds is of the cases that it sums."""


def _total(tx: Tx, view: View, period: Period, codes: tuple[str, ...] = NUMBERS) -> Told:
    asked = view.asked(by=By.TOTAL, monthly=False, period=period, codes=codes)
    rows = queries.numbers(tx, asked, at=view.at)
    return rows[0] if rows else Told("", period.first, {})


def _ordered(rows: Sequence[Told], view: View) -> list[Told]:
    """Return months by time, all else by the figure, the best first and what has no value last."""
    if view.query.by is By.MONTH:
        return sorted(rows, key=lambda row: row.first)
    turn = 1 if view.figure.good < 0 else -1

    def place(row: Told) -> tuple[bool, float, str]:
        value = row.value(view.figure)
        return value is None, turn * (value or 0), row.key

    return sorted(rows, key=place)


def _areas(tx: Tx) -> list[AreaName]:
    scope = scope_of_viewer()
    return areas_of(tx, scope.prefixes or (prefix_of(current_app.config["JINGWEI"].city),))


def _months(period: Period) -> list[date]:
    """Return the first days of the chart's months: a year up to the period's end, or all of a longer one."""
    months = [period.last.replace(day=1)]
    while len(months) < MONTHS_SHOWN or (months[0] > period.first and len(months) < 3 * MONTHS_SHOWN):
        months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
    return months


def _periods(today: date) -> list[tuple[str, Period]]:
    month = today.replace(day=1)
    quarter = month.replace(month=(month.month - 1) // 3 * 3 + 1)
    ended = month - timedelta(days=1)
    return [
        ("week", Period(today - timedelta(days=6), today)),
        ("month", Period(month, today)),
        ("last_month", Period(ended.replace(day=1), ended)),
        ("quarter", Period(quarter, today)),
        ("year", Period(today.replace(month=1, day=1), today)),
        ("last_year", Period(date(today.year - 1, 1, 1), date(today.year - 1, 12, 31))),
    ]


@dataclass(frozen=True, slots=True)
class Change:
    """How a figure moved since the period before: by how much, and whether that is better."""

    shown: str
    look: str


def change(figure: Figure, now: Told, before: Told) -> Change | None:
    """Return the change: of a rate in points, of hours in hours, of a count in per cent."""
    value, earlier = now.value(figure), before.value(figure)
    if value is None or earlier is None:
        return None
    if figure.form.value == "count":
        if not earlier:
            return None
        moved, unit = (value - earlier) / earlier * 100, "%"
    else:
        moved, unit = value - earlier, ""
    shown = f"{moved:+.1f}{unit}"
    if figure.good == 0 or abs(moved) < 0.05:
        return Change(shown, "plain")
    return Change(shown, "good" if moved * figure.good > 0 else "poor")


def name_of(name: Name) -> str:
    """Return what a key is called in the page's language."""
    return name.en if i18n.language() == "en" else name.zh
