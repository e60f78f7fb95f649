"""The ways that the demo city's past cases went through the loop, walked by whole groups at once.

A way is a row of steps of the table in `app.cases.rules`, which says where each leads. Each group of cases
that go the same way is a matrix: a row a case, a column a step. What lies behind the end of the past is cut
off, so that the last days' cases stand in the middle of their ways. 演示数据: invented.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from app.cases.rules import ENDED, RULES, YELLOW, Status, Step
from app.cases.working_time import Flags, Seconds, WorkingTime

Codes = NDArray[np.int16]
NOT = np.int64(-1)
"""A moment that is none."""

STATUSES = tuple(Status)
STEPS = tuple(Step)

_OPEN = "report accept file dispatch sign"
_LOOK = "check checked"
_UNHAPPY = f"{_OPEN} feedback LOOK call_back dissatisfied order feedback LOOK"
_INCIDENT: Mapping[str, float] = MappingProxyType(
    {
        f"{_OPEN} feedback LOOK END": 0.617,
        "report answer": 0.14,
        "report ask_void void": 0.02,
        "report merge": 0.015,
        "report verify verified accept file dispatch sign feedback LOOK END": 0.06,
        "report accept file dispatch ask_return return dispatch sign feedback LOOK END": 0.035,
        f"{_OPEN} feedback rework feedback LOOK END": 0.02,
        f"{_OPEN} feedback check rework feedback LOOK END": 0.03,
        f"{_OPEN} ask_extend extend feedback LOOK END": 0.025,
        f"{_OPEN} ask_suspend suspend resume feedback LOOK END": 0.012,
        f"{_OPEN} supervise feedback LOOK END": 0.024,
        f"{_OPEN} supervise supervise supervise": 0.0016,
    }
)
_APPEAL: Mapping[str, float] = MappingProxyType(
    {
        f"{_OPEN} feedback LOOK END": 0.50,
        "report call_back satisfied": 0.20,
        "report ask_void void": 0.02,
        "report merge": 0.01,
        "report withdraw": 0.01,
        "report accept file dispatch ask_return return dispatch sign feedback LOOK END": 0.035,
        f"{_OPEN} feedback rework feedback LOOK END": 0.025,
        f"{_OPEN} ask_extend extend feedback LOOK END": 0.03,
        f"{_OPEN} ask_suspend suspend resume feedback LOOK END": 0.012,
        f"{_OPEN} feedback LOOK call_back no_contact satisfied": 0.05,
        f"{_OPEN} feedback LOOK call_back no_contact no_contact unreached": 0.03,
        f"{_UNHAPPY} END": 0.02,
        f"{_UNHAPPY} call_back hold_to_account decide": 0.0285,
        f"{_OPEN} supervise feedback LOOK END": 0.024,
        f"{_OPEN} supervise supervise supervise": 0.0016,
    }
)

_DELAYS: Mapping[Step, tuple[float, float]] = MappingProxyType(
    {
        Step.ACCEPT: (420, 0.5),
        Step.FILE: (300, 0.5),
        Step.DISPATCH: (360, 0.5),
        Step.SIGN: (2_000, 0.7),
        Step.VERIFY: (300, 0.5),
        Step.VERIFIED: (1_100, 0.4),
        Step.ASK_VOID: (700, 0.5),
        Step.VOID: (1_200, 0.6),
        Step.MERGE: (800, 0.6),
        Step.ANSWER: (3_600, 0.6),
        Step.WITHDRAW: (20_000, 0.8),
        Step.ASK_RETURN: (2_400, 0.5),
        Step.RETURN: (800, 0.5),
        Step.EXTEND: (1_500, 0.6),
        Step.SUSPEND: (2_500, 0.6),
        Step.RESUME: (900_000, 0.5),
        Step.CHECK: (600, 0.4),
        Step.CHECKED: (1_200, 0.4),
        Step.REWORK: (1_300, 0.4),
        Step.PASS: (2_500, 0.6),
        Step.CALL_BACK: (2_500, 0.6),
        Step.SATISFIED: (50_000, 0.7),
        Step.NO_CONTACT: (40_000, 0.5),
        Step.UNREACHED: (40_000, 0.5),
        Step.DISSATISFIED: (50_000, 0.7),
        Step.ORDER: (18_000, 0.5),
        Step.HOLD_TO_ACCOUNT: (50_000, 0.7),
        Step.DECIDE: (250_000, 0.4),
    }
)
"""Seconds from the step before: the median, and the sigma of the logarithm."""

COUNTED: Mapping[str, tuple[Step, ...]] = MappingProxyType(
    {
        "extensions": (Step.EXTEND,),
        "returns": (Step.RETURN,),
        "reworks": (Step.REWORK,),
        "suspensions": (Step.SUSPEND,),
        "dissatisfactions": (Step.DISSATISFIED, Step.HOLD_TO_ACCOUNT),
        "calls": (Step.NO_CONTACT, Step.UNREACHED),
        "level": (Step.SUPERVISE,),
    }
)
"""The columns of a case that count its steps."""


@dataclass(frozen=True, slots=True)
class Walked:
    """Where n cases stand at the end of the past, and the m steps that they took, by case and moment.

    Moments are seconds since 1970, `NOT` for none; statuses and steps are indices into STATUSES and STEPS.
    `left` is what is left of a clock that stands still, `running` says whose clock runs; `dispatched` how
    often each step's case had been dispatched by then.
    """

    status: Codes
    due: Seconds
    warn: Seconds
    left: Seconds
    until: Seconds
    last: Seconds
    revision: Codes
    counts: dict[str, Codes]
    case: NDArray[np.intp]
    at: Seconds
    step: Codes
    from_status: Codes
    to_status: Codes
    dispatched: Codes

    @property
    def last_step(self) -> Codes:
        """The step that each case took last."""
        last = np.zeros(len(self.status), np.int16)
        last[self.case] = self.step  # steps stand in the order of their moments
        return last

    def of(self, rows: NDArray[np.intp]) -> Walked:
        """Return some of the cases, in another order, with their steps."""
        place = np.full(len(self.status), -1)
        place[rows] = np.arange(len(rows))
        kept = np.flatnonzero(place[self.case] >= 0)
        kept = kept[np.argsort(place[self.case[kept]], kind="stable")]
        return Walked(
            **{name: getattr(self, name)[rows] for name in OF_CASES},
            counts={name: counted[rows] for name, counted in self.counts.items()},
            case=place[self.case[kept]],
            **{name: getattr(self, name)[kept] for name in OF_STEPS},
        )


OF_CASES = ("status", "due", "warn", "left", "until", "last", "revision")
OF_STEPS = ("at", "step", "from_status", "to_status", "dispatched")


@dataclass(frozen=True, slots=True)
class Cases:
    """What the ways of n cases depend on: when they came, their kind and place, their clock and limit."""

    received: Seconds
    appeal: Flags
    placed: Flags
    works: Flags
    limit: Seconds

    def of(self, rows: NDArray[np.intp]) -> Cases:
        """Return some of the cases."""
        return Cases(
            self.received[rows], self.appeal[rows], self.placed[rows], self.works[rows], self.limit[rows]
        )


@cache
def way(text: str, *, appeal: bool, placed: bool) -> tuple[tuple[Step, Status], ...]:
    """Return the steps of a way with the status that each leads to."""
    words = text.replace("LOOK", _LOOK if placed else "").replace(
        "END", "call_back satisfied" if appeal else "pass"
    )
    status, steps = Status.REPORTED, [(Step.REPORT, Status.REPORTED)]
    for word in words.split()[1:]:
        step = Step(word)
        status = RULES[status, step].to
        steps.append((step, status))
    return tuple(steps)


def ways(cases: Cases, rng: np.random.Generator) -> NDArray[np.object_]:
    """Return the way that each case goes."""
    chosen = np.empty(len(cases.received), object)
    for appeal, shares in ((False, _INCIDENT), (True, _APPEAL)):
        rows = np.flatnonzero(cases.appeal == appeal)
        weights = np.array(list(shares.values()))
        chosen[rows] = rng.choice(np.array(list(shares), object), len(rows), p=weights / weights.sum())
    return chosen


def walk(
    cases: Cases, chosen: NDArray[np.object_], *, end: int, time: WorkingTime, rng: np.random.Generator
) -> Walked:
    """Let every case go its way until `end`."""
    groups = {}
    for appeal in (False, True):
        for placed in (False, True):
            for text in dict.fromkeys(chosen):
                rows = np.flatnonzero((chosen == text) & (cases.appeal == appeal) & (cases.placed == placed))
                if len(rows):
                    groups[text, appeal, placed] = rows
    walked = [
        _Group(cases.of(rows), way(text, appeal=appeal, placed=placed), end, time, rng).walked()
        for (text, appeal, placed), rows in groups.items()
    ]
    return joined(walked).of(np.argsort(np.concatenate(list(groups.values()))))


class _Group:
    """Cases that go one way; the columns grow step by step."""

    def __init__(
        self,
        cases: Cases,
        steps: tuple[tuple[Step, Status], ...],
        end: int,
        time: WorkingTime,
        rng: np.random.Generator,
    ) -> None:
        self.cases, self.steps, self.end, self.time, self.rng = cases, steps, end, time, rng
        count = len(cases.received)
        self.at = cases.received
        self.due = self._after(self.at, cases.limit)  # until it is dispatched, an estimate
        self.start, self.span = self.at, cases.limit
        self.left, self.until = np.full(count, NOT), np.full(count, NOT)
        self.running, self.level = False, 0
        self.share = np.minimum(rng.lognormal(-0.75, 0.55, count), 0.97)

    def _after(self, start: Seconds, seconds: Seconds) -> Seconds:
        return self.time.after(start, seconds, self.cases.works)

    def _part(self, share: NDArray[np.float64] | float) -> Seconds:
        return np.asarray(np.rint(self.span * share), np.int64)

    def _delay(self, step: Step) -> Seconds:
        if step is Step.FILE and self.cases.appeal.all():
            return np.zeros(len(self.at), np.int64)  # an appeal is filed of itself
        median, sigma = _DELAYS[step]
        delay = self.rng.lognormal(np.log(median), sigma, len(self.at))
        if step is Step.SIGN:
            delay = np.minimum(delay, 0.2 * self.cases.limit)
        return np.asarray(np.maximum(delay, 20), np.int64)

    def _take(self, step: Step) -> None:
        """Set the moment of a step, and what it does to the clock."""
        match step:
            case Step.REPORT:
                return
            case Step.FEEDBACK:
                late = self.level > 0 and self.running
                share = self.rng.uniform(0.05, 1.5, len(self.at)) if late else self.share
                begin = self.due if late else self.start
                self.at = np.maximum(self._after(begin, self._part(share)), self.at + 30)
                self._stop()
            case Step.ASK_EXTEND | Step.ASK_SUSPEND:
                early, late_on = (0.6, 0.9) if step is Step.ASK_EXTEND else (0.1, 0.5)
                begun = self.rng.uniform(early, late_on, len(self.at))
                self.at = np.maximum(self._after(self.start, self._part(begun)), self.at + 30)
            case Step.SUPERVISE:
                more = self.cases.limit * self.level
                self.at = np.maximum(self._after(self.due, more), self.at + 30)
                self.level += 1
            case _:
                self.at = self.at + self._delay(step)
        self._clock(step)

    def _clock(self, step: Step) -> None:
        match step:
            case Step.DISPATCH | Step.ORDER:
                self._begin(self.cases.limit)
                self.due = self._after(self.at, self.cases.limit)
            case Step.EXTEND:
                self.due = self._after(self.due, self.cases.limit)
                self.share = self.rng.uniform(0.95, 1.9, len(self.at))
            case Step.SUSPEND:
                self._stop()
                self.until = self.at + self._delay(Step.RESUME)
            case Step.RESUME:
                self.at = np.maximum(self.until, self.at)
                self.until = np.full(len(self.at), NOT)
                self._go_on()
            case Step.REWORK:
                self._go_on()

    def _begin(self, span: Seconds) -> None:
        self.start, self.span, self.running = self.at, span, True
        self.left = np.full(len(self.at), NOT)

    def _stop(self) -> None:
        self.left = self.time.between(self.at, self.due, self.cases.works)
        self.running = False

    def _go_on(self) -> None:
        """Let what was left run on; who was late before stays so."""
        self.due = np.where(self.left > 0, self._after(self.at, np.maximum(self.left, 0)), self.due)
        self.share = self.rng.uniform(0.2, 0.9, len(self.at))
        self._begin(np.maximum(self.left, 600))

    def walked(self) -> Walked:
        """Walk, cut off what lies behind the end, and count."""
        columns: dict[str, list[Seconds]] = {
            name: [] for name in ("at", "due", "left", "until", "start", "running")
        }
        for step, _ in self.steps:
            self._take(step)
            for name, column in columns.items():
                value = getattr(self, name)
                column.append(np.full(len(self.at), value) if name == "running" else value)
        moments = {name: np.column_stack(column) for name, column in columns.items()}
        return self._cut(moments)

    def _cut(self, moments: dict[str, Seconds]) -> Walked:
        taken = moments["at"] <= self.end
        taken[:, 0] = True
        last = taken.sum(axis=1) - 1
        rows = np.arange(len(last))
        now = {name: column[rows, last] for name, column in moments.items()}
        kinds = np.array([STEPS.index(step) for step, _ in self.steps], np.int16)
        reached = np.array([STATUSES.index(status) for _, status in self.steps], np.int16)
        came_from = np.concatenate([[NOT], reached[:-1]]).astype(np.int16)
        dispatched = np.cumsum(kinds == STEPS.index(Step.DISPATCH)).astype(np.int16)
        case, column = np.nonzero(taken)
        counts = {
            name: (taken & np.isin(kinds, [STEPS.index(one) for one in counted])).sum(axis=1).astype(np.int16)
            for name, counted in COUNTED.items()
        }
        return Walked(
            status=reached[last],
            due=now["due"],
            warn=self._warned(now),
            left=np.where(now["left"] == NOT, NOT, np.maximum(now["left"], 0)),
            until=now["until"],
            last=now["at"],
            revision=(last + 1).astype(np.int16),
            counts=counts,
            case=case,
            at=moments["at"][case, column],
            step=kinds[column],
            from_status=came_from[column],
            to_status=reached[column],
            dispatched=dispatched[column],
        )

    def _warned(self, now: dict[str, Seconds]) -> Seconds:
        """Return the moment at which a fifth of the limit is left, where the clock has begun."""
        whole = self.time.between(now["start"], now["due"], self.cases.works)
        quiet = np.maximum(whole - np.rint((1 - YELLOW) * self.cases.limit).astype(np.int64), 0)
        begun = np.asarray(now["running"], bool) | (now["left"] != NOT)
        return np.where(begun, self._after(now["start"], quiet), NOT)


def ended(status: Codes) -> Flags:
    """Whether nothing is waited for in these statuses."""
    return np.isin(status, [STATUSES.index(one) for one in ENDED])


def joined(parts: Sequence[Walked]) -> Walked:
    """Return the cases of all parts, one part behind the other."""
    offset = np.cumsum([0, *(len(walked.status) for walked in parts)])
    return Walked(
        **{name: np.concatenate([getattr(walked, name) for walked in parts]) for name in OF_CASES},
        counts={name: np.concatenate([walked.counts[name] for walked in parts]) for name in COUNTED},
        case=np.concatenate([walked.case + start for walked, start in zip(parts, offset, strict=False)]),
        **{name: np.concatenate([getattr(walked, name) for walked in parts]) for name in OF_STEPS},
    )
