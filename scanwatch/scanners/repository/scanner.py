"""The scanner of git repositories: from a target to an inventory, phase by phase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from ...errors import ScannerError
from ...model import Artifact, FailureCode, Finding, Phase, Progress, ScanOutcome
from .._base import Report, Task
from .._target import options_of
from .annotations import check_annotations, resolve
from .checks import check_document
from .discover import RISK_LOG, ROOT, Inventory, Source, discover, has_record
from .documents import Document, artifact, read_document, read_text, unreadable
from .git import GitRepository, clone, open_local
from .links import check_links, with_implied_parents
from .record import Paths, Record
from .risklog import RiskEntry, read_risk_log
from .rules.reading import FINDINGS_OMITTED
from .source.gathering import Gathered, gather
from .source.selection import EXCLUDED, Exclusions, Selection, select
from .target import Remote, parse_target
from .text import legible

MAX_FINDINGS_PER_FILE = 100
OPTIONS = ("ref",)


class RepositoryScanner:
    """Reads the validation record of a git repository at one commit and checks it.

    Takes a local path, a ``file``, ``https``, ``http`` or ``ssh`` URL. The option ``ref`` names the branch, tag or
    commit to read; without it that is HEAD. What is not committed is not seen.
    """

    schemes: ClassVar[tuple[str, ...]] = ("https", "http", "ssh", "file", "path")

    def check(self, task: Task) -> None:
        """Refuse a target or an option that nothing on any disk could make right.

        Raises:
            ScannerError: as said.
        """
        target, options = options_of(task)
        _ref(options)
        parse_target(target)

    def scan(self, task: Task, report: Report) -> ScanOutcome:
        """Scan ``task.target``; blocks, so the worker runs it in a process of its own.

        Raises:
            ScannerError: the target cannot be read, or has no validation record at that commit.
        """
        target, options = options_of(task)
        ref = _ref(options)
        with _opened(target, ref, report) as repository:
            return _Scan(repository, report).run(ref)


@dataclass(slots=True)
class _Read:
    """What reading the documents gives."""

    documents: list[Document] = field(default_factory=list)
    risks: list[RiskEntry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    has_risk_log: bool = False

    @property
    def count(self) -> int:
        """How many artifacts these are."""
        return len(self.documents) + len(self.risks)


class _Scan:
    """One pass over one repository."""

    def __init__(self, repository: GitRepository, report: Report) -> None:
        self._repository = repository
        self._report = report

    def run(self, ref: str | None) -> ScanOutcome:
        commit = self._repository.commit(ref)
        self._report(Progress(Phase.DISCOVERY, message=f"Listing the files of {commit[:12]}"))
        entries = self._repository.entries(commit)
        if not has_record(entries):
            raise self._no_record(commit)
        inventory, selection = discover(entries), select(entries, Exclusions(EXCLUDED))
        total = len(inventory.sources) + len(selection.files)
        self._report(Progress(Phase.DISCOVERY, files_processed=0, total_files=total))
        read = self._parse(inventory, self._fetch(inventory.sources), total)
        read.documents.extend(unreadable(source) for source in inventory.unread if source.kind != "risk_entry")
        gathered = self._read_sources(selection, read.count + len(inventory.evidence), total)
        record, findings = self._validate(read, Paths([legible(entry.path) for entry in entries]))
        annotations = resolve(gathered.references, record)
        artifacts = _artifacts(record, inventory)
        found = [*inventory.findings, *read.findings, *findings, *gathered.findings, *check_annotations(annotations)]
        self._report(Progress(Phase.PERSIST, files_processed=total, total_files=total, artifacts_found=len(artifacts)))
        return ScanOutcome(artifacts, _bounded(found), files=total, commit=commit, annotations=annotations)

    def _fetch(self, sources: list[Source]) -> list[bytes]:
        contents: list[bytes] = []
        with self._repository.blobs([source.oid for source in sources]) as blobs:
            for source, blob in zip(sources, blobs, strict=True):
                contents.append(blob)
                self._say(Phase.FETCH, len(contents), len(sources), source.file)
        self._repository.require_there()
        return contents

    def _parse(self, inventory: Inventory, contents: list[bytes], total: int) -> _Read:
        read = _Read()
        for number, (source, raw) in enumerate(zip(inventory.sources, contents, strict=True), start=1):
            _read_one(source, raw, read)
            found = read.count + len(inventory.evidence)
            self._say(Phase.PARSE, number, total, source.file, found)
        return read

    def _read_sources(self, selection: Selection, artifacts: int, total: int) -> Gathered:
        """Fetch and parse in one: the contents of source files are never all in memory."""
        before = total - len(selection.files)

        def say(done: int, file: str) -> None:
            self._say(Phase.PARSE, before + done, total, file, artifacts)

        with self._repository.blobs([source.oid for source in selection.files]) as contents:
            gathered = gather(selection, contents, say)
        self._repository.require_there()
        return gathered

    def _validate(self, read: _Read, paths: Paths) -> tuple[Record, list[Finding]]:
        record, findings = with_implied_parents(
            Record(read.documents, read.risks, paths, datetime.now(UTC).date(), read.has_risk_log)
        )
        for number, document in enumerate(record.documents, start=1):
            findings.extend(check_document(document, record))
            self._say(Phase.VALIDATE, number, len(record.documents), document.file)
        findings.extend(check_links(record))
        return record, findings

    def _say(self, phase: Phase, done: int, total: int, file: str, found: int | None = None) -> None:
        self._report(Progress(phase, files_processed=done, total_files=total, current_file=file, artifacts_found=found))

    def _no_record(self, commit: str) -> ScannerError:
        return ScannerError(
            f"{self._repository.shown} has no {ROOT} directory at commit {commit[:12]}, so there is no validation "
            f"record to scan. Commit one (it starts with {ROOT}/system_context.md), or name another branch, tag or "
            "commit as ref=...",
            code=FailureCode.INVALID,
            retryable=False,
        )


@contextmanager
def _opened(target: str, ref: str | None, report: Report) -> Iterator[GitRepository]:
    """The repository that ``target`` names: in place, or as a copy that is gone afterwards."""
    named = parse_target(target)
    if not isinstance(named, Remote):
        report(Progress(Phase.DISCOVERY, message=f"Opening {named.shown}"))
        yield open_local(named.path, named.shown)
        return
    report(Progress(Phase.DISCOVERY, message=f"Cloning {named.shown}"))
    with TemporaryDirectory(prefix="scanwatch-", ignore_cleanup_errors=True) as folder:
        yield clone(named, Path(folder) / "repository.git", ref)


def _ref(options: Mapping[str, Any]) -> str | None:
    for name in options:
        if name not in OPTIONS:
            close = get_close_matches(name, OPTIONS, n=1)
            guess = f" Did you mean {close[0]}?" if close else ""
            raise _wrong_option(f"The repository scanner has no option {legible(name, 60)!r}.{guess} It has: ref.")
    ref = options.get("ref")
    if ref is None:
        return None
    if not isinstance(ref, str) or not ref or len(ref) > 250 or ref.startswith("-") or not _is_plain(ref):
        shown = legible(str(ref), 60)
        raise _wrong_option(f"ref={shown!r} names no commit. Pass a branch, a tag or a full commit id.")
    return ref


def _is_plain(ref: str) -> bool:
    return ref.isprintable() and not any(sign in ref for sign in " :^?*[\\")


def _wrong_option(message: str) -> ScannerError:
    return ScannerError(message, code=FailureCode.INVALID, retryable=False)


def _read_one(source: Source, raw: bytes, read: _Read) -> None:
    if source.kind != "risk_entry":
        reading = read_document(source, raw)
        read.documents.append(reading.document)
        read.findings.extend(reading.findings)
        return
    text, findings = read_text(raw, source.file)
    read.findings.extend(findings)
    if text is not None:
        entries, malformed = read_risk_log(text, source.file)
        read.risks.extend(entries)
        read.findings.extend(malformed)
        read.has_risk_log = True


def _artifacts(record: Record, inventory: Inventory) -> tuple[Artifact, ...]:
    documents = map(artifact, record.documents)
    risks = (entry.artifact(RISK_LOG) for entry in record.risks)
    return tuple(chain(documents, risks, inventory.evidence))


def _bounded(findings: list[Finding]) -> tuple[Finding, ...]:
    """At most so many findings for each file; what is left out is counted, not hidden."""
    counts: dict[str | None, int] = {}
    kept: list[Finding] = []
    for finding in findings:
        counts[finding.file] = counts.get(finding.file, 0) + 1
        if finding.file is None or counts[finding.file] <= MAX_FINDINGS_PER_FILE:
            kept.append(finding)
    for file, count in counts.items():
        if file is not None and count > MAX_FINDINGS_PER_FILE:
            omitted = count - MAX_FINDINGS_PER_FILE
            kept.append(FINDINGS_OMITTED.finding(f"{file} has {omitted} more findings.", file=file))
    return tuple(kept)
