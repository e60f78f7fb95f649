"""A million cases: what they weigh on disk, and whether lists and searches stay quick.

Needs a city with a long past in JINGWEI_DATABASE_URL: `jingwei demo --history 1000000`. Every list page is
asked first and last, in turns; the ratio is the first page's time to the last one's. Statements are counted.
Nothing is written.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from app.cases.models import Case
from app.cases.queries import Sight, Wanted, cases
from app.db import make_engine
from app.settings import read_settings
from app.transaction import Tx
from benchmarks._pairs import Line, interleaved, report

CITY = Sight(areas=("2103",))
PAGE = 50
LAST_BAR = 0.5
SEARCH_BAR_S = 0.1
LIKE_BAR = 10
DISK_BAR_MB = 400
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)


def main() -> int:
    """Print the tables; return 0 when every bar is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    engine = make_engine(read_settings())
    with engine.connect() as connection:
        connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        tx = Tx(connection)
        small = sizes(tx)
        found = searches(tx, given.rounds)
        level = report([*against_like(tx, given.rounds), *pages(tx, engine, given.rounds)])
    engine.dispose()
    return 0 if small and found and level else 1


def sizes(tx: Tx) -> bool:
    """Print what a million cases weigh, by table and index."""
    count, steps = (
        tx.execute(sa.text(f"SELECT count(*) FROM {t}")).scalar_one() for t in ("cases", "case_steps")
    )
    print(f"{count:,} cases, {steps:,} steps; MB a million cases\n")
    print("| table or index | MB |\n|---|--:|")
    total = 0.0
    for row in tx.execute(_SIZES):
        size = row.bytes / count
        total += size if row.of == "cases" else 0
        print(f"| {row.name} | {size:.1f} |")
    print(f"| **cases with all indexes** (bar {DISK_BAR_MB}) | **{total:.0f}** |\n")
    return total <= DISK_BAR_MB


_SIZES = sa.text(
    """
    SELECT coalesce(i.indexrelid, t.oid)::regclass::text AS name, t.relname AS of,
           CASE WHEN i.indexrelid IS NULL THEN pg_table_size(t.oid)
                ELSE pg_relation_size(i.indexrelid) END AS bytes
    FROM pg_class t
    LEFT JOIN (SELECT indrelid, indexrelid FROM pg_index UNION ALL
               SELECT oid, NULL FROM pg_class WHERE relkind = 'r') i ON i.indrelid = t.oid
    WHERE t.oid IN (to_regclass('cases'), to_regclass('case_steps'), to_regclass('appeals'),
                    to_regclass('case_requests'))
    ORDER BY t.relname <> 'cases', t.relname, bytes DESC
    """
)


NEEDLES = (
    "井盖",
    "小区门口井盖坏了",
    "积雪",
    "暖气不热",
    "井",
    "恢复供水时间表",
    "囍",
    "路灯 一片漆黑",
    "2103022",
    "ABC",
    "17号楼3单元",
)


def searches(tx: Tx, rounds: int) -> bool:
    """Print what each needle takes: in the city, in a community, in the past, among few.

    What is told is processor time, the server's and ours together, with everything in memory: on a machine
    that others use, the wall's clock tells what they do.
    """
    backend = tx.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    community = tx.execute(
        sa.text("SELECT community_code FROM cases GROUP BY 1 ORDER BY count(*) LIMIT 1")
    ).scalar_one()
    middle = tx.execute(
        sa.text("SELECT received_at, id FROM cases ORDER BY received_at OFFSET 500000 LIMIT 1")
    ).one_or_none()
    print(
        "| search | found | city, ms | quiet community, ms | older half, ms | merged ones, ms |\n"
        "|---|--:|--:|--:|--:|--:|"
    )
    slowest = 0.0
    for needle in NEEDLES:
        wanted = Wanted(text=needle, limit=PAGE)
        asked = [wanted, replace(wanted, area=community)]
        asked.append(replace(wanted, before=tuple(middle)) if middle else wanted)  # type: ignore[arg-type]  # a row is a tuple
        asked.append(replace(wanted, statuses=("merged",)))
        times = []
        for one in asked:
            ask = partial(cases, tx, sight=CITY, wanted=one)
            ask()
            times.append(_processor_seconds(ask, backend, 3 * rounds))
        slowest = max(slowest, *times)
        page = cases(tx, sight=CITY, wanted=wanted)
        shown = " | ".join(f"{t * 1e3:.1f}" for t in times)
        print(f"| {needle} | {len(page.items)}{'+' if page.more else ''} | {shown} |")
    print(f"\nslowest {slowest * 1e3:.0f} ms (bar {SEARCH_BAR_S * 1e3:.0f})\n")
    return slowest <= SEARCH_BAR_S


def against_like(tx: Tx, rounds: int) -> Iterator[Line]:
    """Yield how much quicker a needle that few cases hold is found than by LIKE, on the same machine."""
    for title, needle in (
        ("a needle in no case", "恢复供水时间表"),
        ("a needle in 1 % of the cases", "积雪"),
    ):
        like = (
            sa.select(Case.id)
            .where(Case.text.contains(needle))
            .order_by(Case.received_at.desc(), Case.id.desc())
            .limit(PAGE + 1)
            .offset(PAGE)
        )
        contenders: dict[str, Callable[[], object]] = {
            "LIKE": lambda like=like: len(tx.execute(like).all()),  # type: ignore[misc]  # bound now
            "pairs": partial(cases, tx, sight=CITY, wanted=Wanted(text=needle, limit=PAGE)),
        }
        found = interleaved(contenders, base="LIKE", rounds=rounds)
        yield Line(f"{title}: LIKE", found["LIKE"], None)
        yield Line(f"{title}: pairs", found["pairs"], LIKE_BAR if "no case" in title else None)


def _processor_seconds(run: partial[object], backend: int, times: int) -> float:
    """Return the processor time of one run, the backend's (by the hundredth of a second) and our own."""
    start = _used(backend)
    for _ in range(times):
        run()
    return (_used(backend) - start) / times


def _used(backend: int) -> float:
    fields = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + time.process_time()


def pages(tx: Tx, engine: sa.Engine, rounds: int) -> Iterator[Line]:
    """Yield the ratio of the first page's time to the last one's, for every list."""
    for title, sight, wanted in _lists(tx):
        last = _last(tx, sight, wanted)
        with _counted(engine) as counted:
            cases(tx, sight=sight, wanted=wanted)
        if counted[0] != 1:
            raise AssertionError(f"{title}: {counted[0]} statements for a page")
        contenders = {
            "first": partial(cases, tx, sight=sight, wanted=wanted),
            "last": partial(cases, tx, sight=sight, wanted=last),
        }
        ratios = interleaved(contenders, base="first", rounds=rounds)
        yield Line(f"{title}: first page", ratios["first"], None)
        yield Line(f"{title}: last page", ratios["last"], LAST_BAR)


def _lists(tx: Tx) -> Iterator[tuple[str, Sight, Wanted]]:
    def one(text: str) -> str:
        return str(tx.execute(sa.text(text)).scalar_one())

    everything = Wanted(limit=PAGE)
    community = one("SELECT community_code FROM cases GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
    cell = one(
        "SELECT cell_code FROM cases WHERE cell_code IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    )
    rare = one("SELECT type_code FROM cases GROUP BY 1 ORDER BY count(*) LIMIT 1")
    worker = one(
        "SELECT worker_id FROM cases WHERE worker_id IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    )
    code = one(f"SELECT code FROM workers WHERE id = {int(worker)}")
    yield "all", CITY, everything
    yield (
        "open",
        CITY,
        replace(everything, statuses=("handling", "suspended", "dispatched", "reported", "callback")),
    )
    yield "suspended", CITY, replace(everything, statuses=("suspended",))
    yield "void", CITY, replace(everything, statuses=("void",))
    yield "merged", CITY, replace(everything, statuses=("merged",))
    yield "overdue", CITY, replace(everything, overdue_at=datetime.now(UTC))
    yield "a district", CITY, replace(everything, area=community[:6])
    yield "a town", CITY, replace(everything, area=community[:9])
    yield "a community", CITY, replace(everything, area=community)
    yield "a cell", CITY, replace(everything, cell=cell)
    yield "the rarest type", CITY, replace(everything, type=rare)
    yield "a worker's, seen from above", CITY, replace(everything, worker=code)
    yield "a worker's own", Sight(worker_id=int(worker), person_id=-1), everything
    yield "a department's own", Sight(unit_code="L", person_id=-1), everything
    yield "a citizen's own", Sight(person_id=1), everything
    yield "井盖", CITY, replace(everything, text="井盖")


def _last(tx: Tx, sight: Sight, wanted: Wanted) -> Wanted:
    """Return the list's last page: the latest cursor behind which a page is not full."""
    oldest = cases(tx, sight=sight, wanted=wanted)
    if not oldest.more:
        return wanted
    low, high = OLDEST, oldest.items[-1].received_at
    for _ in range(40):  # the latest cursor behind which a page is not full any more
        middle = low + (high - low) / 2
        page = cases(tx, sight=sight, wanted=replace(wanted, before=(middle, UUID(int=0))))
        low, high = (low, middle) if page.more else (middle, high)
    return replace(wanted, before=(low, UUID(int=0)))


@contextmanager
def _counted(engine: sa.Engine) -> Iterator[list[int]]:
    count = [0]

    def note(*_: object) -> None:
        count[0] += 1

    sa.event.listen(engine, "before_cursor_execute", note)
    yield count
    sa.event.remove(engine, "before_cursor_execute", note)


if __name__ == "__main__":
    sys.exit(main())
