"""Copy the browser-ready files of the npm packages to `app/static/vendor/<name>-<version>/`.

There is no bundler: the table below is the whole build. `manifest.json`, written last, names each file with
its size and SHA-256; texts get a `.gz` beside them. The same packages always give the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.progress import Trouble

PRESSED = {".js", ".mjs", ".css", ".svg", ".json"}
SPARSE_BYTES = 600  # below that, gzip's head costs more than it saves


@dataclass(frozen=True)
class Part:
    """One npm package: which of its files go where, and what is rewritten in them."""

    package: str
    files: Mapping[str, str]  # path in the package -> path below our folder
    name: str = ""
    rewrites: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)

    @property
    def folder_name(self) -> str:
        """The folder's name without its version."""
        return self.name or self.package


def _same(*paths: str, strip: str = "") -> dict[str, str]:
    return {path: path.removeprefix(strip) for path in paths}


PARTS: tuple[Part, ...] = (
    Part(
        "maplibre-gl",
        # the module finds its worker beside itself (import.meta.url): the two must stay in one folder
        _same("dist/maplibre-gl.mjs", "dist/maplibre-gl-worker.mjs", "dist/maplibre-gl.css", strip="dist/")
        | {"LICENSE.txt": "LICENSE.txt"},
    ),
    Part("htmx.org", {"dist/htmx.min.js": "htmx.min.js", "LICENSE": "LICENSE"}, name="htmx"),
    Part(
        "uplot",
        {"dist/uPlot.iife.min.js": "uPlot.iife.min.js", "dist/uPlot.min.css": "uPlot.min.css"}
        | {"LICENSE": "LICENSE"},
    ),
    Part("terra-draw", {"dist/terra-draw.modern.js": "terra-draw.js"}),
    Part(
        "terra-draw-maplibre-gl-adapter",
        {"dist/terra-draw-maplibre-gl-adapter.modern.js": "adapter.js"},
        # a bare module name would need an inline import map in every page; an address needs none
        rewrites={"adapter.js": [('from"terra-draw"', 'from"../terra-draw-{terra-draw}/terra-draw.js"')]},
    ),
    Part(
        "leaflet",
        _same(
            "dist/leaflet.js",
            "dist/leaflet.css",
            "dist/images/layers.png",
            "dist/images/layers-2x.png",
            "dist/images/marker-icon.png",
            "dist/images/marker-icon-2x.png",
            "dist/images/marker-shadow.png",
            strip="dist/",
        )
        | {"LICENSE": "LICENSE"},
    ),
    Part(
        "leaflet.vectorgrid",
        {"dist/Leaflet.VectorGrid.bundled.min.js": "Leaflet.VectorGrid.bundled.min.js"},
    ),
    # folium's pages: Leaflet above, and these four
    Part("jquery", {"dist/jquery.min.js": "jquery.min.js", "LICENSE.txt": "LICENSE.txt"}),
    Part(
        "bootstrap",
        {"dist/js/bootstrap.bundle.min.js": "bootstrap.bundle.min.js"}
        | {"dist/css/bootstrap.min.css": "bootstrap.min.css", "LICENSE": "LICENSE"},
    ),
    Part(
        "leaflet.awesome-markers",
        {"dist/leaflet.awesome-markers.min.js": "leaflet.awesome-markers.js"}
        | {"LICENSE": "LICENSE"}
        | _same(
            "dist/leaflet.awesome-markers.css",
            "dist/images/markers-soft.png",
            "dist/images/markers-soft@2x.png",
            "dist/images/markers-shadow.png",
            "dist/images/markers-shadow@2x.png",
            strip="dist/",
        ),
    ),
    Part(
        "@fortawesome/fontawesome-free",
        _same("css/all.min.css", "LICENSE.txt")
        | _same(
            "webfonts/fa-solid-900.woff2",
            "webfonts/fa-regular-400.woff2",
            "webfonts/fa-brands-400.woff2",
            "webfonts/fa-v4compatibility.woff2",
        ),
        name="fontawesome-free",
    ),
)


def copy(modules: Path, target: Path, parts: Sequence[Part] = PARTS) -> int:
    """Copy every listed file and write the manifest; return how many files there are.

    A manifest that already says the same, over files that are all there, is left alone.

    Raises:
        Trouble: a package or one of its listed files is missing.
    """
    versions = {part.package: _version(modules, part.package) for part in parts}
    wanted = {path: data for part in parts for path, data in _contents(modules, part, versions).items()}
    manifest = _manifest(parts, versions, wanted)
    place = target / "manifest.json"
    whole = place.exists() and place.read_text() == manifest
    if not (whole and all((target / path).exists() for path in wanted)):
        _write(target, wanted)
        place.write_text(manifest)
    return len(wanted)


def _version(modules: Path, package: str) -> str:
    try:
        return str(json.loads((modules / package / "package.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        raise Trouble(
            f"the front-end package {package} is not in {modules}.",
            "remove node_modules, then run the same command again.",
        ) from None


def _contents(modules: Path, part: Part, versions: Mapping[str, str]) -> dict[str, bytes]:
    folder = f"{part.folder_name}-{versions[part.package]}"
    found: dict[str, bytes] = {}
    for source, path in part.files.items():
        try:
            data = (modules / part.package / source).read_bytes()
        except OSError:
            raise Trouble(
                f"{part.package} {versions[part.package]} has no file {source}.",
                "correct the table in deploy/vendor.py for this version.",
            ) from None
        found[f"{folder}/{path}"] = _rewritten(data, part, path, versions)
    return found


def _rewritten(data: bytes, part: Part, path: str, versions: Mapping[str, str]) -> bytes:
    for old, new in part.rewrites.get(path, ()):
        filled = new.format_map(versions)
        if data.count(old.encode()) != 1:
            raise Trouble(
                f"{part.package}'s {path} holds {old!r} {data.count(old.encode())} times, not once.",
                "correct the rewrites in deploy/vendor.py for this version.",
            )
        data = data.replace(old.encode(), filled.encode())
    return data


def _manifest(parts: Sequence[Part], versions: Mapping[str, str], wanted: Mapping[str, bytes]) -> str:
    folders = {part.folder_name: f"{part.folder_name}-{versions[part.package]}" for part in parts}
    files = {
        path: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for path, data in sorted(wanted.items())
    }
    return json.dumps({"folders": folders, "files": files}, indent=1, sort_keys=True) + "\n"


def _write(target: Path, wanted: Mapping[str, bytes]) -> None:
    shutil.rmtree(target, ignore_errors=True)
    for path, data in wanted.items():
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        if place.suffix in PRESSED and len(data) > SPARSE_BYTES:
            place.with_name(place.name + ".gz").write_bytes(gzip.compress(data, 9, mtime=0))


def main() -> int:
    """Copy the files of this clone."""
    root = Path(__file__).resolve().parent.parent
    print(copy(root / "node_modules", root / "app" / "static" / "vendor"), "files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
