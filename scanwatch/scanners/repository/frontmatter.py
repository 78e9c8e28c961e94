"""Front matter under bounds: any text leads to fields with line numbers, or to one :class:`FrontMatterError`.

Values stay the text that was written (``1.10`` is no number, ``2026-01-01`` no date), nothing is constructed from a
tag, and an alias is a reference that is never expanded, so what is small in the file is small in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import yaml

MAX_FRONT_MATTER = 64 * 1024
"""Characters of front matter in one document."""
MAX_DEPTH = 16
MAX_NODES = 5000
MAX_ALIASES = 32

_FENCE = "---"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_NO_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STANDARD_TAG = "tag:yaml.org,2002:"
_STANDARD_TAGS = frozenset(
    _STANDARD_TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "seq", "map")
)
# libyaml where PyYAML was built with it: ten times as fast, same events.
_LOADER: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class FrontMatterError(Exception):
    """Why the front matter could not be read, and at which line of the file (from 1)."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


class MissingFrontMatter(FrontMatterError):
    """The first line is not three dashes."""


class UnterminatedFrontMatter(FrontMatterError):
    """No later line is three dashes."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as written; ``None`` for an empty or null one."""

    text: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of values."""

    items: list[Node]
    line: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values; ``repeated`` has the line of every key that was there before."""

    entries: dict[str, Node]
    line: int
    repeated: list[tuple[str, int]] = field(default_factory=list)


Node = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The keys of a document and the text after them, which starts at ``body_line``."""

    root: Mapping
    body: str
    body_line: int


def read_front_matter(text: str) -> FrontMatter:
    """The front matter of a document.

    Raises:
        FrontMatterError: there is none, it does not end, or it is not a plain YAML mapping within the bounds.
    """
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        raise MissingFrontMatter("the first line is not '---'", 1)
    end = next((number for number, line in enumerate(lines[1:], start=1) if line.rstrip() == _FENCE), None)
    if end is None:
        raise UnterminatedFrontMatter("no line of three dashes ends it", 1)
    source = "\n".join(lines[1:end])
    if len(source) > MAX_FRONT_MATTER:
        raise FrontMatterError(f"it is longer than {MAX_FRONT_MATTER} characters", 1)
    return FrontMatter(_Reader(source).root(), "\n".join(lines[end + 1 :]), end + 2)


class _Reader:
    """Builds nodes from YAML events, counting as it goes: it stops at the bound, not after it."""

    def __init__(self, source: str) -> None:
        self._events = self._parse(source)
        self._anchors: dict[str, Node] = {}
        self._nodes = 0
        self._aliases = 0

    def root(self) -> Mapping:
        first = next(self._events, None)
        if first is None:
            return Mapping({}, 2)
        root = self._node(first, 0)
        if not isinstance(root, Mapping):
            raise FrontMatterError("it is not a mapping of keys to values", root.line)
        extra = next(self._events, None)
        if extra is not None:
            raise FrontMatterError("it holds a second YAML document", _line(extra.start_mark))
        return root

    @staticmethod
    def _parse(source: str) -> Iterator[yaml.Event]:
        try:
            for event in yaml.parse(source, Loader=_LOADER):
                if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
                    yield event
        except yaml.MarkedYAMLError as error:
            raise FrontMatterError(error.problem or "it is not YAML", _line(error.problem_mark)) from None
        except (yaml.YAMLError, ValueError, OverflowError):
            # ValueError and OverflowError: PyYAML's own, for escapes that are no character.
            found = _NO_YAML.search(source)
            line = 1 if found is None else source.count("\n", 0, found.start()) + 2
            raise FrontMatterError("it holds a character that YAML does not allow", line) from None

    def _node(self, event: yaml.Event, depth: int) -> Node:
        line = _line(event.start_mark)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise FrontMatterError(f"it has more than {MAX_NODES} values", line)
        if depth > MAX_DEPTH:
            raise FrontMatterError(f"it is nested more than {MAX_DEPTH} levels deep", line)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor, line)
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            _refuse_tag(event.tag, line)
        node = self._content(event, depth, line)
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _content(self, event: yaml.Event, depth: int, line: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            plain = bool(event.implicit[0])
            return Scalar(None if plain and event.value in _NULLS else event.value, line)
        if isinstance(event, yaml.SequenceStartEvent):
            return Sequence([self._node(item, depth + 1) for item in self._until(yaml.SequenceEndEvent)], line)
        return self._mapping(depth, line)

    def _mapping(self, depth: int, line: int) -> Mapping:
        mapping = Mapping({}, line)
        for event in self._until(yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, Scalar):
                raise FrontMatterError("a key is a list or a mapping", key.line)
            name = key.text or ""
            if name in mapping.entries:
                mapping.repeated.append((name, key.line))
            mapping.entries[name] = self._node(next(self._events), depth + 1)
        return mapping

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _alias(self, anchor: str | None, line: int) -> Node:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise FrontMatterError(f"it has more than {MAX_ALIASES} aliases", line)
        node = self._anchors.get(anchor or "")
        if node is None:
            raise FrontMatterError(f"the alias *{anchor} refers to nothing before it", line)
        return node


def _refuse_tag(tag: str | None, line: int) -> None:
    if tag is not None and tag != "!" and tag not in _STANDARD_TAGS:
        raise FrontMatterError(f"the tag {tag} is not plain YAML", line)


class _Mark(Protocol):
    """What PyYAML's two parsers both say of a place."""

    @property
    def line(self) -> int: ...


def _line(mark: _Mark | None) -> int:
    """The line in the file: marks count from 0, and the fence is the first line."""
    return 1 if mark is None else mark.line + 2
