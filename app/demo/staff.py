"""The demo city's workers: roster, shifts, posts, and where they are seen."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import shapely
import sqlalchemy as sa
from psycopg.types.range import Range

from app.bulk import copy_rows
from app.demo.common import SINCE, US, end_of, ewkb
from app.transaction import Tx
from data.city import City


def write_workers(tx: Tx, city: City) -> None:
    """Write the roster and its shifts, with where each was last seen."""
    rows = city.workers
    seen = _last_seen(city)
    points = shapely.points(rows["lon"].to_numpy(), rows["lat"].to_numpy())
    copy_rows(
        tx,
        "workers",
        {
            "id": "int8",
            "code": "text",
            "name": "text",
            "phone": "text",
            "home_code": "text",
            "position": "bytea",
            "position_at": "timestamptz",
            "position_accuracy_m": "float8",
        },
        zip(
            range(1, len(rows) + 1),
            rows["code"],
            rows["name"],
            rows["phone"],
            rows["home"],
            ewkb(points),
            seen,
            [8.0] * len(rows),
            strict=True,
        ),
    )
    tx.execute(
        sa.text("SELECT setval(pg_get_serial_sequence('workers', 'id'), (SELECT max(id) FROM workers))")
    )
    until = end_of(city) - timedelta(days=1)
    copy_rows(
        tx,
        "shifts",
        {"worker_id": "int8", "during": "tstzrange"},
        (
            (number, Range(SINCE, None if on_duty else until))
            for number, on_duty in enumerate(rows["on_duty"].tolist(), 1)
        ),
    )


def _last_seen(city: City) -> list[datetime]:
    """Workers on duty were seen within the last twenty minutes before the city's moment, others a day ago."""
    chance = np.random.default_rng([city.seed, 8890])
    minutes = chance.gamma(1.5, 4.0, len(city.workers))
    return [
        end_of(city) - (timedelta(minutes=float(ago)) if on_duty else timedelta(days=1, minutes=float(ago)))
        for ago, on_duty in zip(minutes, city.workers["on_duty"].tolist(), strict=True)
    ]


def write_posts(tx: Tx, city: City) -> None:
    """Write who holds which cell."""
    number = {code: i for i, code in enumerate(city.workers["code"], 1)}
    always = Range(SINCE, None)
    copy_rows(
        tx,
        "posts",
        {"code": "text", "cell_code": "text", "worker_id": "int8", "role": "text", "during": "tstzrange"},
        (
            (code, cell, number[worker], role, always)
            for code, cell, worker, role in zip(
                city.posts["code"], city.posts["cell"], city.posts["worker"], city.posts["role"], strict=True
            )
        ),
    )


def walk(tx: Tx, *, at: datetime) -> int:
    """Let the demo city's workers on duty be seen at `at`, some of them in another of their cells.

    A city that is none of ours is left alone. Returns how many were seen.
    """
    ours = sa.text("SELECT EXISTS (SELECT FROM grid_versions WHERE created_by = :us)")
    return tx.execute(WALK, {"at": at}).rowcount if tx.execute(ours, {"us": US}).scalar_one() else 0


WALK = sa.text(
    """
    UPDATE workers w
       SET position_at = CAST(:at AS timestamptz) - random() * interval '5 minutes',
           position = coalesce(moved.place, w.position)
      FROM (SELECT s.worker_id,
                   (SELECT ST_GeometryN(ST_GeneratePoints(v.geom, 1), 1)
                      FROM posts p
                      JOIN cell_versions v
                        ON v.cell_code = p.cell_code AND v.valid @> CAST(:at AS timestamptz)
                     WHERE p.worker_id = s.worker_id AND p.role = 'primary'
                       AND p.during @> CAST(:at AS timestamptz) AND s.moves
                     ORDER BY random()
                     LIMIT 1) AS place
              FROM (SELECT worker_id, random() < 0.2 AS moves
                      FROM shifts
                     WHERE during @> CAST(:at AS timestamptz)) s) moved
     WHERE w.id = moved.worker_id
    """
)
