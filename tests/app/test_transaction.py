"""One request, one commit; and a commit that only this server has is not acknowledged."""

import pytest
import sqlalchemy as sa

from app import transaction
from app.db import make_engine
from app.errors import CommitUncertain
from app.transaction import Event

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
def engine(fresh):
    engine = make_engine(fresh)
    transaction.bind(engine)
    yield engine
    engine.dispose()


def kinds():
    with transaction.read() as tx:
        return tx.execute(sa.text("SELECT kind FROM events ORDER BY id")).scalars().all()


def test_what_is_written_is_there_and_what_fails_is_not(engine):
    with transaction.write() as tx:
        tx.record(Event("kept", "1"))
    with pytest.raises(ZeroDivisionError), transaction.write() as tx:
        tx.record(Event("lost", "1"))
        1 / 0  # noqa: B018
    assert kinds() == ["kept"]


@pytest.mark.parametrize("opened", [transaction.write, transaction.write_at_once])
def test_a_commit_that_the_standby_did_not_confirm_is_not_acknowledged(engine, opened):
    with engine.begin() as connection:
        connection.exec_driver_sql(WARN_AT_COMMIT)
    with pytest.raises(CommitUncertain, match="send the same again"), opened() as tx:
        tx.record(Event("uncertain", "1"))
    with transaction.write() as tx:
        assert tx.execute(sa.text("SELECT 1")).scalar_one() == 1, "the connection after it is a good one"


def test_a_warning_before_the_commit_is_no_reason_for_doubt(engine):
    with transaction.write() as tx:
        tx.execute(WARNING)
        tx.record(Event("kept", "1"))
    assert kinds() == ["kept"]


def test_a_snapshot_sees_one_moment(engine):
    count = sa.text("SELECT count(*) FROM events")
    with transaction.read(snapshot=True) as tx:
        before = tx.execute(count).scalar_one()
        with transaction.write() as other:
            other.record(Event("meanwhile", "1"))
        assert tx.execute(count).scalar_one() == before
