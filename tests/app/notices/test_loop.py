"""The loop goes on whatever happens to a round, and ends when it is asked to."""

import time

import pytest
from sqlalchemy.exc import OperationalError

from app.notices import loop
from app.notices.loop import Loop


@pytest.mark.parametrize("trouble", [OperationalError("", {}, Exception("away")), RuntimeError("a fault")])
def test_a_round_that_fails_is_logged_and_the_next_one_follows(settings, monkeypatch, caplog, trouble):
    rounds = []

    def run_once(_settings):
        rounds.append(1)
        if len(rounds) == 1:
            raise trouble
        return 1, 1

    monkeypatch.setattr(loop, "run_once", run_once)
    monkeypatch.setattr(loop, "AWAY_S", 0.01)
    monkeypatch.setattr(loop, "EVERY_S", 0.01)
    made = Loop(settings)
    made.start()
    until = time.monotonic() + 10
    while len(rounds) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    made.stop()
    assert len(rounds) >= 3
    assert caplog.records[0].getMessage().startswith("notices: ")
    done = len(rounds)
    time.sleep(0.05)
    assert len(rounds) == done
