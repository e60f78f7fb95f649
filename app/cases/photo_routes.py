"""Photos in, and copies of them out. A photo may come before or after the report that names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from flask import Blueprint, Response, current_app, request
from pydantic import Field

from app import blobs, clock
from app.blobs import Size
from app.cases import queries
from app.cases.queries import sight_of
from app.errors import NotFound
from app.http import Description, Parsed, describe, json_answer, raw_body
from app.identity.access import allow, viewer
from app.identity.rules import PHOTOS, Permission
from app.pictures import COPY_TYPE, MEDIA_TYPES
from app.settings import Settings
from app.transaction import read, write

blueprint = Blueprint("photos", __name__)

PATH = {"sha256": {"description": "SHA-256 of the photo's bytes", "pattern": "^[0-9a-f]{64}$"}}
MADE = "1"
"""How copies are made; another number tells browsers that theirs are old."""


@dataclass(frozen=True, slots=True)
class PhotoCard:
    """A photo that is kept."""

    sha256: str
    media_type: str
    size: int
    width: int
    height: int
    url: str


class CopyQuery(Parsed):
    """Which copy."""

    size: Literal["thumb", "large"] = Field(
        "large", description="thumb: at most 320 pixels long; large: at most 2,048"
    )


@blueprint.put("/api/v1/photos/<sha256>")
@allow(Permission.REPORT_CASE, limit=PHOTOS)
@describe(
    Description(
        "Send a photo, named by the SHA-256 of its bytes",
        "cases",
        upload=tuple(sorted(set(MEDIA_TYPES.values()))),
        answers={200: PhotoCard, 201: PhotoCard},
        problems=(507,),
        path=PATH,
    )
)
def put_photo(sha256: str) -> Response:
    """Keep a photo: 201 the first time, 200 when it is sent again. After either the sender may delete theirs.

    JPEG, PNG and WebP are taken, told by their bytes. The file is kept as it was sent; viewers get copies
    that say neither where nor with what it was taken.
    """
    settings = _settings()
    data = raw_body(settings.max_photo_mb * 1_000_000, mend="make the photo smaller")
    kept = blobs.store(settings.photos, sha256, data)
    with write() as tx:
        fresh = blobs.record(tx, kept, by=viewer().person_id, at=clock.now())
    card = PhotoCard(
        kept.sha256, kept.media_type, kept.size, kept.width, kept.height, f"/api/v1/photos/{sha256}"
    )
    return json_answer(card, 201 if fresh else 200)


@blueprint.get("/api/v1/photos/<sha256>")
@allow(Permission.READ_CASES)
@describe(
    Description(
        "Show a photo of a case that the viewer may see, or that they sent",
        "cases",
        query=CopyQuery,
        answers={200: COPY_TYPE, 304: "not changed since the ETag sent"},
        path=PATH,
    )
)
def show_photo(sha256: str, query: CopyQuery) -> Response:
    """Answer a JPEG of the photo without what the file says beside its pixels.

    A browser asks at every use (`no-cache`), so that the next person at the desk sees only what is theirs.
    """
    with read() as tx:
        seen = blobs.is_name(sha256) and queries.photo_seen(tx, sha256, sight=sight_of(viewer()))
    if not seen:
        raise NotFound(f"there is no photo {sha256[:64]}, or not for you; it may be still on its way")
    etag = f"{sha256}-{query.size}-{MADE}"
    if request.if_none_match.contains(etag):
        answer = Response(status=304)
    else:
        copy = blobs.copy_of(_settings().photos, _settings().copies, sha256, Size(query.size))
        answer = Response(copy, content_type=COPY_TYPE)
        answer.headers["Content-Disposition"] = f'inline; filename="{sha256[:12]}-{query.size}.jpg"'
    answer.set_etag(etag)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def _settings() -> Settings:
    return cast(Settings, current_app.config["JINGWEI"])
