"""A file made safe for GDAL: a plain local file whose content is what its name says.

GDAL chooses its driver by content, so that a "points.csv" may be a VRT that opens any file or address,
and a "cells.json" a GDALG pipeline that runs. Hence the content is looked at before GDAL sees it.
"""

import struct
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pyogrio

from gis import archive, encodings
from gis.errors import BadFile, DamagedFile, EmptyFile, TooLarge, UnknownFormat, UnknownLayer, UnsafeName
from gis.limits import Limits

_HEAD = 1 << 20
_FORBIDDEN = ("/vsi", "://", "<vrt", "\x00")
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class Format(StrEnum):
    """The formats that are read and written; the value is GDAL's driver name."""

    GEOPACKAGE = "GPKG"
    GEOJSON = "GeoJSON"
    SHAPEFILE = "ESRI Shapefile"
    FLATGEOBUF = "FlatGeobuf"
    CSV = "CSV"


SUFFIXES: Mapping[str, Format] = {
    ".gpkg": Format.GEOPACKAGE,
    ".geojson": Format.GEOJSON,
    ".json": Format.GEOJSON,
    ".shp": Format.SHAPEFILE,
    ".fgb": Format.FLATGEOBUF,
    ".csv": Format.CSV,
}
_MAGIC: Mapping[bytes, Format] = {
    b"SQLite format 3\x00": Format.GEOPACKAGE,
    b"fgb\x03fgb": Format.FLATGEOBUF,
    b"\x00\x00\x27\x0a": Format.SHAPEFILE,
}
_LISTED = ".gpkg, .geojson, .zip or .shp (Shapefile), .fgb, .csv"


@dataclass(frozen=True, slots=True)
class Source:
    """A data set that may be given to GDAL.

    Attributes:
        path: where it lies; private when it was unpacked or transcoded.
        name: its name for people: the file's, or the archive member's.
        file: the file that the user named.
        format: what it is, by content.
        encoding: of its text; None where the format itself fixes UTF-8.
    """

    path: Path
    name: str
    file: str
    format: Format
    encoding: encodings.Encoding | None = None


@contextmanager
def opened(
    path: Path | str, *, layer: str | None = None, encoding: str | None = None, limits: Limits
) -> Iterator[Source]:
    """Yield the checked source of a file; what was unpacked is removed at the end.

    Args:
        path: a file of one of the formats, or a zip of them.
        layer: which data set of a zip, when it holds several.
        encoding: what the user says of the text.
        limits: see `Limits`.

    Raises:
        BadFile: any of its kinds; the message says what to do.
    """
    path = _plain(path)
    _check_size(path, limits)
    with tempfile.TemporaryDirectory(prefix="jingwei-") as folder:
        name, inner = path.stem, path
        if path.suffix.lower() == ".zip":
            found = _chosen(archive.unpack(path, Path(folder), limits), layer, path.name)
            name, inner = found.name, found.path
            _check_size(inner, limits)
        format_ = _sniffed(inner, path.name)
        encoding = encodings.known(encoding) if encoding else None
        if format_ is Format.SHAPEFILE:
            _check_shapefile(inner, path.name)
            yield Source(inner, name, path.name, format_, _dbf_encoding(inner, path.name, encoding))
        elif format_ is Format.CSV:
            yield _csv(inner, name, path.name, encoding, Path(folder))
        else:
            yield Source(inner, name, path.name, format_)


def _plain(path: Path | str) -> Path:
    text = str(path)
    # Path() folds "//", which would hide "://".
    if any(word in text.lower() for word in _FORBIDDEN) or ":/" in text:
        raise UnsafeName(
            f"{text!r} is an address, not a file. Download it first and give the local file's name.",
            f"{text!r} 是网址或虚拟路径，不是文件。请先下载，再给出本地文件名。",
            value=text,
        )
    path = Path(path).resolve()
    if not path.is_file():
        raise BadFile(f"There is no file {text}.", f"没有文件 {text}。", value=text)
    if path.suffix.lower() != ".zip" and path.suffix.lower() not in SUFFIXES:
        raise UnknownFormat(
            f"{path.name} has the ending {path.suffix or '(none)'!r}; these are read: {_LISTED}.",
            f"{path.name} 的扩展名是 {path.suffix or '（无）'!r}；可以读取：{_LISTED}。",
            value=path.suffix,
        )
    return path


def _check_size(path: Path, limits: Limits) -> None:
    size = path.stat().st_size
    if size == 0:
        raise EmptyFile(
            f"{path.name} is empty (0 bytes). Export or copy it again.",
            f"{path.name} 是空文件（0 字节）。请重新导出或复制。",
        )
    if size > limits.file_bytes:
        most = limits.file_bytes // 1_000_000
        raise TooLarge(
            f"{path.name} has {size // 1_000_000} MB; at most {most} MB are read at once. Split it by "
            "district.",
            f"{path.name} 有 {size // 1_000_000} MB，一次最多读取 {most} MB。请按区县拆分。",
        )


def _chosen(found: list[archive.Unpacked], layer: str | None, file: str) -> archive.Unpacked:
    if len(found) == 1:
        return found[0]
    named = [one for one in found if one.name == layer]
    if len(named) == 1:
        return named[0]
    names = ", ".join(one.name for one in found)
    raise UnknownLayer(
        f"{file} holds {len(found)} layers: {names}. Name one: --layer {found[0].name}.",
        f"{file} 内有 {len(found)} 个图层：{names}。请指定一个：--layer {found[0].name}。",
        value=layer,
    )


def _sniffed(path: Path, file: str) -> Format:
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    claimed = SUFFIXES[path.suffix.lower()]
    found = _content(head)
    if found is not claimed:
        really = found.value if found else "something else"
        raise UnknownFormat(
            f"{file} calls itself {claimed.value}, but its content is {really}. "
            "Give it the ending of what it is, or export it again.",
            f"{file} 的扩展名表示 {claimed.value}，内容却是{found.value if found else '其他格式'}。"
            "请改正扩展名或重新导出。",
            value=really,
        )
    return found


def _content(head: bytes) -> Format | None:
    for magic, format_ in _MAGIC.items():
        if head.startswith(magic):
            return format_
    if b"\x00" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"{"):
        # A GDALG file is JSON that GDAL would execute.
        geojson = b'"type"' in text and b"gdal_streamed_alg" not in text and b'"Topology"' not in text
        return Format.GEOJSON if geojson else None
    # VRT and every other XML that GDAL follows elsewhere.
    followed = b"<ogrvrt" in head.lower() or b"<vrt" in head.lower() or text.startswith((b"<", b"["))
    return None if followed else Format.CSV


def _check_shapefile(shp: Path, file: str) -> None:
    for suffix in (".shx", ".dbf"):
        if _side(shp, suffix) is None:
            raise DamagedFile(
                f"{file} lacks its {suffix} file. A Shapefile is .shp, .shx, .dbf (and .prj): "
                "zip them together.",
                f"{file} 缺少 {suffix} 文件。Shapefile 由 .shp、.shx、.dbf（及 .prj）组成，请一起压缩。",
                value=suffix,
            )
    with shp.open("rb") as stream:
        head = stream.read(100)
    dbf = _side(shp, ".dbf")
    assert dbf is not None  # noqa: S101  # proved above, told to mypy
    with dbf.open("rb") as stream:
        table = stream.read(32)
    if len(head) < 100 or len(table) < 32:
        raise _cut(file)
    # The two headers promise sizes; GDAL answers a shorter file with empty rows and no word.
    promised = struct.unpack(">i", head[24:28])[0] * 2
    records, start, width = struct.unpack("<IHH", table[4:12])
    if shp.stat().st_size < promised or dbf.stat().st_size < start + records * width:
        raise _cut(file)


def _cut(file: str) -> DamagedFile:
    return DamagedFile(
        f"{file} ends too early: it is shorter than its own header says. Copy or export it again.",
        f"{file} 不完整：比文件头所述的要短。请重新复制或导出。",
    )


def _side(shp: Path, suffix: str) -> Path | None:
    for candidate in (shp.with_suffix(suffix), shp.with_suffix(suffix.upper())):
        if candidate.exists():
            return candidate
    return None


def _dbf_encoding(shp: Path, file: str, said: str | None) -> encodings.Encoding:
    if said is not None:
        return encodings.Encoding(said, guessed=False)
    dbf, cpg = _side(shp, ".dbf"), _side(shp, ".cpg")
    told = _cpg(cpg.read_text("ascii", "replace")) if cpg is not None else None
    data = dbf.read_bytes() if dbf else bytes(32)
    # Latin-1 gives the names' bytes; the records begin where the header says.
    fields = pyogrio.read_info(shp, encoding="ISO-8859-1")["fields"]
    names = [str(field).encode("latin-1") for field in fields]
    records = data[struct.unpack("<H", data[8:10])[0] :]
    return encodings.detect(records, names=names, told=told, file=file)


def _cpg(text: str) -> str | None:
    name = text.strip().lower()
    name = {"936": "gb18030", "ansi 936": "gb18030", "65001": "utf-8"}.get(name, name)
    try:
        "".encode(name)
    except LookupError:
        return None
    # GB 18030 holds all of GBK and GB 2312, which files that say GBK do overstep.
    return "gb18030" if name.replace("-", "") in {"gbk", "gb2312", "cp936"} else name


def _csv(path: Path, name: str, file: str, said: str | None, folder: Path) -> Source:
    data = path.read_bytes()
    bom = next((e for mark, e in _BOMS.items() if data.startswith(mark)), None)
    found = encodings.Encoding(said or bom or "", guessed=False)
    if not found.name:
        found = encodings.detect(data, file=file)
    try:
        text = data.decode(found.name)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DamagedFile(
            f"{file} is not {found.name}: line {line} has bytes that mean nothing in it. "
            "Give the right --encoding, or save the file again as UTF-8.",
            f"{file} 不是 {found.name} 编码：第 {line} 行有无法解读的字节。请用 --encoding 指明编码，"
            "或另存为 UTF-8。",
            rows=(line,),
        ) from None
    # GDAL reads to the end of the file inside an open quote, and says nothing.
    if text.count('"') % 2:
        raise DamagedFile(
            f'{file} has a quotation mark (") that is never closed: it is cut, or a quote inside a value '
            "is not doubled. Export it again.",
            f"{file} 中有未闭合的双引号：文件被截断，或值内的引号没有写成两个。请重新导出。",
        )
    if not text.strip():
        raise EmptyFile(f"{file} has no header line.", f"{file} 没有表头行。")
    plain = folder / "plain.csv"
    plain.write_text(text, "utf-8", newline="")
    return Source(plain, name, file, Format.CSV, found)
