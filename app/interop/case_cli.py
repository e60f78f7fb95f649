"""What `jingwei import cases` says, in plain words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from tqdm import tqdm

from app import clock
from app.errors import JingweiError
from app.interop.case_form import WHY, Bad
from app.interop.case_import import Outcome, import_cases
from app.interop.case_rows import Terms
from app.settings import Settings
from gis.crs import named
from gis.errors import BadFile, GisError

SHOWN = 12


def run_cases(
    settings: Settings,
    *,
    file: str,
    language: str,
    system: str | None,
    mapping: tuple[tuple[str, str], ...],
    values: tuple[tuple[str, str, str], ...],
    crs: str | None,
    encoding: str | None,
    layer: str | None,
    bad: Path | None,
    applied: bool,
    as_json: bool,
    **_: Any,
) -> int:
    """Examine a file of cases, write it if it is to be, say what came of it, and return the exit code."""
    path, at = Path(file), clock.now()
    source = system or path.stem
    words: dict[str, dict[str, str]] = {}
    for field, theirs, ours in values:
        words.setdefault(field, {})[theirs] = ours

    def terms(told: str | None) -> Terms:
        taken_for = crs or told or "wgs84"
        return Terms(source, named(taken_for).name, ZoneInfo(settings.timezone), at, words)

    with tqdm(unit="", unit_scale=True, delay=1, disable=None, leave=False) as bar:

        def progress(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        try:
            outcome = import_cases(
                path,
                system=source,
                at=at,
                terms=terms,
                columns=dict(mapping),
                applied=applied,
                bad_file=bad or path.with_name(f"{path.stem}.bad.csv"),
                encoding=encoding,
                layer=layer,
                progress=progress,
            )
        except KeyboardInterrupt:
            raise click.ClickException(_STOPPED[language].format(done=int(bar.n))) from None
        except (GisError, JingweiError) as error:
            text = error.zh if isinstance(error, BadFile) and language == "zh" else str(error)
            raise click.ClickException(text) from None
    if as_json:
        shown = {**asdict(outcome), "unknown": [[*word, n] for word, n in outcome.unknown.most_common()]}
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
    else:
        for line in lines(outcome, language=language):
            click.echo(line)
    return 0 if outcome.applied or not outcome.bad else 1


_STOPPED = {
    "en": "Stopped after {done:,} rows; what was written stays. Run it again, and it goes on there.",
    "zh": "已停止：读过 {done:,} 行，已写入的保留。再次运行即从此处继续。",
}


def lines(outcome: Outcome, *, language: str) -> Iterator[str]:
    """Yield the report in plain words."""
    yield from (_chinese if language == "zh" else _english)(outcome)


def _english(o: Outcome) -> Iterator[str]:
    yield f"{o.file}: {o.rows:,} rows from {o.system!r}, positions taken for {o.crs}, text {o.encoding}."
    yield "Columns: " + ", ".join(f"{heading} → {name}" for name, heading in o.columns.items()) + "."
    if o.ignored:
        yield f"Not taken: {', '.join(o.ignored)}. Say what one is: --map COLUMN=FIELD."
    for (name, word), count in o.unknown.most_common(SHOWN):
        yield f"Unknown {name} {word!r} in {count:,} rows: --value {name}:{word}=OURS."
    for why, count in o.bad.most_common():
        rows = ", ".join(map(str, o.examples[why])) + (" …" if count > len(o.examples[why]) else "")
        yield f"{count:,} rows not taken: {WHY[Bad(why)][0]} (rows {rows})."
    if o.bad_file:
        yield f"They are in {o.bad_file}, each with its reason. Mend them there, and import it with"
        yield f"  --system {o.system!r}"
    if o.known:
        yield f"{o.known:,} rows are cases that were here already; they stay as they are."
    if o.without_place:
        yield f"{o.without_place:,} appeals have no position; no address is looked up for them."
    if o.applied:
        yield f"Written: {o.added:,} cases with {o.steps:,} steps."
    else:
        yield f"{o.added:,} cases would be written. Nothing was written: add --apply to write."


def _chinese(o: Outcome) -> Iterator[str]:
    yield f"{o.file}：{o.rows:,} 行，来自“{o.system}”，坐标系 {o.crs}，文字编码 {o.encoding}。"
    yield "列：" + "，".join(f"{heading} → {name}" for name, heading in o.columns.items()) + "。"
    if o.ignored:
        yield f"未采用的列：{'、'.join(o.ignored)}。可用 --map 列名=字段 指明。"
    for (name, word), count in o.unknown.most_common(SHOWN):
        yield f"{name} 的值“{word}”不明，共 {count:,} 行：--value {name}:{word}=本系统代码。"
    for why, count in o.bad.most_common():
        rows = "、".join(map(str, o.examples[why])) + (" 等" if count > len(o.examples[why]) else "")
        yield f"{count:,} 行未采用：{WHY[Bad(why)][1]}（第 {rows} 行）。"
    if o.bad_file:
        yield f"这些行连同原因写在 {o.bad_file}；改好后以 --system {o.system} 导入该文件。"
    if o.known:
        yield f"{o.known:,} 行的案件本系统已有，保持不变。"
    if o.without_place:
        yield f"{o.without_place:,} 件诉求没有坐标；不会自动按地址定位。"
    if o.applied:
        yield f"已写入 {o.added:,} 件案件、{o.steps:,} 个步骤。"
    else:
        yield f"可写入 {o.added:,} 件案件；目前未写入任何数据，加 --apply 写入。"
