"""The monthly bulletin: a page that prints, with its map in it, and the same as a workbook."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, Response, current_app, render_template, request

from app import clock, pages
from app.errors import NotFound
from app.http import parse
from app.identity.access import allow
from app.identity.rules import PRINTS, Permission
from app.maps import folium_page
from app.reports import appraisal, bulletin, charts, queries
from app.reports.appraisal import Board
from app.reports.page_routes import ReportQuery, View, change, download, view_of
from app.reports.queries import Asked, Name, Told
from app.reports.rules import CHIEF, FIGURES, ZONE, By, Period, Post
from app.security import new_nonce, nonce_page
from app.transaction import Tx, read

blueprint = Blueprint("bulletin", __name__)

ON_MAP = "close_on_time_rate"
TOLD = (
    "reported", "filed", "closed", "close_rate", "close_on_time_rate", "handle_rate", "handle_on_time_rate",
    "reply_on_time_rate", "rework_rate", "supervision_rate", "visit_rate", "satisfaction", "mean_hours",
)  # fmt: skip
BOARDS = (Post.TOWN, Post.UNIT)


@dataclass(frozen=True, slots=True)
class Content:
    """What the bulletin tells."""

    now: Told
    before: Told
    towns: list[Told]
    units: list[Told]
    names: dict[str, Name]
    boards: list[Board]
    ground: bulletin.Ground | None


@blueprint.get("/reports/bulletin")
@allow(Permission.READ_FIGURES, page=True, limit=PRINTS)
def bulletin_page() -> Response:
    """Answer the bulletin as one page that holds everything it shows."""
    view = _view()
    with read(snapshot=True) as tx:
        told = _content(tx, view)
    folder = pages.vendor_folder("leaflet")
    if folder is None:
        raise NotFound("the parts of the map are not installed; run `make up`")
    leaflet_style, leaflet = folium_page.inlined(folder)
    styles = {"leaflet": leaflet_style, "sheet": render_template("reports/bulletin.css")}
    scripts, element = {}, ""
    if told.ground is not None:
        looks, texts = _towns(told)
        made = bulletin.drawn(told.ground, looks, texts)
        scripts, element = {"leaflet": leaflet, "drawn": made.script}, made.html
    nonce = new_nonce()
    body = render_template(
        "reports/bulletin.html",
        view=view,
        told=told,
        figures=[FIGURES[code] for code in TOLD],
        columns=[FIGURES[code] for code in CHIEF if code != "reported"],
        on_map=FIGURES[ON_MAP],
        change=change,
        city=current_app.config["JINGWEI"].city,
        nonce=nonce,
        styles=styles,
        scripts=scripts,
        map_element=element,
        look=charts.look,
    )
    return nonce_page(Response(body, content_type="text/html; charset=utf-8"), nonce)


@blueprint.get("/reports/bulletin.xlsx")
@allow(Permission.READ_FIGURES, page=True, limit=PRINTS)
def bulletin_book() -> Response:
    """Answer the bulletin as a workbook."""
    from app.reports.sheets import book  # noqa: PLC0415 - 200 ms that a start need not wait
    from app.reports.tables import board_table, figures_table, overview_table  # noqa: PLC0415 - same

    view = _view()
    with read(snapshot=True) as tx:
        told = _content(tx, view)
    tables = [overview_table(view.period, told.now, told.before)]
    for by, rows in ((By.TOWN, told.towns), (By.DEPARTMENT, told.units)):
        tables.append(figures_table(Asked(view.period, by), rows, told.names, list(FIGURES)))
    tables += [board_table(board) for board in told.boards]
    return download(book(tables), f"bulletin-{view.period.first}-{view.period.last}.xlsx")


def _view() -> View:
    """Return the view of the address; without a period, the last month that is over."""
    given = request.args.to_dict()
    if "from" not in given and "to" not in given:
        last = clock.now().astimezone(ZONE).date().replace(day=1) - timedelta(days=1)
        given |= {"from": str(last.replace(day=1)), "to": str(last)}
    return view_of(parse(ReportQuery, given))


def _content(tx: Tx, view: View) -> Content:
    def whole(period: Period) -> Told:
        rows = queries.numbers(tx, Asked(period, scope=view.scope), at=view.at)
        return rows[0] if rows else Told("", period.first, {})

    towns, units = (
        queries.numbers(tx, Asked(view.period, by, scope=view.scope), at=view.at)
        for by in (By.TOWN, By.DEPARTMENT)
    )
    boards = appraisal.boards(tx, view.period, scope=view.scope, at=view.at)
    return Content(
        whole(view.period),
        whole(view.period.before()),
        towns,
        units,
        queries.names(tx, By.TOWN, [row.key for row in towns])
        | queries.names(tx, By.DEPARTMENT, [row.key for row in units]),
        [board for board in boards if board.post in BOARDS],
        bulletin.ground(tx, view.scope),
    )


def _towns(told: Content) -> tuple[dict[str, str], dict[str, str]]:
    figure = FIGURES[ON_MAP]
    looks, texts = {}, {}
    for row in told.towns:
        value = row.value(figure)
        looks[row.key] = "none" if value is None else charts.look(figure, value)
        texts[row.key] = f"{told.names[row.key].zh} {row.shown(figure) or '–'}"
    return looks, texts
