"""Passwords."""

from argon2 import extract_parameters

from app.identity import passwords
from app.identity.passwords import HASHER, hashed, verdict


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


def test_nobody_costs_as_much_as_somebody(monkeypatch):
    asked = []

    class Watched:
        def verify(self, stored, password):
            asked.append(extract_parameters(stored))
            return HASHER.verify(stored, password)

    stored = hashed("correct horse")
    monkeypatch.setattr(passwords, "HASHER", Watched())
    assert not verdict(stored, "wrong").fits
    monkeypatch.undo()
    passwords._dummy()
    monkeypatch.setattr(passwords, "HASHER", Watched())
    assert not verdict(None, "wrong").fits
    assert len(asked) == 2
    assert asked[0] == asked[1], "the same work, whether the account exists or not"
