"""`jingwei import` and `jingwei export`: real files in and out."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
from tqdm import tqdm

from app import clock, transaction
from app.audit.actions import record
from app.audit.rules import Action, operator_of_machine
from app.db import make_engine
from app.errors import JingweiError
from app.grid.cli import Moment
from app.interop.case_form import MAPPED
from app.interop.rules import ACCEPTABLE, FORMS, Subject
from app.settings import Settings, read_settings
from gis.errors import BadFile, GisError
from gis.findings import Finding, Severity

if TYPE_CHECKING:
    from app.grid.actions import Origin
    from app.interop.actions import Examination
    from gis.formats import Layer

# What reads files is imported where it is used: it costs every other command half a second.

SHOWN = 10
WORDS_ZH = {"error": "错误", "warning": "警告", "note": "提示"}
CHANGES_ZH = {
    "added": "新增",
    "changed": "变更",
    "redrawn": "重绘",
    "ended": "停用",
    "withdrawn": "撤回",
    "unchanged": "不变",
    "posts ended": "岗位终止",
}
CASES = "cases"
subjects = click.Choice([subject.value for subject in Subject])
importable = click.Choice([*(subject.value for subject in Subject), CASES])


class Mapped(click.ParamType[tuple[str, str]]):
    """column=field."""

    name = "column=field"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return the pair."""
        if isinstance(value, tuple):
            return value
        column, equals, field = value.rpartition("=")
        if not (column and equals and field):
            self.fail(f"{value!r} is not of the form column=field", param, ctx)
        return column, field


@contextmanager
def _database(settings: Settings) -> Iterator[None]:
    """Bind the database for one command."""
    engine = make_engine(settings, pool_size=2)
    transaction.bind(engine)
    try:
        yield
    finally:
        transaction.bind(None)
        engine.dispose()


@contextmanager
def _stages(total: int) -> Iterator[Any]:
    """Show a bar on a terminal once the work takes longer than two seconds."""
    with tqdm(
        total=total, delay=2, disable=not sys.stderr.isatty(), leave=False, bar_format="{desc} {bar}"
    ) as bar:

        def stage(name: str) -> None:
            bar.update()
            bar.set_description(name)

        yield stage


class MappedWord(click.ParamType[tuple[str, str, str]]):
    """field:theirs=ours."""

    name = "field:theirs=ours"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str, str]:
        """Return field, their word and ours."""
        if isinstance(value, tuple):
            return value
        field, colon, words = value.partition(":")
        theirs, equals, ours = words.rpartition("=")
        if not (colon and equals and theirs) or field not in MAPPED:
            self.fail(f"{value!r} is not field:theirs=ours with a field of {', '.join(MAPPED)}", param, ctx)
        return field, theirs, ours


@click.command("import")
@click.argument("subject", type=importable)
@click.argument("file", type=click.Path(path_type=str))
@click.option(
    "--map", "mapping", type=Mapped(), multiple=True, help="A column of the file and the field it is."
)
@click.option("--crs", help="wgs84, cgcs2000, gcj02, bd09 or an EPSG number; overrules the file.")
@click.option("--encoding", help="Encoding of the text: utf-8, gbk, gb18030; overrules the file.")
@click.option("--layer", help="Which layer, when the file has several.")
@click.option("--swap", is_flag=True, help="The file has latitude first.")
@click.option("--from", "since", type=Moment(), help="When the change takes effect; now without it.")
@click.option(
    "--accept", multiple=True, type=click.Choice(sorted(ACCEPTABLE)), help="Take this error knowingly."
)
@click.option("--note", default="", help="Why, for the grid's history.")
@click.option("--apply", "applied", is_flag=True, help="Write; without it the file is only checked.")
@click.option("--all", "everything", is_flag=True, help="Show every finding, not the first ten of a kind.")
@click.option("--system", help="Cases: the name of the system they come from; the file's name without it.")
@click.option("--value", "values", type=MappedWord(), multiple=True, help="Cases: a word of theirs and ours.")
@click.option("--bad", type=click.Path(path_type=Path), help="Cases: where rows that are not taken go.")
@click.option("--lang", type=click.Choice(["en", "zh"]), help="Language of the report.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
@click.pass_context
def import_(ctx: click.Context, /, **given: Any) -> None:
    """Check a file of cells, facilities, workers or posts, and with --apply write it, whole or not at all.

    Another system's cases (CSV, XLSX, GeoPackage, Parquet) are written row by row: those that cannot be taken
    come back as a file with the reasons. Run again, an import goes on where it stopped and doubles nothing.
    """
    settings = read_settings()
    language = given["lang"] or ("zh" if os.environ.get("LANG", "").startswith("zh") else "en")
    if given["subject"] == CASES:
        from app.interop.case_cli import run_cases  # noqa: PLC0415

        with _database(settings):
            ctx.exit(run_cases(settings, language=language, **given))
    try:
        with _database(settings):
            report = run_import(settings, **given)
    except (GisError, JingweiError) as error:
        text = error.zh if isinstance(error, BadFile) and language == "zh" else str(error)
        if not given["as_json"]:
            raise click.ClickException(text) from None
        report = {"sound": False, "applied": False, "error": {"code": error.code, "message": text}}
    if given["as_json"]:
        click.echo(json.dumps(report, ensure_ascii=False, indent=2, default=_plain))
    else:
        for line in lines(report, language=language, everything=given["everything"]):
            click.echo(line)
    ctx.exit(0 if report["sound"] else 1)


def run_import(
    settings: Settings,
    *,
    subject: str,
    file: str,
    mapping: tuple[tuple[str, str], ...] = (),
    crs: str | None = None,
    encoding: str | None = None,
    layer: str | None = None,
    swap: bool = False,
    since: datetime | None = None,
    accept: tuple[str, ...] = (),
    note: str = "",
    applied: bool = False,
    reader: Callable[..., Layer] | None = None,
    **_: Any,
) -> dict[str, Any]:
    """Check a file and, if `applied` and sound, write it; return the report.

    The file is read by `reader`, else by a process of its own (`gis.formats.read_isolated`).

    Raises:
        BadFile: the file cannot be read.
        BadValue: a column is missing.
        Conflict: the city's history forbids the change.
    """
    from app.interop import actions, queries  # noqa: PLC0415
    from gis import formats  # noqa: PLC0415

    wanted = Subject(subject)
    zone, at = ZoneInfo(settings.timezone), clock.now()
    terms = actions.Terms(
        # In the city's time: what is told about it is told in that.
        since=(since or at).astimezone(zone),
        zone=zone,
        metric_epsg=settings.metric_epsg,
        accepted=frozenset(accept),
    )
    with _stages(4) as stage:
        stage("city")
        with transaction.read(snapshot=True) as tx:
            city = queries.city(tx, at=terms.since)
        stage("reading")
        read = (reader or formats.read_isolated)(
            file,
            crs=crs,
            encoding=encoding,
            layer=layer,
            columns=dict(mapping),
            kinds=FORMS[wanted].kinds,
            region=city.region,
            swap=swap,
        )
        stage("checking")
        made = actions.examine(wanted, read, city, terms=terms, at=at)
        changes: Mapping[str, int] | None = None
        if made.sound:
            stage("writing")
            # A dry run does all of it and takes it back, so that what it says is what --apply will do.
            with transaction.write() if applied else transaction.rehearse() as tx:
                origin = _origin(file, read, note)
                changes = actions.apply(tx, made, origin=origin, terms=terms, at=at)
                told = {"file": origin.name, "sha256": origin.sha256, "changes": dict(changes)}
                record(tx, Action.IMPORTED, f"file {subject}", by=operator_of_machine(), detail=told)
    return _report(file, read, made, changes, since=terms.since, applied=applied)


def _origin(file: str, layer: Layer, note: str) -> Origin:
    from app.grid.actions import Origin  # noqa: PLC0415

    with Path(file).open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Origin(
        by=getpass.getuser(),
        note=note or f"imported from {Path(file).name}",
        name=Path(file).name,
        crs=layer.crs or "",
        sha256=digest,
    )


def _report(
    file: str,
    layer: Layer,
    made: Examination,
    changes: Mapping[str, int] | None,
    *,
    since: datetime,
    applied: bool,
) -> dict[str, Any]:
    counted = Counter(found.severity.value for found in made.findings)
    return {
        "file": Path(file).name,
        "subject": made.subject.value,
        "layer": layer.name,
        "format": layer.format.value,
        "crs": layer.crs,
        "encoding": layer.encoding,
        "rows": len(layer),
        "from": since,
        "sound": made.sound,
        "applied": applied and changes is not None,
        "changes": None if changes is None else dict(changes),
        "counts": {severity.value: counted[severity.value] for severity in Severity},
        "findings": list(made.findings),
    }


def _plain(value: object) -> object:
    if isinstance(value, Finding):
        return value.as_json()
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value)} in a report")


def lines(report: Mapping[str, Any], *, language: str, everything: bool = False) -> Iterator[str]:
    """Yield the report in plain words."""
    chinese = language == "zh"
    file, rows, crs, encoding = (report[key] for key in ("file", "rows", "crs", "encoding"))
    if chinese:
        yield f"{file}：{rows:,} 行{f'，坐标系 {crs}' if crs else ''}，文字编码 {encoding}。"
    else:
        yield f"{file}: {rows:,} rows{f', taken for {crs}' if crs else ''}, text {encoding}."
    yield from _findings(report["findings"], language, everything=everything)
    if report["sound"]:
        yield _changes(report, chinese=chinese)
    else:
        count = report["counts"]["error"]
        yield (
            f"有 {count:,} 处错误；未写入任何数据。" if chinese else f"{count:,} errors. Nothing was written."
        )


def _changes(report: Mapping[str, Any], *, chinese: bool) -> str:
    """Return what was changed, or would be, and from when, in the city's time."""
    counts = report["changes"].items()
    since = f"{report['from']:%Y-%m-%d %H:%M}"
    if chinese:
        changed = "，".join(f"{CHANGES_ZH[word]} {count:,}" for word, count in counts)
        if report["applied"]:
            return f"已写入，自 {since} 起生效：{changed}。"
        return f"未发现错误；未写入任何数据。加 --apply 写入，自 {since} 起生效：{changed}。"
    changed = ", ".join(f"{count:,} {word}" for word, count in counts)
    if report["applied"]:
        return f"Written, holding from {since}: {changed}."
    return f"No errors. Nothing was written: add --apply to write, holding from {since}: {changed}."


def _findings(findings: list[Finding], language: str, *, everything: bool) -> Iterator[str]:
    for severity in (Severity.ERROR, Severity.WARNING, Severity.NOTE):
        kinds: dict[str, list[Finding]] = {}
        for found in findings:
            if found.severity is severity:
                kinds.setdefault(found.code, []).append(found)
        for code, listed in kinds.items():
            word = WORDS_ZH[severity] if language == "zh" else severity.value
            yield f"{word} {code} ({len(listed):,})"
            shown = listed if everything else listed[:SHOWN]
            yield from (f"  {found.text(language)}" for found in shown)
            if len(shown) < len(listed):
                more = len(listed) - len(shown)
                yield (
                    f"  另有 {more:,} 处；--all 全部显示。"
                    if language == "zh"
                    else (f"  and {more:,} more; --all shows them.")
                )


@click.command()
@click.argument("subject", type=subjects)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--at", type=Moment(), help="The moment; now without it.")
@click.option(
    "--crs", default="wgs84", show_default=True, help="wgs84, cgcs2000, gcj02, bd09 or an EPSG number."
)
@click.option("--encoding", default="utf-8", show_default=True, help="Of a Shapefile's or CSV's text.")
@click.option("--area", default="", help="Only what lies in this area: its code, or the beginning of it.")
def export(subject: str, file: Path, *, at: datetime | None, crs: str, encoding: str, area: str) -> None:
    """Write cells, facilities, workers or posts to FILE: .gpkg, .geojson, .zip (Shapefile), .fgb or .csv."""
    from app.interop import queries  # noqa: PLC0415
    from gis import formats  # noqa: PLC0415

    prefix = area.removesuffix("00") if len(area) == 6 else area
    with _database(read_settings()):
        with transaction.read(snapshot=True) as tx:
            frame = queries.contents(tx, Subject(subject), at=at or clock.now(), area=prefix)
        # recorded before the file is there: an export that fails was tried at least
        with transaction.write() as tx:
            told = {"file": file.name, "rows": len(frame), "area": area}
            record(tx, Action.EXPORTED, f"file {subject}", by=operator_of_machine(), detail=told)
    formats.write(frame, file, crs=crs, encoding=encoding, name=subject)
    click.echo(f"{file}: {len(frame):,} {subject}")
