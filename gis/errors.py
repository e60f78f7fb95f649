"""What can be wrong with codes, coordinate systems, geometry and files.

Every error names its fact and carries a `code`, which is part of the API: the edge maps it to a status.
"""

from datetime import datetime
from typing import ClassVar


class GisError(Exception):
    """Something the caller gave is wrong; the message says what and how to mend it."""

    code: ClassVar[str] = "gis_error"


class UnknownCrs(GisError):
    """The name is no coordinate system that can be used here."""

    code = "unknown_crs"

    def __init__(self, crs: object, why: str = "") -> None:
        self.crs = crs
        reason = f": {why}" if why else ""
        super().__init__(
            f"Unknown coordinate system {crs!r}{reason}. "
            "Give one of wgs84, gcj02, bd09, cgcs2000, or an EPSG number such as EPSG:4550 or 4550."
        )


class OutsideCrs(GisError):
    """A position cannot be expressed in this coordinate system."""

    code = "outside_crs"

    def __init__(self, lon: float, lat: float, crs: str, *, count: int = 1) -> None:
        self.lon, self.lat, self.crs, self.count = lon, lat, crs, count
        others = f" and {count - 1} more" if count > 1 else ""
        super().__init__(
            f"Position ({lon!r}, {lat!r}){others} cannot be converted between {crs} and WGS 84. "
            "Check that the coordinate system is the right one, that x (longitude) comes first, "
            "and that the numbers are finite."
        )


class NotAPosition(GisError):
    """A coordinate is NaN or infinite."""

    code = "not_a_position"

    def __init__(self, lon: float, lat: float) -> None:
        self.lon, self.lat = lon, lat
        super().__init__(f"({lon!r}, {lat!r}) is no position. Give two finite numbers, longitude first.")


class BadCode(GisError):
    """A code breaks the rule of its kind."""

    code = "bad_code"

    def __init__(self, kind: str, text: object, *, why: str, mend: str) -> None:
        self.kind, self.text, self.why, self.mend = kind, text, why, mend
        super().__init__(f"{kind.capitalize()} code {text!r} {why}. {mend}")


class TooManyCells(GisError):
    """A community has more cells than its numbers can count."""

    code = "too_many_cells"

    def __init__(self, community: str, count: int, most: int) -> None:
        self.community, self.count, self.most = community, count, most
        super().__init__(
            f"Community {community} has {count} cells, but cell numbers end at {most}. "
            "Split the community, or configure a longer cell number."
        )


class NoCells(GisError):
    """A grid without a single cell has no nearest one."""

    code = "no_cells"

    def __init__(self, at: datetime | None = None) -> None:
        if at is None:
            super().__init__("The grid has no cells. Import or build cells first.")
        else:
            super().__init__(
                f"The grid had no cells at {at.isoformat(timespec='seconds')}. Ask about another moment, "
                "or import or build cells that hold then."
            )


class BadFile(GisError):
    """A file cannot be read or written as it is; says why and how to mend it, in two languages.

    `en` and `zh` are the message; `rows` are the 1-based rows it is about, `value` the value found.
    """

    code = "bad_file"

    def __init__(self, en: str, zh: str, *, rows: tuple[int, ...] = (), value: str | None = None) -> None:
        self.en, self.zh, self.rows, self.value = en, zh, rows, value
        super().__init__(en)


class UnsafeName(BadFile):
    """A file name would make the reader reach beyond the file."""

    code = "unsafe_name"


class UnknownFormat(BadFile):
    """The content is none of the formats that are read."""

    code = "unknown_format"


class EmptyFile(BadFile):
    """There is nothing in the file."""

    code = "empty_file"


class DamagedFile(BadFile):
    """The file ends too early or contradicts itself."""

    code = "damaged_file"


class UnsafeArchive(BadFile):
    """A zip archive breaks a limit or would write outside its folder."""

    code = "unsafe_archive"


class TooLarge(BadFile):
    """The file has more rows, columns or bytes than are read at once."""

    code = "too_large"


class UnknownEncoding(BadFile):
    """The text's encoding is not told and cannot be guessed safely."""

    code = "unknown_encoding"


class UnknownLayer(BadFile):
    """The file has several layers, or not the one asked for."""

    code = "unknown_layer"


class UnknownColumn(BadFile):
    """A column that was named is not in the file."""

    code = "unknown_column"


class NoCrs(BadFile):
    """The file does not say its coordinate system."""

    code = "no_crs"


class WrongCrs(BadFile):
    """The coordinates do not fit the coordinate system, or lie outside the city's region."""

    code = "wrong_crs"


class SwappedAxes(WrongCrs):
    """Longitude and latitude are exchanged."""

    code = "swapped_axes"


class WrongGeometry(BadFile):
    """Geometry of another kind than expected, mixed kinds, or coordinates that are no numbers."""

    code = "wrong_geometry"


class NotWritable(BadFile):
    """The format cannot hold this value without changing it."""

    code = "not_writable"
