"""Scores of workers, desks, departments and towns, by the weights that hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.reports import queries
from app.reports.queries import Asked, Name, Scope, Told
from app.reports.rules import ALL_FIGURES, POST_KEYS, Form, Period, Post, grade, score
from app.transaction import Tx


@dataclass(frozen=True, slots=True)
class Scored:
    """Somebody's score and grade with the figures that it is made of."""

    name: Name
    score: float
    grade: str
    told: Told


@dataclass(frozen=True, slots=True)
class Board:
    """The scores of a post, the best first, and the weights that made them."""

    post: Post
    weights: Mapping[str, int]
    rows: tuple[Scored, ...]


def boards(
    tx: Tx,
    period: Period,
    *,
    scope: Scope,
    at: datetime,
    weights: Mapping[Post, Mapping[str, int]] | None = None,
) -> list[Board]:
    """Return the scores of every post in a period."""
    held = weights or queries.weights(tx)
    return [_board(tx, post, held[post], Asked(period, scope=scope), at) for post in Post if post in held]


def _board(tx: Tx, post: Post, weights: Mapping[str, int], asked: Asked, at: datetime) -> Board:
    by = POST_KEYS[post]
    told = queries.numbers(tx, replace(asked, by=by, codes=queries.codes_of(weights)), at=at)
    of_post = [row for row in told if _did_something(row, weights)]
    means = {
        code: sum(row.value(code) or 0 for row in of_post) / len(of_post)
        for code in weights
        if ALL_FIGURES[code].form is Form.COUNT and of_post
    }
    called = queries.names(tx, by, [row.key for row in of_post])
    scored = [
        Scored(called[row.key], value, grade(value), row)
        for row in of_post
        if (value := score(weights, row.numbers, means)) is not None
    ]
    return Board(post, weights, tuple(sorted(scored, key=lambda one: (-one.score, one.name.code))))


def _did_something(row: Told, weights: Mapping[str, int]) -> bool:
    """Whether a figure of the post has a value: an operator has none of a dispatcher's."""
    return any(row.value(code) is not None and (row.value(code) or not _counts(code)) for code in weights)


def _counts(code: str) -> bool:
    return ALL_FIGURES[code].form is Form.COUNT


def best_and_worst(board: Board, most: int = 5) -> tuple[Sequence[Scored], Sequence[Scored]]:
    """Return the first and the last of a board, none of them twice."""
    return board.rows[:most], board.rows[most:][-most:]
