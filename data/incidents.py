"""Past incidents of the demo city: when, what, where, and how long they took.

Twelve categories, each with a peak in the year, a week, an hour of the day, and good and bad days that last;
thirty hot spots, half of them for some weeks only. 演示数据: nothing here happened.
"""

import csv
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.plane import DEGREE_DECIMALS
from data.reference import CaseType, Clock, case_types
from data.shares import NO_CELL, cells_of, drawn, positions_inside

FULL_INCIDENTS = 20_000
DAYS = 731
NOTHING = -1
LOCAL = timezone(timedelta(hours=8), "Asia/Shanghai")

Points = NDArray[np.float64]
Indices = NDArray[np.intp]
Moments = NDArray[np.datetime64]

_WEEKS = {
    "work": (1.30, 1.14, 1.10, 1.08, 1.06, 0.72, 0.78),
    "even": (1.12, 1.02, 1.00, 0.98, 1.00, 0.97, 0.95),
}
# Weights of the hours 0 to 23.
_HOURS = {
    "morning": (1, 1, 1, 1, 1, 3, 8, 14, 18, 17, 14, 9, 6, 8, 9, 9, 7, 5, 4, 3, 2, 2, 1, 1),
    "day": (1, 1, 1, 1, 1, 2, 4, 8, 14, 17, 16, 11, 7, 11, 14, 14, 11, 7, 4, 3, 2, 2, 1, 1),
    "evening": (2, 1, 1, 1, 1, 1, 2, 4, 7, 8, 8, 7, 6, 6, 6, 7, 9, 13, 17, 18, 15, 10, 6, 3),
    "rush": (1, 1, 1, 1, 1, 2, 6, 16, 17, 10, 8, 8, 7, 7, 7, 8, 11, 17, 14, 8, 5, 3, 2, 1),
}
_HOT_SPOTS = 30
_CLOCK_HOURS = {Clock.URGENT_HOUR: 1.0, Clock.NATURAL_DAY: 24.0, Clock.WORK_HOUR: 2.2, Clock.WORK_DAY: 32.0}
_LATE = 0.032
_VOID = 0.02
_UNFINISHED, _UNFINISHED_DAYS = 0.6, 3.0


@dataclass(frozen=True)
class Category:
    """A kind of trouble; `types` are indices into `case_types()` and `weights` how often each occurs."""

    name: str
    share: float
    peak_month: int
    amplitude: float
    week: str
    hours: str
    types: Indices
    weights: Points


@dataclass(frozen=True)
class Places:
    """Where incidents can be: cells in degrees with weights, their centres in metres, and the facilities."""

    cells: NDArray[np.object_]
    lively: Points
    centres: Points
    facility_type: NDArray[np.str_]
    facility_lonlat: Points
    facility_cell: Indices


@dataclass(frozen=True)
class Incidents:
    """Incidents in the order of their moments.

    `type` and `category` are indices into `case_types()` and `categories()`; `facility` an index, `NOTHING`
    for events; moments are UTC, `closed_at` NaT for those still open.
    """

    type: Indices
    category: Indices
    lonlat: Points
    cell: Indices
    facility: Indices
    reported_at: Moments
    closed_at: Moments
    status: NDArray[np.str_]


@cache
def categories() -> tuple[Category, ...]:
    """Return the twelve categories."""
    index = {kind.code: number for number, kind in enumerate(case_types())}
    path = Path(__file__).parent / "reference" / "demo_incidents.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(_category(row, index) for row in csv.DictReader(file))


def _category(row: dict[str, str], index: dict[str, int]) -> Category:
    types = [entry.split(":") for entry in row["types"].split()]
    return Category(
        name=row["category"],
        share=float(row["share"]),
        peak_month=int(row["peak_month"]),
        amplitude=float(row["amplitude"]),
        week=row["week"],
        hours=row["hours"],
        types=np.array([index[code] for code, _ in types]),
        weights=np.array([float(weight) for _, weight in types]),
    )


def make_incidents(places: Places, *, count: int, until: date, rng: np.random.Generator) -> Incidents:
    """Return `count` incidents of the `DAYS` days that end with the local day `until`."""
    first = until - timedelta(days=DAYS - 1)
    category, day = _days(first, count, rng)
    kind = _kinds(category, rng)
    cell, facility, lonlat = _spots(places, category, kind, day, rng)
    hour = np.empty(count, np.int64)
    for number, one in enumerate(categories()):
        own = category == number
        hour[own] = drawn(np.array(_HOURS[one.hours], float), int(own.sum()), rng)
    start = np.datetime64(
        datetime(first.year, first.month, first.day, tzinfo=LOCAL).timestamp().__int__(), "s"
    )
    second = day * 86_400 + hour * 3_600 + rng.integers(0, 3_600, count)
    reported = start + second.astype("timedelta64[s]")
    end = start + np.timedelta64(DAYS * 86_400, "s")
    closed, status = _outcomes(kind, reported, end, rng)
    order = np.argsort(reported, kind="stable")
    return Incidents(
        kind[order],
        category[order],
        lonlat[order],
        cell[order],
        facility[order],
        reported[order],
        closed[order],
        status[order],
    )


def _days(first: date, count: int, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Return category and day of each incident."""
    days = [first + timedelta(days=number) for number in range(DAYS)]
    month = np.array([day.month + (day.day - 15) / 30.4 for day in days])
    weekday = np.array([day.weekday() for day in days])
    rates = []
    for one in categories():
        season = 1 + one.amplitude * np.cos((month - one.peak_month) / 12 * 2 * np.pi)
        rate = np.maximum(season, 0.02) * np.array(_WEEKS[one.week])[weekday] * _moods(rng)
        rates.append(one.share * rate / rate.sum())
    flat = np.sort(drawn(np.concatenate(rates), count, rng))
    return flat // DAYS, flat % DAYS


def _moods(rng: np.random.Generator) -> Points:
    """Return good and bad days that last: a lognormal autoregressive series."""
    noise = rng.normal(0, 0.16, DAYS)
    mood = np.empty(DAYS)
    mood[0] = noise[0]
    for day in range(1, DAYS):
        mood[day] = 0.65 * mood[day - 1] + noise[day]
    return np.exp(mood)


def _kinds(category: Indices, rng: np.random.Generator) -> Indices:
    kind = np.empty(len(category), np.intp)
    for number, one in enumerate(categories()):
        own = category == number
        kind[own] = one.types[drawn(one.weights, int(own.sum()), rng)]
    return kind


def _spots(
    places: Places, category: Indices, kind: Indices, day: Indices, rng: np.random.Generator
) -> tuple[Indices, Indices, Points]:
    """Return cell, facility and position of each incident."""
    base = places.lively * rng.lognormal(0, 0.75, len(places.lively))
    source = np.full(len(kind), NOTHING)
    kernels = []
    for number in range(_HOT_SPOTS):
        centre = places.centres[drawn(places.lively, 1, rng)[0]]
        radius = rng.uniform(120, 320)
        away = np.hypot(*(places.centres - centre).T)
        kernels.append(base.mean() * np.exp(-((away / radius) ** 2)))
        favourite = rng.choice(len(categories()), 4, replace=False)
        lasting = number % 2 == 0
        length = DAYS if lasting else int(rng.integers(35, 141))
        begin = 0 if lasting else int(rng.integers(0, DAYS - length))
        pull = rng.uniform(0.004, 0.012) if lasting else rng.uniform(0.015, 0.045)
        chance = np.where(np.isin(category, favourite), pull * 1.8, pull * 0.5)
        taken = (rng.random(len(kind)) < chance) & (day >= begin) & (day < begin + length)
        source[taken] = number
    cell = np.full(len(kind), NO_CELL)
    facility = np.full(len(kind), NOTHING)
    for number in range(NOTHING, _HOT_SPOTS):
        weights = base if number == NOTHING else kernels[number]
        own = np.flatnonzero(source == number)
        cell[own], facility[own] = _cells(places, kind[own], weights, rng)
    at_facility = facility != NOTHING
    lonlat = positions_inside(places.cells[cell], rng)
    lonlat[at_facility] = _beside(places, facility[at_facility], cell[at_facility], rng)
    return cell, facility, lonlat


def _cells(
    places: Places, kind: Indices, weights: Points, rng: np.random.Generator
) -> tuple[Indices, Indices]:
    """Return cell and facility of incidents drawn by the cells' weights."""
    cell = drawn(weights, len(kind), rng)
    facility = np.full(len(kind), NOTHING)
    for number in np.unique(kind):
        fault = case_types()[number].facility_type
        if fault is None:
            continue
        own = kind == number
        # The type's facilities, ascending: those of one cell are drawn as often as the cell is.
        low, high = np.searchsorted(places.facility_type, [fault, fault + "~"])
        weight = weights[places.facility_cell[low:high]]
        weight = weight if weight.sum() > 0 else np.ones(high - low)
        facility[own] = low + drawn(weight, int(own.sum()), rng)
        cell[own] = places.facility_cell[facility[own]]
    return cell, facility


def _beside(places: Places, facility: Indices, cell: Indices, rng: np.random.Generator) -> Points:
    """Return positions a few metres off facilities, as a telephone gives them, in the same cell."""
    exact = places.facility_lonlat[facility]
    spread = np.array([4e-5, 3e-5])
    near = np.round(exact + rng.normal(0, 1, exact.shape) * spread, DEGREE_DECIMALS)
    stays = cells_of(near, places.cells) == cell
    return np.where(stays[:, None], near, exact)


def _outcomes(
    kind: Indices, reported: Moments, end: np.datetime64, rng: np.random.Generator
) -> tuple[Moments, NDArray[np.str_]]:
    """Return when each was closed (NaT if not before `end`) and its status then."""
    limit = np.array([nominal_hours(one) for one in case_types()])[kind]
    taken = limit * rng.lognormal(-0.75, 0.55, len(kind))
    late = rng.random(len(kind)) < _LATE
    taken = np.where(late, limit * rng.uniform(1.1, 4.0, len(kind)), np.minimum(taken + 0.3, limit * 0.98))
    closed = reported + np.rint(taken * 3_600).astype("timedelta64[s]")
    status = np.where(rng.random(len(kind)) < _VOID, "void", "closed").astype("<U10")
    # The last days' work is partly unfinished, or the city would look asleep.
    age = (end - reported) / np.timedelta64(1, "D")
    open_ = (closed > end) | (rng.random(len(kind)) < _UNFINISHED * np.exp(-age / _UNFINISHED_DAYS))
    passed = np.clip((end - reported)[open_] / (closed - reported)[open_], 0, 1) * rng.uniform(
        0.5, 1, open_.sum()
    )
    steps = np.array(["reported", "accepted", "filed", "dispatched", "handling", "feedback", "checking"])
    status[open_] = steps[np.searchsorted([0.03, 0.08, 0.13, 0.3, 0.85, 0.93], passed)]
    closed[open_] = np.datetime64("NaT")
    return closed, status


def nominal_hours(kind: CaseType) -> float:
    """Return a limit in hours by the wall clock, as if nights and weekends were spread evenly."""
    return kind.limit * _CLOCK_HOURS[kind.clock]


_DETAILS = {
    "环境卫生": (
        "影响居民通行，请尽快清理。",
        "已持续两日，气味较大。",
        "与保洁人员联系后仍未清运。",
        "面积约三平方米。",
    ),
    "街面秩序": (
        "占用人行道，行人绕行。",
        "夜间扰民，居民反映强烈。",
        "劝导后反复出现。",
        "位于学校附近，放学时段拥堵。",
    ),
    "机动车与非机动车": ("堵住小区出入口。", "占用盲道。", "早晚高峰影响公交停靠。", "长期无人挪动。"),
    "井盖设施": (
        "存在安全隐患，已摆放警示物。",
        "车辆经过有异响。",
        "夜间行人易绊倒。",
        "井口外露，请尽快处置。",
    ),
    "宣传广告": (
        "张贴于楼道和灯杆。",
        "固定不牢，有坠落风险。",
        "已遮挡路口视线。",
        "数量较多，需集中清理。",
    ),
    "道路破损": ("坑深约十厘米。", "雨后更加严重。", "电动车经过易摔倒。", "长约五米。"),
    "照明与电力": ("夜间一片漆黑。", "连续多盏不亮。", "设备外壳敞开。", "时亮时灭。"),
    "排水积水": ("雨后积水无法通行。", "水已漫上人行道。", "有异味溢出。", "落叶堵塞。"),
    "施工管理": ("夜间仍在施工。", "未见围挡和公示牌。", "扬尘较大，未洒水。", "占用半幅道路。"),
    "园林绿化": ("枝条低垂，碰到行人。", "大片枯黄。", "风后倾斜。", "绿地内有垃圾。"),
    "供热与冰雪": (
        "路面结冰，老人不敢出门。",
        "热水外冒，路面结霜。",
        "台阶积雪未清。",
        "居民家中温度偏低。",
    ),
    "供水供气与其他": ("已通知权属单位。", "水流较大。", "闻到异味，已疏散围观人员。", "请派人现场查看。"),
}


def texts(incidents: Incidents, where: NDArray[np.object_], rng: np.random.Generator) -> NDArray[np.str_]:
    """Return what was reported, in Chinese: place, type, and a sentence.

    Args:
        incidents: the incidents.
        where: (n,) the name of each place.
        rng: the only source of chance.
    """
    pick = rng.integers(0, 4, len(where))
    kinds, groups = case_types(), categories()
    return np.array(
        [
            f"{place}{kinds[kind].name_zh}，{_DETAILS[groups[group].name][detail]}"
            for place, kind, group, detail in zip(
                where, incidents.type, incidents.category, pick, strict=True
            )
        ]
    )
