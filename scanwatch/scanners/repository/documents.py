"""Documents of the record: their keys under any of the names in use, and what can be said of one while reading it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import PurePosixPath

from ...inventory import ARTIFACT_DETAILS
from ...model import Artifact, Finding
from . import frontmatter as yaml
from .discover import Source
from .lfs import is_pointer
from .markdown import Body, Value, criteria_in, story_in, title_in
from .rules.reading import (
    FILE_ELSEWHERE,
    FRONT_MATTER_DUPLICATE_KEY,
    FRONT_MATTER_INVALID,
    FRONT_MATTER_MISSING,
    FRONT_MATTER_UNTERMINATED,
    TEXT_BYTE_ORDER_MARK,
    TEXT_CONTROL_CHARACTERS,
    TEXT_ENCODING,
)
from .text import legible

MAX_DETAILS = 8_000
"""Characters kept of what one document says beside its id, title, risk, tier, status and parent."""
MAX_ID = 200
MAX_VALUES = 1000
"""Values kept of one list."""

ID_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "requirement": re.compile(r"REQ-\d{3}"),
    "user_story": re.compile(r"US-\d{3}(-\d{3})?"),
    "spec": re.compile(r"SPEC-\d{3}(-\d{3})?"),
    "adr": re.compile(r"ADR-\d{3}"),
    "risk_entry": re.compile(r"RISK-(INF-)?\d{3}"),
}
"""The ids of each kind; the short forms of stories and specs are GxP.MD 3's."""

NUMBER = re.compile(r"[A-Z]+-(\d{3})(?:-(\d{3}))?$")
"""The numbers in an id: its requirement's, and its own."""

# The names each key goes by, in order of precedence, after camelCase has become snake_case.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("gxp_id", "id"),
    "risk": ("gxp_risk_rating", "risk", "risk_level"),
    "status": ("validation_status", "assurance_status", "status"),
    "tier": ("verification_tier", "tier"),
    "title": ("title", "project_name", "product"),
}
_PARENT_NAMES: Mapping[str, tuple[str, ...]] = {
    "user_story": ("parent_id", "requirement", "satisfies"),
    "spec": ("parent_id", "user_story", "implements", "satisfies"),
}
_FILE_ID = re.compile(r"(?:REQ|US|SPEC|ADR|VA)(?:-INF)?(?:-\d{3}(?!\d))+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")


@dataclass(frozen=True, slots=True)
class Document:
    """One document. ``fields`` has the canonical names; a key that is there but empty has no values.

    ``readable`` is false if the front matter could not be read: then only the id (from the file's name) is known. One
    that a tag in the sources ``declared`` has no front matter at all.
    """

    kind: str
    file: str
    artifact_id: str
    line: int = 1
    readable: bool = True
    names_id: bool = True
    declared: bool = False
    fields: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    body: Body = field(default_factory=Body)

    def first(self, name: str) -> Value | None:
        """The first value of a key."""
        values = self.fields.get(name, ())
        return values[0] if values else None

    def text(self, name: str) -> str | None:
        """The text of a key's first value."""
        value = self.first(name)
        return None if value is None else value.text


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading one document."""

    document: Document
    findings: tuple[Finding, ...] = ()


def read_text(contents: bytes, file: str) -> tuple[str | None, list[Finding]]:
    """The text of a document, ``None`` if it is not UTF-8 or not in the commit."""
    findings = []
    if is_pointer(contents):
        message = f"{file} is in large-file storage; the commit holds a pointer to it."
        return None, [FILE_ELSEWHERE.finding(message, file=file, line=1)]
    if contents.startswith(b"\xef\xbb\xbf"):
        findings.append(TEXT_BYTE_ORDER_MARK.finding(f"{file} starts with a byte order mark.", file=file, line=1))
        contents = contents[3:]
    try:
        text = contents.decode("utf-8")
    except UnicodeDecodeError as error:
        line = contents.count(b"\n", 0, error.start) + 1
        message = f"{file} is not UTF-8: byte 0x{contents[error.start]:02x} at line {line}."
        return None, [*findings, TEXT_ENCODING.finding(message, file=file, line=line)]
    if control := _CONTROL.search(text):
        line = text.count("\n", 0, control.start()) + 1
        message = f"{file} has the control character {legible(control[0])}."
        findings.append(TEXT_CONTROL_CHARACTERS.finding(message, file=file, line=line))
    return text, findings


def read_document(source: Source, contents: bytes) -> Reading:
    """Read one document, whatever its bytes are: what is wrong with them is in the findings."""
    text, findings = read_text(contents, source.file)
    if text is None:
        return Reading(unreadable(source), tuple(findings))
    if source.kind == "adr" and not text.startswith("---"):
        return Reading(_decision(source, {}, Body(text)), tuple(findings))
    try:
        front = yaml.read_front_matter(text)
    except yaml.FrontMatterError as error:
        return Reading(unreadable(source), (*findings, _front_matter_finding(source, error)))
    findings.extend(_repeated(source, front.root))
    return Reading(_document(source, front), tuple(findings))


def unreadable(source: Source) -> Document:
    """The document of a file whose contents are not known: it is there, and its name gives its id."""
    return Document(source.kind, source.file, _file_id(source), readable=False)


def artifact(document: Document) -> Artifact:
    """The row of the inventory for a document."""
    return Artifact(
        artifact_id=document.artifact_id,
        kind=document.kind,
        title=document.text("title"),
        risk=document.text("risk"),
        tier=document.text("tier"),
        status=document.text("status"),
        parent_id=document.text("parent_id"),
        file=document.file,
        line=document.line,
        details=_details(document),
    )


def _details(document: Document) -> Mapping[str, tuple[str, ...]]:
    """What else the document says, as far as it fits: inventories are kept, sent and compared as a whole."""
    details: dict[str, tuple[str, ...]] = {}
    room = MAX_DETAILS
    for name in ARTIFACT_DETAILS:
        kept = []
        for value in document.fields.get(name, ()):
            room -= len(value.text)
            if room >= 0:
                kept.append(value.text)
        if kept:
            details[name] = tuple(kept)
    return details


def _front_matter_finding(source: Source, error: yaml.FrontMatterError) -> Finding:
    rule = FRONT_MATTER_INVALID
    if isinstance(error, yaml.MissingFrontMatter):
        rule = FRONT_MATTER_MISSING
    elif isinstance(error, yaml.UnterminatedFrontMatter):
        rule = FRONT_MATTER_UNTERMINATED
    message = f"The front matter of {source.file} cannot be read: {error.reason}."
    return rule.finding(message, file=source.file, line=error.line, artifact_id=_file_id(source))


def _repeated(source: Source, root: yaml.Mapping) -> list[Finding]:
    return [
        FRONT_MATTER_DUPLICATE_KEY.finding(f"The key {key!r} is there twice.", file=source.file, line=line)
        for key, line in root.repeated
    ]


def fields_of(front: yaml.FrontMatter, kind: str = "") -> dict[str, tuple[Value, ...]]:
    """The keys of a document of some kind under their canonical names, each with its values."""
    return _canonical({key: _values(node) for key, node in front.root.entries.items()}, kind)


def _document(source: Source, front: yaml.FrontMatter) -> Document:
    fields = fields_of(front, source.kind)
    body = Body(front.body, front.body_line)
    if source.kind == "adr":
        return _decision(source, fields, body)
    named = fields.get("id", ())
    artifact_id = legible(named[0].text, MAX_ID) if named else _file_id(source)
    return Document(
        kind=source.kind,
        file=source.file,
        artifact_id=artifact_id,
        line=named[0].line if named else 1,
        names_id=bool(named),
        fields={**_in_body(source.kind, body, artifact_id, fields), **fields},
        body=body,
    )


def _in_body(
    kind: str, body: Body, artifact_id: str, fields: Mapping[str, tuple[Value, ...]]
) -> Mapping[str, tuple[Value, ...]]:
    """What the body says of keys that the front matter does not have at all."""
    found: dict[str, tuple[Value, ...]] = {}
    if kind in ID_PATTERNS and "title" not in fields:
        found["title"] = title_in(body, artifact_id)
    if kind in ("requirement", "user_story") and "acceptance_criteria" not in fields:
        found["acceptance_criteria"] = criteria_in(body)
    return {**found, **story_in(body)} if kind == "user_story" else found


def _decision(source: Source, fields: Mapping[str, tuple[Value, ...]], body: Body) -> Document:
    """A decision record: what its Markdown says, and what front matter says if it has any."""
    document = Document(source.kind, source.file, _file_id(source), body=body)
    line = next((heading.line for heading in body.headings()), 1)
    read = {"title": title_in(body, document.artifact_id), "status": _decision_status(body)}
    return replace(document, line=line, fields={**read, **fields})


def _decision_status(body: Body) -> tuple[Value, ...]:
    """The first line under the heading Status, else a line that starts with ``Status:``."""
    heading = next((one.line for one in body.headings() if one.text.lower() == "status"), None)
    if heading is not None:
        below = (Value(legible(text.strip()), line) for line, text in body.lines() if line > heading and text.strip())
        return tuple(islice(below, 1))
    keys = ((line, text.replace("*", "").strip(" -").partition(":")) for line, text in body.lines())
    named = (Value(legible(parts[2].strip()), line) for line, parts in keys if parts[0].lower() == "status")
    return tuple(islice((value for value in named if value.text), 1))


def _canonical(raw: Mapping[str, tuple[Value, ...]], kind: str) -> dict[str, tuple[Value, ...]]:
    snake = {_CAMEL.sub("_", key).lower(): values for key, values in raw.items()}
    names = {**_NAMES, "parent_id": _PARENT_NAMES.get(kind, ("parent_id",))}
    fields = dict(snake)
    for name, aliases in names.items():
        found = [alias for alias in aliases if alias in snake]
        if found:
            fields[name] = next((snake[alias] for alias in found if snake[alias]), ())
    return fields


def _values(node: yaml.Node) -> tuple[Value, ...]:
    """The values of a key: one, those of a list, or a mark for what is nested deeper and only has to be there."""
    if isinstance(node, yaml.Scalar):
        return () if node.text is None or not node.text.strip() else (Value(legible(node.text.strip()), node.line),)
    if isinstance(node, yaml.Mapping):
        return (Value("…", node.line),) if node.entries else ()
    values: list[Value] = []
    for item in node.items[:MAX_VALUES]:
        values.extend(_values(item) if isinstance(item, yaml.Scalar) else (Value("…", item.line),))
    return tuple(values)


def _file_id(source: Source) -> str:
    """The whole id at the start of the file's name, else the name itself."""
    stem = PurePosixPath(source.file).stem
    found = _FILE_ID.match(stem)
    return legible(found[0] if found else stem, MAX_ID)
