"""Ratios that hold on a shared machine: contenders take turns, and each round is divided by itself.

Absolute times swing fourfold where cores are shared. So every round runs every contender once,
in an order that turns around from round to round; the base's time is divided by each one's within the
round; and the median of these ratios is the result. Answers are compared before anything is timed.

A benchmark is run from the root of the repository, as `python -m benchmarks.locate`.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

MIN_ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as fast as the base one contender is: median, least and most of the rounds.

    `seconds` is its median time and only tells the scale.
    """

    name: str
    median: float
    least: float
    most: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Line:
    """A ratio beside the bar it has to reach; `size` is what one run works through."""

    title: str
    ratio: Ratio
    bar: float | None = None
    size: int | None = None

    @property
    def met(self) -> bool:
        """True when there is no bar, or it is reached."""
        return self.bar is None or self.ratio.median >= self.bar


def interleaved(
    contenders: Mapping[str, Callable[[], Any]],
    *,
    base: str,
    rounds: int = MIN_ROUNDS,
    equal: Callable[[Any, Any], bool] | None = None,
) -> dict[str, Ratio]:
    """Return the ratio of the base's time to each contender's, the base's own (1.0) included.

    The first, untimed run of each warms it up and gives its answer.

    Args:
        contenders: name to what is timed.
        base: the name of the one that counts as 1.
        rounds: at least MIN_ROUNDS.
        equal: says whether a contender's answer equals the base's; None where answers cannot be compared.

    Raises:
        ValueError: too few rounds.
        AssertionError: a contender answers otherwise than the base.
    """
    if rounds < MIN_ROUNDS:
        raise ValueError(f"{rounds} rounds say little; run at least {MIN_ROUNDS}.")
    answers = {name: run() for name, run in contenders.items()}
    for name, answer in answers.items():
        if equal is not None and not equal(answers[base], answer):
            raise AssertionError(f"{name} answers otherwise than {base}; its speed means nothing.")
    del answers
    timings = {name: partial(timed, run) for name, run in contenders.items()}
    return _taking_turns(timings, base=base, rounds=rounds)


def interleaved_rates(
    contenders: Mapping[str, Callable[[], float]], *, base: str, rounds: int = MIN_ROUNDS
) -> dict[str, Ratio]:
    """Return the same for contenders that measure themselves: each returns operations a second.

    The first run of each is thrown away.

    Raises:
        ValueError: too few rounds.
    """
    if rounds < MIN_ROUNDS:
        raise ValueError(f"{rounds} rounds say little; run at least {MIN_ROUNDS}.")
    for run in contenders.values():
        run()
    timings = {name: partial(_seconds_each, run) for name, run in contenders.items()}
    return _taking_turns(timings, base=base, rounds=rounds)


def _seconds_each(run: Callable[[], float]) -> float:
    return 1 / run()


def _taking_turns(timings: Mapping[str, Callable[[], float]], *, base: str, rounds: int) -> dict[str, Ratio]:
    seconds: dict[str, list[float]] = {name: [] for name in timings}
    for number in range(rounds):
        for name in list(timings)[:: -1 if number % 2 else 1]:
            seconds[name].append(timings[name]())
    return {name: _ratio(name, seconds[base], seconds[name]) for name in timings}


def timed(run: Callable[[], Any]) -> float:
    """Return the seconds that one run takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _ratio(name: str, base: Sequence[float], own: Sequence[float]) -> Ratio:
    ratios = [b / o for b, o in zip(base, own, strict=True)]
    return Ratio(name, statistics.median(ratios), min(ratios), max(ratios), statistics.median(own))


def report(lines: Sequence[Line]) -> bool:
    """Print a Markdown table of ratios and bars; return True when every bar is met."""
    print(f"| {'what':<44} | {'ratio':>7} | {'rounds':>15} | {'bar':>6} | {'ms':>8} | {'k/s':>7} | met |")
    print(f"|{'-' * 46}|{'-' * 8}:|{'-' * 16}:|{'-' * 7}:|{'-' * 9}:|{'-' * 8}:|-----|")
    for line in lines:
        ratio = line.ratio
        bar = "" if line.bar is None else f"{line.bar:.2f}"
        rate = "" if line.size is None else f"{line.size / ratio.seconds / 1e3:.0f}"
        spread = f"{ratio.least:.2f} - {ratio.most:.2f}"
        met = "" if line.bar is None else "yes" if line.met else "NO"
        print(
            f"| {line.title:<44} | {ratio.median:>7.2f} | {spread:>15} | {bar:>6} "
            f"| {ratio.seconds * 1e3:>8.1f} | {rate:>7} | {met:<3} |"
        )
    return all(line.met for line in lines)
