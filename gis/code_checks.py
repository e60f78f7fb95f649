"""Codes of a file: there, by the rule, once."""

from collections.abc import Callable, Iterator, Sequence

import pandas as pd

from gis.errors import BadCode
from gis.findings import Finding, finding

Texts = Sequence[str | None]


def missing(value: object) -> bool:
    """Say whether a value of a table is absent."""
    return value is None or value == "" or bool(pd.isna(value))  # type: ignore[call-overload]  # any scalar


def check_codes(codes: Texts, word: str, word_zh: str, parse: Callable[[str], object]) -> Iterator[Finding]:
    """Yield codes that break the rule, are absent, or occur twice.

    Args:
        codes: (n,) codes.
        word: what they name, for the message.
        word_zh: the same in Chinese.
        parse: raises BadCode when a code breaks its rule.
    """
    first: dict[str, int] = {}
    for row, code in enumerate(codes, start=1):
        if missing(code):
            yield finding(
                "no-code", row, f"the {word} has no code; give one.", f"{word_zh}没有编码，请补上。"
            )
            continue
        text = str(code)
        if text in first:
            yield finding(
                "duplicate-code",
                row,
                f"the code {text} is that of row {first[text]} too; a code names one {word}.",
                f"编码 {text} 与第 {first[text]} 行重复；一个编码只能对应一个{word_zh}。",
                value=text,
                others=(first[text],),
            )
        first.setdefault(text, row)
        try:
            parse(code if isinstance(code, str) else text)
        except BadCode as error:
            yield finding(
                "bad-code",
                row,
                f"{error}".rstrip(".") + ".",
                f"编码 {text!r} 不符合规则，请按本市{word_zh}编码规则改正。",
                value=text,
            )
