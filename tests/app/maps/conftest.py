"""A published city of 24 cells."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.maps.publish import publish
from app.transaction import Tx

AT = datetime(2024, 5, 6, 4, 0, tzinfo=UTC)


@pytest.fixture
def published(tx: Tx):
    """The published layers, by name."""
    return {made.layer: made for made in publish(tx, at=AT)}
