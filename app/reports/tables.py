"""The tables of figures: rows and columns for workbooks, in Chinese with English heads beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from app.reports.appraisal import Board
from app.reports.queries import Asked, Name, Told
from app.reports.rules import ALL_FIGURES, FIGURES, By, Figure, Form, Period, Post
from app.reports.sheets import Table, Value

BY_ZH: Mapping[By, str] = {
    By.TOTAL: "全部",
    By.DISTRICT: "县区",
    By.TOWN: "街道·乡镇",
    By.COMMUNITY: "社区",
    By.CELL: "网格",
    By.DEPARTMENT: "部门",
    By.WORKER: "网格员",
    By.PERSON: "人员",
    By.TYPE: "类型",
    By.SOURCE: "来源",
    By.KIND: "类别",
    By.MONTH: "月份",
}
POST_ZH: Mapping[Post, str] = {
    Post.WORKER: "网格员",
    Post.OPERATOR: "受理员",
    Post.SHIFT_LEADER: "值班长",
    Post.DISPATCHER: "派遣员",
    Post.UNIT: "部门",
    Post.TOWN: "街道·乡镇",
}
UNITS: Mapping[Form, str] = {Form.COUNT: "", Form.RATE: " %", Form.HOURS: " 小时 h"}


def figures_table(
    asked: Asked, rows: Sequence[Told], called: Mapping[str, Name], codes: Sequence[str]
) -> Table:
    """Return figures by key, each with its numerator and denominator."""
    months = ["月份 month"] if asked.monthly else []
    heads = [*months, "代码 code", f"{BY_ZH[asked.by]} {asked.by.value}"]
    return Table(
        BY_ZH[asked.by],
        [*heads, *(head for code in codes for head in figure_heads(FIGURES[code]))],
        (
            [
                *([f"{row.first:%Y-%m}"] if asked.monthly else []),
                called[row.key].code or "",
                called[row.key].zh or "全部",
                *(cell for code in codes for cell in figure_cells(FIGURES[code], row)),
            ]
            for row in rows
        ),
        above=[f"经纬 Jingwei  {period_zh(asked.period)}"],
        widths={len(heads) - 1: 24},
    )


def figure_heads(figure: Figure) -> list[str]:
    """Return the heads of a figure's columns."""
    head = f"{figure.zh} {figure.en}{UNITS[figure.form]}"
    return [head] if figure.form is Form.COUNT else [head, "分子 numerator", "分母 denominator"]


def figure_cells(figure: Figure, row: Told) -> list[Value]:
    """Return a figure's cells; empty where nothing was due."""
    over = sum(row.numbers.get(code, 0) for code in figure.over)
    if figure.form is Form.COUNT:
        return [over]
    under = sum(row.numbers.get(code, 0) for code in figure.under)
    shown = row.shown(figure)
    return [None if shown is None else Decimal(shown), over, under]


def overview_table(period: Period, now: Told, before: Told) -> Table:
    """Return every figure of the whole, beside the period before, with its definition."""
    return Table(
        "总体",
        ["指标 figure", "本期", "分子", "分母", "上期", "变化", "分子口径", "分母口径", "说明"],
        (_overview_row(figure, now, before) for figure in FIGURES.values()),
        above=[f"经纬 Jingwei  {period_zh(period)}，上期 {period_zh(period.before())}"],
        widths={0: 34, 6: 34, 7: 34, 8: 40},
    )


def _overview_row(figure: Figure, now: Told, before: Told) -> list[Value]:
    shown, earlier = now.shown(figure), before.shown(figure)
    change = Decimal(shown) - Decimal(earlier) if shown is not None and earlier is not None else None
    over = sum(now.numbers.get(code, 0) for code in figure.over)
    under = sum(now.numbers.get(code, 0) for code in figure.under) if figure.under else None
    return [
        f"{figure.zh} {figure.en}{UNITS[figure.form]}",
        None if shown is None else Decimal(shown),
        over,
        under,
        None if earlier is None else Decimal(earlier),
        change,
        figure.over_zh,
        figure.under_zh,
        figure.edge,
    ]


def board_table(board: Board) -> Table:
    """Return a post's scores with figures and weights."""
    figures = [ALL_FIGURES[code] for code in board.weights]
    return Table(
        f"考核 {POST_ZH[board.post]}",
        [
            "名次",
            "代码 code",
            POST_ZH[board.post],
            "得分 score",
            "等级 grade",
            *(f"{figure.zh}{UNITS[figure.form]}（权重 {board.weights[figure.code]}）" for figure in figures),
        ],
        _board_rows(board),
        widths={2: 24},
    )


def _board_rows(board: Board) -> Iterator[list[Value]]:
    for number, row in enumerate(board.rows, 1):
        values = (row.told.shown(code) for code in board.weights)
        yield [
            number,
            row.name.code,
            row.name.zh,
            Decimal(str(row.score)),
            row.grade,
            *(None if value is None else Decimal(value) for value in values),
        ]


def period_zh(period: Period) -> str:
    """Return a period in words."""
    return f"{period.first:%Y-%m-%d} 至 {period.last:%Y-%m-%d}"
