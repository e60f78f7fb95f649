"""Each event is told once, to whom it concerns, and goes out by the ways they chose."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app import transaction
from app.db import named_statements
from app.errors import BadValue, NotFound
from app.notices.actions import prefer, read_all, read_notice, retry, send_all, sweep, tell, tell_all
from app.notices.channels import ways, webhook_key
from app.notices.queries import Preference, notices, preference, unread
from app.notices.rules import DEFAULTS, MOST_TRIES, NoticeKind
from app.transaction import Event, write
from tests import people
from tests.app.notices.conftest import EVENTS, REAL
from tests.city import B
from tests.loop import Loop

pytestmark = pytest.mark.database
AT = datetime(2026, 9, 1, 8, tzinfo=UTC)


@pytest.fixture
def run(live, wired):
    """Tell and send as the background worker does; returns what went out."""

    def do(at=AT):
        tell_all(ways(wired), at=at)
        return send_all(ways(wired), at=at, secret=wired.secret_key, public_url=wired.public_url)

    return do


@pytest.fixture
def addressed(rows):
    """Give somebody an e-mail address, or a webhook."""

    def do(username, email=None, hook=None):
        rows(
            "INSERT INTO notice_preferences (person_id, email, webhook_url)"
            " SELECT id, :email, :hook FROM people WHERE username = :who",
            who=username,
            email=email,
            hook=hook,
        )

    return do


TOLD = (
    "SELECT p.username, n.kind, n.data ->> 'step' FROM notices n JOIN people p ON p.id = n.person_id"
    " ORDER BY n.event_id, n.kind, p.username"
)


def test_the_worker_the_unit_and_the_desk_are_told_of_their_steps(ask, run, rows):
    loop = Loop.incident(ask, by="operator").dispatched().take("handler", "sign")
    loop.take("handler", "ask_extend", reason="等料")
    loop.take("dispatcher_all", "refuse", reason="材料已到")
    run()
    assert rows(TOLD) == [
        ("worker", "in_hands", "report"),
        ("handler", "to_handle", "dispatch"),
        ("dispatcher", "asked", "ask_extend"),
        ("handler", "decided", "refuse"),
    ]


def test_the_desk_nearest_to_the_case_is_told(ask, run, rows):
    """`dispatcher` holds the district, `dispatcher_all` the city."""
    Loop.incident(ask).dispatched().take("handler", "ask_return", reason="不是我们的")
    run()
    assert ("dispatcher", "asked", "ask_return") in rows(TOLD)
    assert not [row for row in rows(TOLD) if row[0] == "dispatcher_all"]


def test_nobody_is_told_of_their_own_step(ask, run, rows):
    """The handler extends nothing; what they hold is urged by the dispatcher who holds it at feedback."""
    loop = Loop.incident(ask).handled()
    loop.take("dispatcher", "urge")
    run()
    assert not [row for row in rows(TOLD) if row[2] == "urge"]


def test_the_person_behind_a_case_is_told_of_progress(ask, run, rows):
    loop = Loop.incident(ask, by="citizen").dispatched()
    run()
    assert [row for row in rows(TOLD) if row[0] == "citizen"] == [
        ("citizen", "progress", "accept"),
        ("citizen", "progress", "dispatch"),
    ]
    assert loop.status == "dispatched"


def test_whoever_joined_a_case_is_told_of_its_progress_with_their_own_number(ask, run, rows):
    with write() as tx:
        people.person(tx, "neighbour", "citizen")
    first, second = Loop.incident(ask, by="citizen"), Loop.incident(ask, by="neighbour")
    second.take("operator", "merge", into=str(first.id))
    first.dispatched()
    run()
    told = rows(
        "SELECT p.username, n.data ->> 'step', n.data ->> 'no'"
        " FROM notices n JOIN people p ON p.id = n.person_id"
        " WHERE n.kind = 'progress' ORDER BY n.event_id, p.username"
    )
    assert told == [
        ("neighbour", "merge", second.case["no"]),
        ("citizen", "accept", first.case["no"]),
        ("neighbour", "accept", second.case["no"]),
        ("citizen", "dispatch", first.case["no"]),
        ("neighbour", "dispatch", second.case["no"]),
    ]


def test_an_appellant_gets_an_sms_that_names_number_and_status_alone(ask, run, wired):
    loop = Loop.appeal(ask, area=B)
    loop.take("operator", "accept", community=B)
    run()
    [file] = (wired.var / "sms").iterdir()
    sms = json.loads(file.read_text("utf-8"))
    assert sms["phone"] == "13912345678"
    assert sms["text"] == f"您反映的事项（编号 {loop.case['no']}）已受理。"
    assert file.stat().st_mode & 0o077 == 0


def test_who_asked_not_to_be_told_is_not(ask, run, wired):
    Loop.appeal(ask, area=B, tell=False).take("operator", "accept", community=B)
    run()
    assert not (wired.var / "sms").exists()


def test_telling_again_tells_nothing_twice(ask, run, rows, addressed, mail_server):
    addressed("worker", "w1@city.test")
    Loop.incident(ask, by="operator")
    assert (run(), run(), run()) == (1, 0, 0)
    assert rows("SELECT count(*) FROM notices") == [(1,)]
    # even if the place were lost
    rows("UPDATE notice_cursor SET xid = '0', event_id = 0, floor_id = 0")
    assert run() == 0
    assert (rows("SELECT count(*) FROM notices"), len(mail_server.mails)) == ([(1,)], 1)


def test_a_mail_says_what_it_is_about_and_can_be_known_again(ask, run, rows, addressed, mail_server):
    addressed("worker", "w1@city.test")
    loop = Loop.incident(ask, by="operator")
    run()
    [mail] = mail_server.mails
    [(delivery,)] = rows("SELECT id FROM deliveries WHERE channel = 'email'")
    assert mail["To"] == "w1@city.test"
    assert mail["Subject"] == f"您的网格有新案件 {loop.case['no']}（路灯）。"
    assert mail["Message-ID"] == f"<{delivery}@city.test>"
    assert f"https://city.test/cases/{loop.id}" in mail.get_content()
    assert "灯不亮" not in mail.get_content()


def test_a_webhook_is_signed_and_carries_the_key_of_its_delivery(ask, run, rows, addressed, hook, wired):
    addressed("worker", hook=hook.url)
    loop = Loop.incident(ask, by="operator")
    run()
    [(headers, body)] = hook.got
    [(delivery,)] = rows("SELECT id FROM deliveries WHERE channel = 'webhook'")
    [(person,)] = rows("SELECT id FROM people WHERE username = 'worker'")
    assert headers["Idempotency-Key"] == str(delivery)
    key = webhook_key(wired.secret_key, person)
    assert headers["X-Jingwei-Signature"] == f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"
    said = json.loads(body)
    assert (said["id"], said["no"], said["kind"]) == (str(delivery), loop.case["no"], "in_hands")


def test_a_webhook_follows_no_redirect(ask, run, rows, addressed, hook):
    addressed("worker", hook=hook.url)
    hook.status, hook.headers = 302, {"Location": hook.url}
    Loop.incident(ask, by="operator")
    run()
    assert len(hook.got) == 1
    assert rows("SELECT state, error FROM deliveries") == [
        ("waiting", "HTTP 302; a redirect is not followed")
    ]


def test_a_webhook_reaches_no_private_address_that_is_not_allowed(ask, rows, addressed, hook, wired, run):
    addressed("worker", hook=hook.url.replace("http:", "https:").replace("127.0.0.1", "localhost"))
    Loop.incident(ask, by="operator")
    run()
    assert hook.got == []
    [(state, error)] = rows("SELECT state, error FROM deliveries")
    assert (state, "private network" in error) == ("failed", True)


@pytest.mark.parametrize(
    "address",
    ["http://city.test/", "ftp://city.test", "https://u:p@city.test/", "https://", "city.test",
     "https://a b/", "https://city.test/#x", "https://[::1", "https://city.test:99999/", "https://城/"],
)  # fmt: skip
def test_a_webhook_that_may_not_be_is_refused_when_it_is_chosen(tx, address):
    with pytest.raises(BadValue):
        prefer(tx, Preference(None, address, "zh", {}), by=1, trusted=frozenset({"127.0.0.1"}))


@pytest.mark.parametrize(
    "address", ["x", "a@b", "a b@c.de", "a@c.de\nBcc: x@y.de", "@c.de", f"{'a' * 70}@c.de"]
)
def test_an_address_that_is_none_is_refused(tx, address):
    with pytest.raises(BadValue):
        prefer(tx, Preference(address, None, "zh", {}), by=1, trusted=frozenset())


def test_what_was_chosen_holds_and_the_rest_keeps_its_default(ask, run, rows, mail_server, live):
    with write() as tx:
        [person] = tx.execute(sa.text("SELECT id FROM people WHERE username = 'worker'")).scalars()
        chosen = {**DEFAULTS, NoticeKind.IN_HANDS: ()}
        prefer(tx, Preference("w1@city.test", None, "en", chosen), by=person, trusted=frozenset())
        assert preference(tx, person).choices == chosen
    loop = Loop.incident(ask, by="operator").handled()
    loop.take("dispatcher", "check", worker="W0001")
    run()
    [mail] = mail_server.mails
    assert mail["Subject"] == f"Please check case {loop.case['no']} (street lamp) on site."
    with write() as tx:
        assert [(n.kind, n.read_at is None) for n in notices(tx, person).items] == [
            ("look", True),
            ("in_hands", False),
        ]
        assert unread(tx, person) == 1


def test_a_mail_server_that_is_down_for_a_day_loses_and_doubles_nothing(
    ask, run, rows, addressed, mail_server, wired
):
    addressed("worker", "w1@city.test")
    mail_server.stop()
    loops = [Loop.incident(ask, by="operator", text=str(n)) for n in range(5)]
    at = AT
    while at < AT + timedelta(days=1):
        assert run(at) == 0
        at += timedelta(minutes=7)
    [(tries, waiting)] = rows("SELECT max(tries), count(*) FILTER (WHERE state = 'waiting') FROM deliveries")
    assert waiting == 5
    assert tries < 35, "an hour lies between two tries, not seven minutes"
    mail_server.start()
    assert run(at) + run(at + timedelta(hours=1)) == 5
    said = sorted(str(mail["Subject"]) for mail in mail_server.mails)
    assert [loop.case["no"] in text for loop, text in zip(loops, said, strict=True)] == [True] * 5
    assert len({mail["Message-ID"] for mail in mail_server.mails}) == 5
    assert run(at + timedelta(days=1)) == 0


def test_a_server_that_is_down_is_asked_once_and_not_for_every_mail(ask, run, rows, addressed, mail_server):
    addressed("worker", "w1@city.test")
    mail_server.stop()
    for n in range(4):
        Loop.incident(ask, by="operator", text=str(n))
    run()
    assert (
        rows("SELECT tries, state, next_at FROM deliveries")
        == [(1, "waiting", AT + timedelta(minutes=1))] * 4
    )


def test_what_is_given_up_after_three_days_can_be_tried_again(ask, run, rows, addressed, mail_server):
    addressed("worker", "w1@city.test")
    mail_server.stop()
    Loop.incident(ask, by="operator")
    at = AT
    for _ in range(MOST_TRIES):
        run(at)
        at += timedelta(hours=1)
    assert rows("SELECT state, tries FROM deliveries") == [("failed", MOST_TRIES)]
    mail_server.start()
    assert run(at) == 0
    with write() as tx:
        assert retry(tx, None, at=at) == 1
    assert run(at) == 1


def test_an_address_that_the_server_refuses_for_good_holds_up_no_other(
    ask, run, rows, addressed, mail_server
):
    addressed("worker", "gone@city.test")
    addressed("handler", "h@city.test")
    mail_server.refuse = "550 no such user"
    Loop.incident(ask, by="operator")
    run()
    mail_server.refuse = ""
    assert rows("SELECT state, tries, error FROM deliveries") == [("failed", 1, "SMTPRecipientsRefused 550")]
    Loop.incident(ask, by="operator").dispatched()
    run()
    assert sorted(str(mail["To"]) for mail in mail_server.mails) == ["gone@city.test", "h@city.test"]


def test_a_clock_that_jumps_gives_nothing_up_and_holds_nothing_back(ask, run, rows, addressed, mail_server):
    addressed("worker", "w1@city.test")
    mail_server.stop()
    Loop.incident(ask, by="operator")
    run(AT + timedelta(days=3_650))
    assert rows("SELECT state, tries FROM deliveries") == [("waiting", 1)]
    mail_server.start()
    assert run(AT) == 1
    assert len(mail_server.mails) == 1


def test_a_sender_that_was_killed_is_seen_and_sends_under_the_same_id(
    ask, run, rows, addressed, mail_server, wired
):
    addressed("worker", "w1@city.test")
    Loop.incident(ask, by="operator")
    run()
    rows("UPDATE deliveries SET state = 'sending', sent_at = NULL")  # killed before it could say so
    assert run() == 1
    first, second = mail_server.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert rows("SELECT state, tries FROM deliveries") == [("sent", 2)]


def test_of_two_senders_and_two_readers_the_second_does_nothing(ask, rows, addressed, wired, mail_server):
    addressed("worker", "w1@city.test")
    Loop.incident(ask, by="operator")
    with write() as tx:
        assert tell(tx, frozenset(ways(wired)), at=AT).notices == 1
        assert tell_all(ways(wired), at=AT) == 0
    assert rows("SELECT state FROM deliveries") == [("waiting",)]
    key = "hashtext('notices.send ' || current_schema())"
    with transaction.engine().connect() as other:
        other.execute(sa.text(f"SELECT pg_advisory_lock({key})"))
        assert send_all(ways(wired), at=AT, secret="") == 0
        assert mail_server.mails == []
        other.execute(sa.text(f"SELECT pg_advisory_unlock({key})"))
    assert send_all(ways(wired), at=AT, secret="") == 1


def test_what_is_still_being_written_is_waited_for(ask, rows, wired, monkeypatch):
    """With the real horizon: an event behind an open transaction is not told before that has ended."""
    monkeypatch.setitem(named_statements(), EVENTS, REAL)
    with write() as tx:
        tx.record(Event("nothing", "x"))
        Loop.incident(ask, by="operator")
        assert tell_all(ways(wired), at=AT) == 0


def test_after_a_restored_dump_old_events_are_told_once_and_new_ones_too(ask, run, rows):
    """The restored rows name transactions that the new server has not come to yet."""
    Loop.incident(ask, by="operator")
    run()
    Loop.incident(ask, by="operator", text="read after the restore")
    ahead = "CAST(CAST(CAST(CAST(xid AS text) AS bigint) + 1000000000 AS text) AS xid8)"
    rows(f"UPDATE events SET xid = {ahead}")
    rows(f"UPDATE notice_cursor SET xid = {ahead}")
    Loop.incident(ask, by="operator", text="new")
    run()
    assert rows("SELECT count(*), count(DISTINCT event_id) FROM notices") == [(3, 3)]
    run()
    assert rows("SELECT count(*) FROM notices") == [(3,)]


def test_notices_are_read_one_by_one_or_up_to_the_newest_seen(ask, run, rows):
    for n in range(3):
        Loop.incident(ask, by="operator", text=str(n))
    run()
    with write() as tx:
        [person] = tx.execute(sa.text("SELECT id FROM people WHERE username = 'worker'")).scalars()
        third, second, first = notices(tx, person).items
        read_notice(tx, first.id, by=person, at=AT)
        assert [one.id for one in notices(tx, person, only_unread=True).items] == [third.id, second.id]
        read_all(tx, by=person, up_to=second.id, at=AT)
        assert unread(tx, person) == 1
        page = notices(tx, person, limit=2)
        assert (page.more, notices(tx, person, before=second.id).items[0].id) == (True, first.id)
        with pytest.raises(NotFound):
            read_notice(tx, third.id, by=person + 1, at=AT)


def test_old_notices_go_with_their_deliveries(ask, run, rows, addressed):
    addressed("worker", "w1@city.test")
    Loop.incident(ask, by="operator")
    run()
    [(at,)] = rows("SELECT at FROM notices")
    with write() as tx:
        assert sweep(tx, at=at + timedelta(days=179)) == 0
        assert sweep(tx, at=at + timedelta(days=181)) == 1
    assert rows("SELECT count(*) FROM deliveries") == [(0,)]
