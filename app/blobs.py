"""Photos by SHA-256: the name says what the bytes must be.

A photo's file is kept as it was sent, byte for byte, and never served: viewers get a copy made of its pixels
(`app/pictures.py`), since a phone writes where and with what it was taken into the file.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app import pictures
from app.db import Base
from app.errors import BadValue, NoRoom, NotFound
from app.transaction import Tx

log = logging.getLogger(__name__)
NAME = re.compile(r"[0-9a-f]{64}")
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class OtherBytes(BadValue):
    """The bytes are not those that the name promises."""

    code = "other_bytes"


class Size(StrEnum):
    """The copies that are served."""

    THUMB = "thumb"
    LARGE = "large"

    @property
    def longest(self) -> int:
        """The longer side in pixels, at most."""
        return {Size.THUMB: 320, Size.LARGE: 2_048}[self]


class Photo(Base):
    """A stored photo; its file lies under `var/photos/` by its name."""

    __tablename__ = "photos"
    __table_args__ = (sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),)

    sha256: Mapped[str] = mapped_column(primary_key=True)
    media_type: Mapped[str]
    size: Mapped[int] = mapped_column(sa.BigInteger)
    width: Mapped[int]
    height: Mapped[int]
    received_at: Mapped[datetime]
    received_from: Mapped[int | None] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"))


class PhotoSender(Base):
    """Somebody who sent a photo's bytes: one photo goes round, and whoever has it may name it."""

    __tablename__ = "photo_senders"

    sha256: Mapped[str] = mapped_column(sa.ForeignKey("photos.sha256", ondelete="CASCADE"), primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.BigInteger, sa.ForeignKey("people.id"), primary_key=True)


@dataclass(frozen=True, slots=True)
class Kept:
    """A photo whose file is safe on the disk."""

    sha256: str
    media_type: str
    size: int
    width: int
    height: int


def is_name(text: str) -> bool:
    """Whether `text` can be a photo's name."""
    return NAME.fullmatch(text) is not None


def place(folder: Path, sha256: str) -> Path:
    """Return where the photo lies: 256 folders, since one with a million files is slow to list."""
    return folder / sha256[:2] / sha256


def store(folder: Path, sha256: str, data: bytes) -> Kept:
    """Keep a photo's file, so that it outlives a crash of the machine; `record` then tells the database.

    Call it outside a transaction: it decodes the picture and waits for the disk.

    Raises:
        OtherBytes: `sha256` is no SHA-256, or not that of `data`.
        NoPicture, TooManyPixels: `data` is nothing that we take.
        NoRoom: the disk is full; nothing is left of it.
    """
    _check_name(sha256, data)
    seen = pictures.looks(data)
    path = place(folder, sha256)
    with _room(path):
        if not _holds(path, data):
            _write(path, data, durably=True)
        # also for a file that was there: who wrote it may have died before this line
        _sync_folder(path.parent)
    return Kept(sha256, seen.media_type, len(data), seen.width, seen.height)


def record(tx: Tx, kept: Kept, *, by: int, at: datetime) -> bool:
    """Write the photo's row and who sent it, and return whether the photo is new.

    A photo sent again writes too, so that its answer waits for the standby like the first.
    """
    row = insert(Photo).values(
        sha256=kept.sha256,
        media_type=kept.media_type,
        size=kept.size,
        width=kept.width,
        height=kept.height,
        received_at=at,
        received_from=by,
    )
    again = row.on_conflict_do_update(index_elements=["sha256"], set_={"size": row.excluded.size})
    fresh = bool(tx.execute(again.returning(sa.literal_column("xmax = 0"))).scalar_one())
    tx.execute(insert(PhotoSender).values(sha256=kept.sha256, person_id=by).on_conflict_do_nothing())
    return fresh


def copy_of(folder: Path, copies: Path, sha256: str, size: Size) -> bytes:
    """Return the copy of a photo that viewers get, made once and kept in `copies`.

    Raises:
        NotFound: the photo's file is not here.
    """
    made = copies / sha256[:2] / f"{sha256}-{size}.jpg"
    try:
        return made.read_bytes()
    except FileNotFoundError:
        data = pictures.copy(_original(folder, sha256), size.longest)
    try:
        with _room(made):
            _write(made, data, durably=False)
    except NoRoom:
        log.warning("no room to keep %s", made)
    return data


def _original(folder: Path, sha256: str) -> bytes:
    try:
        return place(folder, sha256).read_bytes()
    except FileNotFoundError:
        raise NotFound(f"there is no photo {sha256}, or it is still on its way") from None


def _check_name(sha256: str, data: bytes) -> None:
    if not is_name(sha256):
        message = "sha256: this is no SHA-256; name the photo by that of its bytes, 64 digits 0-9a-f"
        raise OtherBytes(message, field="sha256", value=sha256)
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise OtherBytes(
            f"sha256: the {len(data)} bytes that came have the SHA-256 {found}, not {sha256};"
            " send the file as it was",
            field="sha256",
            value=sha256,
        )


def _holds(path: Path, data: bytes) -> bool:
    """Whether the file is there and whole: what a disk has spoiled is written anew."""
    try:
        return path.read_bytes() == data
    except FileNotFoundError:
        return False


@contextmanager
def _room(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise NoRoom("the disk is full; nothing was kept. Keep the photo and send it again later") from error


def _write(path: Path, data: bytes, *, durably: bool) -> None:
    """Write a file that is whole or not there at all, under its name."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            if durably:
                os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the file's name last, and the name of its folder, which may be new."""
    for one in (folder, folder.parent):
        descriptor = os.open(one, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
