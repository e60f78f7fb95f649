"""One request, one commit; and a commit that only this server has is not acknowledged."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from app import create_app, transaction
from app.db import make_engine
from app.errors import CommitUncertain
from app.transaction import Event, read, write, write_at_once

INSERT = sa.text("INSERT INTO rate_buckets (key, window_start, count) VALUES (:key, now(), 1)")
COUNT = sa.text("SELECT count(*) FROM rate_buckets")
WARN_AT_COMMIT = """
CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE WARNING '取消等待同步复制' USING ERRCODE = '01000', DETAIL = '事务已在本地提交';
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER warned AFTER INSERT ON events
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION warn();
"""
WARNING = sa.text("DO $$ BEGIN RAISE WARNING 'something else' USING ERRCODE = '01000'; END $$")


@pytest.fixture
def database(fresh):
    engine = make_engine(fresh, pool_size=1)
    transaction.bind(engine)
    yield engine
    engine.dispose()


def test_a_block_that_fails_leaves_nothing(database):
    with pytest.raises(ZeroDivisionError), write() as tx:
        tx.execute(INSERT, {"key": "a"})
        _ = 1 / 0
    with read() as tx:
        assert tx.execute(COUNT).scalar() == 0


def test_what_is_written_at_once_is_there_when_the_statement_returns(database):
    with write_at_once() as tx:
        tx.execute(INSERT, {"key": "a"})
        with sa.create_engine(database.url, **_same(database)).connect() as other:
            assert other.execute(COUNT).scalar() == 1


def _same(engine):
    return {"poolclass": sa.NullPool, "connect_args": {"options": "-c search_path=jingwei,public"}}


def test_a_connection_used_at_once_is_given_back_as_it_was(database):
    with write_at_once() as tx:
        tx.execute(INSERT, {"key": "a"})
    with pytest.raises(ZeroDivisionError), write() as tx:
        tx.execute(INSERT, {"key": "b"})
        _ = 1 / 0
    with read() as tx:
        assert tx.execute(COUNT).scalar() == 1


@pytest.mark.parametrize("kind", [write, write_at_once, read])
def test_a_lost_connection_is_told_and_replaced(database, kind):
    with pytest.raises(OperationalError), kind() as tx:
        own = tx.execute(sa.text("SELECT pg_backend_pid()")).scalar()
        _kill(database, own)
        tx.one("identity.account", username="admin")
    with kind() as tx:
        assert tx.one("identity.account", username="admin").username == "admin"


def _kill(engine, pid: int) -> None:
    with sa.create_engine(engine.url, **_same(engine)).connect() as other:
        other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


def test_one_answers_a_row_by_names_or_none(database):
    with read() as tx:
        assert tx.one("identity.account", username="admin").active is True
        assert tx.one("identity.account", username="nobody") is None


def test_flask_opens_no_session_of_its_own(fresh):
    app = create_app(replace(fresh, secret_key="for tests only"))
    with app.test_client() as client:
        assert "Set-Cookie" not in client.get("/healthz").headers
    transaction.engine().dispose()


@pytest.mark.parametrize("opened", [write, write_at_once])
def test_a_commit_that_the_standby_did_not_confirm_is_not_acknowledged(database, opened):
    with database.begin() as connection:
        connection.exec_driver_sql(WARN_AT_COMMIT)
    with pytest.raises(CommitUncertain, match="send the same again"), opened() as tx:
        tx.record(Event("uncertain", "1"))
    with write() as tx:
        assert tx.execute(sa.text("SELECT 1")).scalar_one() == 1, "the connection after it is a good one"


def test_a_warning_before_the_commit_is_no_reason_for_doubt(database):
    with write() as tx:
        tx.execute(WARNING)
        tx.record(Event("kept", "1"))
    with read() as tx:
        assert tx.execute(sa.text("SELECT kind FROM events")).scalars().all() == ["kept"]


def test_a_snapshot_sees_one_moment(database):
    with read(snapshot=True) as tx:
        before = tx.execute(COUNT).scalar_one()
        with write() as other:
            other.execute(INSERT, {"key": "meanwhile"})
        assert tx.execute(COUNT).scalar_one() == before
