"""A photo's file is whole under its name, or not there at all."""

import errno
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from app import blobs, transaction
from app.blobs import OtherBytes, Photo, Size
from app.db import make_engine
from app.errors import NoRoom, NotFound
from app.pictures import NoPicture
from app.transaction import write
from tests import people
from tests.pictures import name_of, picture

NOW = datetime(2026, 5, 6, 3, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def run(script: str, *arguments: object, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own, from the source's root."""
    command = [*before, sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_photo_is_kept_under_its_name_byte_for_byte(tmp_path):
    data = picture(1)
    kept = blobs.store(tmp_path, name_of(data), data)
    assert (kept.sha256, kept.media_type, kept.size) == (name_of(data), "image/jpeg", len(data))
    assert files(tmp_path) == [tmp_path / kept.sha256[:2] / kept.sha256]
    assert files(tmp_path)[0].read_bytes() == data


@pytest.mark.parametrize("called", ["", "x", "A" * 64, "g" * 64, "../" * 20 + "etc", name_of(b"other")])
def test_bytes_under_another_name_are_refused_and_leave_nothing(tmp_path, called):
    with pytest.raises(OtherBytes, match="SHA-256"):
        blobs.store(tmp_path, called, picture(1))
    assert files(tmp_path) == []


def test_what_is_no_picture_leaves_nothing(tmp_path):
    with pytest.raises(NoPicture):
        blobs.store(tmp_path, name_of(b"<svg/>"), b"<svg/>")
    assert files(tmp_path) == []


def test_a_photo_sent_again_is_not_written_again_unless_the_disk_has_spoiled_it(tmp_path):
    data = picture(1)
    kept = blobs.store(tmp_path, name_of(data), data)
    path = blobs.place(tmp_path, kept.sha256)
    first = path.stat().st_ino
    assert blobs.store(tmp_path, kept.sha256, data) == kept
    assert path.stat().st_ino == first
    path.write_bytes(data[:-1] + b"?")
    assert blobs.store(tmp_path, kept.sha256, data) == kept
    assert path.read_bytes() == data


def test_file_then_name_then_row_are_safe_in_this_order(tmp_path, monkeypatch):
    """The order is the promise: bytes are on the disk before the name, the name before `store` returns."""
    seen, fsync, replace = [], os.fsync, os.replace

    def noted_fsync(descriptor):
        seen.append("folder" if Path(f"/proc/self/fd/{descriptor}").resolve().is_dir() else "file")
        fsync(descriptor)

    def noted_replace(*names):
        seen.append("name")
        replace(*names)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    data = picture(1)
    for _ in range(2):
        blobs.store(tmp_path, name_of(data), data)
    assert seen == ["file", "name", "folder", "folder", "folder", "folder"]


KILLED = """
import os, signal, sys
from pathlib import Path
from app import blobs
from tests.pictures import name_of, picture
os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
blobs.store(Path(sys.argv[1]), name_of(picture(1)), picture(1))
"""


def test_a_kill_before_the_name_leaves_a_part_only_and_the_next_try_keeps_the_photo(tmp_path):
    assert run(KILLED, tmp_path).returncode == -signal.SIGKILL
    [part] = files(tmp_path)
    assert part.suffix == ".part"
    data = picture(1)
    blobs.store(tmp_path, name_of(data), data)
    assert files(tmp_path) == [blobs.place(tmp_path, name_of(data)), part]


FILLED = """
import sys, hashlib, subprocess
from pathlib import Path
from app import blobs
from app.errors import NoRoom
from tests.pictures import name_of, picture
folder = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
photos = [picture(n, kind="PNG", compress_level=0, size=(200, 200)) for n in range(30)]
outcomes = []
for data in photos:
    try:
        blobs.store(folder, name_of(data), data)
        outcomes.append("kept")
    except NoRoom as error:
        assert "the disk is full; nothing was kept" in str(error)
        outcomes.append("full")
assert outcomes == ["kept"] * 8 + ["full"] * 22, outcomes
found = [path for path in folder.rglob("*") if path.is_file()]
assert sorted(path.name for path in found) == sorted(map(name_of, photos[:8])), found
assert all(name_of(path.read_bytes()) == path.name for path in found)
blobs.store(folder, name_of(photos[0]), photos[0])
print("as it should be")
"""


def test_a_full_disk_keeps_eight_photos_refuses_the_rest_and_has_no_remains(tmp_path):
    """On a real file system of one megabyte, in a namespace of its own."""
    apart = ("unshare", "--user", "--map-root-user", "--mount")
    probe = "import subprocess, sys; subprocess.run(['mount', '-t', 'tmpfs', 'x', sys.argv[1]], check=True)"
    if run(probe, tmp_path, before=apart).returncode:
        pytest.skip("this machine lets nobody mount in a namespace of their own")
    done = run(FILLED, tmp_path, before=apart)
    assert done.stdout == "as it should be\n", done.stderr


@pytest.mark.parametrize("trouble", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["fsync", "replace", "mkdir"])
def test_no_room_at_any_step_is_told_and_leaves_nothing(tmp_path, monkeypatch, trouble, call):
    def full(*_, **__):
        raise OSError(trouble, os.strerror(trouble))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(NoRoom, match="send it again later"):
        blobs.store(tmp_path, name_of(picture(1)), picture(1))
    assert files(tmp_path) == []


def test_another_trouble_of_the_disk_is_not_called_a_full_one(tmp_path, monkeypatch):
    def broken(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        blobs.store(tmp_path, name_of(picture(1)), picture(1))
    assert files(tmp_path) == []


def test_equal_photos_at_once_are_one_file_and_one_row(fresh):
    transaction.bind(make_engine(fresh, pool_size=8))
    data, gate, outcomes = picture(1, size=(640, 480)), threading.Barrier(16), []
    with write() as tx:
        person = people.viewer_of(tx, "worker").person_id

    def send():
        gate.wait()
        kept = blobs.store(fresh.photos, name_of(data), data)
        with write() as tx:
            outcomes.append(blobs.record(tx, kept, by=person, at=NOW))

    threads = [threading.Thread(target=send) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 15 + [True]
    assert files(fresh.photos) == [blobs.place(fresh.photos, name_of(data))]
    with write() as tx:
        assert tx.execute(sa.select(Photo.sha256, Photo.received_from)).all() == [(name_of(data), person)]
    transaction.engine().dispose()


def test_a_copy_is_made_once_and_made_anew_when_it_is_gone(tmp_path):
    data, photos, copies = picture(1), tmp_path / "photos", tmp_path / "copies"
    name = blobs.store(photos, name_of(data), data).sha256
    first = blobs.copy_of(photos, copies, name, Size.THUMB)
    [kept] = files(copies)
    assert kept.read_bytes() == first
    inode = kept.stat().st_ino
    assert blobs.copy_of(photos, copies, name, Size.THUMB) == first
    assert files(copies)[0].stat().st_ino == inode
    kept.unlink()
    assert blobs.copy_of(photos, copies, name, Size.THUMB) == first


def test_a_full_disk_still_shows_photos(tmp_path, monkeypatch):
    data, photos, copies = picture(1), tmp_path / "photos", tmp_path / "copies"
    name = blobs.store(photos, name_of(data), data).sha256

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    assert blobs.copy_of(photos, copies, name, Size.LARGE).startswith(b"\xff\xd8")
    assert files(copies) == []


def test_a_photo_that_has_not_come_is_not_found(tmp_path):
    with pytest.raises(NotFound, match="still on its way"):
        blobs.copy_of(tmp_path, tmp_path, "0" * 64, Size.THUMB)
