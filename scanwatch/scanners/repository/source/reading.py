"""What one source file says: its bytes in, the ids it names and the findings about it out, and nothing else counts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ....model import Finding
from ..lfs import is_pointer
from ..rules.annotations import SOURCE_TAGS_OMITTED
from .comments import MAX_TAGS, TAG, NotParsed, available, tagged_blocks
from .dialects import Reference, read_block
from .languages import language_of

_LOOKED_AT_FOR_NUL = 8000


class State(StrEnum):
    """What became of a file."""

    READ = "read"
    BINARY = "binary"
    LFS_POINTER = "lfs_pointer"
    """The contents are elsewhere."""
    NO_LANGUAGE = "no_language"
    """It holds tags, and there is no grammar to tell whether they stand in comments."""
    TOO_SLOW = "too_slow"


@dataclass(frozen=True, slots=True)
class SourceReading:
    """The outcome for one file."""

    state: State = State.READ
    references: tuple[Reference, ...] = ()
    findings: tuple[Finding, ...] = ()


NOTHING = SourceReading()


def read_source(file: str, contents: bytes) -> SourceReading:
    """Read one file. One without a tag anywhere, which is most of them, is let go after one search of its bytes."""
    places = [match.start() for match in TAG.finditer(contents)]
    if not places:
        return _without_tags(contents)
    if b"\0" in contents[:_LOOKED_AT_FOR_NUL]:
        return SourceReading(State.BINARY)
    language = language_of(file, contents)
    if language is None or not available(language):
        return SourceReading(State.NO_LANGUAGE)
    try:
        blocks = tagged_blocks(contents, places[:MAX_TAGS], language)
    except NotParsed:
        return SourceReading(State.TOO_SLOW)
    references: list[Reference] = []
    findings: list[Finding] = []
    if len(places) > MAX_TAGS:
        message = f"It holds {len(places)} tags; the first {MAX_TAGS} were read."
        findings.append(SOURCE_TAGS_OMITTED.finding(message, file=file))
    for block in blocks:
        named, wrong = read_block(block, file)
        references += named
        findings += wrong
    if len(references) > MAX_TAGS:
        message = f"Its tags name {len(references)} ids; the first {MAX_TAGS} were taken."
        findings.append(SOURCE_TAGS_OMITTED.finding(message, file=file))
        del references[MAX_TAGS:]
    return SourceReading(State.READ, tuple(references), tuple(findings))


def _without_tags(contents: bytes) -> SourceReading:
    if is_pointer(contents):
        return SourceReading(State.LFS_POINTER)
    return SourceReading(State.BINARY) if b"\0" in contents[:_LOOKED_AT_FOR_NUL] else NOTHING
