"""One pass over one commit: from its files to an inventory, phase by phase."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain, islice

from ...errors import ScannerError
from ...model import Artifact, FailureCode, Finding, Phase, Progress, ScanOutcome
from .._base import Report
from .annotations import check_annotations, resolve
from .checks import CHECKS, check_document
from .configuration import FILE as CONFIGURATION_FILE
from .configuration import MAX_BYTES as MAX_CONFIGURATION_BYTES
from .configuration import Configuration, read_configuration
from .coverage import check_coverage
from .declarations import with_sources
from .dialect import dialects_of
from .discover import RISK_LOG, ROOT, Inventory, Source, discover, has_product, has_record
from .documents import Document, artifact, read_document, read_text, unreadable
from .evidence.assessment import Assessment, Assessor
from .evidence.demands import check_demands
from .evidence.keys import PublicKey, WrongKey, read_keys
from .evidence.state import States
from .git import GitRepository, TreeEntry
from .links import check_links, with_implied_parents
from .memory import Memory
from .options import Options, wrong_option
from .product.record import JoinedRecord, OlderRecord
from .record import Paths, Record
from .risklog import RiskEntry, read_risk_log
from .rules.configuration import CONFIGURATION_INVALID
from .rules.reading import FINDINGS_OMITTED
from .source.gathering import Gathered, gather
from .source.selection import Exclusions, Selection, select
from .text import legible, path_text

MAX_FINDINGS_PER_FILE = 100
KEYS_VARIABLE = "SCANWATCH_EVIDENCE_KEYS"
"""The worker's environment may name a file of public keys here."""


@dataclass(slots=True)
class _Read:
    """What reading the documents gives."""

    documents: list[Document] = field(default_factory=list)
    risks: list[RiskEntry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    has_risk_log: bool = False
    older: OlderRecord = field(default_factory=OlderRecord)

    @property
    def count(self) -> int:
        """How many artifacts these are."""
        return len(self.documents) + len(self.risks) + len(self.older.documents)


@dataclass(frozen=True, slots=True)
class _Contents:
    """What was read of a commit; ``total`` counts the files."""

    inventory: Inventory
    read: _Read
    gathered: Gathered
    total: int


class CommitScan:
    """One pass over one commit of a repository."""

    def __init__(
        self, repository: GitRepository, commit: str, options: Options, memory: Memory, report: Report
    ) -> None:
        self._repository = repository
        self._commit = commit
        self._options = options
        self._memory = memory
        self._report = report

    def run(self) -> ScanOutcome:
        """Scan the commit.

        Raises:
            ScannerError: it cannot be read, or has no validation record.
        """
        self._report(Progress(Phase.DISCOVERY, message=f"Listing the files of {self._commit[:12]}"))
        entries = self._memory.entries(self._commit)
        if not has_record(entries) and not has_product(entries):
            raise self._no_record(entries)
        configuration = self._configuration(entries)
        paths = [path_text(entry.path) for entry in entries]
        contents = self._contents(entries, paths, configuration)
        return self._judged(contents, entries, Paths(paths), configuration)

    def _contents(self, entries: list[TreeEntry], paths: list[str], configuration: Configuration) -> _Contents:
        """Everything that is read."""
        inventory = discover(entries)
        known = self._memory.gathered(configuration.exclusions)
        selection = Selection()
        if known is None:
            selection = select(zip(paths, entries, strict=True), Exclusions(configuration.exclusions))
        total = len(inventory.sources) + (len(selection.files) if known is None else known.files)
        self._report(Progress(Phase.DISCOVERY, files_processed=0, total_files=total))
        read = self._parse(inventory, self._fetch(inventory.sources), total)
        read.documents.extend(unreadable(source) for source in inventory.unread if source.kind in CHECKS)
        artifacts = read.count + len(inventory.evidence)
        if known is None:
            known = self._read_sources(selection, artifacts, total)
            if known.lasting:
                self._memory.remember_gathered(configuration.exclusions, known)
        else:
            self._say(Phase.PARSE, total, total, None, artifacts)
        return _Contents(inventory, read, known, total)

    def _judged(
        self, contents: _Contents, entries: list[TreeEntry], paths: Paths, configuration: Configuration
    ) -> ScanOutcome:
        """What there is to say of it."""
        inventory, read, gathered = contents.inventory, contents.read, contents.gathered
        record, findings = self._validate(read, paths, gathered) if has_record(entries) else (_none(paths), [])
        older = _joined(read.older, gathered) if has_product(entries) else JoinedRecord()
        record = replace(record, declared=older.kinds)
        annotations = resolve(gathered.references, record)
        assessment = self._assess(inventory, entries, record, configuration)
        artifacts = (*_artifacts(record, inventory), *older.artifacts)
        seen = dialects_of(record, len(read.older.documents), annotations)
        self._persist(contents.total, len(artifacts), seen)
        found = chain(
            *(inventory.findings, read.findings, findings, gathered.findings, check_annotations(annotations)),
            *(assessment.findings, check_demands(record, assessment.rows), older.findings),
            *(check_coverage(record, gathered.references, assessment.rows), configuration.findings),
        )
        return ScanOutcome(
            artifacts,
            _bounded(configuration.judge(found)),
            files=contents.total,
            commit=self._commit,
            annotations=annotations,
            evidence=(*assessment.rows, *older.evidence),
            dialects=tuple(dialect for dialect, _ in seen.most_common()),
        )

    def _persist(self, total: int, artifacts: int, seen: Counter[str]) -> None:
        """Keep what was read for the next scan, and tell what is new since the last."""
        changes = self._memory.changes()
        self._memory.save()
        named = ", ".join(f"{dialect} ({count})" for dialect, count in seen.most_common()) or "none"
        message = f"{changes}; dialects seen: {named}"
        self._report(Progress(Phase.PERSIST, total, total, artifacts_found=artifacts, message=message))

    def _configuration(self, entries: Iterable[TreeEntry]) -> Configuration:
        """The repository's own configuration, with the options over it."""
        read = read_configuration(self._small_file(CONFIGURATION_FILE, entries))
        read.levels.update(self._options.levels)
        strict = read.strict if self._options.strict is None else self._options.strict
        return replace(read, exclude=(*read.exclude, *self._options.exclude), strict=strict)

    def _small_file(self, file: str, entries: Iterable[TreeEntry]) -> bytes | None:
        path = file.encode()
        entry = next((one for one in entries if one.path == path and one.is_file), None)
        if entry is None or (entry.size_bytes or 0) > MAX_CONFIGURATION_BYTES:
            return None
        return next(self._memory.contents([entry.oid]))

    def _assess(
        self, inventory: Inventory, entries: list[TreeEntry], record: Record, configuration: Configuration
    ) -> Assessment:
        keys = [*self._given_keys(), *self._kept_keys(entries, configuration)] if inventory.evidence else []
        states = States(self._repository, self._commit, self._memory, configuration.source_roots)
        return Assessor(self._memory, entries, keys, states).assess(inventory.evidence, record)

    def _given_keys(self) -> list[PublicKey]:
        """The keys of the option, and of the worker's environment."""
        given = self._options.key or ""
        try:
            if file := os.environ.get(KEYS_VARIABLE):
                with open(file, encoding="ascii") as kept:
                    given = f"{given}\n{kept.read()}" if given else kept.read()
            return read_keys(given) if given else []
        except (OSError, UnicodeDecodeError) as error:
            raise wrong_option(f"{KEYS_VARIABLE} names a file of keys that cannot be read: {error}.") from None
        except WrongKey as error:
            raise wrong_option(f"The key that was given cannot be used: {error}.") from None

    def _kept_keys(self, entries: list[TreeEntry], configuration: Configuration) -> list[PublicKey]:
        """The keys that the repository's configuration names in it."""
        keys: list[PublicKey] = []
        for file in configuration.keys:
            raw = self._small_file(file, entries) or b""
            try:
                keys += read_keys(raw.decode("ascii", "replace"))
            except WrongKey as error:
                message = f"The key {legible(file, 200)} cannot be used: {error}."
                configuration.findings.append(CONFIGURATION_INVALID.finding(message, file=CONFIGURATION_FILE))
        return keys

    def _fetch(self, sources: list[Source]) -> list[bytes]:
        contents: list[bytes] = []
        blobs = self._memory.contents([source.oid for source in sources])
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
        """Fetch and parse in one, what is not remembered: the contents of source files are never all in memory."""
        before = total - len(selection.files)

        def say(done: int, file: str) -> None:
            self._say(Phase.PARSE, before + done, total, file, artifacts)

        gathered = gather(selection, self._repository, self._memory, say)
        self._repository.require_there()
        return gathered

    def _validate(self, read: _Read, paths: Paths, gathered: Gathered) -> tuple[Record, list[Finding]]:
        read_record = Record(read.documents, read.risks, paths, datetime.now(UTC).date(), read.has_risk_log)
        record, findings = with_implied_parents(with_sources(read_record, gathered.references))
        for number, document in enumerate(record.documents, start=1):
            findings.extend(check_document(document, record))
            self._say(Phase.VALIDATE, number, len(record.documents), document.file)
        findings.extend(check_links(record))
        return record, findings

    def _say(self, phase: Phase, done: int, total: int, file: str | None, found: int | None = None) -> None:
        self._report(Progress(phase, files_processed=done, total_files=total, current_file=file, artifacts_found=found))

    def _no_record(self, entries: list[TreeEntry]) -> ScannerError:
        aside = ""
        root = next((entry for entry in entries if entry.path == ROOT.encode()), None)
        if root is not None:
            what = "file" if root.is_file else "submodule" if root.is_submodule else "symbolic link"
            aside = f" (its {ROOT} is a {what}, which is not followed)"
        where = f"folder {legible(self._repository.folder, 200)!r} at commit" if self._repository.folder else "commit"
        below = _folders_with_record(entries)
        remedy = (
            f"Commit one (it starts with {ROOT}/system_context.md), or name another branch, tag or commit as ref=..."
        )
        if below:
            remedy = f"Name the folder to scan: there is one in {', '.join(f'path={folder!r}' for folder in below)}"
        return ScannerError(
            f"{self._repository.shown} has no {ROOT} directory at {where} {self._commit[:12]}, so there is no "
            f"validation record to scan{aside}. {remedy}",
            code=FailureCode.INVALID,
            retryable=False,
        )


def _folders_with_record(entries: Iterable[TreeEntry]) -> list[str]:
    """The first folders that have a record of their own."""
    marks = (entry.path.partition(f"/{ROOT}/".encode()) for entry in entries)
    folders = dict.fromkeys(before for before, mark, _ in marks if mark)
    return [legible(folder, 100) for folder in islice(folders, 3)]


def _none(paths: Paths) -> Record:
    """The record of a commit that has only the older one."""
    return Record((), (), paths, datetime.now(UTC).date())


def _joined(older: OlderRecord, gathered: Gathered) -> JoinedRecord:
    return older.joined(reference.annotation for reference in gathered.references)


def _read_one(source: Source, raw: bytes, read: _Read) -> None:
    if source.kind.startswith("product_"):
        read.older.take(source, raw)
        return
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
