"""Requirements in Markdown: ``## [CODE-URS-1] Title`` with a YAML block below it, or an id in a file's front matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ....model import Finding
from .. import frontmatter as yaml
from ..discover import Source
from ..documents import Document, fields_of, read_text
from ..markdown import Value
from ..rules.product import NODE_SCHEMA
from ..text import legible
from .ids import KINDS, PATTERN, word_of

MAX_NODES = 1000
"""Nodes read of one file."""

_HEADING = re.compile(rf"#{{1,6}}\s+\[(?P<id>{PATTERN})\]\s*(?P<title>.*)")
_MEANT_AS_ONE = re.compile(r"#{1,6}\s+\[(?P<id>[^\]\s]{1,80}-(?:URS|FRS|DS)-[^\]\s]{0,80})\](?!\()")
_FENCE = "---"


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes of one file in its order."""

    documents: tuple[Document, ...]
    findings: tuple[Finding, ...]


def read_nodes(source: Source, raw: bytes) -> Nodes:
    """Read one file, whatever its bytes are; one without nodes is a document like any other."""
    text, findings = read_text(raw, source.file)
    if text is None:
        return Nodes((), ())
    found = list(_nodes(source.file, text))
    documents = tuple(one for one in found if isinstance(one, Document))[:MAX_NODES]
    wrong = [one for one in found if isinstance(one, Finding)]
    return Nodes(documents, (*findings, *wrong) if documents or wrong else ())


def _nodes(file: str, text: str) -> Iterator[Document | Finding]:
    if (whole := _whole(file, text)) is not None:
        yield whole
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if found := _HEADING.match(line):
            yield from _section(file, lines, at, found)
        elif meant := _MEANT_AS_ONE.match(line):
            message = f"{legible(meant['id'])} is no id: it is CODE-URS-1, CODE-FRS-1 or CODE-DS-1 in upper case."
            yield NODE_SCHEMA.finding(message, file=file, line=at + 1)


def _whole(file: str, text: str) -> Document | None:
    """The node that a whole file is, by the id in its front matter."""
    try:
        fields = fields_of(yaml.read_front_matter(text))
    except yaml.FrontMatterError:
        return None
    named = fields.get("id", ())
    if not named or word_of(named[0].text) is None:
        return None
    return _document(file, named[0].text, named[0].line, fields)


def _section(file: str, lines: list[str], at: int, found: re.Match[str]) -> Iterator[Document | Finding]:
    title = {"title": (Value(legible(found["title"].strip()), at + 1),)} if found["title"].strip() else {}
    start = next((n for n in range(at + 1, len(lines)) if lines[n].strip()), len(lines))
    fields: Mapping[str, tuple[Value, ...]] = {}
    end = None
    if start < len(lines) and lines[start].rstrip() == _FENCE:
        end = next((n for n in range(start + 1, len(lines)) if lines[n].rstrip() == _FENCE), None)
    if end is None:
        message = f"Below {found['id']} there is no block of YAML between lines of three dashes."
        yield NODE_SCHEMA.finding(message, file=file, line=at + 1, artifact_id=found["id"])
    else:
        try:
            fields = _shifted(fields_of(yaml.read_front_matter("\n".join(lines[start : end + 1]))), start)
        except yaml.FrontMatterError as error:
            message = f"The block below {found['id']} cannot be read: {error.reason}."
            yield NODE_SCHEMA.finding(message, file=file, line=error.line + start, artifact_id=found["id"])
    yield _document(file, found["id"], at + 1, {**title, **fields})


def _shifted(fields: Mapping[str, tuple[Value, ...]], by: int) -> dict[str, tuple[Value, ...]]:
    return {name: tuple(Value(one.text, one.line + by) for one in values) for name, values in fields.items()}


def _document(file: str, artifact_id: str, line: int, fields: Mapping[str, tuple[Value, ...]]) -> Document:
    kind = KINDS.get(word_of(artifact_id) or "", "test")
    return Document(kind, file, artifact_id, line=line, fields=fields)
