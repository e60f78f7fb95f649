"""Steps in: what is done to a case, one PUT a step; and which steps the viewer may take."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, Response
from pydantic import AwareDatetime, Field, field_validator

from app import clock
from app.cases.queries import CaseCard
from app.cases.routes import MAX_PHOTOS, MAX_TEXT
from app.cases.rules import Step
from app.cases.steps import Choice, Taken, choices, take_step
from app.http import Description, Parsed, describe, json_answer
from app.identity.access import allow, viewer
from app.identity.rules import STEPS, Permission
from app.transaction import read, write

blueprint = Blueprint("steps", __name__)

ENOUGH = 20
"""How many assisting departments one case can have."""


class StepBody(Parsed):
    """One step. Which fields it has to bring is what `steps/allowed` says of it."""

    step: Step = Field(description="What is done, such as accept, dispatch, sign, feedback")
    revision: int | None = Field(
        None,
        ge=1,
        le=2_147_483_647,
        description="`revision` of the case as it was seen: if it has moved on, 409",
    )
    note: str = Field("", description="Anything to add; seen by whoever sees the case")
    reason: str | None = Field(None, description="Why")
    answer: str | None = Field(None, description="Of a verification: exists, not, unable", max_length=16)
    photos: tuple[str, ...] = Field((), description="SHA-256 of each photo")
    community: str | None = Field(None, description="Of an appeal without a place", max_length=12)
    type: str | None = Field(None, description="At acceptance, when it is of another type", max_length=16)
    standard: int | None = Field(
        None, ge=0, le=2**63 - 1, description="At filing: the filing standard; left out: the type's first"
    )
    unit: str | None = Field(
        None, description="The lead department; left out: the type's usual", max_length=16
    )
    assisting: tuple[str, ...] = Field((), description="Departments that assist")
    worker: str | None = Field(None, description="Who is sent to look; left out: the nearest", max_length=16)
    into: UUID | None = Field(None, description="At a merge: the case that lives on")
    until: AwareDatetime | None = Field(None, description="Of a suspension: its last moment")
    measures: str | None = Field(None, description="What was done")
    result: str | None = Field(None, description="What came of it; an appeal's answer")
    score: str | None = Field(None, description="Of a return visit: satisfied, fair", max_length=16)
    cause: str | None = Field(None, description="Of an analysis: why it went wrong")
    finding: str | None = Field(None, description="What the investigation found")
    order: str | None = Field(None, description="What the supervisor orders")
    persons: str | None = Field(None, description="Who is held to account")
    decision: str | None = Field(None, description="What the committee desk decides")
    lon: float | None = Field(None, ge=-180, le=180, description="Where the worker stood, WGS 84")
    lat: float | None = Field(None, ge=-90, le=90, description="Where the worker stood, WGS 84")
    accuracy_m: float | None = Field(None, ge=0, le=100_000, description="How exact that is")

    @field_validator("*", mode="after")
    @classmethod
    def _storable(cls, value: object) -> object:
        if isinstance(value, str) and "\0" in value:
            raise ValueError("holds the character NUL, which no text needs; leave it out")
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise ValueError(f"has {len(value)} characters; at most {MAX_TEXT} fit, shorten it")
        return value

    @field_validator("photos")
    @classmethod
    def _named_by_content(cls, photos: tuple[str, ...]) -> tuple[str, ...]:
        if len(photos) > MAX_PHOTOS:
            raise ValueError(f"names {len(photos)} photos; at most {MAX_PHOTOS} fit, choose the telling ones")
        for photo in photos:
            if len(photo) != 64 or not set(photo) <= set("0123456789abcdef"):
                raise ValueError(f"{photo[:70]!r} is no SHA-256: give 64 digits 0-9a-f")
        if len(set(photos)) < len(photos):
            raise ValueError("names a photo twice; name each once")
        return photos

    @field_validator("assisting")
    @classmethod
    def _few(cls, units: tuple[str, ...]) -> tuple[str, ...]:
        if len(units) > ENOUGH or any("\0" in unit or len(unit) > 16 for unit in units):
            raise ValueError(f"are codes of at most {ENOUGH} departments")
        return units


@dataclass(frozen=True, slots=True)
class Choices:
    """The steps that lead on from where a case stands, and at which revision that was."""

    items: list[Choice]


@blueprint.put("/api/v1/cases/<uuid:case_id>/steps/<uuid:step_id>")
@allow(Permission.HANDLE_CASES, limit=STEPS)
@describe(
    Description(
        "Take a step once, however often it is sent",
        "cases",
        body=StepBody,
        answers={200: CaseCard},
        problems=(404, 409, 422, 429),
        path={"step_id": {"description": "A UUID made by the sender, the same at every try"}},
    )
)
def put_step(case_id: UUID, step_id: UUID, body: StepBody) -> Response:
    """Take a step, and answer with the case after it."""
    taken = Taken(key=step_id, **dict(body))
    with write() as tx:
        card = take_step(tx, case_id, taken, by=viewer(), at=clock.now())
    return json_answer(card)


@blueprint.get("/api/v1/cases/<uuid:case_id>/steps/allowed")
@allow(Permission.HANDLE_CASES)
@describe(
    Description(
        "List the steps that lead on from here, and which the viewer may take",
        "cases",
        answers={200: Choices},
        problems=(404,),
    )
)
def list_choices(case_id: UUID) -> Response:
    """List the steps that lead on."""
    with read() as tx:
        return json_answer(Choices(choices(tx, case_id, by=viewer(), at=clock.now())))
