"""One report in the database (the bars of docs/performance.md, section 2).

The full path is `file_report`: cell, holder, facility, number, case, step, event and card. It is measured
against an insert of the same row, with everything found beforehand, into the same table with the same
indexes; both by pgbench with prepared statements, in turns. Location alone is measured in a city ten times
as large too.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from benchmarks._city import COMMUNITY, TOWN, City, city, durability
from benchmarks._pairs import Line, interleaved_rates, report
from benchmarks._pgbench import rate

CLIENTS = (1, 16)
FULL = {1: 0.65, 16: 0.33}
EVENT, LARGER, CONSTANT = 0.85, 0.55, 0.08

# 70 % of the points lie around the middle, 30 % anywhere.
PLACE = r"""
\set dense random(1, 10)
\if :dense <= 7
\set lon :west + (:east - :west) * random_gaussian(0, 1000000, 3.0) / 1000000.0
\set lat :south + (:north - :south) * random_gaussian(0, 1000000, 3.0) / 1000000.0
\else
\set lon :west + (:east - :west) * random(0, 1000000) / 1000000.0
\set lat :south + (:north - :south) * random(0, 1000000) / 1000000.0
\endif
"""

FILE = (
    PLACE
    + r"""
\set day random(10000000, 99999999)
SELECT outcome, detail, card FROM {function}(
    gen_random_uuid(), '\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'F0101',
    'urgent_hour', 2, :lon, :lat, 12, 'wgs84', 'The cover is broken and rattles', NULL, '{}',
    now(), now(), now() + interval '2 hours', :day, 'operator', 1, NULL, 512
);
"""
)

INSERT = (
    PLACE
    + rf"""
\set cell random(0, :cells - 1)
\set community :cell / {COMMUNITY}
\set town 210302001 + :community / {TOWN}
\set community :town * 1000 + 1 + :community % {TOWN}
\set code :community * 1000 + 1 + :cell % {COMMUNITY}
\set worker random(1, :workers)
\set facility random(1, :facilities)
\set no random(1000000000000000000, 9200000000000000000)
INSERT INTO cases (
    id, no, kind, type_code, status, source, text, geom, accuracy_m, crs_source, observed_at, received_at,
    due_at, cell_code, community_code, worker_id, facility_id, reported_by, body_sha256
) VALUES (
    gen_random_uuid(), :no, 'incident', 'F0101', 'reported', 'operator', 'The cover is broken and rattles',
    ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 12, 'wgs84', now(), now(), now() + interval '2 hours',
    :code, :community, :worker, :facility, 1,
    '\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
);
"""
)

LOCATE = (
    PLACE
    + r"""
SELECT found.cell_code, holder.worker_id, holder.desk_code, nearest_facility(place, '0101', 30)
FROM (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS place) asked,
     locate_cell(place, now()) found,
     holder_of(found.cell_code, left(found.cell_code, 12), now()) holder;
"""
)

SELECT = r"""
\set any random(1, 1000000)
SELECT :any::integer;
"""


def main() -> int:
    """Print the table; return 0 when every bar is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2)
    given = parser.parse_args()
    with city() as small, TemporaryDirectory() as folder:
        print(f"{small.cells:,} cells; {durability(small.settings.database_url)}")
        _without_event(small)
        turns = Turns(Path(folder), given.seconds, given.rounds)
        lines = [line for clients in CLIENTS for line in _filing(turns, small, clients)]
        with city(10) as large:
            lines += [line for clients in CLIENTS for line in _finding(turns, small, large, clients)]
    return 0 if report(lines) else 1


class Turns:
    """Scripts in a folder, and how long and how often each is run."""

    def __init__(self, folder: Path, seconds: int, rounds: int) -> None:
        self.folder, self.seconds, self.rounds = folder, seconds, rounds

    def of(self, name: str, script: str, where: City, clients: int) -> Callable[[], float]:
        """Return a run of `script` in a city: its transactions a second."""
        path = self.folder / f"{name}.sql"
        path.write_text(script)
        return partial(
            rate, where.settings, path, clients=clients, seconds=self.seconds, variables=variables(where)
        )


def variables(where: City) -> dict[str, float]:
    """Return what the scripts ask of a city."""
    west, south, east, north = where.bounds
    sizes = {"cells": where.cells, "workers": where.workers, "facilities": where.facilities}
    return {"west": west, "south": south, "east": east, "north": north, **sizes}


def _without_event(where: City) -> None:
    """Make a second function that files a report and writes no event."""
    with psycopg.connect(where.settings.database_url) as connection:
        connection.execute(f"SET search_path = {where.settings.schema}, public")
        row = connection.execute("SELECT pg_get_functiondef('file_report'::regproc)").fetchone()
        text = str(row[0]) if row else ""
        start = text.index("    INSERT INTO events")
        silent = text[:start] + text[text.index(";", start) + 1 :]
        connection.execute(silent.replace("file_report", "file_silently").encode())


def _filing(turns: Turns, where: City, clients: int) -> Iterator[Line]:
    insert = turns.of("insert", INSERT, where, clients)
    full = turns.of("full", FILE.replace("{function}", "file_report"), where, clients)
    silent = turns.of("silent", FILE.replace("{function}", "file_silently"), where, clients)
    found = interleaved_rates({"insert": insert, "full": full}, base="insert", rounds=turns.rounds)
    yield Line(f"the same insert, {clients} clients", found["insert"], size=1)
    yield Line(f"file_report, {clients} clients", found["full"], FULL[clients], 1)
    found = interleaved_rates({"silent": silent, "full": full}, base="silent", rounds=turns.rounds)
    yield Line(f"file_report, against it without event, {clients}", found["full"], EVENT, 1)


def _finding(turns: Turns, small: City, large: City, clients: int) -> Iterator[Line]:
    select = turns.of("select", SELECT, small, clients)
    here = turns.of("locate", LOCATE, small, clients)
    there = turns.of("locate", LOCATE, large, clients)
    found = interleaved_rates({"select": select, "locate": here}, base="select", rounds=turns.rounds)
    yield Line(f"location, against a constant select, {clients}", found["locate"], CONSTANT, 1)
    found = interleaved_rates({"small": here, "large": there}, base="small", rounds=turns.rounds)
    yield Line(f"location, {clients} clients", found["small"], size=1)
    yield Line(f"location, ten times the city, {clients} clients", found["large"], LARGER, 1)


if __name__ == "__main__":
    sys.exit(main())
