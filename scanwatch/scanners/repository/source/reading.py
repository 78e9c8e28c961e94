"""What one source file says: its bytes in, the ids it names and the findings about it out, and nothing else counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from ....model import Finding
from .comments import TAG, NotParsed, available, tagged_blocks
from .dialects import Reference, read_block
from .languages import language_of

_LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_LOOKED_AT_FOR_NUL = 8000


class State(Enum):
    """What became of a file."""

    READ = auto()
    BINARY = auto()
    LFS_POINTER = auto()
    """The contents are elsewhere."""
    NO_LANGUAGE = auto()
    """It holds tags, and there is no grammar to tell whether they stand in comments."""
    TOO_SLOW = auto()


@dataclass(frozen=True, slots=True)
class SourceReading:
    """The outcome for one file."""

    state: State = State.READ
    references: Sequence[Reference] = ()
    findings: Sequence[Finding] = ()


_NOTHING = SourceReading()


def read_source(file: str, contents: bytes) -> SourceReading:
    """Read one file. One without a tag anywhere, which is most of them, is let go after one search of its bytes."""
    if TAG.search(contents) is None:
        return _without_tags(contents)
    if b"\0" in contents[:_LOOKED_AT_FOR_NUL]:
        return SourceReading(State.BINARY)
    language = language_of(file, contents)
    if language is None or not available(language):
        return SourceReading(State.NO_LANGUAGE)
    try:
        blocks = tagged_blocks(contents, language)
    except NotParsed:
        return SourceReading(State.TOO_SLOW)
    references: list[Reference] = []
    findings: list[Finding] = []
    for block in blocks:
        named, wrong = read_block(block, file)
        references += named
        findings += wrong
    return SourceReading(State.READ, references, findings)


def _without_tags(contents: bytes) -> SourceReading:
    if contents.startswith(_LFS_POINTER):
        return SourceReading(State.LFS_POINTER)
    return SourceReading(State.BINARY) if b"\0" in contents[:_LOOKED_AT_FOR_NUL] else _NOTHING
