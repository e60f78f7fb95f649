"""What the person at the terminal sees: numbered steps with their time, and troubles with their mend."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

HEARTBEAT_S = 20.0
TAIL_LINES = 25


class Trouble(Exception):
    """Something that a person must mend, said with its mend."""

    def __init__(self, what: str, mend: str, *, log: Path | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend
        self.log = log

    def __str__(self) -> str:
        """Give the whole message: what, the log's last lines, the mend."""
        lines = [self.what]
        if self.log is not None:
            lines.append(f"  the last lines of {self.log}:")
            lines += [f"  | {line}" for line in tail(self.log)]
        lines.append(f"  Mend: {self.mend}")
        return "\n".join(lines)


def tail(path: Path, count: int = TAIL_LINES) -> list[str]:
    """Return the last lines of a log, from the last '$ command' on; a missing file has none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 400 * count))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    return lines[starts[-1] if starts else 0 :][-count:]


def seconds(value: float) -> str:
    """Return a duration as a person reads it.

    >>> seconds(0.4), seconds(46.2), seconds(135)
    ('0.4 s', '46 s', '2 min 15 s')
    """
    if value < 10:
        return f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"


class Step:
    """One running step: it ticks while a child works and ends with a note."""

    def __init__(self, label: str, *, out: TextIO, clock: Callable[[], float]) -> None:
        self.label = label
        self.note = ""
        self._out = out
        self._clock = clock
        self._start = clock()
        self._last = self._start

    @property
    def elapsed_s(self) -> float:
        """Seconds since the step began."""
        return self._clock() - self._start

    def tick(self) -> None:
        """Show that the step lives: each time on a terminal, now and then elsewhere."""
        if self._out.isatty():
            self._out.write(f"\r\x1b[K{self.label} … {seconds(self.elapsed_s)}")
            self._out.flush()
        elif self._clock() - self._last >= HEARTBEAT_S:
            self._last = self._clock()
            print(f"      still at it, {seconds(self.elapsed_s)}", file=self._out, flush=True)

    def clear(self) -> None:
        """Give the line back, for a child that draws by itself."""
        if self._out.isatty():
            self._out.write("\r\x1b[K")
        else:
            print(self.label, file=self._out)
        self._out.flush()

    def end(self, word: str) -> None:
        """Write the step's closing line."""
        start = "\r\x1b[K" if self._out.isatty() else ""
        rest = ", ".join(part for part in (self.note, seconds(self.elapsed_s)) if part)
        print(f"{start}{self.label}: {word} ({rest})", file=self._out, flush=True)


class Progress:
    """Counts the steps of one command."""

    def __init__(
        self, total: int, *, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total = total
        self.done = 0
        self._out = out or sys.stdout
        self._clock = clock
        self._start = clock()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Number, time and close one step."""
        self.done += 1
        step = Step(f"[{self.done}/{self.total}] {title}", out=self._out, clock=self._clock)
        if self._out.isatty():
            step.tick()
        try:
            yield step
        except BaseException:
            step.end("FAILED")
            raise
        step.end("done")

    @property
    def elapsed_s(self) -> float:
        """Seconds since the command began."""
        return self._clock() - self._start
