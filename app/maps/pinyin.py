"""Pinyin of the case types' names, so that a type is found without a Chinese keyboard."""

from __future__ import annotations

from functools import lru_cache

import sqlalchemy as sa
from pypinyin import Style, lazy_pinyin

from app.cases.models import CaseType
from app.transaction import Tx


def of_types(tx: Tx) -> dict[str, str]:
    """Return, by type code, the whole pinyin and the initials, with a blank between."""
    rows = tx.execute(sa.select(CaseType.code, CaseType.name_zh))
    return {row.code: _spelt(row.name_zh) for row in rows}


@lru_cache(maxsize=2_000)
def _spelt(name: str) -> str:
    whole = "".join(lazy_pinyin(name))
    initials = "".join(lazy_pinyin(name, style=Style.FIRST_LETTER))
    return f"{whole} {initials}".lower()
