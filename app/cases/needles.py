"""What somebody looks for among cases: words in their text, or a number.

Every word of the needle has to occur in the text, whatever its case. A number is one of a case (its
beginning will do), of a cell or of a facility. Lists, the API and the inboxes ask here: one search for all.

Two conditions serve it. `holds` compares and is always right; `indexed` is necessary for words only and is
answered by the index over pairs of characters (docs/decisions/0011). `page_of` puts them together.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.cases.models import Case
from app.facilities.models import Facility

NEWEST = 8_000
"""How many of the newest cases are compared one by one (13 ms) before the index is asked for older ones.

So a needle that the index is asked for is in fewer than one case in 160, if it is spread evenly: 6,000 of a
million, which the index and the table give in about the same time."""

CELL_DIGITS, FACILITY_DIGITS = 15, 16
_FULL_WIDTH = {ord(sign) + 0xFEE0: sign for sign in string.ascii_letters + string.digits}
_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{3,39}")


@dataclass(frozen=True, slots=True)
class Needle:
    """Words in small letters, and the number that the needle may be."""

    words: tuple[str, ...]
    number: str | None = None

    @property
    def indexable(self) -> bool:
        """Whether there is a letter or digit, which the index is made of."""
        return any(letter.isalnum() for word in self.words for letter in word)


def written(value: Any, kind: sa.types.TypeEngine[Any] | None = None) -> sa.BindParameter[Any]:
    """Return a value that is written into the statement instead of bound, so that it is planned for.

    What is bound is planned for once and for any value, after a few times: as if every area were as large and
    every page as long. Only what has few values is written: areas, statuses, cursors.
    """
    return sa.bindparam(None, value, kind if kind is not None else sa.Text(), literal_execute=True)


def number(value: int) -> sa.ColumnElement[int]:
    """Return a whole number that is written into the statement."""
    return sa.literal_column(str(int(value)), sa.Integer)


def needle_of(text: str) -> Needle | None:
    """Return what `text` looks for; None when it holds blanks only. Full-width letters are plain ones."""
    plain = text.translate(_FULL_WIDTH).split()
    if not plain:
        return None
    number = plain[0] if len(plain) == 1 and _NUMBER.fullmatch(plain[0]) else None
    return Needle(tuple(dict.fromkeys(word.lower() for word in plain)), number)


def holds(needle: Needle) -> sa.ColumnElement[bool]:
    """Return "the case has every word, or the number", to be compared row by row."""
    small = sa.func.lower(Case.text)
    words = sa.and_(*(sa.func.strpos(small, word) > 0 for word in needle.words))
    return sa.or_(words, *_numbered(needle.number))


def indexed(needle: Needle) -> sa.ColumnElement[bool]:
    """Return a condition that indexes answer, without which no case holds the needle."""
    pairs = sa.func.text_pairs(Case.text).bool_op("@@")(sa.func.text_query(" ".join(needle.words)))
    return sa.or_(pairs, *_numbered(needle.number))


def _numbered(number: str | None) -> Sequence[sa.ColumnElement[bool]]:
    if number is None:
        return ()
    after = number[:-1] + chr(ord(number[-1]) + 1)
    found = [sa.and_(Case.no >= number, Case.no < after)]
    if number.isdigit() and len(number) == CELL_DIGITS:
        found.append(Case.cell_code == number)
    if number.isdigit() and len(number) == FACILITY_DIGITS:
        of = sa.select(Facility.id).where(Facility.code == number).scalar_subquery()
        found.append(Case.facility_id == of)
    return found


def page_of(
    needle: Needle,
    conditions: Sequence[sa.ColumnElement[bool]],
    *,
    before: sa.ColumnElement[bool],
    limit: int,
) -> sa.Subquery:
    """Return the ids of the newest `limit` cases with `needle`: one statement that is quick for any needle.

    A common needle, in a tenth of all cases, fills a page from the newest few thousand; to read all its cases
    by the index and sort them would take long. A rare one is not among those, and the index reads few. The
    planner cannot know which it is. So the newest are compared first, and the index is asked for older cases
    only when they do not fill the page.

    Args:
        needle: what is looked for.
        conditions: what else the cases have to meet.
        before: "older than the last case of the page before", or true.
        limit: how many at most.
    """
    order, most = (Case.received_at.desc(), Case.id.desc()), number(limit)
    last_one, one = number(NEWEST - 1), number(1)
    nth = sa.select(Case.received_at).where(before).order_by(order[0]).offset(last_one).limit(one)
    first = sa.func.coalesce(nth.scalar_subquery(), sa.literal_column("timestamptz '-infinity'"))
    edge = sa.select(sa.select(first.label("at")).cte("edge").c.at).scalar_subquery()
    found = sa.select(Case.id, Case.received_at).where(before, *conditions, holds(needle))
    recent = found.where(Case.received_at >= edge).order_by(*order).limit(most).cte("recent")
    full = sa.select(sa.func.count() >= most).select_from(recent).scalar_subquery()
    # "before the edge", said so that no plan looks up the moments of nearly all cases
    old = sa.func.least(Case.received_at, edge) != edge
    # OFFSET 0: chosen without a thought of the order, or it would walk on from case to case and hope
    found_by_index = found.where(old, indexed(needle), sa.not_(full)).offset(number(0)).subquery("by_index")
    newest = found_by_index.c.received_at.desc(), found_by_index.c.id.desc()
    older = sa.select(found_by_index.c.id).order_by(*newest).limit(most)
    both = sa.union_all(sa.select(recent.c.id), sa.select(older.subquery("older").c.id))
    return both.subquery("found")
