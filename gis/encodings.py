"""Which encoding a text is in: proved or asked, never trusted.

Chinese survey files come as UTF-8 or GBK, and often do not say which. A wrong guess is not an error in
any library: it is silently mojibake, therefore a doubtful text is refused with what it would read like.
"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gis.errors import UnknownEncoding

_SAMPLE = 16_000_000
_HIGH = re.compile(rb"[\x80-\xff]+")
# A sequence of three bytes or more: in UTF-8 every Chinese character is one; GBK hardly ever looks so.
_LONG_UTF8 = re.compile(rb"[\xe0-\xf4][\x80-\xbf]{2}")
_TOLERATED = 0.01
_COMMON_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding's Python name, and whether it was told (by a user or a file) or guessed."""

    name: str
    guessed: bool


def detect(
    data: bytes, *, names: Sequence[bytes] = (), told: str | None = None, file: str = "the file"
) -> Encoding:
    """Return the encoding of `data`.

    Args:
        data: the text as bytes; numbers and blanks between are fine.
        names: column names, which may be cut in the middle of a character.
        told: what the file claims (a .cpg, a byte order mark); believed when the bytes agree.
        file: the name for the error message.

    Raises:
        UnknownEncoding: neither UTF-8 nor GBK for certain.
    """
    data = data[:_SAMPLE]
    everything = b"\n".join([*names, data])
    if everything.isascii():
        return Encoding(told or "utf-8", guessed=False)
    if told is not None and _fits(data, names, told):
        return Encoding(told, guessed=False)
    utf8 = _fits(data, names, "utf-8")
    chinese = _fits(data, names, "gb18030") and _common_share(everything) >= _COMMON_SHARE
    if utf8 and (_LONG_UTF8.search(everything) or not chinese):
        return Encoding("utf-8", guessed=True)
    if chinese and not utf8:
        return Encoding("gb18030", guessed=True)
    raise _unknown(everything, file)


def known(name: str) -> str:
    """Return Python's name of an encoding.

    Raises:
        UnknownEncoding: there is no such encoding.
    """
    try:
        "经纬".encode(name, "replace").decode(name, "replace")
    except (LookupError, UnicodeError):
        raise UnknownEncoding(
            f"There is no text encoding {name!r}. Give --encoding utf-8, gbk, gb18030 or another known name.",
            f"没有名为 {name!r} 的文字编码。请用 --encoding utf-8、gbk、gb18030 等。",
            value=name,
        ) from None
    return name.lower()


def _fits(data: bytes, names: Sequence[bytes], encoding: str) -> bool:
    """Say whether the bytes are text in this encoding, but for a few values that were cut."""
    for name in names:
        try:
            codecs.getincrementaldecoder(encoding)().decode(name, final=False)
        except UnicodeDecodeError:
            return False
    text = data.decode(encoding, "replace")
    damaged = text.count("\ufffd")
    if not damaged:
        return True
    return damaged <= _TOLERATED * sum(map(len, re.findall(r"[^\x00-\x7f]+", text)))


def _common_share(data: bytes) -> float:
    """Return the share of double-byte characters that lie among GB 2312's everyday ones.

    Western accents followed by a letter decode as valid but rare GBK characters; this tells them apart.
    """
    text = data.decode("gb18030", "replace")
    strange = "".join(re.findall(r"[^\x00-\x7f]+", text))
    common = strange.encode("gb2312", "ignore")
    # Rows 16-55 of GB 2312 (lead byte B0-D7) are its 3,755 level-1 characters; A1-A9 is punctuation.
    everyday = sum(1 for lead in common[::2] if lead <= 0xD7)
    return everyday / max(len(strange), 1)


def _unknown(data: bytes, file: str) -> UnknownEncoding:
    found = max(_HIGH.findall(data)[:200], key=len)
    at = data.index(found)
    piece = data[max(at - 8, 0) : at + 24].strip()
    readings = {e: piece.decode(e, "replace").strip() for e in ("utf-8", "gb18030", "big5", "cp1252")}
    shown = "; ".join(f"{e}: {text!r}" for e, text in readings.items())
    return UnknownEncoding(
        f"The text encoding of {file} is not told and cannot be guessed safely. It would read as {shown}. "
        "Name the right one: --encoding gb18030.",
        f"{file} 没有说明文字编码，也无法可靠地猜出。它可能读作 {shown}。请指明正确的一种，例如 "
        "--encoding gb18030。",
        value=readings["utf-8"],
    )
