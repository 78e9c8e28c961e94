"""What all source files of a commit say together, and what there is to say about those that were not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Protocol

import msgspec

from ....model import Finding
from ..git import GitRepository
from ..rules import Rule
from ..rules.annotations import (
    SOURCE_BINARY,
    SOURCE_ELSEWHERE,
    SOURCE_EXCLUDED,
    SOURCE_LANGUAGE_UNREAD,
    SOURCE_SUBMODULE,
    SOURCE_TOO_LARGE,
    SOURCE_TOO_SLOW,
)
from .dialects import Reference
from .languages import language_key
from .reading import NOTHING, SourceReading, State, read_source
from .selection import MAX_SOURCE_BYTES, Selection

_NAMED = 5
"""Files, folders or endings that a finding about many names."""


@dataclass(slots=True)
class Gathered:
    """What was read of so many ``files``; ``lasting``: reading them again would find the same."""

    files: int = 0
    references: list[Reference] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    lasting: bool = True


class Recall(Protocol):
    """What earlier scans have read, and this one, by a key for each blob and language."""

    def reading(self, key: str) -> tuple[bool, SourceReading | None]: ...

    def remember_reading(self, key: str, reading: SourceReading | None) -> None: ...


def gather(
    selection: Selection, repository: GitRepository, recall: Recall, say: Callable[[int, str], None]
) -> Gathered:
    """Read the selected files that are not remembered, telling ``say`` how many are done and which was the last."""
    files = selection.files
    keys = [f"{source.oid} {language_key(source.file)}" for source in files]
    remembered = [recall.reading(key) for key in keys]
    readings = [reading for _, reading in remembered]
    unknown = [at for at, (known, _) in enumerate(remembered) if not known]
    done = len(keys) - len(unknown)
    if done:
        say(done, files[-1].file)
    if unknown:
        with repository.blobs([files[at].oid for at in unknown]) as contents:
            for at, raw in zip(unknown, contents, strict=True):
                done += 1
                reading = read_source(files[at].file, raw)
                readings[at] = None if reading == NOTHING else reading
                if reading.state is not State.TOO_SLOW:  # another time it may be quick enough
                    recall.remember_reading(keys[at], readings[at])
                say(done, files[at].file)
    gathered = Gathered(len(files))
    unread: dict[State, list[str]] = {}
    for source, kept in zip(files, readings, strict=True):
        if kept is not None:
            _add(gathered, source.file, kept)
            if kept.state is not State.READ:
                unread.setdefault(kept.state, []).append(source.file)
    gathered.lasting = State.TOO_SLOW not in unread
    gathered.findings.extend(_left_out(selection, unread))
    return gathered


def _add(gathered: Gathered, file: str, reading: SourceReading) -> None:
    """What was read of a blob, as of a file that holds it."""
    for reference in reading.references:
        if reference.annotation.file != file:
            own = msgspec.structs.replace(reference.annotation, file=file)
            reference = msgspec.structs.replace(reference, annotation=own)
        gathered.references.append(reference)
    gathered.findings.extend(replace(finding, file=file) for finding in reading.findings)


def _left_out(selection: Selection, unread: Mapping[State, list[str]]) -> Iterator[Finding]:
    for file in selection.too_large:
        message = f"{file} has more than {MAX_SOURCE_BYTES} bytes and was not read."
        yield SOURCE_TOO_LARGE.finding(message, file=file)
    for file in unread.get(State.TOO_SLOW, ()):
        yield SOURCE_TOO_SLOW.finding(f"{file} took too long to parse; its tags are not known.", file=file)
    yield from _counted(SOURCE_EXCLUDED, "generated or vendored", selection.excluded)
    endings = Counter(map(_ending, unread.get(State.NO_LANGUAGE, ())))
    yield from _counted(SOURCE_LANGUAGE_UNREAD, "with tags in a language that is not read", endings)
    for rule, state, what in (
        (SOURCE_BINARY, State.BINARY, "binary"),
        (SOURCE_ELSEWHERE, State.LFS_POINTER, "kept in large-file storage"),
    ):
        yield from _counted(rule, what, Counter(unread.get(state, ())))
    yield from _counted(SOURCE_SUBMODULE, "of another repository (a submodule)", Counter(selection.submodules))


def _counted(rule: Rule, what: str, counts: Counter[str]) -> Iterator[Finding]:
    """One finding for all files of a sort; it names the places with the most."""
    if not counts:
        return
    total = counts.total()
    named = [name if count == 1 else f"{name} ({count})" for name, count in counts.most_common(_NAMED)]
    if len(counts) > _NAMED:
        named.append("...")
    files = f"{total} file is {what} and was" if total == 1 else f"{total} files are {what} and were"
    yield rule.finding(f"{files} not read: {', '.join(named)}.")


def _ending(file: str) -> str:
    return PurePosixPath(file).suffix or PurePosixPath(file).name
