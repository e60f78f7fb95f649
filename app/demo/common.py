"""What every part of the demo city is written with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import shapely

from app import clock
from data.city import City

ZONE = ZoneInfo("Asia/Shanghai")
SINCE = datetime(2020, 1, 1, tzinfo=ZONE)
US = "jingwei demo"


def end_of(city: City) -> datetime:
    """Return the moment at which the city's past ends: midnight after its last day, or now."""
    midnight = datetime.combine(city.until + timedelta(days=1), time(), ZONE)
    return min(midnight, clock.now()).astimezone(UTC)


def ewkb(geometry: Any) -> Iterator[bytes]:
    """Return each geometry as WGS 84 EWKB."""
    stamped = shapely.set_srid(np.asarray(geometry), 4326)
    return iter(shapely.to_wkb(stamped, include_srid=True))
