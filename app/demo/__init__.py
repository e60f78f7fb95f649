"""The demo city, written into an empty schema: all of it in one transaction, or nothing."""

from app.demo.building import NotEmpty, build, is_empty, load
from app.demo.past_cases import as_of
from app.demo.staff import walk

__all__ = ["NotEmpty", "as_of", "build", "is_empty", "load", "walk"]
