"""A position as people and devices send it: any coordinate system, checked field by field."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from app.http import Parsed
from gis import crs as systems
from gis.errors import UnknownCrs

MAX_ACCURACY_M = 5_000


class Position(Parsed):
    """Where something is: `lon`, `lat` in `crs` (degrees, or east and north in its unit)."""

    crs: str = Field("wgs84", description="wgs84, gcj02, bd09, cgcs2000 or an EPSG number", max_length=32)
    lon: Annotated[float, Field(description="Longitude in degrees, or easting")]
    lat: Annotated[float, Field(description="Latitude in degrees, or northing")]
    accuracy_m: float | None = Field(None, description="Radius of the position's uncertainty, metres")

    @field_validator("crs")
    @classmethod
    def _known(cls, crs: str) -> str:
        try:
            return systems.named(crs).name
        except UnknownCrs as error:
            raise ValueError(str(error)) from None

    @field_validator("lon", "lat", "accuracy_m", mode="before")
    @classmethod
    def _no_yes_or_no(cls, number: object) -> object:
        if isinstance(number, bool):
            raise ValueError("is yes or no; give a number")  # noqa: TRY004 - pydantic answers this one
        return number

    @field_validator("lon")
    @classmethod
    def _lon(cls, lon: float, info: ValidationInfo) -> float:
        if not math.isfinite(lon):
            raise ValueError("is no number; give a longitude in degrees")
        if _degrees(info) and not -180 <= lon <= 180:
            raise ValueError("lies outside -180 to 180; give degrees, or name the projected crs")
        return lon

    @field_validator("lat")
    @classmethod
    def _lat(cls, lat: float, info: ValidationInfo) -> float:
        if not math.isfinite(lat):
            raise ValueError("is no number; give a latitude in degrees")
        if _degrees(info) and not -90 <= lat <= 90:
            swapped = abs(lat) <= 180 and abs(info.data.get("lon", 180)) <= 90
            mend = "lon and lat look swapped: lon comes first" if swapped else "give degrees"
            raise ValueError(f"lies outside -90 to 90; {mend}")
        return lat

    @field_validator("accuracy_m")
    @classmethod
    def _accuracy(cls, accuracy_m: float | None) -> float | None:
        if accuracy_m is not None and not 0 <= accuracy_m <= MAX_ACCURACY_M:
            raise ValueError(f"lies outside 0 to {MAX_ACCURACY_M} metres; leave it out when it is not known")
        return accuracy_m


def _degrees(info: ValidationInfo) -> bool:
    return "crs" in info.data and systems.named(info.data["crs"]).geographic
