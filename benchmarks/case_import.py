"""An import of another system's cases against a bare COPY of the very same rows into the same indexed tables.

Needs a demo city in JINGWEI_DATABASE_URL. Both write in a transaction that is rolled back; the tables are
vacuumed between rounds, so that nobody pays for the other's dead rows. The import reads a CSV file, parses
and checks it, finds cells, and looks for known numbers; the COPY sends bytes that are ready.
"""

import argparse
import csv
import random
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app import transaction
from app.db import make_engine
from app.interop.case_import import import_cases
from app.interop.case_rows import Terms
from app.settings import read_settings
from benchmarks._pairs import MIN_ROUNDS, Line, interleaved, report

BAR = 0.5
SYSTEM = "benchmark"
TABLES = {
    "cases": "origin = 'benchmark'",
    "appeals": "case_id IN (SELECT id FROM cases WHERE origin = 'benchmark')",
    "case_steps": "case_id IN (SELECT id FROM cases WHERE origin = 'benchmark')",
}
HEADINGS = [
    "编号",
    "来电时间",
    "类别",
    "内容",
    "状态",
    "交办时间",
    "反馈时间",
    "结案时间",
    "承办单位",
    "渠道",
    "经度",
    "纬度",
    "满意度",
    "姓名",
    "电话",
]


def main() -> int:
    """Print the table; return 0 when the bar is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=MIN_ROUNDS)
    given = parser.parse_args()
    engine = make_engine(read_settings())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.csv"
        _write_csv(engine, path, given.rows)
        ready = _ready(engine, path)
        contenders = {
            "bare COPY": partial(_copied, engine, ready),
            "import": partial(_imported, engine, path),
        }
        found = interleaved(
            contenders, base="bare COPY", rounds=given.rounds, equal=lambda one, other: one == other
        )
    engine.dispose()
    lines = [
        Line("bare COPY of the same rows", found["bare COPY"], None, given.rows),
        Line("import of a CSV file", found["import"], BAR, given.rows),
    ]
    return 0 if report(lines) else 1


def _write_csv(engine: sa.Engine, path: Path, count: int) -> None:
    chance = random.Random(3)
    with engine.connect() as connection:

        def column(text: str) -> list[str]:
            return [str(value) for value in connection.execute(sa.text(text)).scalars()]

        once = "name_zh IN (SELECT name_zh FROM case_types GROUP BY 1 HAVING count(*) = 1)"
        faults = column(f"SELECT name_zh FROM case_types WHERE kind = 'incident' AND {once} ORDER BY code")
        appeals = column(f"SELECT name_zh FROM case_types WHERE kind = 'appeal' AND {once} ORDER BY code")
        units = column("SELECT name_zh FROM units WHERE length(code) = 1 ORDER BY code")
        texts = column("SELECT text FROM cases ORDER BY no LIMIT 20000")
        places = connection.execute(
            sa.text(
                "SELECT ST_X(geom) AS lon, ST_Y(geom) AS lat FROM cases WHERE geom IS NOT NULL ORDER BY no"
            )
        ).all()
    start = datetime(2021, 1, 1)  # noqa: DTZ001 - local, as in other systems' files
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        for number in range(count):
            appeal = chance.random() < 0.4
            came = start + timedelta(seconds=chance.randrange(900 * 86_400))
            sent = came + timedelta(minutes=chance.randrange(5, 60))
            done = sent + timedelta(hours=chance.randrange(1, 90))
            ended = done + timedelta(hours=chance.randrange(1, 40))
            place = chance.choice(places) if not appeal or chance.random() < 0.65 else ("", "")
            kind, who = (
                chance.choice(appeals if appeal else faults),
                ("王某", "13000000000") if appeal else ("", ""),
            )
            words = (kind, f"{chance.choice(texts)}{number % 977}号", "已办结")
            rest = (chance.choice(units), chance.choice(("电话", "微信", "巡查")), *place)
            writer.writerow(
                (f"BM{number:08d}", came, *words, sent, done, ended, *rest, chance.choice(("满意", "")), *who)
            )


def _terms(_: str | None) -> Terms:
    return Terms(SYSTEM, "wgs84", ZoneInfo("Asia/Shanghai"), datetime.now(UTC))


def _counts(connection: sa.Connection) -> list[int]:
    return [
        connection.execute(sa.text(f"SELECT count(*) FROM {table} WHERE {of}")).scalar_one()
        for table, of in TABLES.items()
    ]


def _import(path: Path) -> None:
    import_cases(
        path,
        system=SYSTEM,
        at=datetime.now(UTC),
        terms=_terms,
        columns={},
        applied=True,
        bad_file=path.with_suffix(".bad.csv"),
    )


def _imported(engine: sa.Engine, path: Path) -> int:
    with engine.connect() as connection:
        outer = connection.begin()
        transaction.bind(engine, connection)
        _import(path)
        transaction.bind(None)
        outer.rollback()
    _vacuum(engine)
    return len(path.read_bytes())


def _ready(engine: sa.Engine, path: Path) -> dict[str, tuple[str, bytes]]:
    """Return what a COPY of the imported rows sends, by table, with the columns."""
    found: dict[str, tuple[str, bytes]] = {"file": ("", b"0" * len(path.read_bytes()))}
    with engine.connect() as connection:
        outer = connection.begin()
        transaction.bind(engine, connection)
        _import(path)
        transaction.bind(None)
        raw = connection.connection.driver_connection
        for table, of in TABLES.items():
            names = connection.execute(
                sa.text(
                    "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute"
                    " WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped"
                    " AND attidentity = ''"
                ),
                {"table": table},
            ).scalar_one()
            with (
                raw.cursor() as cursor,
                cursor.copy(
                    f"COPY (SELECT {names} FROM {table} WHERE {of}) TO STDOUT (FORMAT BINARY)"
                ) as copy,
            ):
                found[table] = names, b"".join(bytes(part) for part in copy)
        print(f"{_counts(connection)} rows of {', '.join(TABLES)}")
        outer.rollback()
    _vacuum(engine)
    return found


def _copied(engine: sa.Engine, ready: dict[str, tuple[str, bytes]]) -> int:
    with engine.connect() as connection:
        outer = connection.begin()
        raw = connection.connection.driver_connection
        for table in TABLES:
            names, data = ready[table]
            with (
                raw.cursor() as cursor,
                cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)") as copy,
            ):
                copy.write(data)
        outer.rollback()
    _vacuum(engine)
    return len(ready["file"][1])


def _vacuum(engine: sa.Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in TABLES:
            connection.execute(sa.text(f"VACUUM {table}"))


if __name__ == "__main__":
    sys.exit(main())
