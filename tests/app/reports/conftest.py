"""Histories in the database, and the figures of them."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.reports import actions
from app.reports.queries import Asked, Told, numbers
from app.reports.rules import By, Period
from app.transaction import Tx
from tests.app.reports import histories

LATER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def told(tx: Tx) -> Callable[..., Told]:
    """Write cases, refresh, and tell the numbers of March 2024 or another period, as one."""

    def tell(
        *cases: histories.Told,
        first: str = "2024-03-01",
        last: str = "2024-03-31",
        at: datetime = LATER,
        **asked: Any,
    ) -> Told:
        histories.write(tx, *cases)
        while actions.refresh(tx, at=at).more:
            pass
        period = Period(date.fromisoformat(first), date.fromisoformat(last))
        rows = numbers(tx, Asked(period, By.TOTAL, **asked), at=at)
        return rows[0] if rows else Told("", period.first, {})

    return tell
