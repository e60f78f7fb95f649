"""Somebody who asks the API."""

from collections.abc import Callable

import pytest
from flask import Flask

from app.transaction import Tx
from tests import people
from tests.people import Api


@pytest.fixture
def api(app: Flask, tx: Tx) -> Callable[[str], Api]:
    """The API as the person of this username asks it."""
    return lambda username: Api(app, people.token(tx, username))
