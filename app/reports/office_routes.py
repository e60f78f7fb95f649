"""What the office does with figures: appraise, publish, weigh, hear objections, and say what they mean."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from pydantic import ConfigDict, Field
from werkzeug.wrappers import Response as AnyResponse

from app import clock
from app.cases.page_routes import moment
from app.errors import BadValue, NotFound
from app.http import Parsed, parse
from app.identity.access import allow, viewer
from app.identity.rules import PRINTS, Permission
from app.reports import actions, appraisal, queries
from app.reports.definitions import stage_rows
from app.reports.page_routes import ReportQuery, download, scope_of_viewer, view_of
from app.reports.queries import Scope
from app.reports.rules import ALL_FIGURES, FIGURES, OBJECTED, Form, Period, Post
from app.transaction import read, write

blueprint = Blueprint("report_office", __name__)

BOARD_ROWS = 100


@blueprint.get("/reports/appraisal")
@allow(Permission.READ_FIGURES, page=True)
def appraisal_board() -> str:
    """Show the scores of a period, by post."""
    view = view_of(parse(ReportQuery, request.args.to_dict()))
    with read(snapshot=True) as tx:
        boards = appraisal.boards(tx, view.period, scope=view.scope, at=view.at)
    return render_template(
        "reports/appraisal.html", view=view, boards=boards, figures=ALL_FIGURES, most=BOARD_ROWS
    )


@blueprint.get("/reports/appraisal.xlsx")
@allow(Permission.READ_FIGURES, page=True, limit=PRINTS)
def appraisal_book() -> Response:
    """Answer the appraisal sheet as a workbook: a sheet a post."""
    from app.reports.sheets import book  # noqa: PLC0415 - 200 ms that a start need not wait
    from app.reports.tables import board_table  # noqa: PLC0415 - same

    view = view_of(parse(ReportQuery, request.args.to_dict()))
    with read(snapshot=True) as tx:
        boards = appraisal.boards(tx, view.period, scope=view.scope, at=view.at)
    body = book([board_table(board) for board in boards])
    return download(body, f"appraisal-{view.period.first}-{view.period.last}.xlsx")


@blueprint.get("/reports/definitions")
@allow(Permission.READ_FIGURES, page=True)
def definitions() -> str:
    """Show what each figure counts."""
    return render_template("reports/definitions.html", figures=FIGURES.values(), stages=stage_rows())


class PublishForm(Parsed):
    """A period to publish, and why when it was published before."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]
    reason: str = Field("", max_length=500)


@blueprint.get("/reports/published")
@allow(Permission.READ_FIGURES, page=True)
def sheets() -> str:
    """Show what was published, and publish a period that is over."""
    at = clock.now()
    with read() as tx:
        found = queries.published(tx, scope=_seen())
    return render_template(
        "reports/published.html",
        found=found,
        may_publish=viewer().may(Permission.PUBLISH_FIGURES),
        moment=lambda when: moment(when, at),
    )


@blueprint.post("/reports/published")
@allow(Permission.PUBLISH_FIGURES, page=True)
def publish() -> AnyResponse:
    """Freeze the figures of a period."""
    form = parse(PublishForm, _form())
    scope = scope_of_viewer()
    area = current_app.config["JINGWEI"].city if scope.whole else _one_area(scope)
    with write() as tx:
        made = actions.publish(
            tx,
            Period(form.first, form.last),
            area=area,
            scope=scope,
            by=viewer(),
            at=clock.now(),
            reason=form.reason,
        )
    return redirect(url_for(".sheet", sheet=made), code=303)


@blueprint.get("/reports/published/<int:sheet>")
@allow(Permission.READ_FIGURES, page=True)
def sheet(sheet: int) -> str:
    """Show figures as they were published, with the definitions of that day."""
    at = clock.now()
    with read() as tx:
        found = queries.published(tx, scope=_seen(), sheet=sheet) if sheet < 2**63 else []
    if not found:
        raise NotFound(f"there is no published sheet {sheet}, or not for you")
    return render_template(
        "reports/sheet.html", sheet=found[0], figures=FIGURES, moment=lambda when: moment(when, at)
    )


def _seen() -> Scope | None:
    """Whose published figures the viewer reads: their areas', and the whole city's, which are public."""
    scope = scope_of_viewer()
    return None if scope.whole else scope


def _one_area(scope: Scope) -> str:
    if len(scope.prefixes) != 1 or len(scope.prefixes[0]) < 6:
        raise BadValue("your areas are several; publish for one", field="area", value=scope.prefixes)
    return scope.prefixes[0]


class WeightsForm(Parsed):
    """New weights of a post, in per cent: 'code=weight' lines."""

    post: Post
    weights: str = Field(max_length=1000)
    reason: str = Field(min_length=1, max_length=500)


@blueprint.get("/reports/weights")
@allow(Permission.READ_FIGURES, page=True)
def weights() -> str:
    """Show the weights of every post and their versions, and set new ones."""
    at = clock.now()
    with read() as tx:
        held, versions = queries.weights(tx), queries.weight_versions(tx)
    return render_template(
        "reports/weights.html",
        held=held,
        versions=versions,
        figures=ALL_FIGURES,
        rates=[one for one in ALL_FIGURES.values() if one.form is not Form.HOURS],
        may_edit=viewer().may(Permission.PUBLISH_FIGURES),
        moment=lambda when: moment(when, at),
    )


@blueprint.post("/reports/weights")
@allow(Permission.PUBLISH_FIGURES, page=True)
def set_weights() -> AnyResponse:
    """Write a new version of a post's weights."""
    form = parse(WeightsForm, _form())
    given: dict[str, int] = {}
    for line in filter(None, (line.strip() for line in form.weights.splitlines())):
        code, _, weight = line.partition("=")
        if not weight.strip().isdecimal() or len(weight) > 4:
            raise BadValue(f"weights: write code=weight, not {line!r}", field="weights", value=line)
        given[code.strip()] = int(weight)
    with write() as tx:
        actions.set_weights(tx, form.post, given, by=viewer(), at=clock.now(), reason=form.reason)
    return redirect(url_for(".weights"), code=303)


class ObjectionForm(Parsed):
    """An objection to a case's lateness."""

    no: str = Field(min_length=1, max_length=40)
    stage: str = Field(max_length=20)
    reason: str = Field(min_length=1, max_length=500)


class DecisionForm(Parsed):
    """Whether an objection is upheld."""

    upheld: Literal["yes", "no"]


@blueprint.get("/reports/objections")
@allow(Permission.READ_FIGURES, page=True)
def objections() -> str:
    """Show the appraisal objections, and object."""
    at = clock.now()
    with read() as tx:
        found = queries.objections(tx, scope=scope_of_viewer())
    return render_template(
        "reports/objections.html",
        found=found,
        stages=OBJECTED,
        may_decide=viewer().may(Permission.PUBLISH_FIGURES),
        moment=lambda when: moment(when, at),
    )


@blueprint.post("/reports/objections")
@allow(Permission.READ_FIGURES, page=True)
def add_objection() -> AnyResponse:
    """Object to a case's lateness."""
    form = parse(ObjectionForm, _form())
    with write() as tx:
        actions.object_to(
            tx,
            form.no,
            form.stage,
            scope=scope_of_viewer(),
            by=viewer(),
            at=clock.now(),
            reason=form.reason,
        )
    return redirect(url_for(".objections"), code=303)


@blueprint.post("/reports/objections/<int:objection>")
@allow(Permission.PUBLISH_FIGURES, page=True)
def decide_objection(objection: int) -> AnyResponse:
    """Uphold an objection, or turn it down."""
    form = parse(DecisionForm, _form())
    if objection >= 2**63:
        raise NotFound(f"there is no objection {objection}, or not for you")
    with write() as tx:
        actions.decide(
            tx,
            objection,
            upheld=form.upheld == "yes",
            scope=scope_of_viewer(),
            by=viewer(),
            at=clock.now(),
        )
    return redirect(url_for(".objections"), code=303)


def _form() -> dict[str, str]:
    return {name: value for name, value in request.form.items() if name != "csrf_token"}
