"""Pictures for tests: small, each another by its number, with what phones write beside the pixels."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib

from PIL import Image

SECRET = b"<script>alert('jingwei')</script>"
CAMERA = "Canary Phone 7"


def picture(number: int = 0, *, kind: str = "JPEG", size: tuple[int, int] = (64, 48), **options) -> bytes:
    """Return the bytes of a picture that its `number` makes another."""
    colour = (number % 256, number // 256 % 256, 128)
    made = io.BytesIO()
    if kind == "JPEG":
        options.setdefault("comment", str(number).encode())
    Image.new("RGB", size, colour).save(made, kind, **options)
    return made.getvalue()


def telling(number: int = 0) -> bytes:
    """Return a JPEG of a camera turned aside, with position, device, and a script in a comment."""
    exif = Image.Exif()
    exif[0x0110] = CAMERA
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "N", 2: (41.0, 6.0, 6.12), 3: "E", 4: (122.0, 59.0, 24.5)})
    return picture(number, exif=exif, comment=SECRET) + SECRET


def name_of(data: bytes) -> str:
    """Return what a photo of these bytes is called."""
    return hashlib.sha256(data).hexdigest()


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """Return a PNG of some hundred bytes that says it has very many pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )
