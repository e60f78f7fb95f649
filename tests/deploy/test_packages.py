"""An environment that is whole is left alone; one that has lost something is made anew."""

import io
from pathlib import Path

import pytest

from deploy import packages
from deploy.places import Places
from deploy.progress import Step


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "requirements.lock").write_text("a==1\n")
    for name in ("setup.cfg", "pyproject.toml", "package.json", "package-lock.json"):
        (tmp_path / name).write_text("{}")
    return Places(tmp_path, tmp_path / "var")


@pytest.fixture
def ran(places, monkeypatch):
    """What would have been run; running it makes what a real run makes."""
    seen: list[str] = []

    def run(argv, step, **_):
        words = " ".join(str(word) for word in argv)
        seen.append(words)
        if "-m venv" in words:
            for name in ("python", "jingwei"):
                make(places.bin / name)
            make(places.venv / "lib" / "flask" / "app.py")
            make(places.venv / "lib" / "__pycache__" / "app.pyc")
        if "npm ci" in words:
            make(places.root / "node_modules" / "bootstrap" / "a.css")

    monkeypatch.setattr(packages, "run", run)
    monkeypatch.setattr(packages.vendor, "copy", lambda *_: 3)
    return seen


def make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def build(what, places, ran) -> tuple[str, bool]:
    """Return the step's note and whether anything was installed."""
    step = Step("", out=io.StringIO(), clock=lambda: 0.0)
    ran.clear()
    what(places, step)
    return step.note, bool(ran)


def test_a_half_deleted_environment_is_made_anew_at_its_step(places, ran):
    python = packages.python_packages
    assert build(python, places, ran) == ("made", True)
    assert build(python, places, ran) == ("as the lock file says", False)
    (places.venv / "lib" / "__pycache__" / "app.pyc").unlink()
    make(places.venv / "lib" / "more.py")
    assert build(python, places, ran) == ("as the lock file says", False)
    (places.venv / "lib" / "flask" / "app.py").unlink()
    assert build(python, places, ran) == ("1 files were missing, made anew", True)
    (places.bin / "python").unlink()
    (places.bin / "python").symlink_to("/gone/python3")
    assert build(python, places, ran) == ("its Python is gone, made anew", True)
    (places.venv / "jingwei-files").write_text("")
    assert build(python, places, ran) == ("made anew", True)
    (places.venv / "jingwei-lock").unlink()
    assert build(python, places, ran) == ("half built before, made anew", True)
    (places.root / "requirements.lock").write_text("a==2\n")
    assert build(python, places, ran) == ("the lock file changed, made anew", True)


def test_half_deleted_front_end_packages_are_made_anew(places, ran):
    browser = packages.browser_packages
    assert build(browser, places, ran)[1]
    assert build(browser, places, ran) == ("as the lock file says", False)
    (places.root / "node_modules" / "bootstrap" / "a.css").unlink()
    note, installed = build(browser, places, ran)
    assert installed
    assert note == "1 files were missing, made anew; 3 files copied to app/static/vendor"
