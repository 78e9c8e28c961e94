"""Circles among things that name what is above them: none may lead back to itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

MAX_TOLD = 20
"""Ids of one circle that are told."""


def circle_message(circle: list[str]) -> str:
    """A circle as a sentence."""
    told = [*circle[:MAX_TOLD], *(["..."] if len(circle) > MAX_TOLD else []), circle[0]]
    return f"{circle[0]} leads back to itself: {', '.join(told)}."


def circles(above: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """Circles in ``above``, each thing in one of them at most; without recursion, however long the way is."""
    done: set[str] = set()
    told: set[str] = set()
    for start in above:
        way: list[str] = []
        at: dict[str, int] = {}
        open_: list[tuple[str, Iterator[str]]] = [] if start in done else [(start, iter(above[start]))]
        if open_:
            way, at = [start], {start: 0}
        while open_:
            here, rest = open_[-1]
            following = next(rest, None)
            if following is None:
                open_.pop()
                done.add(way.pop())
                del at[here]
            elif following in at:
                circle = way[at[following] :]
                if told.isdisjoint(circle):
                    told.update(circle)
                    yield circle
            elif following in above and following not in done:
                at[following] = len(way)
                way.append(following)
                open_.append((following, iter(above[following])))
