"""Every table, for the migrations and the tests: importing a model registers it with `Base`."""

from __future__ import annotations

from app import blobs, transaction
from app.assignment import models as assignment
from app.audit import models as audit
from app.calendar import models as calendar
from app.cases import models as cases
from app.db import Base
from app.facilities import models as facilities
from app.grid import models as grid
from app.identity import models as identity
from app.maps import models as maps
from app.notices import models as notices
from app.reports import models as reports
from app.workers import models as workers

__all__ = [
    "assignment",
    "audit",
    "blobs",
    "calendar",
    "cases",
    "facilities",
    "grid",
    "identity",
    "maps",
    "metadata",
    "notices",
    "reports",
    "transaction",
    "workers",
]

metadata = Base.metadata
