"""What callers can cause: each error names a fact; `app/http.py` holds the table of statuses.

`code` is part of the API; the message says what is wrong, where, and how to mend it.
"""

from __future__ import annotations


class JingweiError(Exception):
    """Something that the caller can mend."""

    code = "error"

    def __init__(self, message: str, *, field: str | None = None, value: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.value = value


class BadSetting(JingweiError):
    """A JINGWEI_* variable is unknown or does not fit."""

    code = "bad_setting"


class BadValue(JingweiError):
    """A field of a request does not fit; `field` and `value` name it."""

    code = "bad_value"


class NotSignedIn(JingweiError):
    """The route needs somebody."""

    code = "not_signed_in"


class NotAllowed(JingweiError):
    """The somebody may not do this, or not here."""

    code = "not_allowed"


class NotFound(JingweiError):
    """There is no such thing, or not for this viewer."""

    code = "not_found"


class Conflict(JingweiError):
    """The present state of things does not allow it."""

    code = "conflict"


class TooMany(JingweiError):
    """A rate limit; `retry_after_s` says when to come back."""

    code = "too_many"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooLarge(JingweiError):
    """A body or file over its limit."""

    code = "too_large"


class CommitUncertain(JingweiError):
    """The commit may not have reached the standby; send the same again."""

    code = "commit_uncertain"


class NoRoom(JingweiError):
    """The disk is full; nothing was written."""

    code = "no_room"
