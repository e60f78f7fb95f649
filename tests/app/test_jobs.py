"""Background work is queued with the change that causes it."""

import asyncio

import pytest
import sqlalchemy as sa

from app import jobs, transaction
from app.db import make_engine
from app.worker import make_worker, rescue


def waiting(tx):
    return tx.execute(sa.text("SELECT task_name, args FROM procrastinate_jobs ORDER BY id")).all()


def test_a_job_is_queued_in_the_transaction(tx):
    jobs.defer(tx, jobs.PUBLISH, why="an import")
    assert waiting(tx) == [("publish", {"why": "an import"})]


def test_a_job_that_waits_already_is_not_queued_twice(tx):
    jobs.defer(tx, jobs.PUBLISH, why="first")
    jobs.defer(tx, jobs.PUBLISH, why="second")
    assert waiting(tx) == [("publish", {"why": "first"})]


def test_a_rollback_leaves_no_job(fresh):
    engine = make_engine(fresh)
    transaction.bind(engine)
    with pytest.raises(ZeroDivisionError), transaction.write() as tx:
        jobs.defer(tx, jobs.PUBLISH)
        1 / 0  # noqa: B018
    with transaction.read() as tx:
        assert waiting(tx) == []
    engine.dispose()


def test_what_a_killed_worker_was_doing_is_done_again_once(fresh):
    """A job left in `doing` holds its lock: without a rescue its like would never run again."""
    engine = make_engine(fresh)
    insert = sa.text(
        "INSERT INTO procrastinate_jobs (task_name, queue_name, lock, queueing_lock, status, args)"
        " SELECT t, 'default', t, t, CAST(:status AS procrastinate_job_status), '{}'"
        " FROM (SELECT CAST(:task AS text) AS t) asked"
    )
    with engine.begin() as connection:
        for task, status in (("escalate", "doing"), ("escalate", "todo"), ("figures", "doing")):
            connection.execute(insert, {"task": task, "status": status})
    queue = make_worker(fresh)

    async def rescued() -> int:
        async with queue.open_async():
            return await rescue(queue)

    assert asyncio.run(rescued()) == 2
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT task_name, status::text FROM procrastinate_jobs ORDER BY id")
        )
        assert [tuple(row) for row in rows] == [
            ("escalate", "failed"),
            ("escalate", "todo"),
            ("figures", "todo"),
        ]
    engine.dispose()
