"""The record is chained in commit order, once, and a row that was tampered with is named."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app.audit import queries
from app.audit.actions import record
from app.audit.rules import Action, RecordBroken
from app.transaction import read, write

from .conftest import BOSS, NOON, SECRET


def verdict(**more):
    with read(snapshot=True) as tx:
        return queries.verify(tx, **{"secret": SECRET, "at": NOON, **more})


def chain(city) -> list[tuple[int, int]]:
    with city.engine.connect() as connection:
        return [
            (r.no, r.id) for r in connection.execute(sa.text("SELECT no, id FROM audit_chain ORDER BY no"))
        ]


def test_rows_are_chained_once_and_the_head_is_signed(city):
    city.rows(5)
    head = city.seal()
    assert head.no == 5
    assert city.seal() is None
    city.rows(2)
    assert city.seal().no == 7
    found = verdict()
    assert (found.sound, found.rows, found.heads, found.foreign) == (True, 7, 2, 0)
    assert [no for no, _ in chain(city)] == list(range(1, 8))


def test_what_is_sealed_in_several_goes_is_one_chain(city):
    city.rows(7)
    heads = [city.seal(most=3) for _ in range(4)]
    assert [head and head.no for head in heads] == [3, 6, 7, None]
    assert verdict().rows == 7


def test_a_transaction_that_still_runs_is_not_waited_for_and_not_missed(city):
    """It drew a number before rows that are committed already: a reader of `id > last` would miss it."""
    with city.engine.connect() as slow, slow.begin():
        slow.execute(sa.text("INSERT INTO audit_log (username, action, subject) VALUES ('slow', 'x', 'y')"))
        city.rows(3)
        assert city.seal().no == 3
        city.rows(4)
        assert [city.seal(most=2).no for _ in range(2)] == [5, 7]
    assert city.seal().no == 8
    assert [row for _, row in chain(city)][-1] < min(row for _, row in chain(city)[:-1])
    assert verdict().rows == 8


def test_a_rollback_leaves_no_row(city):
    with pytest.raises(ZeroDivisionError), write() as tx:
        record(tx, Action.TOKEN_REVOKED, "token x", by=BOSS)
        1 / 0  # noqa: B018
    assert city.seal() is None


def test_rows_of_a_restored_dump_whose_counter_was_ahead_are_sealed_once(city):
    city.rows(2)
    city.seal()
    city.rows(2)
    with city.forging() as forger:
        forger.execute(sa.text("UPDATE audit_log SET xid = CAST('9000000000' AS xid8)"))
        forger.execute(sa.text("UPDATE audit_heads SET below = 9000000000"))
    assert city.seal().no == 4
    city.rows(3)
    assert city.seal().no == 7
    assert city.seal() is None
    assert verdict().rows == 7


def test_many_writers_and_two_sealers_at_once_make_one_chain(city):
    done = threading.Event()

    def write_rows():
        city.rows(40)

    def keep_sealing():
        while not done.is_set():
            city.seal(most=7)

    writers = [threading.Thread(target=write_rows) for _ in range(4)]
    sealers = [threading.Thread(target=keep_sealing) for _ in range(2)]
    for thread in (*writers, *sealers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in sealers:
        thread.join()
    while city.seal() is not None:
        pass
    found = verdict()
    assert (found.sound, found.rows) == (True, 160)
    assert len({row for _, row in chain(city)}) == 160


@pytest.mark.parametrize(
    ("change", "place", "why"),
    [
        ("UPDATE audit_log SET username = 'somebody else' WHERE id = :row", 4, "not what was sealed"),
        ("UPDATE audit_log SET at = at - interval '1 microsecond' WHERE id = :row", 4, "not what was sealed"),
        ("UPDATE audit_log SET detail = '{\"number\": 3}' WHERE id = :row", 4, "not what was sealed"),
        ("UPDATE audit_log SET area_code = '210300' WHERE id = :row", 4, "not what was sealed"),
        ("UPDATE audit_log SET person_id = NULL WHERE id = :row", 4, "not what was sealed"),
        ("DELETE FROM audit_log WHERE id = :row", 4, "the row is gone"),
        ("DELETE FROM audit_chain WHERE id = :row", 4, "place of the chain is gone"),
        ("UPDATE audit_chain SET hash = sha256('x') WHERE id = :row", 4, "not what was sealed"),
        ("WITH x AS (DELETE FROM audit_chain WHERE id = :row) DELETE FROM audit_log WHERE id = :row", 4,
         "place of the chain is gone"),
    ],
)  # fmt: skip
def test_the_first_row_that_was_tampered_with_is_named(city, change, place, why):
    city.rows(9)
    city.seal()
    row = dict(chain(city))[place]
    with city.forging() as forger:
        forger.execute(sa.text(change), {"row": row})
    found = verdict().broken
    assert (found.no, why in found.why) == (place, True)
    assert found.id in {row, None}


def rewritten(city, secret: str) -> None:
    """Make the whole chain anew over a changed row, as whoever owns the database can."""
    with city.forging() as forger:
        forger.execute(
            sa.text("UPDATE audit_log SET username = 'nobody' WHERE id = (SELECT min(id) FROM audit_log)")
        )
        forger.execute(sa.text("DELETE FROM audit_chain"))
        forger.execute(sa.text("DELETE FROM audit_heads"))
    city.seal(secret)


def test_a_chain_made_anew_cannot_be_signed_without_the_citys_key(city):
    city.rows(5)
    kept = city.seal()
    rewritten(city, "a guess")
    found = verdict()
    assert (found.broken.no, found.foreign) == (5, 1)
    assert "not signed with this city's secret key" in found.broken.why
    # even who knows the key is found out by a head that was kept elsewhere
    rewritten(city, SECRET)
    assert verdict().sound
    assert "differs here from the head that was kept" in verdict(known=(kept.no, kept.hash)).broken.why


def test_a_head_that_is_cut_off_with_its_rows_is_missed_by_the_head_that_was_kept(city):
    city.rows(3)
    city.seal()
    city.rows(3)
    kept = city.seal()
    with city.forging() as forger:
        forger.execute(sa.text("DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_chain WHERE no > 3)"))
        forger.execute(sa.text("DELETE FROM audit_chain WHERE no > 3"))
    assert "a head says that it goes to 6" in verdict().broken.why
    with city.forging() as forger:
        forger.execute(sa.text("DELETE FROM audit_heads WHERE no > 3"))
    assert verdict().sound, "this is what heads are kept elsewhere for"
    assert "goes to 6" in verdict(known=(kept.no, kept.hash)).broken.why


def test_nothing_is_sealed_on_top_of_a_forged_chain(city):
    """Else the honest job would sign the forgery."""
    city.rows(3)
    city.seal()
    rewritten(city, "a guess")
    city.rows(1)
    with pytest.raises(RecordBroken, match="not signed"):
        city.seal()
    with city.forging() as forger:
        forger.execute(sa.text("DELETE FROM audit_chain WHERE no = 3"))
    with pytest.raises(RecordBroken, match="does not end"):
        city.seal()


def test_a_changed_key_needs_the_former_one_once(city):
    city.rows(2)
    city.seal("before")
    city.rows(1)
    with pytest.raises(RecordBroken, match="--former-key"):
        city.seal()
    assert city.seal(former="before").no == 3
    city.rows(1)
    assert city.seal().no == 4
    found = verdict()
    assert (found.sound, found.foreign) == (True, 1)


def test_a_part_of_the_chain_can_be_verified(city):
    city.rows(4)
    city.seal()
    with city.forging() as forger:
        forger.execute(sa.text("UPDATE audit_heads SET at = at - interval '3 days'"))
    # the head's moment is signed too, so that a part cannot be moved out of the question
    assert verdict().broken.why.startswith("the head is not signed")


def test_a_fault_before_the_part_is_not_looked_for(city):
    with write() as tx:
        record(tx, Action.SETTING_CHANGED, "old", by=BOSS)
    city.seal(at=NOON - timedelta(days=3))
    city.rows(3)
    city.seal()
    with city.forging() as forger:
        forger.execute(sa.text("UPDATE audit_log SET username = 'x' WHERE subject = 'old'"))
    assert verdict(start=NOON - timedelta(days=1)).rows == 3
    assert verdict(start=NOON - timedelta(days=1)).sound
    assert verdict(end=NOON - timedelta(days=1)).broken.no == 1
    assert not verdict().sound


def test_a_row_that_is_long_in_no_chain_is_a_fault(city):
    city.rows(1)
    with city.engine.connect() as connection:
        at = connection.execute(sa.text("SELECT max(at) FROM audit_log")).scalar_one()
    assert verdict(at=at + timedelta(minutes=5)).sound
    assert "in no chain" in verdict(at=at + timedelta(hours=2)).broken.why


@pytest.mark.parametrize("table", ["audit_log", "audit_chain", "audit_heads"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET {column} = {column}", "TRUNCATE {}"])
def test_the_owner_too_is_refused_by_the_triggers(tx, table, change):
    column = {"audit_log": "username", "audit_chain": "hash", "audit_heads": "hash"}[table]
    with pytest.raises(DBAPIError, match=f"of {table} is refused"), tx.connection.begin_nested():
        tx.execute(sa.text(change.format(table, column=column)))
