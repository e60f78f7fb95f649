"""Folders, settings, stamps and ports of the commands."""

import socket
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy import places as module
from deploy.places import Places, Settings, alone, check_space, digest, port_holder, port_is_free, secret_key
from deploy.progress import Trouble


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places.of(tmp_path, {})
    made.make()
    return made


def test_the_port_is_8000_unless_it_is_named():
    assert Settings.read({}).port == 8000
    assert Settings.read({"JINGWEI_PORT": " 8123 "}).port == 8123


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "80.0", "８０００"])
def test_a_port_that_is_none_is_named_with_its_mend(text):
    with pytest.raises(Trouble, match="is no port") as caught:
        Settings.read({"JINGWEI_PORT": text})
    assert text in caught.value.what
    assert "JINGWEI_PORT=8001 make up" in caught.value.mend


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("10.1.2.3", "http://10.1.2.3:8000"),
        ("::1", "http://[::1]:8000"),
    ],
)
def test_the_address_can_be_reached_from_this_machine(host, address):
    assert Settings.read({"JINGWEI_HOST": host}).address == address


def test_var_can_lie_elsewhere(tmp_path):
    assert Places.of(tmp_path, {}).var == tmp_path / "var"
    assert Places.of(tmp_path, {"JINGWEI_VAR": str(tmp_path / "x")}).log == tmp_path / "x" / "log"


def test_the_secret_key_is_made_once_and_private(places):
    key = secret_key(places)
    assert len(key) >= 48
    assert secret_key(places) == key
    assert stat.S_IMODE((places.var / "secret_key").stat().st_mode) == 0o600


def test_an_empty_secret_key_of_a_full_disk_is_made_again(places):
    (places.var / "secret_key").write_text("")
    assert len(secret_key(places)) >= 48


def test_a_digest_changes_with_content_name_and_salt(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    two.write_text("a")
    assert len({digest(one), digest(two), digest(one, salt="x"), digest(one, two)}) == 4


def test_too_little_space_is_said_before_anything_is_made(places, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000_000))
    with pytest.raises(Trouble, match=r"0\.0 GiB are free"):
        check_space(places)


def test_a_taken_port_is_seen_with_its_holder():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        assert not port_is_free(port)
        assert "process" in port_holder(port)
    assert port_is_free(port)
    assert port_holder(port) == ""


def test_two_commands_do_not_work_in_one_clone(places):
    with alone(places), pytest.raises(Trouble, match="another `make` command"), alone(places):
        pass
    with alone(places):
        pass
