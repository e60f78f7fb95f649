"""The first promises in small: connections die at random, and no acknowledged report is lost or doubled."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

import pytest
import sqlalchemy as sa

from app import blobs, create_app, transaction
from app.blobs import Photo
from app.cases.models import Case, CasePhoto, CaseStep
from app.transaction import EventRow, write
from tests import people
from tests.city import middle
from tests.pictures import name_of, picture

REPORTS = 200
SENDERS = 6
KILLS = 60
TRIES = 400
"""More than any report needs while connections die; after it the test fails instead of going on for ever."""


@dataclass
class Sent:
    """A report with its photo, and what each try was answered."""

    id: UUID
    body: dict
    photo: bytes
    photo_first: bool
    filed: list = field(default_factory=list)
    kept: list = field(default_factory=list)


def reports(dice: Random) -> list[Sent]:
    made = []
    for number in range(REPORTS):
        photo = picture(number)
        lon, lat = middle(dice.randrange(6), dice.randrange(4))
        body = {"type": "F0101", "lon": lon, "lat": lat, "photos": [name_of(photo)], "text": f"{number}"}
        made.append(Sent(UUID(int=dice.getrandbits(128)), body, photo, dice.random() < 0.5))
    return made


class Phones:
    """Phones that send until they are answered 200 or 201; any other answer than 503 is a fault."""

    def __init__(self, app, secret: str) -> None:
        self.app, self.headers = app, {"Authorization": f"Bearer {secret}"}
        self.answers: Counter[int] = Counter()
        self.faults: list[str] = []

    def send(self, one: Sent) -> None:
        steps = [
            (f"/api/v1/photos/{one.body['photos'][0]}", {"data": one.photo}, one.kept),
            (f"/api/v1/reports/{one.id}", {"json": one.body}, one.filed),
        ]
        for path, options, answers in steps if one.photo_first else reversed(steps):
            self._until_answered(path, options, answers)

    def _until_answered(self, path: str, options: dict, answers: list) -> None:
        client = self.app.test_client()
        for _ in range(TRIES):
            answer = client.put(path, headers=self.headers, **options)
            self.answers[answer.status_code] += 1
            if answer.status_code in {200, 201}:
                answers.append((answer.status_code, answer.json))
                return
            if answer.status_code != 503:
                self.faults.append(f"{path}: {answer.status_code} {answer.text}")
                return
        self.faults.append(f"{path}: no answer in {TRIES} tries")


KILL = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = :database AND application_name = 'jingwei' ORDER BY random() LIMIT 1"
)


def killer(server, settings, busy: threading.Event, killed: list[int]) -> None:
    """Kill one of the application's connections after another, until all is sent."""
    database = sa.make_url(settings.database_url).database
    with server.engine.connect() as connection:
        while len(killed) < KILLS and busy.is_set():
            if connection.execute(KILL, {"database": database}).scalar():
                killed.append(1)
            threading.Event().wait(0.02)


@pytest.fixture
def told(server, fresh):
    """Send all reports, each from two phones at once, while connections are killed; what came of it."""
    app = create_app(fresh)
    with write() as tx:
        phones = Phones(app, people.token(tx, "worker"))
    dice = Random(7)
    sent, busy, killed = reports(dice), threading.Event(), []
    work = dice.sample(sent * 2, k=2 * REPORTS)
    lots = [work[n::SENDERS] for n in range(SENDERS)]
    senders = [threading.Thread(target=lambda lot=lot: [phones.send(one) for one in lot]) for lot in lots]
    busy.set()
    killing = threading.Thread(target=killer, args=(server, fresh, busy, killed))
    for thread in (killing, *senders):
        thread.start()
    for thread in senders:
        thread.join()
    busy.clear()
    killing.join()
    # what was killed last is still in the pool
    transaction.engine().dispose()
    yield fresh, sent, phones, killed
    transaction.engine().dispose()


def test_no_acknowledged_report_is_lost_or_doubled_while_connections_die(told):
    settings, sent, phones, killed = told
    assert phones.faults == []
    assert len(killed) > 10
    assert phones.answers[503] > 0, "no request met a dead connection: this proved nothing"
    with write() as tx:
        cases = {row.id: row.no for row in tx.execute(sa.select(Case.id, Case.no))}
        reported = sa.select(EventRow.subject).where(EventRow.kind == "case_reported")
        events = Counter(tx.execute(reported).scalars())
        steps = Counter(tx.execute(sa.select(CaseStep.case_id)).scalars())
        named = Counter(tx.execute(sa.select(CasePhoto.sha256)).scalars())
        photos = set(tx.execute(sa.select(Photo.sha256)).scalars())
    assert set(cases) == {one.id for one in sent}
    assert len(set(cases.values())) == REPORTS
    assert events == Counter(str(one.id) for one in sent)
    assert steps == Counter(one.id for one in sent)
    assert photos == set(named) == {name_of(one.photo) for one in sent}
    assert set(named.values()) == {1}
    for one in sent:
        assert [status for status, _ in one.filed].count(201) <= 1
        assert {case["no"] for _, case in one.filed} == {cases[one.id]}
        assert [status for status, _ in one.kept].count(201) <= 1
        assert blobs.place(settings.photos, name_of(one.photo)).read_bytes() == one.photo
    assert sum(path.is_file() for path in settings.photos.rglob("*")) == REPORTS
