"""Demo cities for the tests: a small one, and the full-size one, each made once a process."""

import pytest

from data.city import City, make_city


@pytest.fixture(scope="session")
def small() -> City:
    """A city of 1,200 cells."""
    return make_city(7, cells=1_200)


@pytest.fixture(scope="session")
def full() -> City:
    """The city of 12,900 cells that `jingwei demo` builds."""
    return make_city()
