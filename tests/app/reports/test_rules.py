"""The registry of figures is whole, and its arithmetic is that of domain.md."""

from datetime import date

import pytest

from app.errors import BadValue
from app.reports.definitions import PAGE, filled
from app.reports.rules import (
    ALL_FIGURES,
    NUMBERS,
    WEIGHTS,
    Form,
    Period,
    Post,
    checked_weights,
    grade,
    score,
)


def test_the_page_of_figures_says_what_is_computed():
    text = PAGE.read_text("utf-8")
    assert filled(text) == text, "run python -m app.reports.definitions"


def test_every_figure_is_made_of_numbers_and_said_in_words():
    for figure in ALL_FIGURES.values():
        assert set(figure.over) | set(figure.under) <= set(NUMBERS)
        assert figure.zh
        assert figure.en
        assert figure.over_zh
        assert bool(figure.under) == (figure.form is not Form.COUNT) == bool(figure.under_zh)


@pytest.mark.parametrize(
    ("on", "late", "shown"),
    [(998, 2, "99.8"), (1, 2, "33.3"), (2, 1, "66.7"), (0, 0, None), (1, 1999, "0.1")],
)
def test_a_rate_is_shown_half_up_to_one_decimal(on, late, shown):
    numbers = {"handle_on": on, "handle_late": late}
    assert ALL_FIGURES["handle_on_time_rate"].shown(numbers) == shown


def test_half_goes_up_not_to_even():
    assert ALL_FIGURES["handle_on_time_rate"].shown({"handle_on": 1, "handle_late": 1999}) == "0.1"  # 0.05
    assert ALL_FIGURES["mean_hours"].shown({"handle_s": 900, "handled_timed": 1}) == "0.3"  # 0.25


def test_periods_before():
    def before(first, last):
        period = Period(date.fromisoformat(first), date.fromisoformat(last)).before()
        return str(period.first), str(period.last)

    assert before("2024-03-01", "2024-03-31") == ("2024-02-01", "2024-02-29")
    assert before("2024-01-01", "2024-12-31") == ("2023-01-01", "2023-12-31")
    assert before("2024-04-01", "2024-06-30") == ("2024-01-01", "2024-03-31")
    assert before("2024-03-04", "2024-03-10") == ("2024-02-26", "2024-03-03")


def test_months_are_cut_to_the_period():
    months = Period(date(2024, 1, 15), date(2024, 3, 2)).months()
    assert [(str(one.first), str(one.last)) for one in months] == [
        ("2024-01-15", "2024-01-31"),
        ("2024-02-01", "2024-02-29"),
        ("2024-03-01", "2024-03-02"),
    ]


def test_a_period_is_cut_in_the_citys_time():
    assert Period(date(2024, 3, 1), date(2024, 3, 1)).start.isoformat() == "2024-03-01T00:00:00+08:00"
    with pytest.raises(BadValue):
        Period(date(2024, 3, 2), date(2024, 3, 1))


def test_weights_of_every_post_make_a_hundred():
    assert set(WEIGHTS) == set(Post)
    for post, weights in WEIGHTS.items():
        assert checked_weights(post, weights) == weights


def test_a_score_weighs_turns_and_fills():
    numbers = {"handle_on": 8, "handle_late": 1, "handle_undone": 1, "reworked": 3}
    # on time 80, handled 90, rework 100 - 33.3; nothing was dispatched, so that returns have no value
    assert score(WEIGHTS[Post.UNIT], numbers, {}) == 79.3
    assert score(WEIGHTS[Post.UNIT], {}, {}) is None
    assert score({"accepted": 100}, {"accepted": 30}, {"accepted": 60.0}) == 50.0
    assert score({"accepted": 100}, {"accepted": 90}, {"accepted": 60.0}) == 100.0


def test_grades_begin_where_domain_md_says():
    assert [grade(value) for value in (90, 89.9, 75, 60, 40, 39.9, 0)] == ["A", "B", "B", "C", "D", "E", "E"]
