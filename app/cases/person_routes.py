"""The person behind a case, in full: for the case's holder, with a reason, and recorded."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response
from pydantic import Field, field_validator

from app.cases.persons import Person, unmask
from app.http import Description, Parsed, describe, json_answer
from app.identity.access import allow, viewer
from app.identity.rules import UNMASKINGS, Permission
from app.transaction import write

blueprint = Blueprint("persons", __name__)


class UnmaskBody(Parsed):
    """Why the person's data are needed."""

    reason: str = Field(description="Why; it is recorded with who asked", min_length=2, max_length=200)

    @field_validator("reason")
    @classmethod
    def _said(cls, text: str) -> str:
        if "\0" in text or not text.strip():
            raise ValueError("says nothing; write why you need the person's data")
        return text.strip()


@blueprint.post("/api/v1/cases/<uuid:case_id>/unmask")
@allow(Permission.READ_PERSONAL, limit=UNMASKINGS)
@describe(
    Description(
        "Tell the name, telephone and address of the person behind a case; that is recorded",
        "cases",
        body=UnmaskBody,
        answers={200: Person},
        problems=(404, 422, 429),
    )
)
def show_person(case_id: UUID, body: UnmaskBody) -> Response:
    """Tell the person to the case's holder; the record is written before the answer goes out."""
    with write() as tx:
        person = unmask(tx, case_id, by=viewer(), reason=body.reason)
    return json_answer(person)
