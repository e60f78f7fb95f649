"""What a file of each subject must hold: its fields, the headings they go by, the kinds of geometry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gis.shapes import Kind


class Subject(StrEnum):
    """What is imported and exported."""

    CELLS = "cells"
    FACILITIES = "facilities"
    WORKERS = "workers"
    POSTS = "posts"


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its name (at most ten bytes, as a Shapefile wants), and headings that mean the same."""

    name: str
    required: bool = False
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """The columns of a subject's file, and the geometry its rows have; none makes it a table."""

    fields: tuple[Field, ...]
    kinds: frozenset[Kind]


FORMS: Mapping[Subject, Form] = {
    Subject.CELLS: Form(
        (
            Field("code", required=True, also=("cell_code", "编码", "网格编码", "单元网格编码", "BGCODE")),
            Field("population", also=("人口", "人口数")),
        ),
        frozenset({Kind.POLYGON}),
    ),
    Subject.FACILITIES: Form(
        (
            Field("code", required=True, also=("objcode", "编码", "部件编码", "部件标识码")),
            Field("type", also=("type_code", "类型", "部件类型")),
            Field("name", also=("objname", "名称", "部件名称")),
            Field("address", also=("地址", "位置")),
            Field("condition", also=("state", "状态")),
            Field("installed", also=("初始日期", "安装日期")),
        ),
        frozenset({Kind.POINT, Kind.LINE, Kind.POLYGON}),
    ),
    Subject.WORKERS: Form(
        (
            Field("code", required=True, also=("编号", "编码", "工号")),
            Field("name", required=True, also=("姓名",)),
            Field("home", required=True, also=("home_code", "所属区域", "社区编码")),
            Field("phone", also=("电话", "手机")),
            Field("active", also=("在岗",)),
        ),
        frozenset(),
    ),
    Subject.POSTS: Form(
        (
            Field("code", also=("编号", "岗位编号")),
            Field("cell", required=True, also=("cell_code", "网格编码", "单元网格编码")),
            Field("worker", required=True, also=("worker_code", "工号", "网格员编号")),
            Field("role", also=("角色",)),
            Field("since", also=("开始时间",)),
            Field("until", also=("结束时间",)),
        ),
        frozenset(),
    ),
}

CONDITIONS: Mapping[str, str] = {
    "完好": "good",
    "破损": "damaged",
    "丢失": "missing",
    "废弃": "abandoned",
}
ROLES: Mapping[str, str] = {
    "主责": "primary",
    "主岗": "primary",
    "A": "primary",
    "备岗": "backup",
    "B": "backup",
}

ACCEPTABLE = frozenset(
    {
        "overlap",
        "sliver-overlap",
        "gap",
        "sliver-gap",
        "outside-town",
        "outside-grid",
        "wrong-county",
    }
)
"""Findings that somebody may accept knowingly; the database bears them, though a report may land nowhere."""


def recognised(form: Form, columns: Sequence[str]) -> dict[str, str]:
    """Return {heading in the file: field} for headings that mean a field which no column is called."""
    found: dict[str, str] = {}
    lowered = {column.strip().lower(): column for column in columns}
    for field in form.fields:
        if field.name in columns:
            continue
        for heading in (field.name, *field.also):
            column = lowered.get(heading.lower())
            if column is not None and column not in found:
                found[column] = field.name
                break
    return found


def missing_fields(form: Form, columns: Sequence[str]) -> list[str]:
    """Return the required fields that no column gives."""
    return [field.name for field in form.fields if field.required and field.name not in columns]
