"""Background work is queued with the change that causes it."""

import pytest
import sqlalchemy as sa

from app import jobs, transaction
from app.db import make_engine


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
