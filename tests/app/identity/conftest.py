"""A clock that the test moves, and a browser that signs in as people do."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from app import clock
from tests.city import PASSWORD


class Moment:
    def __init__(self) -> None:
        self.at = datetime(2026, 5, 4, 9, tzinfo=UTC)

    def passes(self, **span: float) -> datetime:
        self.at += timedelta(**span)
        return self.at


@pytest.fixture
def moment(monkeypatch):
    now = Moment()
    monkeypatch.setattr(clock, "now", lambda: now.at)
    return now


class Browser:
    """A client with cookies that reads forms."""

    def __init__(self, client) -> None:
        self.client = client

    def form_token(self) -> str:
        page = self.client.get("/sign-in").get_data(as_text=True)
        return re.search(r'name="csrf_token" value="(\w+)"', page)[1]

    def sign_in(self, username="dispatcher", password=PASSWORD, **fields):
        form = {"username": username, "password": password, "csrf_token": self.form_token(), **fields}
        return self.client.post("/sign-in", data=form)

    def cookie(self, name="session"):
        found = self.client.get_cookie(f"jingwei_{name}")
        return found.value if found else None

    def who(self):
        answer = self.client.get("/api/v1/me")
        return answer.json["username"] if answer.status_code == 200 else None


@pytest.fixture
def browser(client):
    return Browser(client)


@pytest.fixture
def browsers(app):
    return lambda: Browser(app.test_client())
