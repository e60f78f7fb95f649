"""Languages: Chinese first, English complete. Message ids are Chinese; the English catalogue is a .po file.

    python -m app.i18n update     collect the messages of templates, Python and modules into the catalogue

The binary form is made at start-up under `var/`, so that the code's folder may be read-only.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from flask import Flask, g, has_request_context, request
from flask_babel import Babel

from app.settings import Settings

HERE = Path(__file__).resolve().parent
ENGLISH = HERE / "translations" / "en" / "LC_MESSAGES" / "messages.po"
LANGUAGES: Mapping[str, str] = {"zh": "中文", "en": "English"}
FIRST = "zh"
COOKIE = "jingwei_language"
SCRIPTS = "static/jingwei/"
METHODS = [
    ("static/vendor/**", "ignore"),
    ("**.py", "python"),
    ("templates/**.html", "jinja2"),
    ("static/jingwei/**.mjs", "javascript"),
]
# without it, t("…") inside a template string of a module would be missed
OPTIONS = {"static/jingwei/**.mjs": {"parse_template_string": True}}
KEYWORDS: Mapping[str, Any] = {
    "_": None,
    "t": None,
    "gettext": None,
    "lazy_gettext": None,
    "tc": ((1, "c"), 2),
    "pgettext": ((1, "c"), 2),
}
"""`tc("many", "网格")` and `pgettext` are a word in a context: one Chinese word where English has two."""


def language() -> str:
    """Return the language of this request: the one that was chosen, else the browser's, else Chinese."""
    if not has_request_context():
        return FIRST
    chosen = g.get("language") or request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return str(chosen)
    # by hand: best_match takes "en" before the "zh-TW" that is liked better
    liked = (tag.replace("_", "-").split("-")[0].lower() for tag, share in request.accept_languages if share)
    return next((tag for tag in liked if tag in LANGUAGES), FIRST)


def install(app: Flask, settings: Settings) -> Babel:
    """Translate templates and `gettext`; times are shown in the city's time."""
    folder = settings.var / "translations"
    compile_catalogue(folder)
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(folder)
    return Babel(
        app,
        default_locale=FIRST,
        locale_selector=language,
        timezone_selector=lambda: settings.timezone,
    )


def compile_catalogue(folder: Path) -> Path:
    """Write the binary catalogue below `folder` unless the same one stands there, and return its path."""
    target = folder / "en" / "LC_MESSAGES" / "messages.mo"
    made = BytesIO()
    write_mo(made, english())
    if target.is_file() and target.read_bytes() == made.getvalue():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as part:
        part.write(made.getvalue())
    Path(part.name).replace(target)
    return target


@cache
def english() -> Catalog:
    """Return the English catalogue."""
    with ENGLISH.open("rb") as file:
        return read_po(file, locale="en")


def script_strings(code: str) -> dict[str, str]:
    """Return the words of our modules in the language `code`; Chinese needs none, its ids are the words."""
    if code != "en":
        return {}
    return {
        f"{m.context}|{m.id}" if m.context else str(m.id): str(m.string)
        for m in _messages(english())
        if any(path.startswith(SCRIPTS) for path, _ in m.locations)
    }


def collected() -> Catalog:
    """Return every message that stands in the code, with its places."""
    catalogue = Catalog(project="jingwei", fuzzy=False)
    found = extract_from_dir(str(HERE), METHODS, OPTIONS, keywords=KEYWORDS)
    for path, line, message, comments, context in sorted(found, key=lambda item: (item[0], item[1])):
        catalogue.add(message, locations=[(path, line)], auto_comments=comments, context=context)
    return catalogue


def untranslated() -> list[str]:
    """Return the messages of the code that have no English."""
    known = english()
    return [str(m.id) for m in _messages(collected()) if not _said(known, m)]


def update() -> None:
    """Bring the English catalogue to the messages of the code; what is gone from the code goes."""
    known = english()
    # the day of making stays: a line that changes at every update would collide in every merge
    made = known.creation_date
    comment = "# English for Jingwei."
    fresh = Catalog("en", project="jingwei", fuzzy=False, header_comment=comment, creation_date=made)
    for message in _messages(collected()):
        said = _said(known, message)
        fresh.add(message.id, said, locations=message.locations, context=message.context)
    body = BytesIO()
    write_po(body, fresh, width=110, sort_by_file=True, include_lineno=False)
    ENGLISH.write_bytes(body.getvalue())


def _said(known: Catalog, message: Message) -> str:
    found = known.get(message.id, message.context)
    return str(found.string) if found and found.string else ""


def _messages(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


if __name__ == "__main__":
    if sys.argv[1:] != ["update"]:
        sys.exit("python -m app.i18n update")
    update()
    english.cache_clear()
    missing = untranslated()
    sys.stdout.write("".join(f"no English: {text}\n" for text in missing))
