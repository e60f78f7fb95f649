"""Appeals in: what a clerk takes by telephone, at a counter or by letter, and what partners' systems send."""

from __future__ import annotations

import re
from typing import Literal
from uuid import UUID

from flask import Blueprint, Response
from pydantic import Field, field_validator, model_validator

from app import clock
from app.cases.appeals import Appeal, register_appeal
from app.cases.queries import CaseCard, sight_of
from app.cases.routes import MAX_PHOTOS, MAX_TEXT
from app.cases.rules import Nature, Source
from app.http import Description, Parsed, describe, json_answer
from app.identity.access import allow, viewer
from app.identity.rules import REPORTS, Permission
from app.transaction import write

blueprint = Blueprint("appeals", __name__)

PHONE = re.compile(r"[0-9+][0-9 ()-]{4,30}")


class AppealBody(Parsed):
    """What somebody asks for. The id in the address is made where the appeal is taken, once: a UUID."""

    type: str = Field(description="A code of GET /api/v1/types?kind=appeal", min_length=1, max_length=16)
    nature: Nature = Field(description="What it is by nature")
    source: Literal["phone", "counter", "web", "letter", "partner"] = Field(
        "phone", description="How it came"
    )
    text: str = Field(description="What it is about, at most 2,000 characters", min_length=1)
    wish: str = Field("", description="What the person wishes to be done")
    name: str | None = Field(None, description="The person's name; protected", max_length=60)
    phone: str | None = Field(None, description="The person's telephone; protected", max_length=32)
    address: str = Field("", description="Where, in words")
    area: str | None = Field(
        None,
        description="Without a place: the code of the community, town or district",
        pattern=r"^[0-9]{6}(...){0,2}$",
    )
    lon: float | None = Field(None, ge=-180, le=180, description="Longitude in `crs`")
    lat: float | None = Field(None, ge=-90, le=90, description="Latitude in `crs`")
    accuracy_m: float | None = Field(None, ge=0, le=100_000, description="How exact the place is, metres")
    crs: Literal["wgs84", "cgcs2000", "gcj02", "bd09"] = Field("wgs84", description="Of lon and lat")
    photos: tuple[str, ...] = Field((), description="SHA-256 of each photo; the files may come later")
    tell: bool = Field(default=True, description="Whether the person wants to hear what came of it")

    @field_validator("*", mode="after")
    @classmethod
    def _storable(cls, value: object) -> object:
        if isinstance(value, str) and "\0" in value:
            raise ValueError("holds the character NUL, which no text needs; leave it out")
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise ValueError(f"has {len(value)} characters; at most {MAX_TEXT} fit, shorten it")
        return value

    @field_validator("phone")
    @classmethod
    def _dialled(cls, phone: str | None) -> str | None:
        if phone is not None and phone != "" and not PHONE.fullmatch(phone):
            raise ValueError("is no telephone number: give 5 to 31 digits")
        return phone or None

    @field_validator("photos")
    @classmethod
    def _named_by_content(cls, photos: tuple[str, ...]) -> tuple[str, ...]:
        if len(photos) > MAX_PHOTOS or len(set(photos)) < len(photos):
            raise ValueError(f"are at most {MAX_PHOTOS} different photos")
        for photo in photos:
            if len(photo) != 64 or not set(photo) <= set("0123456789abcdef"):
                raise ValueError(f"{photo[:70]!r} is no SHA-256: give 64 digits 0-9a-f")
        return photos

    @model_validator(mode="after")
    def _placed(self) -> AppealBody:
        if (self.lon is None) != (self.lat is None):
            raise ValueError("lon and lat come together, or neither; add the missing one")
        return self


@blueprint.put("/api/v1/appeals/<uuid:appeal_id>")
@allow(Permission.TAKE_APPEALS, limit=REPORTS)
@describe(
    Description(
        "Register an appeal once, however often it is sent",
        "cases",
        body=AppealBody,
        answers={200: CaseCard, 201: CaseCard},
        problems=(409, 422, 429),
        path={"appeal_id": {"description": "A UUID made by the sender, the same at every try"}},
    )
)
def put_appeal(appeal_id: UUID, body: AppealBody) -> Response:
    """Register an appeal: 201 the first time, 200 when it is sent again."""
    said = dict(body)
    said["source"] = Source(said["source"])
    asking = viewer()
    with write() as tx:
        made = register_appeal(
            tx, Appeal(id=appeal_id, **said), by=asking.person_id, at=clock.now(), sight=sight_of(asking)
        )
    return json_answer(made.case, 201 if made.fresh else 200)
