"""The grid over HTTP."""

from __future__ import annotations

from flask import Blueprint, Response
from pydantic import Field

from app import clock
from app.grid import queries
from app.grid.positions import Position
from app.grid.queries import Located
from app.http import Description, Moment, describe, json_answer
from app.identity.access import allow, viewer
from app.identity.rules import CARDS, Permission
from app.transaction import read
from gis.crs import to_wgs84

blueprint = Blueprint("grid", __name__)


class LocateQuery(Position):
    """A position, and the moment as of which it is asked about."""

    at: Moment | None = Field(
        None, description="As of this moment, with a zone, or this date (local midnight); left out: now"
    )


@blueprint.get("/api/v1/locate")
@allow(Permission.LOCATE, limit=CARDS)
@describe(
    Description(
        "Say in which cell a place lies and who holds it",
        "grid",
        query=LocateQuery,
        answers={200: Located},
        problems=(422,),
    )
)
def locate(query: LocateQuery) -> Response:
    """Answer cell, areas, workers and facilities of a place; outside the grid those of the nearest cell.

    Workers are named to a desk in its areas; elsewhere, and to others, they are codes.
    """
    lon, lat = to_wgs84(query.lon, query.lat, query.crs)
    with read() as tx:
        found = queries.locate(tx, lon, lat, at=query.at or clock.now(), accuracy_m=query.accuracy_m)
    named = viewer().narrowed(Permission.READ_WORKERS).sees_area(found.community.code)
    return json_answer(found if named else found.without_names())
