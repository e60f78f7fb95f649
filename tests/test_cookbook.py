"""Every command of docs/cookbook.md is run, in its order, in one shell, against a running server."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError

import pytest

from app import transaction
from app.db import make_engine
from app.maps.publish import publish
from app.settings import PREFIX, ROOT
from app.transaction import write

PAGE = ROOT / "docs" / "cookbook.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
pytestmark = [
    pytest.mark.database,
    pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine"),
]


@pytest.fixture
def kitchen(fresh, tmp_path) -> Iterator[dict[str, str]]:
    """A server on a city of its own; the environment in which the commands find it and `jingwei`."""
    settings = replace(fresh, var=tmp_path / "var")
    transaction.bind(make_engine(settings))
    with write() as tx:
        publish(tx, at=datetime.now(UTC))
    transaction.engine().dispose()
    bin_ = tmp_path / ".venv" / "bin"
    bin_.mkdir(parents=True)
    (bin_ / "jingwei").write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -c "from app.cli import main; main()" "$@"\n'
    )
    (bin_ / "jingwei").chmod(0o755)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    rest = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    env = rest | {
        "JINGWEI_DATABASE_URL": settings.database_url,
        "JINGWEI_VAR": str(settings.var),
        "JINGWEI_SECRET_KEY": "for tests only",
        "JINGWEI_PORT": port,
        "LANG": "C.UTF-8",
    }
    settings.var.mkdir()
    with (settings.var / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{port}", "--threads=4", "wsgi:app"]
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/readyz")
        yield env
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(url: str) -> None:
    for _ in range(150):
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except (URLError, OSError):
            time.sleep(0.2)
        else:
            return
    pytest.fail("the server does not answer")


def test_every_command_works_as_it_is_written(kitchen, tmp_path):
    text = "set -euo pipefail\n" + "\n".join(f"echo; echo '## block {i}'\n{b}" for i, b in enumerate(BLOCKS))
    script = tmp_path / "cookbook.sh"
    script.write_text(text.replace("127.0.0.1:8000", f"127.0.0.1:{kitchen['JINGWEI_PORT']}"), "utf-8")
    command = ["bash", str(script)]
    done = subprocess.run(command, cwd=tmp_path, env=kitchen, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    said = done.stdout
    for words in (
        '"holder":{"kind":"worker"',
        "on duty",
        "2 of 2 points lie in a cell",
        '"status":"reported"',
        '"code":"unknown_filter"',
        "24 unchanged",
        "1 added, 0 changed, 0 unchanged",
        "Written, holding from",
    ):
        assert words in said, words
    made = {path.name for path in Path(tmp_path).iterdir() if path.is_file() and path.stat().st_size}
    assert {"cases.geojson", "located.csv", "cells.json", "tile.mvt", "openapi.json", "report.json"} <= made
