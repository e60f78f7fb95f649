"""Pictures from outside: what they are by their bytes, and smaller copies that show and say nothing else."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from PIL import Image, ImageOps, UnidentifiedImageError

from app.errors import BadValue

MAX_PIXELS = 50_000_000
"""A phone's picture at its finest; decoded it is 150 MB."""

MAX_SCANS = 200
"""A progressive JPEG has about ten scans. Ten megabytes of empty ones would keep a core busy for hours."""

MEDIA_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""What is taken, by Pillow's names; MPO is a phone's JPEG with a second picture behind it."""

COPY_TYPE = "image/jpeg"
SCAN = b"\xff\xda"

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
_one_at_a_time = Lock()


class NoPicture(BadValue):
    """The bytes are no picture that we take, or only a part of one."""

    code = "no_picture"


class TooManyPixels(BadValue):
    """The picture is so large when decoded that it would hurt the server."""

    code = "too_many_pixels"


@dataclass(frozen=True, slots=True)
class Looks:
    """What a picture is."""

    media_type: str
    width: int
    height: int


def looks(data: bytes) -> Looks:
    """Return what the picture `data` is, having decoded all of it.

    Raises:
        NoPicture: it is no whole JPEG, PNG or WebP, whatever its name or header said.
        TooManyPixels: it is a decompression bomb, or next to one.
    """
    with _opened(data) as image:
        found = Looks(MEDIA_TYPES[image.format or ""], *image.size)
        image.draft("RGB", (image.width // 8 or 1, image.height // 8 or 1))
        image.load()
    return found


def copy(data: bytes, longest: int) -> bytes:
    """Return a JPEG of the picture `data`, upright, at most `longest` pixels long.

    Only pixels are carried over: no position, no device, no comment, nothing behind the picture's end.

    Raises:
        NoPicture, TooManyPixels: as `looks`.
    """
    with _opened(data) as image:
        image.draft("RGB", (longest, longest))
        upright = _on_white(_upright(image))
    upright.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    upright.info.clear()  # else Pillow writes the comment that it has read
    made = io.BytesIO()
    upright.save(made, "JPEG", quality=85, optimize=True)
    return made.getvalue()


def _upright(image: Image.Image) -> Image.Image:
    """Return the picture turned as its camera was held; left as it is where its EXIF is broken."""
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except _BROKEN:
        return image


def _on_white(image: Image.Image) -> Image.Image:
    """Return the picture in RGB; what is transparent shows white, as on paper."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """Open a picture, one at a time in a process: decoded, sixteen of them would fill the memory."""
    if data.count(SCAN) > MAX_SCANS:
        raise NoPicture("body: this picture has too many scans; save it anew", field="body")
    try:
        with _one_at_a_time, Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            _check_pixels(image)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise TooManyPixels(
            f"body: this picture has more than {MAX_PIXELS // 1_000_000} million pixels; make it smaller",
            field="body",
        ) from None
    except UnidentifiedImageError:
        raise NoPicture(
            "body: these bytes are no JPEG, PNG or WebP; send the photo's own bytes (no form, no base64),"
            " and a HEIC or SVG saved as JPEG",
            field="body",
            value=data[:16],
        ) from None
    except _BROKEN as error:
        raise NoPicture(
            f"body: this picture is broken or cut off ({error}); send the whole file", field="body"
        ) from None


def _check_pixels(image: Image.Image) -> None:
    """Refuse what Pillow only warns of, also where somebody has silenced its warnings."""
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError


_BROKEN = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError, struct.error)
"""What Pillow raises on foreign bytes; nothing else is read here, so an OSError is theirs too."""
