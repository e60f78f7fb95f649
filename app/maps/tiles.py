"""Tiles ready to send: published layers from files under their version, live ones from the tables.

A published tile is made once, gzipped, written under a temporary name and renamed: a reader meets all of it
or nothing. An empty tile is an empty file, answered 204: MapLibre (from version 4) and QGIS draw nothing.
"""

from __future__ import annotations

import gzip
import logging
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from app import clock
from app.maps import queries
from app.maps.queries import LayerVersion
from app.maps.rules import MAX_TILE_BYTES, SOURCE_MAX_ZOOM, Layer, Tile, overlap
from app.transaction import Tx, read

log = logging.getLogger(__name__)

LEVEL = 6
"""Of gzip: 9 takes three times as long and saves 1 %."""


class TileStore:
    """The published tiles of one city, as files, and the versions they stand at.

    The versions are asked for once in `fresh_for`, so that a tile from a file costs no query of its own.
    """

    def __init__(self, folder: Path, *, fresh_for: timedelta = timedelta(seconds=1)) -> None:
        self.folder = folder
        self.fresh_for = fresh_for
        self._versions: Mapping[Layer, LayerVersion] = {}
        self._read_at: datetime | None = None

    def version(self, layer: Layer) -> LayerVersion | None:
        """Return what `layer` stands at, None before its first publication."""
        now = clock.now()
        if self._read_at is None or not timedelta(0) <= now - self._read_at < self.fresh_for:
            with read() as tx:
                self._versions = queries.layer_versions(tx)
            self._read_at = now
        return self._versions.get(layer)

    def standing(self, layer: Layer) -> LayerVersion | None:
        """Return the same as long as it is fresh, without a query; None when it has to be asked for."""
        fresh = self._read_at is not None and timedelta(0) <= clock.now() - self._read_at < self.fresh_for
        return self._versions.get(layer) if fresh else None

    def kept(self, layer: Layer, tile: Tile, version: int) -> bytes | None:
        """Return the file of a tile, None when there is none."""
        try:
            with open(f"{self.folder}/{version}/{layer}/{tile.z}/{tile.x}/{tile.y}.mvt.gz", "rb", 0) as file:  # noqa: PTH123 - three times as quick as a Path
                return file.read()
        except FileNotFoundError:
            return None

    def tile(self, layer: Layer, tile: Tile, standing: LayerVersion) -> bytes:
        """Return a tile, gzipped; b"" for an empty one."""
        if standing.bounds is None or not overlap(tile.bounds, standing.bounds):
            return b""
        path = self.path(layer, tile, standing.version)
        kept = self.kept(layer, tile, standing.version)
        if kept is not None:
            return kept
        with read() as tx:
            made = make(tx, layer, tile)
        if tile.z <= SOURCE_MAX_ZOOM:
            keep(path, made)
        return made

    def path(self, layer: Layer, tile: Tile, version: int) -> Path:
        """Return where the file of a tile is."""
        return self.folder / str(version) / layer / str(tile.z) / str(tile.x) / f"{tile.y}.mvt.gz"


def make(tx: Tx, layer: Layer, tile: Tile) -> bytes:
    """Return a published tile made anew, gzipped, of data so coarse that it stays below the limit."""
    for coarser in range(queries.coarsest(layer) + 1):
        made = compressed(queries.published_tile(tx, layer, tile, coarser=coarser))
        if len(made) <= MAX_TILE_BYTES:
            return made
    log.warning("tile %s %s weighs %d bytes though made of the coarsest data", layer, tile, len(made))
    return made


def compressed(raw: bytes) -> bytes:
    """Return a tile gzipped; nothing stays nothing. The same tile is the same bytes."""
    return gzip.compress(raw, LEVEL, mtime=0) if raw else b""


def keep(path: Path, made: bytes) -> None:
    """Write a tile's file under a temporary name, rename it. A full disk costs the file, not the answer."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            temporary = Path(file.name)
            file.write(made)
        temporary.replace(path)
    except OSError as error:
        log.warning("tile not kept at %s: %s", path, error)
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def sweep(folder: Path, standing: Iterable[tuple[Layer, int]]) -> int:
    """Delete the tiles of versions that no layer stands at, and return how many folders went.

    A tile asked for at this moment may still come under an old version; the next sweep takes it.
    """
    current = set(standing)
    layers = {layer for layer, _ in current}
    swept = 0
    for version in folder.iterdir() if folder.is_dir() else ():
        for layer in layers:
            if (layer, _number(version.name)) not in current and (version / layer).is_dir():
                shutil.rmtree(version / layer, ignore_errors=True)
                swept += 1
        with suppress(OSError):
            version.rmdir()
    return swept


def _number(name: str) -> int:
    return int(name) if name.isdigit() else -1
