"""Background programs: started apart, known by their pid files, stopped with their children."""

import json
import os
import time
from pathlib import Path

import pytest

from deploy.daemons import Daemon, Running, ask, began, fingerprint
from deploy.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places.of(tmp_path, {})
    made.make()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "jingwei-lock").write_text("x")
    return made


@pytest.fixture
def sleeper(places):
    made = Daemon("web", ("sh", "-c", "echo started; sleep 300 & sleep 300"), places)
    yield made
    made.stop()


def test_a_daemon_is_found_again_and_stopped_with_its_children(sleeper, places):
    running = sleeper.start({}, fingerprint="a")
    assert sleeper.found() == running
    assert os.getpgid(running.pid) == running.pid
    assert sleeper.stop()
    os.waitpid(running.pid, 0)  # in life, init does this
    with pytest.raises(ProcessLookupError):
        for _ in range(50):
            os.killpg(running.pid, 0)
            time.sleep(0.05)
    assert sleeper.found() is None
    assert not sleeper.stop()


def test_a_pid_file_whose_number_was_given_anew_is_stale(sleeper):
    stale = {"pid": os.getpid(), "began": 1, "fingerprint": "a"}
    sleeper.pid_file.write_text(json.dumps(stale))
    assert sleeper.found() is None
    assert not sleeper.stop()
    assert began(os.getpid()) is not None


@pytest.mark.parametrize("text", ["", "12", "{", '{"pid": 1}'])
def test_a_half_written_pid_file_is_stale(sleeper, text):
    sleeper.pid_file.write_text(text)
    assert sleeper.found() is None


def test_no_process_has_no_beginning():
    assert began(2**22 + 1) is None
    assert not Running(pid=2**22 + 1, began=0, fingerprint="").alive


def test_changed_code_or_settings_change_the_fingerprint(places):
    (places.root / "app").mkdir()
    source = places.root / "app" / "x.py"
    source.write_text("a = 1")
    first = fingerprint(places, {"JINGWEI_PORT": "8000"})
    assert fingerprint(places, {"JINGWEI_PORT": "8000"}) == first
    assert fingerprint(places, {"JINGWEI_PORT": "8001"}) != first
    source.write_text("a = 12")
    assert fingerprint(places, {"JINGWEI_PORT": "8000"}) != first


def test_a_server_that_is_not_there_is_not_ready():
    assert "refused" in ask("http://127.0.0.1:1/readyz")
