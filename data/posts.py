"""Posts and workers of the demo city: each community halved into connected territories, one worker each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.shares import apportioned
from gis.partition import Edges, components

_FULL_POSTS = 1_815
_FULL_CELLS = 12_900
_NOBODY = -1
_VACANT = 0.008

Points = NDArray[np.float64]
Numbers = NDArray[np.intp]


@dataclass(frozen=True)
class Territories:
    """Who holds what: `post` of each cell; `home` (community) and `backup` of each post, -1 if none."""

    post: Numbers
    home: Numbers
    backup: Numbers


def make_territories(
    community: Numbers, town: Numbers, *, net: Edges, xy: Points, rng: np.random.Generator
) -> Territories:
    """Return connected territories, numbered by their first cell, each inside one community.

    Args:
        community: (n,) the community of each cell, numbered from 0.
        town: (m,) the town of each community.
        net: the edges of the cells.
        xy: (n, 2) the cells' centres in metres.
        rng: the only source of chance.
    """
    count = len(community)
    pairs = net.owners[net.shared]
    inner = pairs[community[pairs[:, 0]] == community[pairs[:, 1]]]
    piece = components(count, inner)
    borders = _borders(count, inner)
    wanted = _posts_per_piece(piece, community, max(1, round(_FULL_POSTS * count / _FULL_CELLS)), rng)
    post = np.full(count, _NOBODY)
    number = 0
    for first, posts in wanted:
        for territory in _halved(np.flatnonzero(piece == first).tolist(), posts, borders, xy, rng):
            post[territory] = number
            number += 1
    post = _by_first_cell(post)
    home = np.zeros(number, np.intp)
    home[post] = community
    return Territories(post, home, _backups(post, home, town, net=net, xy=xy, rng=rng))


def _borders(count: int, pairs: Numbers) -> list[list[int]]:
    borders: list[list[int]] = [[] for _ in range(count)]
    for a, b in np.unique(pairs, axis=0).tolist():
        borders[a].append(b)
        borders[b].append(a)
    return borders


def _posts_per_piece(
    piece: Numbers, community: Numbers, total: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Return (first cell, posts) of each connected piece: at least one, at most one a cell."""
    firsts, sizes = np.unique(piece, return_counts=True)
    # Communities are staffed unequally on purpose: the planner has something to mend.
    luck = rng.lognormal(0, 0.3, int(community.max()) + 1)[community[firsts]]
    posts = np.ones(len(firsts), np.int64)
    while (short := total - int(posts.sum())) > 0:
        room = sizes - posts
        posts += np.minimum(apportioned(np.maximum(room, 0) ** 0.9 * luck, short), room)
    return list(zip(firsts.tolist(), posts.tolist(), strict=True))


def _halved(
    cells: list[int], posts: int, borders: list[list[int]], xy: Points, rng: np.random.Generator
) -> list[list[int]]:
    """Return connected territories: cut across the long axis, and again, with a jittered ratio."""
    if posts == 1:
        return [cells]
    first = posts // 2
    at = xy[cells] - xy[cells].mean(axis=0)
    axis = np.linalg.eigh(at.T @ at)[1][:, 1]
    order = np.argsort(at @ axis, kind="stable")
    share = np.clip(first / posts * rng.uniform(0.7, 1.35), 0.1, 0.9)
    size = int(np.clip(round(len(cells) * share), first, len(cells) - (posts - first)))
    low, high = _connected([cells[i] for i in order[:size]], [cells[i] for i in order[size:]], borders)
    # Pieces that changed sides may leave too few cells for the posts of their side.
    first = int(np.clip(first, max(1, posts - len(high)), min(len(low), posts - 1)))
    return [
        *_halved(low, first, borders, xy, rng),
        *_halved(high, posts - first, borders, xy, rng),
    ]


def _connected(low: list[int], high: list[int], borders: list[list[int]]) -> tuple[list[int], list[int]]:
    """Return both sides connected: what was cut off from the main piece of its side changes sides."""
    main = _main_piece(low, borders)
    high = [*high, *(cell for cell in low if cell not in main)]
    rest = _main_piece(high, borders)
    low = [*(cell for cell in low if cell in main), *(cell for cell in high if cell not in rest)]
    return sorted(low), sorted(rest)


def _main_piece(cells: list[int], borders: list[list[int]]) -> set[int]:
    left, best = set(cells), set[int]()
    for start in cells:
        if start not in left:
            continue
        piece, front = {start}, [start]
        left.discard(start)
        while front:
            for neighbour in borders[front.pop()]:
                if neighbour in left:
                    left.discard(neighbour)
                    piece.add(neighbour)
                    front.append(neighbour)
        if len(piece) > len(best):
            best = piece
    return best


def _by_first_cell(post: Numbers) -> Numbers:
    _, first, where = np.unique(post, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[where]


def _backups(
    post: Numbers, home: Numbers, town: Numbers, *, net: Edges, xy: Points, rng: np.random.Generator
) -> Numbers:
    """Return each post's B post: the neighbour in its community with the longest border, else in its town."""
    count = len(home)
    size = np.bincount(post)
    centre = np.column_stack([np.bincount(post, xy[:, axis]) / size for axis in (0, 1)])
    border: list[dict[int, float]] = [{} for _ in range(count)]
    ends, length = post[net.owners[net.shared]], net.length_m[net.shared]
    for (a, b), metres in zip(ends.tolist(), length.tolist(), strict=True):
        if a != b:
            border[a][b] = border[b][a] = border[a].get(b, 0.0) + metres
    found = np.full(count, _NOBODY)
    for number in range(count):
        others = np.flatnonzero(town[home] == town[home[number]])
        others = others[others != number]
        if len(others) == 0:
            continue
        away = np.hypot(*(centre[others] - centre[number]).T)
        shared = np.array([border[number].get(int(other), 0.0) for other in others])
        same = home[others] == home[number]
        found[number] = others[np.lexsort((away, -shared, ~same, (shared == 0) & ~same))[0]]
    found[rng.random(count) < _VACANT] = _NOBODY
    return found
