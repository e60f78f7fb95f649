"""The figures as data: what is counted, from which facts, at which moment (domain.md, section 6).

A case has one row of facts (`case_facts`, here `f`). A measure is a number that each day adds to: cases whose
moment lies in that day. A stage is an obligation with a due moment: dispatched within 15 minutes, handled
by the deadline. It gives three measures: done on time, done late, and a flow, whose sum over all days before
`e` is the number that were late and still undone at `e`. A figure is a sum of measures over another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from app.cases.rules import STAGE_LIMITS, ClockKind, Status
from app.errors import BadValue

ZONE_NAME = "Asia/Shanghai"
ZONE = ZoneInfo(ZONE_NAME)
"""Periods are cut in local time."""

CURRENT = "f.out IS NULL"
"""Void and merged cases are out, but for what measures them."""

PUBLIC = ("citizen", "phone", "counter", "web", "letter", "partner")
"""Sources that are people of the city."""


def limit(status: Status) -> timedelta:
    """Return how long a case may wait in `status`: these limits run on, at night and on holidays too."""
    clock, amount = STAGE_LIMITS[status]
    return timedelta(days=amount) if clock is ClockKind.NATURAL_DAY else timedelta(hours=amount)


def _after(moment: str, status: Status) -> str:
    return f"{moment} + interval '{limit(status).total_seconds():.0f} seconds'"


CLOSE_AFTER = limit(Status.FEEDBACK) + limit(Status.CHECKING)
"""What review and check may take after the deadline of handling, before a case has to be closed."""

VISIT_AFTER = limit(Status.CALLBACK)


class By(StrEnum):
    """What figures are told by."""

    TOTAL = "total"
    DISTRICT = "district"
    TOWN = "town"
    COMMUNITY = "community"
    CELL = "cell"
    DEPARTMENT = "department"
    WORKER = "worker"
    PERSON = "person"
    TYPE = "type"
    SOURCE = "source"
    KIND = "kind"
    MONTH = "month"


ROLLED = (By.TOWN, By.WORKER, By.DEPARTMENT, By.TYPE)
"""What the daily roll-ups are kept by."""

KEYS: Mapping[By, str] = MappingProxyType(
    {
        By.TOTAL: "''",
        By.DISTRICT: "left(f.community_code, 6)",
        By.TOWN: "left(f.community_code, 9)",
        By.COMMUNITY: "f.community_code",
        By.CELL: "f.cell_code",
        By.TYPE: "f.type_code",
        By.SOURCE: "f.source",
        By.KIND: "f.kind",
    }
)
"""Keys that are the same for every measure of a case. Worker, department and person differ by measure."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a day counts: `value` of each case whose `at` lies in it and for which `when` holds.

    `worker`, `unit` and `person` say to whom it belongs; SQL over the facts `f`.
    """

    code: str
    at: str
    when: str = CURRENT
    value: str = "1"
    worker: str = "f.worker_id"
    unit: str = "f.unit_code"
    person: str = "NULL::bigint"

    def key(self, by: By) -> str:
        """Return whom or what it belongs to, as text; NULL where it is nobody's."""
        if by is By.WORKER:
            return f"({self.worker})::text"
        if by is By.PERSON:
            return f"({self.person})::text"
        if by is By.DEPARTMENT:
            return self.unit
        return KEYS[by]


@dataclass(frozen=True, slots=True)
class Stage:
    """An obligation: due at `due`, done at `done`. It ends undone when the case ends without it.

    `exempt`: the name under which an upheld objection takes lateness out of the rates.
    """

    code: str
    zh: str
    en: str
    due: str
    done: str
    when: str = CURRENT
    worker: str = "f.worker_id"
    unit: str = "f.unit_code"
    person: str = "NULL::bigint"

    @property
    def excused(self) -> str:
        """Whether an objection to this lateness was upheld."""
        return f"(('{self.code}' = ANY (f.exempt)) IS TRUE)"

    @property
    def over(self) -> str:
        """The moment at which it is done, or undone for good."""
        return f"coalesce({self.done}, f.closed_at, 'infinity')"

    @property
    def on(self) -> Measure:
        """Done on time, or late and excused."""
        return self._done("on", f"({self.done} <= {self.due} OR {self.excused})")

    @property
    def late(self) -> Measure:
        """Done late."""
        return self._done("late", f"({self.done} > {self.due} AND NOT {self.excused})")

    def _done(self, name: str, when: str) -> Measure:
        return Measure(
            f"{self.code}_{name}",
            self.done,
            f"{self.when} AND {self.due} IS NOT NULL AND {when}",
            worker=self.worker,
            unit=self.unit,
            person=self.person,
        )

    @property
    def stock_code(self) -> str:
        """The name of the number late and undone."""
        return f"{self.code}_undone"

    def late_at(self, moment: str) -> str:
        """Return the condition: late, undone and not suspended just before `moment`."""
        return (
            f"{self.when} AND NOT {self.excused} AND {self.due} < {moment} AND {self.over} >= {moment}"
            f" AND NOT (coalesce(f.suspended_from, 'infinity') < {moment}"
            f" AND coalesce(f.suspended_to, 'infinity') >= {moment})"
        )

    def flows(self) -> Iterator[tuple[str, str, int]]:
        """Yield (moment, condition, +1 or -1): what changes the number that are late and undone.

        A case is late between its due moment and its end, without the time of its suspension between.
        """
        start = "coalesce(f.suspended_from, 'infinity')"
        until = "coalesce(f.suspended_to, 'infinity')"
        first_end, again = f"least({self.over}, {start})", f"greatest({self.due}, {until})"
        counted = f"{self.when} AND NOT {self.excused} AND {self.due} IS NOT NULL"
        first = f"{counted} AND {self.due} < {first_end}"
        second = f"{counted} AND {start} < 'infinity' AND {again} < {self.over}"
        yield self.due, first, 1
        yield first_end, first, -1
        yield again, second, 1
        yield self.over, second, -1


STAGES: Mapping[str, Stage] = MappingProxyType(
    {
        stage.code: stage
        for stage in (
            Stage(
                "verify",
                "核实",
                "verify",
                _after("f.verify_asked_at", Status.VERIFYING),
                "f.verified_at",
                when="f.out IS DISTINCT FROM 'merged'",
                worker="f.verifier_id",
            ),
            Stage(
                "file",
                "立案",
                "file",
                _after("f.accepted_at", Status.ACCEPTED),
                "f.filed_at",
                person="f.filed_by",
            ),
            Stage(
                "dispatch",
                "派遣",
                "dispatch",
                _after("f.filed_at", Status.FILED),
                "f.dispatched_at",
                unit="f.first_unit",
                person="f.dispatched_by",
            ),
            Stage("handle", "处置", "handle", "f.handle_due", "f.handled_at"),
            Stage("reply", "反馈", "answer", "f.reply_due", "f.replied_at"),
            Stage(
                "check",
                "核查",
                "check",
                _after("f.check_asked_at", Status.CHECKING),
                "f.checked_at",
                worker="f.checker_id",
            ),
            Stage("visit", "回访", "visit", _after("f.called_at", Status.CALLBACK), "f.visited_at"),
            Stage("close", "结案", "close", "f.close_due", "f.closed_at", person="f.closed_by"),
        )
    }
)

COUNTED: Mapping[str, Measure] = MappingProxyType(
    {
        one.code: one
        for one in (
            Measure("reported", "f.reported_at"),
            Measure("reported_all", "f.reported_at", "f.out IS DISTINCT FROM 'merged'"),
            Measure("valid", "f.reported_at", f"{CURRENT} AND f.valid"),
            Measure(
                "public_valid",
                "f.reported_at",
                f"{CURRENT} AND f.valid AND f.kind = 'incident'"
                f" AND f.source IN ({', '.join(repr(source) for source in PUBLIC)})",
            ),
            Measure("accepted", "f.accepted_at", person="f.accepted_by"),
            Measure("filed", "f.filed_at", person="f.filed_by"),
            Measure("filed_incident", "f.filed_at", f"{CURRENT} AND f.kind = 'incident'"),
            Measure("filed_all", "f.filed_at", "f.out IS DISTINCT FROM 'merged'", person="f.filed_by"),
            Measure(
                "sent_once",
                "f.dispatched_at",
                f"{CURRENT} AND f.filed_at IS NOT NULL AND NOT f.resent",
                unit="f.first_unit",
                person="f.dispatched_by",
            ),
            Measure("reworked", "f.handled_at", f"{CURRENT} AND f.handle_due IS NOT NULL AND f.reworks > 0"),
            Measure("returned", "f.returned_at", unit="f.returned_by"),
            Measure("supervised", "f.supervised_at"),
            Measure("handled_timed", "f.handled_at", f"{CURRENT} AND f.handle_s IS NOT NULL"),
            Measure("handle_s", "f.handled_at", f"{CURRENT} AND f.handle_s IS NOT NULL", "f.handle_s"),
            Measure(
                "handle_work_s", "f.handled_at", f"{CURRENT} AND f.handle_s IS NOT NULL", "f.handle_work_s"
            ),
            Measure("answered", "f.visited_at", f"{CURRENT} AND f.called_at IS NOT NULL AND f.answered"),
            Measure("rated", "f.rated_at", f"{CURRENT} AND f.rating IS NOT NULL AND NOT f.unreasonable"),
            Measure(
                "content",
                "f.rated_at",
                f"{CURRENT} AND f.rating IN ('satisfied', 'fair') AND NOT f.unreasonable",
            ),
            Measure(
                "asked_verify",
                "f.verify_asked_at",
                "f.out IS DISTINCT FROM 'merged'",
                person="f.verify_asked_by",
            ),
            Measure(
                "asked_verify_on",
                "f.verify_asked_at",
                "f.out IS DISTINCT FROM 'merged'"
                f" AND f.verify_asked_at <= {_after('f.reported_at', Status.REPORTED)}",
                person="f.verify_asked_by",
            ),
            Measure("asked_check", "f.check_asked_at", person="f.check_asked_by"),
            Measure(
                "asked_check_on",
                "f.check_asked_at",
                f"{CURRENT} AND f.check_asked_at <= {_after('f.handled_at', Status.FEEDBACK)}",
                person="f.check_asked_by",
            ),
        )
    }
)

MEASURES: Mapping[str, Measure] = MappingProxyType(
    {**COUNTED, **{m.code: m for stage in STAGES.values() for m in (stage.on, stage.late)}}
)
"""What is counted by its moment; beside these each stage has its number late and undone."""

STOCKS: Mapping[str, Stage] = MappingProxyType({stage.stock_code: stage for stage in STAGES.values()})
NUMBERS = (*MEASURES, *STOCKS)
"""The columns of the roll-up; those of STOCKS hold the day's flow."""


RATING = "rating"
OBJECTED = (*STAGES, RATING)
"""To what may be objected: lateness in a stage, or that an unreasonable appeal's rating counts."""


class Form(StrEnum):
    """How a figure is shown."""

    COUNT = "count"
    RATE = "rate"
    HOURS = "hours"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure: a sum of numbers, over another sum when it is a rate or a mean. All codes are of NUMBERS."""

    code: str
    zh: str
    en: str
    over: tuple[str, ...]
    under: tuple[str, ...] = ()
    form: Form = Form.RATE
    over_zh: str = ""
    under_zh: str = ""
    edge: str = ""
    good: int = 1
    """1: more is better, -1: less is better, 0: neither."""

    def value(self, numbers: Mapping[str, int]) -> float | None:
        """Return the exact value: a rate in per cent, hours, or a count; None where nothing was due."""
        over = sum(numbers.get(code, 0) or 0 for code in self.over)
        if self.form is Form.COUNT:
            return float(over)
        under = sum(numbers.get(code, 0) or 0 for code in self.under)
        if not under:
            return None
        return over / under * 100 if self.form is Form.RATE else over / under / 3600

    def shown(self, numbers: Mapping[str, int]) -> str | None:
        """Return what is shown: a count whole, else half-up to one decimal; None where nothing was due."""
        over = sum(numbers.get(code, 0) or 0 for code in self.over)
        if self.form is Form.COUNT:
            return str(over)
        under = sum(numbers.get(code, 0) or 0 for code in self.under)
        if not under:
            return None
        exact = Decimal(over) * 100 / under if self.form is Form.RATE else Decimal(over) / under / 3600
        return str(exact.quantize(Decimal("0.1"), ROUND_HALF_UP))


def _due(stage: str) -> tuple[str, ...]:
    """Return 应X数: done on time, done late, and late and undone."""
    return (f"{stage}_on", f"{stage}_late", f"{stage}_undone")


def _done(stage: str) -> tuple[str, ...]:
    return (f"{stage}_on", f"{stage}_late")


def _of_stage(  # noqa: PLR0917 - a row of a table
    stage: str, code: str, zh: str, en: str, due_zh: str, edge: str
) -> tuple[Figure, Figure]:
    return (
        Figure(
            f"{code}_rate",
            f"{zh}率",
            f"{en} rate",
            _done(stage),
            _due(stage),
            over_zh=f"{zh}数",
            under_zh=due_zh,
            edge=edge,
        ),
        Figure(
            f"{code}_on_time_rate",
            f"按时{zh}率",
            f"{en} on time",
            (f"{stage}_on",),
            _due(stage),
            over_zh=f"按时{zh}数",
            under_zh=due_zh,
            edge=edge,
        ),
    )


FIGURES: Mapping[str, Figure] = MappingProxyType(
    {
        figure.code: figure
        for figure in (
            Figure("reported", "上报数", "reported", ("reported",), form=Form.COUNT, good=0,
                   over_zh="期内上报的案件"),
            Figure("accepted", "受理数", "accepted", ("accepted",), form=Form.COUNT, good=0,
                   over_zh="期内受理的案件"),
            Figure("filed", "立案数", "filed", ("filed",), form=Form.COUNT, good=0,
                   over_zh="期内立案的案件", edge="重开不再算一次立案"),
            Figure("dispatched", "派遣数", "dispatched", _done("dispatch"), form=Form.COUNT, good=0,
                   over_zh="期内首次派遣的案件"),
            Figure("handled", "处置数", "handled", _done("handle"), form=Form.COUNT, good=0,
                   over_zh="期内处置反馈且未被返工的案件"),
            Figure("closed", "结案数", "closed", _done("close"), form=Form.COUNT, good=0,
                   over_zh="期内结案且未重开的案件"),
            Figure("filing_rate", "立案率", "filing rate", ("filed",), ("reported",), good=0,
                   over_zh="立案数", under_zh="上报数", edge="各按自己的时间计入，可以超过 100"),
            Figure("filing_accuracy", "准确立案率", "filed rightly", ("filed",), ("filed_all",),
                   over_zh="立案数（立案后未作废）", under_zh="立案数（连同后来作废的）",
                   edge="作废案件计入分母"),
            *_of_stage("file", "file", "立案", "filing", "应立案数",
                       "期限: 受理后 15 分钟")[1:],
            *_of_stage("dispatch", "dispatch", "派遣", "dispatch", "应派遣数",
                       "期限: 立案后 15 分钟；只看首次派遣"),
            Figure("dispatch_accuracy", "准确派遣率", "dispatched rightly", ("sent_once",), _due("dispatch"),
                   over_zh="派遣数（从未改派其他单位）", under_zh="应派遣数"),
            *_of_stage("handle", "handle", "处置", "handling", "应处置数",
                       "期限: 现行时限（延期、挂账、返工之后）；返工、督办、重开使先前的反馈不再算数"),
            Figure("rework_rate", "返工率", "rework rate", ("reworked",), _done("handle"), good=-1,
                   over_zh="处置数中返工过的", under_zh="处置数"),
            Figure("return_rate", "退回率", "return rate", ("returned",), _done("dispatch"), good=-1,
                   over_zh="期内首次被退回的案件", under_zh="派遣数", edge="按部门: 退回它的部门"),
            *_of_stage("close", "close", "结案", "closing", "应结案数",
                       "期限: 处置时限之后审核 15 分钟、核查 30 分钟，有回访的再加 3 天"),
            Figure("valid_rate", "有效上报率", "valid reports", ("valid",), ("reported_all",),
                   over_zh="上报数中受理或直接答复、未作废的", under_zh="上报数（连同作废的）",
                   edge="作废案件计入分母，按上报时间"),
            Figure("missed_rate", "漏报率", "missed by workers", ("public_valid",), ("filed_incident",),
                   good=-1, over_zh="群众上报的有效事部件", under_zh="事部件立案数",
                   edge="只计事部件；按网格员: 上报时的责任网格员"),
            Figure("supervision_rate", "督办率", "supervision rate", ("supervised",), _due("handle"), good=-1,
                   over_zh="期内首次督办的案件", under_zh="应处置数"),
            *_of_stage("reply", "reply", "反馈", "answering", "应反馈数",
                       "只计诉求；直接答复也是反馈；期限: 现行时限"),
            *_of_stage("visit", "visit", "回访", "visit", "应回访数",
                       "只计进入回访的案件；期限: 进入回访后 3 天；三次联系不上也算回访")[:1],
            Figure("visit_answered_rate", "有效回访率", "visits answered", ("answered",), _due("visit"),
                   over_zh="回访数中有回答的", under_zh="应回访数"),
            Figure("satisfaction", "满意率", "satisfaction", ("content",), ("rated",),
                   over_zh="末次评价满意或基本满意", under_zh="末次评价数",
                   edge="认定为不合理的诉求除外；联系不上不是评价"),
            *_of_stage("verify", "verify", "核实", "verifying", "应核实数",
                       "期限: 派出后 30 分钟；作废案件计入；按网格员: 受派的网格员")[1:],
            *_of_stage("check", "check", "核查", "checking", "应核查数",
                       "期限: 派出后 30 分钟；只看末次核查；按网格员: 受派的网格员")[1:],
            Figure("verify_sent_on_time_rate", "核实按时派发率", "verification sent on time",
                   ("asked_verify_on",), ("asked_verify",), over_zh="上报后 15 分钟内派发的核实",
                   under_zh="派发的核实"),
            Figure("check_sent_on_time_rate", "核查按时派发率", "check sent on time",
                   ("asked_check_on",), ("asked_check",), over_zh="反馈后 15 分钟内派发的核查",
                   under_zh="派发的核查"),
            Figure("mean_hours", "平均处置时长", "mean handling time", ("handle_s",), ("handled_timed",),
                   Form.HOURS, good=-1, over_zh="在部门手里的时间之和（自然小时）", under_zh="处置数",
                   edge="不含挂账与反馈后等待审核、核查的时间"),
            Figure("mean_work_hours", "平均处置时长（工作时）", "mean handling time (working hours)",
                   ("handle_work_s",), ("handled_timed",), Form.HOURS, good=-1,
                   over_zh="在部门手里的时间之和（工作小时）", under_zh="处置数",
                   edge="不含挂账与反馈后等待审核、核查的时间"),
        )
    }
)  # fmt: skip
"""Every figure, in the order in which they are shown."""

CHIEF = (
    "reported",
    "filed",
    "closed",
    "close_rate",
    "close_on_time_rate",
    "handle_on_time_rate",
    "reply_on_time_rate",
    "satisfaction",
    "mean_hours",
)
"""The figures of the first look."""

SEEDED = ("close_rate", "reply_on_time_rate", "satisfaction")
"""The three that the city publishes: 办结率, 按时反馈率, 满意率."""


@dataclass(frozen=True, slots=True)
class Period:
    """Local days from `first` to `last`, both in it: the moments [start, end)."""

    first: date
    last: date

    def __post_init__(self) -> None:
        """Check the order."""
        if self.last < self.first:
            raise BadValue(
                f"the period ends on {self.last}, before it begins on {self.first}",
                field="to",
                value=str(self.last),
            )

    @property
    def start(self) -> datetime:
        """The moment it begins."""
        return datetime.combine(self.first, time(), ZONE)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.last + timedelta(days=1), time(), ZONE)

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    def before(self) -> Period:
        """Return the period before: the month before a month, the year before a year, else as many days."""
        day_before = self.first - timedelta(days=1)
        if self.first.day == 1 and (self.last + timedelta(days=1)).day == 1:
            back = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month
            first = day_before.replace(day=1)
            for _ in range(back):
                first = (first - timedelta(days=1)).replace(day=1)
            return Period(first, day_before)
        return Period(self.first - timedelta(days=self.days), day_before)

    def months(self) -> list[Period]:
        """Return the months that it touches, the first and the last cut to it."""
        cut: list[Period] = []
        first = self.first
        while first <= self.last:
            following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
            cut.append(Period(first, min(self.last, following - timedelta(days=1))))
            first = following
        return cut


class Post(StrEnum):
    """Who or what is appraised."""

    WORKER = "worker"
    OPERATOR = "operator"
    SHIFT_LEADER = "shift_leader"
    DISPATCHER = "dispatcher"
    UNIT = "unit"
    TOWN = "town"


POST_KEYS: Mapping[Post, By] = MappingProxyType(
    {
        Post.WORKER: By.WORKER,
        Post.OPERATOR: By.PERSON,
        Post.SHIFT_LEADER: By.PERSON,
        Post.DISPATCHER: By.PERSON,
        Post.UNIT: By.DEPARTMENT,
        Post.TOWN: By.TOWN,
    }
)

WEIGHTS: Mapping[Post, Mapping[str, int]] = MappingProxyType(
    {
        Post.WORKER: {
            "valid_rate": 40,
            "missed_rate": 20,
            "verify_on_time_rate": 20,
            "check_on_time_rate": 20,
        },
        Post.OPERATOR: {"accepted": 25, "verify_sent_on_time_rate": 40, "check_sent_on_time_rate": 35},
        Post.SHIFT_LEADER: {"file_on_time_rate": 25, "filing_accuracy": 40, "closed_on_time_share": 35},
        Post.DISPATCHER: {"dispatched": 20, "dispatch_on_time_rate": 40, "dispatch_accuracy": 40},
        Post.UNIT: {"handle_on_time_rate": 50, "handle_rate": 20, "rework_rate": 20, "return_rate": 10},
        Post.TOWN: {"close_on_time_rate": 40, "close_rate": 20, "satisfaction": 25, "reply_rate": 15},
    }
)
"""The weights of domain.md in per cent: the first version of the table that the committee edits."""

OF_POSTS: Mapping[str, Figure] = MappingProxyType(
    {
        "closed_on_time_share": Figure(
            "closed_on_time_share",
            "按时结案率（值班长）",
            "closed on time (shift leader)",
            ("close_on",),
            _done("close"),
            over_zh="按时结案数",
            under_zh="结案数",
            edge="值班长岗位: 分母是其结案数",
        )
    }
)
"""Figures that only a post's score uses."""

ALL_FIGURES: Mapping[str, Figure] = MappingProxyType({**FIGURES, **OF_POSTS})
GRADES = (("A", 90), ("B", 75), ("C", 60), ("D", 40), ("E", 0))


def grade(score: float) -> str:
    """Return the grade of a score as it is shown."""
    return next(letter for letter, least in GRADES if score >= least)


def score(weights: Mapping[str, int], numbers: Mapping[str, int], means: Mapping[str, float]) -> float | None:
    """Return a score of 0 to 100, half-up to one decimal; None where no figure of it has a value.

    A rate of which less is better scores 100 minus itself, never below 0; a count scores against the mean of
    the post, at most 100. A figure without a value is left out, and the other weights grow to fill its place.
    """
    total, held = Decimal(0), 0
    for code, weight in weights.items():
        figure = ALL_FIGURES[code]
        value = figure.value(numbers)
        if figure.form is Form.COUNT:
            value = min(100.0, 100 * (value or 0) / means[code]) if means.get(code) else None
        elif value is not None and figure.good < 0:
            value = max(0.0, 100 - value)
        if value is not None:
            total += weight * Decimal(repr(min(100.0, value)))
            held += weight
    return float((total / held).quantize(Decimal("0.1"), ROUND_HALF_UP)) if held else None


def checked_weights(post: Post, weights: Mapping[str, int]) -> dict[str, int]:
    """Return the weights of a post.

    Raises:
        BadValue: an unknown figure, a weight below 0, or a sum other than 100.
    """
    for code, weight in weights.items():
        if code not in ALL_FIGURES:
            raise BadValue(f"there is no figure {code!r}", field="weights", value=code)
        if weight < 0:
            raise BadValue(f"the weight of {code} is below 0", field="weights", value=str(weight))
    if (total := sum(weights.values())) != 100:
        raise BadValue(
            f"the weights of {post.value} make {total}, not 100", field="weights", value=str(total)
        )
    return {code: weight for code, weight in weights.items() if weight}
