"""What the Markdown below the front matter says, where the front matter does not: title, story, acceptance criteria.

Everything is looked for from the top to the bottom once, so that no text is slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .text import legible

MAX_PART = 1000
"""Characters of one part of a story."""
MAX_CRITERIA = 1000

_HEADING = re.compile(r"#{1,6}\s+(?P<text>\S.*)")
_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,4}[.)])\s+(?:\[[ xX]\]\s+)?(?P<text>\S.*)")
_CRITERIA = re.compile(r"acceptance\s+criteria\b", re.IGNORECASE)
_AS, _WANT, _SO = (
    re.compile(pattern, re.IGNORECASE) for pattern in (r"\bas\s+an?\s", r"\bI\s+want\b(?:\s+to\b)?", r"\bso\s+that\b")
)
_END = re.compile(r"\n\s*\n|\.\s")
_DECORATION = str.maketrans("*_>", "   ")


@dataclass(frozen=True, slots=True)
class Value:
    """One value and the line it stands at."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Body:
    """The text below the front matter, which starts at ``first_line`` of its file."""

    text: str = ""
    first_line: int = 1

    def lines(self) -> Iterator[tuple[int, str]]:
        """Each line with its number in the file."""
        return enumerate(self.text.split("\n"), start=self.first_line)

    def headings(self) -> list[Value]:
        """The headings, without their number signs."""
        return [Value(found["text"].strip(), line) for line, text in self.lines() if (found := _HEADING.match(text))]


def title_in(body: Body, artifact_id: str) -> tuple[Value, ...]:
    """The first heading, without the id that it may begin with."""
    for heading in body.headings()[:1]:
        title = heading.text.removeprefix(artifact_id).lstrip(" :.-–—")
        return (Value(legible(title), heading.line),) if title else ()
    return ()


def story_in(body: Body) -> Mapping[str, tuple[Value, ...]]:
    """The parts of the first *As a ... I want ... so that ...*; empty if there is none."""
    text = body.text.translate(_DECORATION)
    spans = []
    at = 0
    for pattern in (_AS, _WANT, _SO):
        found = pattern.search(text, at)
        if found is None:
            return {}
        spans.append(found.span())
        at = found.end()
    end = found_end.start() if (found_end := _END.search(text, at)) else len(text)
    edges = [(spans[0][1], spans[1][0]), (spans[1][1], spans[2][0]), (spans[2][1], end)]
    parts = [(" ".join(text[start:stop].split()).strip(" ,.;:"), start) for start, stop in edges]
    if not all(0 < len(part) <= MAX_PART for part, _ in parts):
        return {}
    line = body.first_line
    values = (Value(legible(part), line + text.count("\n", 0, start)) for part, start in parts)
    return {name: (value,) for name, value in zip(("as_a", "i_want", "so_that"), values, strict=True)}


def criteria_in(body: Body) -> tuple[Value, ...]:
    """The items of the list under the heading *Acceptance criteria*."""
    found: list[Value] = []
    below = False
    for line, text in body.lines():
        if heading := _HEADING.match(text):
            if below and found:
                break
            below = below or _CRITERIA.match(heading["text"]) is not None
        elif below and len(found) < MAX_CRITERIA and (item := _ITEM.match(text)):
            found.append(Value(legible(item["text"].strip()), line))
    return tuple(found)
