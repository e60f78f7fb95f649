"""A report over HTTP (the bars of docs/performance.md, section 3).

`PUT /api/v1/reports/<uuid>` with a token, 16 clients, gunicorn gthread with 2 workers of 8 threads, against a
hello-world route in the same server and against the same function called by pgbench. In turns.
"""

import argparse
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from app import clock, transaction
from app.db import make_engine
from app.identity import actions, queries
from benchmarks import _pgbench, _wrk
from benchmarks._city import City, city, durability
from benchmarks._pairs import Line, interleaved_rates, report
from benchmarks.report import FILE, variables

CLIENTS, WORKERS, THREADS, PORT = 16, 2, 8, 8199
OF_HELLO, OF_DATABASE = 0.2, 0.17

SEND = """
local west, south, east, north = {west}, {south}, {east}, {north}
local started = 0
function setup(thread)
    started = started + 1
    thread:set("seed", os.time() * 1000 + started)
end
function init(args)
    math.randomseed(seed)
    for i = 1, 10 do math.random() end
end
wrk.method = "PUT"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {token}"
function request()
    local r = math.random
    local id = string.format("%08x-%04x-4%03x-8%03x-%06x%06x", r(0, 0x7fffffff), r(0, 0xffff), r(0, 0xfff),
        r(0, 0xfff), r(0, 0xffffff), r(0, 0xffffff))
    local lon, lat = west + (east - west) * math.random(), south + (north - south) * math.random()
    local body = string.format('{{"type": "F0101", "lon": %.7f, "lat": %.7f, "accuracy_m": 12, ' ..
        '"text": "The cover is broken and rattles"}}', lon, lat)
    return wrk.format(nil, "/api/v1/reports/" .. id, nil, body)
end
"""


def main() -> int:
    """Print the table; return 0 when every bar is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3)
    given = parser.parse_args()
    with city() as where, TemporaryDirectory() as folder, _server(where) as address:
        print(f"{where.cells:,} cells; {durability(where.settings.database_url)}")
        script = Path(folder) / "file.sql"
        script.write_text(FILE.replace("{function}", "file_report"))
        west, south, east, north = where.bounds
        send = SEND.format(west=west, south=south, east=east, north=north, token=_token(where))
        wrk = partial(_wrk.rate, clients=CLIENTS, seconds=given.seconds)
        contenders: dict[str, Callable[[], float]] = {
            "report": partial(wrk, f"{address}/", script=send),
            "hello": partial(wrk, f"{address}/hello"),
            "bare": partial(wrk, f"{address}/bare"),
            "database": partial(
                _pgbench.rate,
                where.settings,
                script,
                clients=CLIENTS,
                seconds=given.seconds,
                variables=variables(where),
            ),
        }
        of_hello = interleaved_rates(
            _some(contenders, "hello bare report"), base="hello", rounds=given.rounds
        )
        of_database = interleaved_rates(
            _some(contenders, "database report"), base="database", rounds=given.rounds
        )
    lines = [
        Line("hello-world route in the same server", of_hello["hello"], size=1),
        Line("a Flask with nothing around it", of_hello["bare"], size=1),
        Line("PUT report, against hello", of_hello["report"], OF_HELLO, 1),
        Line("file_report by pgbench", of_database["database"], size=1),
        Line("PUT report, against the database", of_database["report"], OF_DATABASE, 1),
    ]
    return 0 if report(lines) else 1


def _some(contenders: dict[str, Callable[[], float]], names: str) -> dict[str, Callable[[], float]]:
    return {name: contenders[name] for name in names.split()}


def _token(where: City) -> str:
    transaction.bind(make_engine(where.settings))
    with transaction.write() as tx:
        person = queries.person_id(tx, "bench")
        secret = actions.create_token(tx, "bench", person_id=person, at=clock.now())
    transaction.engine().dispose()
    return secret


@contextmanager
def _server(where: City) -> Iterator[str]:
    """Serve the application as `jingwei serve` does, on a port of its own."""
    address = f"http://127.0.0.1:{PORT}"
    settings = where.settings
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("JINGWEI_")},
        "JINGWEI_DATABASE_URL": settings.database_url,
        "JINGWEI_SCHEMA": settings.schema,
        "JINGWEI_VAR": str(settings.var),
        "JINGWEI_SECRET_KEY": settings.secret_key,
        "JINGWEI_WEB_THREADS": str(THREADS),
    }
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--bind=127.0.0.1:" + str(PORT),
        f"--workers={WORKERS}",
        f"--threads={THREADS}",
        "--worker-class=gthread",
        "--keep-alive=30",
        "--log-level=warning",
        "benchmarks._served:served",
    ]
    server = subprocess.Popen(command, env=environ)
    try:
        _wait(f"{address}/readyz", server)
        yield address
    finally:
        server.terminate()
        server.wait(10)


def _wait(url: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(100):
        if server.poll() is not None:
            raise RuntimeError("gunicorn ended")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"{url} does not answer")


if __name__ == "__main__":
    sys.exit(main())
