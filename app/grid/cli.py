"""`jingwei locate`: one place, or a file of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
import numpy as np
import orjson
from tqdm import tqdm

from app import clock, transaction
from app.db import make_engine
from app.grid import points, queries
from app.grid.points import Points
from app.grid.positions import Position
from app.grid.queries import Held, Located, Named, Outlines, PostWorker
from app.http import parse
from app.settings import read_settings
from app.transaction import read
from gis.crs import to_wgs84

if TYPE_CHECKING:
    from gis.locate import Grid

COLUMNS = (
    "cell", "community", "town", "district", "primary", "backup", "holder", "outside", "distance_m",
)  # fmt: skip


class Moment(click.ParamType[datetime]):
    """A date or moment in ISO form; without a zone it is local."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the aware UTC moment."""
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date; write 2026-05-01 or 2026-05-01T08:00", param, ctx)
        local = found if found.tzinfo else found.replace(tzinfo=ZoneInfo(read_settings().timezone))
        return local.astimezone(UTC)


# A longitude may be negative, which click would take for an option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("lon", required=False)
@click.argument("lat", required=False)
@click.option("--at", type=Moment(), help="As of this date or moment; else now.")
@click.option("--crs", default="wgs84", help="wgs84, gcj02, bd09, cgcs2000 or an EPSG number.")
@click.option("--accuracy", "accuracy_m", type=float, help="Metres: name the other cells within reach.")
@click.option("--json", "as_json", is_flag=True, help="Answer as the API does.")
@click.option("--file", "source", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A CSV of points, by columns lon and lat.")  # fmt: skip
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write FILE with cells."
)
def locate(  # noqa: PLR0917 - click calls by keyword
    lon: str | None,
    lat: str | None,
    at: datetime | None,
    crs: str,
    accuracy_m: float | None,
    as_json: bool,  # noqa: FBT001 - a flag of the command line
    source: Path | None,
    out: Path | None,
) -> None:
    """Say in which cell LON LAT lies, who holds it, and what is near; or the same for a file of points."""
    if (source is None) != (out is None) or (source is None) == (lat is None):
        raise click.UsageError("give LON LAT, or --file points.csv --out out.csv")
    if source is not None and (as_json or accuracy_m is not None):
        raise click.UsageError("--json and --accuracy are about one place, not about a file")
    settings = read_settings()
    zone = ZoneInfo(settings.timezone)
    transaction.bind(make_engine(settings, pool_size=1))
    at = at or clock.now()
    if source is not None and out is not None:
        _locate_file(source, out, crs=crs, at=at)
        return
    asked = parse(Position, {"crs": crs, "lon": lon, "lat": lat, "accuracy_m": accuracy_m})
    x, y = to_wgs84(asked.lon, asked.lat, asked.crs)
    with read() as tx:
        found = queries.locate(tx, x, y, at=at, accuracy_m=asked.accuracy_m)
    click.echo(orjson.dumps(found, option=orjson.OPT_UTC_Z) if as_json else "\n".join(_told(found, zone)))


def _told(found: Located, zone: ZoneInfo) -> Iterator[str]:
    at = found.at.astimezone(zone).isoformat(" ", "seconds")
    yield f"position   {found.lon:.6f} {found.lat:.6f} (WGS 84), {at}"
    away = f"outside, the nearest is {found.distance_m:,.1f} m away" if found.distance_m is not None else ""
    yield f"cell       {found.cell.code}  {away or f'{found.cell.area_m2 / 10_000:.2f} ha'}"
    for name in ("community", "town", "district"):
        area: Named = getattr(found, name)
        yield f"{name:<11}{area.code}  {area.name}"
    yield f"primary    {_post(found.primary)}"
    yield f"backup     {_post(found.backup)}"
    yield f"taken by   {found.holder.kind} {found.holder.code}  {found.holder.name}"
    if found.also_touched:
        yield f"touches    {' '.join(found.also_touched)}"
    for thing in found.facilities:
        named = thing.name not in {"", thing.type_name_zh}
        what = f"{thing.type_name_zh} {thing.name}" if named else thing.type_name_zh
        yield f"near       {thing.code}  {thing.distance_m:,.1f} m  {what}"


def _post(held: PostWorker | None) -> str:
    return "nobody" if held is None else f"{held.code}  {held.name}, {'on' if held.on_duty else 'off'} duty"


def _locate_file(source: Path, out: Path, *, crs: str, at: datetime) -> None:
    from gis.locate import Grid  # noqa: PLC0415 - numba costs every other command a second

    given = points.read(source, crs)
    lon, lat = to_wgs84(given.lon, given.lat, crs)
    with read() as tx:
        cells = queries.outlines(tx, at=at)
    index, away = _placed(Grid(cells.shapes), np.asarray(lon), np.asarray(lat))
    with read() as tx:
        held = queries.held(tx, [cells.codes[i] for i in np.unique(index)], at=at)
    points.write(out, given, COLUMNS, _cells(given, cells, index, away, held))
    inside = int(np.isnan(away).sum())
    click.echo(f"{out}: {inside:,} of {len(index):,} points lie in a cell, {len(index) - inside:,} outside")


def _placed(grid: Grid, lon: Any, lat: Any) -> tuple[Any, Any]:
    """Return the index of each point's cell, the nearest outside, and the metres to it, NaN inside."""
    index, away = grid.locate(lon, lat), np.full(len(lon), np.nan)
    outside = np.flatnonzero(index < 0)
    for i in tqdm(outside, desc="nearest cells", unit="point", disable=not sys.stderr.isatty()):
        near = grid.nearest(float(lon[i]), float(lat[i]))
        index[i], away[i] = near.index, near.distance_m
    return index, away


def _cells(
    given: Points, cells: Outlines, index: Any, away: Any, held: dict[str, Held]
) -> Iterator[tuple[str, ...]]:
    rows = tqdm(
        zip(index, away, strict=True),
        total=len(given.rows),
        desc="writing",
        unit="row",
        disable=not sys.stderr.isatty(),
    )
    for i, metres in rows:
        code, outside = cells.codes[i], not np.isnan(metres)
        who = held[code]
        yield (
            code,
            who.community,
            who.town,
            who.district,
            who.primary_worker or "",
            who.backup_worker or "",
            who.outside_desk if outside else who.holder,
            "yes" if outside else "no",
            f"{metres:.1f}" if outside else "",
        )
