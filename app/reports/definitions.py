"""The tables of docs/figures.md, made from the rules: `python -m app.reports.definitions` writes them."""

from __future__ import annotations

from pathlib import Path

from app.reports.rules import (
    ALL_FIGURES,
    COUNTED,
    OF_POSTS,
    STAGES,
    WEIGHTS,
    Figure,
    Form,
)
from app.settings import ROOT

PAGE = ROOT / "docs" / "figures.md"
FORMS = {Form.COUNT: "count", Form.RATE: "%", Form.HOURS: "h"}


def figures() -> str:
    """Return the table of figures."""
    rows = [_row(figure) for figure in ALL_FIGURES.values()]
    heads = ("code", "名称", "name", "as", "分子 numerator", "分母 denominator", "说明 edge")
    return "\n".join([f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *rows])


def _row(figure: Figure) -> str:
    over = f"{figure.over_zh} = {_sum(figure.over)}"
    under = f"{figure.under_zh} = {_sum(figure.under)}" if figure.under else ""
    code = f"`{figure.code}`" + (" (posts only)" if figure.code in OF_POSTS else "")
    cells = (code, figure.zh, figure.en, FORMS[figure.form], over, under, figure.edge)
    return f"| {' | '.join(cells)} |"


def _sum(codes: tuple[str, ...]) -> str:
    return " + ".join(f"`{code}`" for code in codes)


def stages() -> str:
    """Return the table of stages."""
    head = "| stage | 名称 | due at | done at | whose |\n|---|---|---|---|---|\n"
    return head + "\n".join(
        f"| `{stage.code}` | {stage.zh} | `{_plain(stage.due)}` | `{_plain(stage.done)}` |"
        f" `{_plain(stage.worker)}`, `{_plain(stage.unit)}`"
        f"{'' if stage.person.startswith('NULL') else f', `{_plain(stage.person)}`'} |"
        for stage in STAGES.values()
    )


def stage_rows() -> list[tuple[str, str, str, str]]:
    """Return code, names and due moment of every stage."""
    return [(stage.code, stage.zh, stage.en, _plain(stage.due)) for stage in STAGES.values()]


def measures() -> str:
    """Return the table of measures."""
    head = "| measure | counted at | of which |\n|---|---|---|\n"
    return head + "\n".join(
        f"| `{one.code}` | `{_plain(one.at)}` | `{_plain(one.when)}`"
        f"{'' if one.value == '1' else f', summing `{_plain(one.value)}`'} |"
        for one in COUNTED.values()
    )


def weights() -> str:
    """Return the table of the first weights."""
    return "| post | weights, % |\n|---|---|\n" + "\n".join(
        f"| {post.value} | "
        + ", ".join(f"{ALL_FIGURES[code].zh} `{code}` {weight}" for code, weight in held.items())
        + " |"
        for post, held in WEIGHTS.items()
    )


def _plain(sql: str) -> str:
    return sql.replace("f.", "").replace("|", "\\|")


TABLES = {"figures": figures, "stages": stages, "measures": measures, "weights": weights}


def filled(text: str) -> str:
    """Return the page with every table as the rules have it now."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, _, rest = text.partition(begin)
        text = before + begin + table() + "\n" + end + rest.partition(end)[2]
    return text


def write(page: Path = PAGE) -> None:
    """Write the tables into the page."""
    page.write_text(filled(page.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    write()
