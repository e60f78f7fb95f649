"""Every address of the application, asked as one person: what comes back, unpacked."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from werkzeug.routing import Rule

from app.reports.rules import By
from tests.city import A, B, C, cell_code, middle

HOME, AWAY, NEXT = cell_code(0, 0), cell_code(4, 0), cell_code(2, 0)
COVER = "2103020101000001"
VIEW = f"{middle(0, 0)[0] - 0.01},41.09,123.01,41.11"


def tile_of(lon: float, lat: float, z: int) -> dict[str, int]:
    """Return the tile of a place."""
    from pyproj import Transformer  # noqa: PLC0415 - half a second that most tests need not wait

    x, y = Transformer.from_crs(4326, 3857, always_xy=True).transform(lon, lat)
    side = 2 * 20037508.342789244 / 2**z
    return {"z": z, "x": int((x + 20037508.342789244) // side), "y": int((20037508.342789244 - y) // side)}


TILES = [
    dict(tile)
    for tile in sorted(
        {tuple(tile_of(*middle(x, y), z).items()) for z in (7, 12, 15) for x in (0, 5) for y in (0, 3)}
    )
]
"""The tiles that the test city lies in."""


@dataclass
class Addresses:
    """What the addresses are asked with: ids of cases and photos, and words to look for."""

    cases: Sequence[str] = ()
    numbers: Sequence[int] = ()
    photos: Sequence[str] = ()
    sheets: Sequence[int] = ()
    words: Sequence[str] = ()

    def values(self, endpoint: str) -> Sequence[Mapping[str, Any]]:
        """Return the parts of the addresses of a route that names a thing."""
        cells, areas = (HOME, NEXT, AWAY), ("210300", "210302", "210302001", "210302002", A, B, C)
        return {
            "cards.area": [{"code": code} for code in areas],
            "cards.cell": [{"code": code} for code in cells],
            "cards.facility": [{"code": COVER}],
            "cards.worker": [{"code": f"W000{n}"} for n in range(1, 6)],
            "cases.show_case": [{"case_id": case} for case in self.cases],
            "steps.list_choices": [{"case_id": case} for case in self.cases],
            "duplicates.list_likely": [{"case_id": case} for case in self.cases],
            "case_pages.case": [{"case_id": case} for case in self.cases],
            "case_pages.case_by_number": [{"no": number} for number in self.numbers],
            "photos.show_photo": [{"sha256": photo} for photo in self.photos],
            "tiles.published_tile": [
                {"layer": f, **t} for f in ("areas", "cells", "facilities") for t in TILES
            ],
            "tiles.published_tilejson": [{"layer": name} for name in ("areas", "cells", "facilities")],
            "tiles.cases_tile": TILES,
            "tiles.workers_tile": TILES,
            "static": [{"filename": "jingwei/base.mjs"}],
            "report_office.sheet": [{"sheet": sheet} for sheet in self.sheets],
        }[endpoint]

    def queries(self, endpoint: str) -> Sequence[Mapping[str, Any]]:
        """Return what a route is asked with behind the question mark."""
        workers = [{"worker": f"W000{n}"} for n in range(1, 6)]
        areas = [{"area": code} for code in ("210302001", "210302002", C)]
        known: Mapping[str, Sequence[Mapping[str, Any]]] = {
            "cases.list_cases": [
                {},
                {"format": "geojson"},
                {"bbox": VIEW},
                {"cell": AWAY},
                *({"text": word} for word in self.words),
                *workers,
                *areas,
            ],
            "calendar_pages.show": [{}, {"year": "2031"}],
            "case_pages.cases": [{}, {"status": "all"}, *areas, *({"text": word} for word in self.words)],
            "inbox.page": [{}, {"unit": "all"}, *areas, *({"text": word} for word in self.words)],
            "duplicates.list_duplicates": [
                {"type": "F0101", "lon": lon, "lat": lat} for lon, lat in map(middle, (0, 2, 4), (0, 0, 0))
            ],
            "cards.find": [{"q": word} for word in ("W", "网格员", "设施", *self.words)],
            "grid.locate": [
                {"lon": lon, "lat": lat, "accuracy_m": 50} for lon, lat in map(middle, (0, 2, 4), (0, 0, 0))
            ],
            "maps.print_page": [
                {"on": "areas,cells,facilities,cases,ended,workers,names"},
                {"on": "areas,cells,facilities,cases,ended,workers,names", "bbox": VIEW, "download": "1"},
            ],
            "photos.show_photo": [{}, {"size": "thumb"}],
            "audit.list_rows": [{}, {"what": "case_reported"}, *({"who": word} for word in self.words)],
            "audit.show_page": [{}, {"what": "case_reported"}, *({"subject": word} for word in self.words)],
            "reports.board": [{"by": by, "all": "1"} for by in By] + areas,
            "reports.cases_of": [
                *({"figure": code, "by": "total"} for code in ("reported", "dispatch_rate", "close_rate")),
                *({"figure": "reported", "by": "town", "key": code} for code in ("210302001", "210302002")),
                *areas,
            ],
            "reports.workbook": [{"by": by} for by in (By.WORKER, By.COMMUNITY, By.PERSON)],
        }
        return known.get(endpoint, [{}])

    def of(self, app: Flask) -> Iterator[tuple[str, str]]:
        """Yield endpoint and address of everything that can be read."""
        build = app.url_map.bind("localhost").build
        for rule in read_rules(app):
            named = self.values(rule.endpoint) if rule.arguments else [{}]
            for parts in named:
                for query in self.queries(rule.endpoint):
                    yield (
                        rule.endpoint,
                        build(rule.endpoint, parts) + (f"?{urlencode(query)}" if query else ""),
                    )


def read_rules(app: Flask) -> list[Rule]:
    """Return the rules that are asked by GET."""
    return [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]


def unpacked(answer: Any) -> bytes:
    """Return an answer's body and headers, without gzip; a workbook's as the text in it."""
    body: bytes = answer.get_data()
    if answer.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            body = b"\n".join(book.read(name) for name in book.namelist())
    return body + b"\n" + str(answer.headers).encode()
