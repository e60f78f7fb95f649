"""The demo city, written into an empty schema: all of it in one transaction, or nothing."""

from app.demo.building import NotEmpty, build, is_empty, load
from app.demo.history import build_history
from app.demo.past_cases import as_of
from app.demo.staff import walk
from data.city import DEFAULT_SEED

__all__ = ["DEFAULT_SEED", "NotEmpty", "as_of", "build", "build_history", "is_empty", "load", "walk"]
