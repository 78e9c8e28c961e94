"""Comments and docstrings that hold a tag, found by the grammar of the language; the only user of tree-sitter.

Places where a tag is written are found first, by their bytes; then the syntax tree is asked what stands at each. A tag
in a string, a template, a regular expression or a glob stands in no comment, whatever it looks like. Trees are asked by
place and never searched, so that the cost follows the number of tags, and the depth of a hostile file costs nothing.
"""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import tree_sitter

from .languages import Language

PARSE_TIMEOUT_S = 5.0
"""Longest time for one file; ordinary ones take milliseconds."""
MAX_TAGS = 2000
"""Places looked at in one file."""

TAG = re.compile(rb"@(?:gxp-|traces?\b|requirement\b|test-type\b)")
_READ_BYTES = 64 * 1024
_LINE_MARKS = (b"//", b"#")
_DOCSTRING_MARKS = (b'"""', b"'''")
_STRING_PARTS = frozenset({"string_content", "string_start", "string_end", "escape_sequence"})


class NotParsed(Exception):
    """The file took too long."""


@dataclass(frozen=True, slots=True)
class Block:
    """A comment, a run of line comments on following lines, or a docstring; ``line`` is that of its first."""

    text: str
    line: int


def available(language: Language) -> bool:
    """Whether the grammar of a language is installed."""
    return _grammar(language) is not None


def tagged_blocks(contents: bytes, places: Sequence[int], language: Language) -> list[Block]:
    """The comments of a file that hold a tag, in their order; at ``places`` tags are written, in comments or not.

    Raises:
        NotParsed: the file took too long.
    """
    root = _root(contents, places, language)
    found = list(_comments_at(places, root, language))
    return [
        Block(contents[start:end].decode("utf-8", "replace"), contents.count(b"\n", 0, start) + 1)
        for start, end in _joined(found, contents)
    ]


@cache
def _grammar(language: Language) -> tree_sitter.Language | None:
    try:
        module = importlib.import_module(language.module)
    except ImportError:
        return None
    return tree_sitter.Language(getattr(module, language.function)())


def _root(contents: bytes, places: Sequence[int], language: Language) -> tree_sitter.Node:
    """The tree as far as the last place; tags stand at the top of files, so that most of the file need not be parsed.

    The beginning alone is believed if it is whole: where it breaks off within a string, a bracket or a body it has an
    error, and everything is parsed.
    """
    end = _end_of_comment(contents, places[-1], language) if places else len(contents)
    if end * 2 < len(contents):
        root = _parse(contents[:end], language).root_node
        if not root.has_error:
            return root
    return _parse(contents, language).root_node


def _end_of_comment(contents: bytes, place: int, language: Language) -> int:
    """The end of the line in which the comment around ``place`` ends, if it is one."""
    end = place
    line = contents[contents.rfind(b"\n", 0, place) + 1 : place].lstrip()
    if not line.startswith(_LINE_MARKS):
        ends = [contents.find(mark, place) for mark in (_DOCSTRING_MARKS if language.docstrings else (b"*/",))]
        end = min((at for at in ends if at >= 0), default=place)
    line_end = contents.find(b"\n", end)
    return len(contents) if line_end < 0 or contents[line_end - 1 : line_end] == b"\\" else line_end + 1


@cache
def _parser(language: Language) -> tree_sitter.Parser:
    grammar = _grammar(language)
    assert grammar is not None  # whoever asks has looked
    return tree_sitter.Parser(grammar)


def _parse(contents: bytes, language: Language) -> tree_sitter.Tree:
    ends = time.monotonic() + PARSE_TIMEOUT_S
    parser = _parser(language)
    try:
        return parser.parse(
            lambda start, _: contents[start : start + _READ_BYTES],
            progress_callback=lambda *_: time.monotonic() > ends,
        )
    except ValueError:
        parser.reset()  # or it would go on where it stopped
        raise NotParsed from None


def _comments_at(places: Iterable[int], root: tree_sitter.Node, language: Language) -> Iterator[tuple[int, int]]:
    """Where the comments begin and end that hold the bytes at ``places``, which are in order."""
    done = 0
    for place in places:
        node = root.descendant_for_byte_range(place, place + 1) if place >= done else None
        comment = None if node is None else _comment(node, language)
        if comment is not None:
            done = comment.end_byte
            yield comment.start_byte, comment.end_byte


def _comment(node: tree_sitter.Node, language: Language) -> tree_sitter.Node | None:
    for candidate in (node, node.parent):  # some grammars divide a comment once more
        if candidate is not None and candidate.type in language.comments:
            return candidate
    return _docstring(node) if language.docstrings else None


def _docstring(node: tree_sitter.Node) -> tree_sitter.Node | None:
    """The string around ``node`` if it is the first statement of a module, a class or a function."""
    while node.type in _STRING_PARTS and node.parent is not None:
        node = node.parent
    statement = node.parent
    if node.type != "string" or statement is None or statement.type != "expression_statement":
        return None
    text, body = node.text or b"", statement.parent
    if text[:1] not in b"\"'" + b"rRuU" or body is None or statement.named_child_count != 1:
        return None
    owned = body.type == "module" or (body.type == "block" and body.parent is not None and _has_docstring(body.parent))
    return node if owned and _is_first(statement) else None


def _has_docstring(owner: tree_sitter.Node) -> bool:
    return owner.type in {"class_definition", "function_definition"}


def _is_first(statement: tree_sitter.Node) -> bool:
    before = statement.prev_named_sibling
    while before is not None and before.type == "comment":
        before = before.prev_named_sibling
    return before is None


def _joined(found: Iterable[tuple[int, int]], contents: bytes) -> list[tuple[int, int]]:
    """Comments with those joined between which there is nothing but lines of comments.

    Behind a line comment, a line that starts with its mark is a comment too: no string can have begun there.
    """
    joined: list[tuple[int, int]] = []
    for start, end in found:
        if joined and _same_run(contents, joined[-1], start):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _same_run(contents: bytes, before: tuple[int, int], start: int) -> bool:
    mark = next((mark for mark in _LINE_MARKS if contents.startswith(mark, before[0])), None)
    if mark is None or not contents.startswith(mark, start):
        return False
    lines = contents[before[1] : start].split(b"\n")
    first, between, last = lines[0], lines[1:-1], lines[-1]
    own_line = not contents[contents.rfind(b"\n", 0, before[0]) + 1 : before[0]].strip()
    alone = own_line and not first.strip() and not last.strip() and len(lines) > 1
    return alone and all(line.lstrip().startswith(mark) for line in between)
