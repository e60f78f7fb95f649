"""Settings: one frozen dataclass, read from JINGWEI_* variables of the environment.

A name that is not known is an error, since a setting that is misspelt and silently ignored costs an evening.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.errors import BadSetting

PREFIX = "JINGWEI_"
ROOT = Path(__file__).resolve().parent.parent
DEMO_PASSWORD = "jingwei-demo"  # noqa: S105 - shown to everybody on the sign-in page


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set from outside; `docs/operations.md` explains each."""

    port: int = 8000
    host: str = "127.0.0.1"
    database_url: str = ""
    owner_url: str = ""
    schema: str = "jingwei"
    demo_password: str = DEMO_PASSWORD
    secret_key: str = ""
    var: Path = ROOT / "var"
    metric_epsg: int = 4550
    city: str = "210300"
    timezone: str = "Asia/Shanghai"
    web_workers: int = 2
    web_threads: int = 8
    secure_cookies: bool = False
    trusted_proxies: int = 0
    max_photo_mb: int = 10
    outside_limit_km: int = 50
    public_url: str = ""
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_security: str = "starttls"
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_from: str = "jingwei@localhost"
    webhook_hosts: str = ""
    sms: str = "file"

    def as_owner(self) -> Settings:
        """Return the settings with which the tables' owner works: migrations, and building a demo city."""
        return replace(self, database_url=self.owner_url) if self.owner_url else self

    @property
    def tiles(self) -> Path:
        """Folder of the tile cache."""
        return self.var / "tiles"

    @property
    def photos(self) -> Path:
        """Folder of the photos, by SHA-256."""
        return self.var / "photos"

    @property
    def copies(self) -> Path:
        """Folder of the photos' copies that viewers get; they are made anew when they are gone."""
        return self.var / "copies"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings that `environ` (os.environ) makes.

    Raises:
        BadSetting: a name is unknown or a value does not fit; the message names both and the mend.
    """
    given = {k: v for k, v in (os.environ if environ is None else environ).items() if k.startswith(PREFIX)}
    known = {PREFIX + f.name.upper(): f for f in fields(Settings)}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise BadSetting(f"{unknown[0]} is no setting of Jingwei; known are: {', '.join(sorted(known))}")
    values = {known[name].name: _parse(name, raw, known[name].default) for name, raw in given.items()}
    settings = Settings(**values)  # type: ignore[arg-type]  # _parse keeps each field's type
    _check(settings)
    return _with_private_cluster(settings)


def _parse(name: str, raw: str, default: object) -> object:
    if isinstance(default, bool):
        if raw.lower() not in {"0", "1", "true", "false", "yes", "no"}:
            raise BadSetting(f"{name}={raw!r} is neither yes nor no; write 1 or 0")
        return raw.lower() in {"1", "true", "yes"}
    if isinstance(default, int):
        if not re.fullmatch(r"\d+", raw):
            raise BadSetting(f"{name}={raw!r} is not a whole number")
        return int(raw)
    return Path(raw).resolve() if isinstance(default, Path) else raw


def _check(settings: Settings) -> None:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", settings.schema) or settings.schema.startswith("pg_"):
        raise BadSetting(
            f"JINGWEI_SCHEMA={settings.schema!r} is no schema name: small letters, digits and _, not pg_..."
        )
    if not 1 <= settings.port <= 65_535:
        raise BadSetting(f"JINGWEI_PORT={settings.port} lies outside 1 to 65535")
    if not re.fullmatch(r"[0-9]{6}", settings.city):
        raise BadSetting(f"JINGWEI_CITY={settings.city!r} is no division code: six digits, such as 210300")
    for name in ("web_workers", "web_threads", "max_photo_mb", "outside_limit_km"):
        if getattr(settings, name) < 1:
            raise BadSetting(f"{PREFIX}{name.upper()}=0 is too little: at least 1")
    _check_ways(settings)
    try:
        ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"JINGWEI_TIMEZONE={settings.timezone!r} is no time zone: write one such as Asia/Shanghai"
        raise BadSetting(message) from None


def _check_ways(settings: Settings) -> None:
    """Check how notices leave the city."""
    for name, known in (("smtp_security", ("none", "starttls", "tls")), ("sms", ("file", "off"))):
        value = getattr(settings, name)
        if value not in known:
            raise BadSetting(f"{PREFIX}{name.upper()}={value!r} is none of: {', '.join(known)}")
    if not 1 <= settings.smtp_port <= 65_535:
        raise BadSetting(f"JINGWEI_SMTP_PORT={settings.smtp_port} lies outside 1 to 65535")
    if settings.smtp_password and settings.smtp_security == "none":
        raise BadSetting(
            "JINGWEI_SMTP_PASSWORD would travel in the clear: set JINGWEI_SMTP_SECURITY to starttls or tls"
        )
    if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+|[^<>\n]* <[^@\s<>]+@[^@\s<>]+>", settings.smtp_from):
        raise BadSetting(f"JINGWEI_SMTP_FROM={settings.smtp_from!r} is no address: write name@host")
    if settings.public_url and not re.fullmatch(r"https?://[^\s/]+[^\s]*", settings.public_url):
        raise BadSetting(f"JINGWEI_PUBLIC_URL={settings.public_url!r} is no address: write https://host")


def _with_private_cluster(settings: Settings) -> Settings:
    """Fill in the address of the private cluster and the secret key that `make up` leaves under var/."""
    changes: dict[str, object] = {}
    url, key, owner = (settings.var / name for name in ("database_url", "secret_key", "owner_url"))
    if not settings.database_url and url.is_file():
        changes["database_url"] = url.read_text().strip()
        if not settings.owner_url and owner.is_file():
            changes["owner_url"] = owner.read_text().strip()
    if not settings.secret_key and key.is_file():
        changes["secret_key"] = key.read_text().strip()
    if not changes:
        return settings
    same = {f.name: getattr(settings, f.name) for f in fields(Settings)}
    return Settings(**{**same, **changes})
