"""Passwords."""

import time

from argon2 import extract_parameters

from app.identity import passwords
from app.identity.passwords import hashed, verdict


def test_a_password_fits_its_hash_alone():
    stored = hashed("correct horse")
    assert verdict(stored, "correct horse").fits
    assert not verdict(stored, "correct horsE").fits
    assert not verdict("no hash at all", "x").fits
    assert not verdict(None, "nobody has this password").fits, "the dummy's password opens nothing"
    assert not verdict(stored, "x" * 2_000).fits


def test_argon2_is_as_strong_as_promised():
    parameters = extract_parameters(hashed("x"))
    assert parameters.type.name == "ID"
    assert parameters.memory_cost >= 19 * 1_024
    assert parameters.time_cost >= 2


def test_nobody_costs_as_much_as_somebody():
    stored = hashed("correct horse")
    passwords.verdict(None, "warm up")
    best = {who: min(_timed(who, "wrong") for _ in range(5)) for who in (stored, None)}
    assert 0.4 < best[None] / best[stored] < 2.5


def _timed(stored, password):
    start = time.perf_counter()
    verdict(stored, password)
    return time.perf_counter() - start
