"""How much is read from a file at once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that stop a hostile or mistaken file before it fills memory or disk.

    Attributes:
        rows: most rows of a layer.
        columns: most columns of a layer.
        file_bytes: largest file.
        members: most members of a zip.
        ratio: a zip member may unpack to this many times its size.
        unpacked_bytes: all members of a zip together.
        memory_bytes: address space of a process that reads a foreign file (`gis.isolated`).
        seconds: how long such a process may take.
    """

    rows: int = 1_000_000
    columns: int = 200
    file_bytes: int = 1_000_000_000
    members: int = 50
    ratio: int = 100
    unpacked_bytes: int = 500_000_000
    memory_bytes: int = 6_000_000_000
    seconds: float = 600.0
