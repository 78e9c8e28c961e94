"""Which files of a commit belong to the validation record, and of what kind each is, by its path alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ...model import Artifact, Finding
from .git import TreeEntry
from .rules.reading import FILE_NAME_UNCLEAR, FILE_NOT_REGULAR, FILE_TOO_LARGE, FILE_UNRECOGNISED
from .text import is_clear, path_text

ROOT = ".gxp"
MAX_BLOB_BYTES = 1024 * 1024
MAX_RECORD_BYTES = 128 * 1024 * 1024
"""Bytes of all documents together: they are held in memory."""

RISK_LOG = f"{ROOT}/risk_assessment.log"
SYSTEM_CONTEXT = f"{ROOT}/system_context.md"

_BY_FOLDER = {
    "requirements": "requirement",
    "user_stories": "user_story",
    "specs": "spec",
    "adr": "adr",
    "vendor_assessments": "vendor_assessment",
}
_BY_NAME = (
    ("REQ-", "requirement"),
    ("US-", "user_story"),
    ("SPEC-", "spec"),
    ("ADR-", "adr"),
    ("VA-", "vendor_assessment"),
)
MANIFEST, EXECUTION = "gxp-product.md", "gxp-execution.json"
"""Of the older record, at the top."""
_OF_PRODUCT = {MANIFEST: "product_manifest", EXECUTION: "product_execution"}
_PRODUCT_FOLDERS = ("specs/", "docs/")
_SILENT = frozenset({"readme.md", ".gitkeep", ".gitignore", ".gitattributes"})
_PACKAGE = re.compile(r"(?P<tier>IQ|OQ|PQ)-(?P<spec>SPEC(?:-INF)?(?:-\d{3}(?!\d))+)-")
_SIGNED = re.compile(r"EV-(?P<spec>SPEC(?:-INF)?(?:-\d{3}(?!\d))+)$")
_TESTED = re.compile(r"ROT-(?P<spec>SPEC(?:-INF)?(?:-\d{3}(?!\d))+)$")
_EVIDENCE = {"evidence_jws": _SIGNED, "evidence_record": _TESTED}
"""The names of evidence that is a file on its own."""
_PACKAGE_FILES = frozenset({"metadata.json", "manifest.json"})


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read: where it is, what kind of document it should be, and its blob."""

    file: str
    kind: str
    oid: str


@dataclass(slots=True)
class Inventory:
    """What discovery found: documents to read, evidence known by its name, and what there is to say about the rest."""

    sources: list[Source] = field(default_factory=list)
    evidence: list[Artifact] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unread: list[Source] = field(default_factory=list)
    """Documents that are there but cannot be read; the findings say why."""


def has_record(entries: Iterable[TreeEntry]) -> bool:
    """Whether the commit has a directory ``.gxp`` with anything in it."""
    prefix = ROOT.encode() + b"/"
    return any(entry.path.startswith(prefix) for entry in entries)


def has_product(entries: Iterable[TreeEntry]) -> bool:
    """Whether the commit has the manifest of the older record."""
    path = MANIFEST.encode()
    return any(entry.path == path and entry.is_file for entry in entries)


def discover(entries: Sequence[TreeEntry]) -> Inventory:
    """Sort the files of the record by kind; files outside it are left alone."""
    inventory = Inventory()
    packages: dict[str, Artifact] = {}
    total_bytes = 0
    for entry, source in _product_files(entries) if has_product(entries) else ():
        total_bytes += entry.size_bytes or 0
        _add_source(entry, source, total_bytes, inventory)
    for entry, file in _record_files(entries, inventory):
        if package := _package(file):
            packages.setdefault(package.artifact_id, package)
            continue
        kind = kind_of(file)
        if kind in _EVIDENCE:
            inventory.evidence.append(_piece(file, kind))
        elif kind is not None:
            total_bytes += entry.size_bytes or 0
            _add_source(entry, Source(file, kind, entry.oid), total_bytes, inventory)
        elif PurePosixPath(file).name.lower() not in _SILENT and not file.startswith(f"{ROOT}/evidence/"):
            inventory.findings.append(FILE_UNRECOGNISED.finding(f"{file} is of no known type.", file=file))
    inventory.evidence.extend(packages.values())
    return inventory


def _product_files(entries: Iterable[TreeEntry]) -> Iterator[tuple[TreeEntry, Source]]:
    """The files of the older record; those that are links are none."""
    for entry in entries:
        file = path_text(entry.path)
        kind = _OF_PRODUCT.get(file)
        if kind is None and file.startswith(_PRODUCT_FOLDERS) and file.lower().endswith(".md"):
            kind = "product_document"
        if kind is not None and entry.is_file:
            yield entry, Source(file, kind, entry.oid)


def kind_of(file: str) -> str | None:
    """The kind of the document at ``file`` by its folder, else by its name; ``None`` if it is none."""
    if file == SYSTEM_CONTEXT:
        return "system_context"
    if file == RISK_LOG:
        return "risk_entry"
    path = PurePosixPath(file)
    folder = path.parts[1] if len(path.parts) > 2 else ""
    if folder == "evidence":
        if path.suffix.lower() == ".md" and path.name.startswith("ROT-"):
            return "evidence_record"
        return "evidence_jws" if path.suffix == ".jws" else None
    if path.suffix.lower() != ".md" or path.name.lower() in _SILENT:
        return None
    return _BY_FOLDER.get(folder) or next((kind for start, kind in _BY_NAME if path.name.startswith(start)), None)


def _record_files(entries: Iterable[TreeEntry], inventory: Inventory) -> Iterator[tuple[TreeEntry, str]]:
    prefix = ROOT.encode() + b"/"
    for entry in [one for one in entries if one.path.startswith(prefix)]:
        file = path_text(entry.path)
        if not is_clear(entry.path):
            message = f"The name {file} is not UTF-8 or has hidden characters in it."
            inventory.findings.append(FILE_NAME_UNCLEAR.finding(message, file=file))
        if entry.is_file:
            yield entry, file
        else:
            what = "symbolic link" if entry.mode == "120000" else "submodule"
            inventory.findings.append(FILE_NOT_REGULAR.finding(f"{file} is a {what} and was not read.", file=file))


def _add_source(entry: TreeEntry, source: Source, total_bytes: int, inventory: Inventory) -> None:
    if (entry.size_bytes or 0) > MAX_BLOB_BYTES:
        message = f"{source.file} has {entry.size_bytes} bytes, more than {MAX_BLOB_BYTES}, and was not read."
    elif total_bytes > MAX_RECORD_BYTES:
        message = f"{source.file} was not read: the documents together have more than {MAX_RECORD_BYTES} bytes."
    else:
        inventory.sources.append(source)
        return
    inventory.unread.append(source)
    inventory.findings.append(FILE_TOO_LARGE.finding(message, file=source.file))


def _package(file: str) -> Artifact | None:
    """The evidence package ``file`` is in, directly under ``evidence`` or in its folder ``packages``."""
    parts = PurePosixPath(file).parts[1:]
    if len(parts) < 3 or parts[0] != "evidence":
        return None
    depth = 2 if parts[1] == "packages" else 1
    if len(parts) < depth + 2:
        return None
    name = parts[depth]
    named = _PACKAGE.match(name)
    if depth == 1 and not named and parts[-1] not in _PACKAGE_FILES:
        return None
    return Artifact(
        artifact_id=name,
        kind="evidence_package",
        tier=named["tier"] if named else None,
        parent_id=named["spec"] if named else None,
        file="/".join((ROOT, *parts[: depth + 1])),
    )


def _piece(file: str, kind: str) -> Artifact:
    """A signed result or a record of testing, by the file's name."""
    stem = PurePosixPath(file).stem
    named = _EVIDENCE[kind].match(stem)
    return Artifact(artifact_id=stem, kind=kind, parent_id=named["spec"] if named else None, file=file)
