"""System packages: what counts as there, and who may install."""

from pathlib import Path

import pytest

from deploy import system
from deploy.progress import Trouble
from deploy.system import Need, as_root, missing, node_major, postgres_servers


def install(base: Path, share: Path, major: str, *, postgis: bool = True) -> None:
    (base / major / "bin").mkdir(parents=True)
    (base / major / "bin" / "initdb").touch()
    (share / major / "extension").mkdir(parents=True)
    if postgis:
        (share / major / "extension" / "postgis.control").touch()


def test_the_newest_server_with_postgis_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(system, "output", lambda _: None)
    base, share = tmp_path / "lib", tmp_path / "share"
    install(base, share, "14")
    install(base, share, "15")
    install(base, share, "16")
    install(base, share, "17", postgis=False)
    assert [server.major for server in postgres_servers(base, share)] == [16, 15]


@pytest.mark.parametrize(("text", "major"), [("v20.20.2", 20), ("v18.19.0", 18), (None, 0), ("oops", 0)])
def test_a_node_is_known_by_what_it_prints(text, major):
    assert node_major(text) == major


def test_only_unmet_needs_are_missing():
    met, unmet = Need("a", lambda: True, ("a",)), Need("b", lambda: False, ("b",))
    assert missing([met, unmet]) == [unmet]


def test_root_runs_the_command_and_a_user_runs_it_by_sudo():
    assert as_root(["apt-get"], uid=0) == ["apt-get"]
    assert as_root(["apt-get"], uid=1000, sudo="/usr/bin/sudo") == ["/usr/bin/sudo", "apt-get"]


def test_without_rights_the_command_for_an_administrator_is_named():
    with pytest.raises(Trouble, match="neither root nor have sudo") as caught:
        as_root(["apt-get", "install", "npm"], uid=1000, sudo=None)
    assert "apt-get install npm" in caught.value.mend


def test_a_browser_need_brings_fonts_and_on_debian_chromium(monkeypatch):
    monkeypatch.setattr(system, "is_ubuntu", lambda: False)
    assert {"chromium", "fonts-noto-cjk"} <= {
        package for need in system.needs(database=False, browser=True) for package in need.packages
    }
    monkeypatch.setattr(system, "is_ubuntu", lambda: True)
    assert "chromium" not in {
        package for need in system.needs(database=True, browser=True) for package in need.packages
    }


def test_no_database_package_is_asked_for_with_a_database_of_ones_own():
    packages = {package for need in system.needs(database=False, browser=False) for package in need.packages}
    assert not any("postgres" in package for package in packages)
