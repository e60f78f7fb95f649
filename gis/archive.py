"""A zip archive taken apart safely, into names of our own.

Members are counted while they are read, because sizes in a zip's directory are the sender's claim. Names
inside the archive are never used as paths: every member becomes `<number><suffix>`.
"""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gis.errors import DamagedFile, EmptyFile, UnsafeArchive, UnsafeName
from gis.limits import Limits

_CHUNK = 1 << 18
_SMALL = 1 << 20
_ARCHIVES = {".zip", ".7z", ".rar", ".gz", ".tar", ".tgz", ".bz2", ".xz", ".kmz"}
_WANTED = {".shp", ".shx", ".dbf", ".prj", ".cpg", ".gpkg", ".geojson", ".json", ".fgb", ".csv"}
_MAIN = {".shp", ".gpkg", ".geojson", ".json", ".fgb", ".csv"}


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A data set of an archive: its own name and where it now lies."""

    name: str
    path: Path


def unpack(archive: Path, folder: Path, limits: Limits) -> list[Unpacked]:
    """Extract the data sets of a zip into `folder` and return them, by name.

    Parts of a Shapefile (same folder and stem, whatever their case) stay together.

    Raises:
        UnsafeArchive: a limit is broken, or a member is a link, nested, encrypted or outside the folder.
        EmptyFile: no data set is inside.
        DamagedFile: the archive is cut or its checksum is wrong.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked(opened, archive.name, limits)
            return _extract(opened, members, folder, _Meter(archive.name, limits))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DamagedFile(
            f"{archive.name} is no complete zip archive ({error}). Copy it again, or zip the files anew.",
            f"{archive.name} 不是完整的 zip 压缩包（{error}）。请重新复制或重新压缩。",
        ) from None


def _checked(opened: zipfile.ZipFile, file: str, limits: Limits) -> list[zipfile.ZipInfo]:
    members = [m for m in opened.infolist() if not m.is_dir()]
    if len(opened.infolist()) > limits.members:
        raise UnsafeArchive(
            f"{file} has {len(opened.infolist())} members; at most {limits.members} are unpacked. "
            "Zip only the layer's own files.",
            f"{file} 内有 {len(opened.infolist())} 个成员，最多允许 {limits.members} 个。"
            "请只压缩该图层的文件。",
        )
    for member in members:
        _check_member(member, file)
    return members


def _check_member(member: zipfile.ZipInfo, file: str) -> None:
    name = _name(member)
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name:
        raise UnsafeName(
            f"{file}: the member {name!r} points outside the archive. Zip the files without folders.",
            f"{file}：成员 {name!r} 指向压缩包以外。请不带目录重新压缩。",
            value=name,
        )
    why_en, why_zh = "", ""
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        why_en, why_zh = "is a link or device", "是链接或设备"
    elif path.suffix.lower() in _ARCHIVES:
        why_en, why_zh = "is an archive inside the archive", "是压缩包中的压缩包"
    elif member.flag_bits & 1:
        why_en, why_zh = "is encrypted", "已加密"
    if why_en:
        raise UnsafeArchive(
            f"{file}: the member {name!r} {why_en}. Zip the plain files of one layer.",
            f"{file}：成员 {name!r} {why_zh}。请直接压缩一个图层的普通文件。",
            value=name,
        )


def _extract(
    opened: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path, meter: "_Meter"
) -> list[Unpacked]:
    stems: dict[str, int] = {}
    found: list[Unpacked] = []
    for member in members:
        path = PurePosixPath(_name(member).replace("\\", "/"))
        if path.suffix.lower() not in _WANTED or path.name.startswith("._"):
            continue
        number = stems.setdefault(str(path.with_suffix("")).lower(), len(stems))
        target = folder / f"{number}{path.suffix.lower()}"
        if target.exists():
            raise DamagedFile(
                f"{meter.file} holds {_name(member)!r} twice. Zip one layer's files once.",
                f"{meter.file} 内有两个 {_name(member)!r}。请重新压缩。",
            )
        with target.open("wb") as out:
            for chunk in meter.read(opened, member):
                out.write(chunk)
        if target.suffix in _MAIN:
            found.append(Unpacked(path.stem, target))
    if not found:
        raise EmptyFile(
            f"{meter.file} holds no .shp, .gpkg, .geojson, .fgb or .csv. Zip the layer's files and "
            "try again.",
            f"{meter.file} 内没有 .shp、.gpkg、.geojson、.fgb 或 .csv。请把图层文件压缩后重试。",
        )
    return found


class _Meter:
    """Counts what really comes out of an archive and stops it at the limits."""

    def __init__(self, file: str, limits: Limits) -> None:
        self.file, self.limits, self.total = file, limits, 0

    def read(self, opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
        """Yield the member's bytes in chunks, within the limits."""
        size = 0
        with opened.open(member) as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                self.total += len(chunk)
                # A few kilobytes of blanks compress a thousandfold; only size makes a bomb.
                if size > _SMALL and size > self.limits.ratio * max(member.compress_size, 1):
                    raise self._bomb(
                        member, f"more than {self.limits.ratio} times", f"超过 {self.limits.ratio} 倍"
                    )
                if self.total > self.limits.unpacked_bytes:
                    most = self.limits.unpacked_bytes // 1_000_000
                    raise self._bomb(member, f"to more than {most} MB", f"超过 {most} MB")
                yield chunk

    def _bomb(self, member: zipfile.ZipInfo, en: str, zh: str) -> UnsafeArchive:
        name = _name(member)
        return UnsafeArchive(
            f"{self.file}: the member {name!r} unpacks {en}; stopped. Send the layer as GeoPackage or "
            "in parts.",
            f"{self.file}：成员 {name!r} 解压后{zh}，已停止。请改用 GeoPackage 或分块提供。",
            value=name,
        )


def _name(member: zipfile.ZipInfo) -> str:
    """Return the member's name; Chinese Windows writes GBK where the zip format says code page 437."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return member.filename
