"""Secrets, proofs and suspicion."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from app.citizen import rules

AT = datetime(2026, 5, 6, 9, tzinfo=UTC)
KEY = "a key"


def proved(text: str) -> str:
    return next(str(n) for n in count() if rules._proved(text, str(n)))


def fault(given, *, proof="", answer="", later=timedelta(seconds=10), key=KEY):
    return rules.fault_of(key, given, proof=proof, answer=answer, at=AT + later)


def test_work_or_the_sum_proves_it():
    made = rules.challenge(KEY, AT)
    assert fault(made.text, proof=proved(made.text)) is None
    assert fault(made.text, answer=f" {sum(made.question)} ") is None
    assert fault(made.text, proof="1x", answer="99") == "wrong"


@pytest.mark.parametrize(
    ("later", "expected"),
    [(timedelta(seconds=1), "fast"), (timedelta(hours=7), "old"), (timedelta(seconds=-5), "old")],
)
def test_a_form_has_its_time(later, expected):
    made = rules.challenge(KEY, AT)
    assert fault(made.text, answer=str(sum(made.question)), later=later) == expected


def test_a_challenge_is_ours_and_unchanged():
    made = rules.challenge(KEY, AT)
    right = str(sum(made.question))
    assert fault(made.text, answer=right, key="another") == "old"
    assert fault(made.text.replace(".", "1.", 1), answer=right) == "old"
    assert fault("", answer=right) == "old"


def test_a_secret_is_read_out_and_typed_in_any_way():
    secret = rules.new_secret()
    assert len(secret) == 10
    assert set(secret) <= set(rules.ALPHABET)
    assert rules.digest(f" {secret[:5].lower()}-{secret[5:]} ") == rules.digest(secret)
    assert rules.new_secret() != rules.new_secret()


def test_what_looks_like_spam_is_said():
    assert rules.suspicion("灯坏了", seen_before=0, from_here=1) is None
    assert rules.suspicion("http://a www.b", seen_before=0, from_here=1) == "links"
    assert rules.suspicion("灯坏了", seen_before=3, from_here=1) == "repeated"
    assert rules.suspicion("灯坏了", seen_before=0, from_here=11) == "many"
