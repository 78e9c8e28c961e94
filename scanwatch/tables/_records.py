"""The records of a gateway as tables: scans, events, repositories, and what a scan found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress, takewhile

import pandas as pd

from ..model import (
    TERMINAL,
    Annotation,
    Artifact,
    Event,
    EventKind,
    Evidence,
    FailureCode,
    Finding,
    Phase,
    Repository,
    ScanRecord,
    ScanStatus,
    Turn,
)
from ..snapshot import phase_at
from ._types import (
    ARTIFACT_KIND,
    COUNT,
    DIALECT,
    DURATION,
    EVENT_KIND,
    FLAG,
    LEVEL,
    PHASE,
    SIGNATURE,
    STATUS,
    TEXT,
    TIME,
    Column,
    Values,
    listed,
    table,
    text,
)

SCANS = (
    Column("target", TEXT, "what is scanned, as it was asked for"),
    Column("repository", TEXT, "the repository's name; its id where the name is not known"),
    Column("status", STATUS, "where the scan stands"),
    Column("phase", PHASE, "the phase it is in, or ended in"),
    Column("progress_percent", COUNT, "work done, 0-100; 100 only when completed"),
    Column("attempt", COUNT, "1 for the first, one more for every failed attempt"),
    Column("requested_by", TEXT, "the name of the token that asked for it"),
    Column("created_at", TIME, "when it was accepted"),
    Column("started_at", TIME, "when a worker began"),
    Column("finished_at", TIME, "when it ended"),
    Column("duration", DURATION, "from the first attempt's start to the end"),
    Column("artifacts", COUNT, "artifacts found, in number"),
    Column("findings", COUNT, "findings, in number"),
    Column("error", TEXT, "why it did not complete; empty once completed"),
    Column("retry_of", TEXT, "the id of the scan this one repeats"),
)
EVENTS = (
    Column("seq", COUNT, "1, 2, 3 ... within the scan; empty on gateways that do not count"),
    Column("time", TIME, "when it happened, by the gateway's clock"),
    Column("kind", EVENT_KIND, "what the event says"),
    Column("phase", PHASE, "the phase of the scan; where the gateway names none, the one its percent lies in"),
    Column("status", STATUS, "where the scan stands after this event"),
    Column("progress_percent", COUNT, "work done, 0-100; 100 only when completed, empty when failed"),
    Column("attempt", COUNT, "1 for the first"),
    Column("message", TEXT, "what the scanner says; of a failure, its error"),
    Column("files_processed", COUNT, "files done in this phase"),
    Column("total_files", COUNT, "files to do in this phase"),
    Column("current_file", TEXT, "path in the repository"),
    Column("artifacts_found", COUNT, "artifacts found so far, in number"),
)
ARTIFACTS = (
    Column("artifact_id", TEXT, "the id in the repository's own documents"),
    Column("kind", ARTIFACT_KIND, "what it is"),
    Column("title", TEXT, "its title"),
    Column("risk", TEXT, "its risk rating, as written"),
    Column("tier", TEXT, "its verification tier, as written"),
    Column("status", TEXT, "its validation status, as written"),
    Column("parent_id", TEXT, "the id of the artifact it belongs to"),
    Column("file", TEXT, "path in the repository"),
    Column("line", COUNT, "line in the file, from 1"),
)
FINDINGS = (
    Column("rule", TEXT, "the rule that speaks"),
    Column("level", LEVEL, "how grave it is"),
    Column("artifact_id", TEXT, "the artifact it is about"),
    Column("file", TEXT, "path in the repository"),
    Column("line", COUNT, "line in the file, from 1"),
    Column("message", TEXT, "what is wrong"),
    Column("remedy", TEXT, "what to do about it"),
    Column("suppressed", FLAG, "whether the repository has accepted it"),
)
ANNOTATIONS = (
    Column("file", TEXT, "path in the repository"),
    Column("line", COUNT, "line of the id in the file, from 1"),
    Column("artifact_id", TEXT, "the id that the tag names"),
    Column("tag", TEXT, "the tag, without its @"),
    Column("dialect", DIALECT, "the dialect of the tags"),
    Column("test_type", TEXT, "the test type said beside it, as written"),
    Column("risk", TEXT, "the risk said beside it, as written"),
    Column("traces", TEXT, "the ids it is said to trace to, with commas between"),
    Column("resolved", FLAG, "whether a document, or another tag, declares the id"),
)
EVIDENCE = (
    Column("evidence_id", TEXT, "its name: that of the file, or of the package's folder"),
    Column("kind", ARTIFACT_KIND, "a signed result on its own, a package, or a record of testing"),
    Column("spec_id", TEXT, "the spec it is about"),
    Column("tier", TEXT, "its verification tier"),
    Column("user_story", TEXT, "the story it says it traces to"),
    Column(
        "signature", SIGNATURE, "whether its signature holds; unverifiable: nobody gave the key; unsigned: a record"
    ),
    Column("signer", TEXT, "the id of the key it was signed with, as the signature says"),
    Column("algorithm", TEXT, "the algorithm, as the signature says"),
    Column("time", TIME, "when it was made, as it says"),
    Column("commit", TEXT, "the commit it is about, as it says"),
    Column("state_hash", TEXT, "the hash of the sources, as it says"),
    Column("state_hash_form", TEXT, "the form (rfc, with-nul) in which that is the hash of the commit's sources"),
    Column("passed", COUNT, "tests passed, in number"),
    Column("failed", COUNT, "tests failed, in number"),
    Column("skipped", COUNT, "tests skipped, in number"),
    Column("intact", FLAG, "whether no error was found in it"),
    Column("file", TEXT, "path in the repository"),
)
REPOSITORIES = (
    Column("name", TEXT, "its name"),
    Column("target", TEXT, "what a scan of it scans"),
    Column("description", TEXT, "what its owner says of it"),
    Column("default_branch", TEXT, "the branch scanned when none is asked for"),
    Column("last_scan_id", TEXT, "the id of its newest scan"),
    Column("last_scan_status", STATUS, "where that scan stands"),
    Column("last_scan_at", TIME, "when that scan was created"),
    Column("auto_scan", FLAG, "whether scans by themselves are asked for; kept, not acted on"),
    Column("scan_interval_minutes", COUNT, "minutes between such scans"),
    Column("created_at", TIME, "when it was registered"),
    Column("updated_at", TIME, "when its registration last changed"),
)


@listed(SCANS)
def scans_table(records: Iterable[ScanRecord], repositories: Mapping[str, Repository] | None = None) -> pd.DataFrame:
    """Scans, one row each, in the order given; the index ``scan_id`` holds their ids.

    ``repositories``, by id, gives the names. Only the status says whether a scan has ended: a row that is not
    terminal shows no end, one that completed no error, whatever an earlier attempt left in the record.
    """
    rows = list(records)
    known = repositories or {}
    own: dict[str, Values] = {
        "target": [row.target or _of(known, row.repository_id, "target") for row in rows],
        "repository": [_of(known, row.repository_id, "name") or row.repository_id for row in rows],
        "finished_at": [row.finished_at if row.status in TERMINAL else None for row in rows],
        "duration": [duration_s(row) for row in rows],
        "error": [None if row.status is ScanStatus.COMPLETED else row.error for row in rows],
    }
    made = table(SCANS, rows, own)
    return made.set_index(pd.Index(text([row.id for row in rows]), name="scan_id"))


def _of(repositories: Mapping[str, Repository], repository_id: str | None, field: str) -> str | None:
    repository = repositories.get(repository_id) if repository_id is not None else None
    return None if repository is None else getattr(repository, field)


def duration_s(row: ScanRecord) -> float | None:
    """Seconds from the first attempt's start to the end; ``None`` before the end, or where it is not known."""
    if row.status not in TERMINAL:
        return None
    seconds = row.duration_s
    if seconds is None and row.started_at is not None and row.finished_at is not None:
        seconds = (row.finished_at - row.started_at).total_seconds()
    return None if seconds is None or seconds < 0 else seconds


@listed(EVENTS)
def events_table(events: Iterable[Event]) -> pd.DataFrame:
    """The events of one scan, one row each, in their order."""
    rows, progress = list(events), EventKind.PROGRESS
    kinds = [event.kind for event in rows]
    ends = [row for row, kind in enumerate(kinds) if kind is not progress]
    phases = [event.phase or _phase_of_percent(event) for event in rows]
    # Histories are long: an attribute in a comprehension of its own is read three times as fast as by its name.
    own: dict[str, Values] = {
        "seq": [event.seq for event in rows],
        "time": [event.time for event in rows],
        "kind": kinds,
        "phase": phases,
        "status": _statuses(rows, ends, phases),
        "progress_percent": _percents(rows, ends),
        "attempt": [event.attempt for event in rows],
        "message": [event.message or event.error for event in rows],
        "files_processed": [event.files_processed for event in rows],
        "total_files": [event.total_files for event in rows],
        "current_file": [event.current_file for event in rows],
        "artifacts_found": [event.artifacts_found for event in rows],
    }
    return table(EVENTS, rows, own)


def _phase_of_percent(event: Event) -> Phase | None:
    if event.progress_percent is None or event.turn is Turn.CANCELLING:
        return None
    return phase_at(event.progress_percent)


def _percents(events: Sequence[Event], ends: Iterable[int]) -> list[int | None]:
    percents = [event.progress_percent for event in events]
    for row in ends:
        if events[row].kind is EventKind.COMPLETE:
            percents[row] = 100
    return percents


def _statuses(events: Sequence[Event], ends: Sequence[int], phases: Sequence[Phase | None]) -> list[ScanStatus]:
    """Where the scan stands after each event, as ``snapshot.apply`` says, without a snapshot for each.

    Only the rows of ``ends``, and those with a turn, can change it.
    """
    statuses = [ScanStatus.IN_PROGRESS] * len(events)
    for row in takewhile(lambda row: phases[row] is Phase.QUEUED, range(len(events))):
        statuses[row] = ScanStatus.QUEUED
    asked = len(events)
    turns = compress(range(len(events)), [event.turn for event in events])
    for row in sorted({*turns, *ends}):
        event = events[row]
        if event.kind is EventKind.COMPLETE:
            statuses[row] = ScanStatus.COMPLETED
        elif event.kind is EventKind.FAILED:
            statuses[row] = ScanStatus.CANCELLED if event.code is FailureCode.CANCELLED else ScanStatus.FAILED
        elif event.turn is Turn.CANCELLING:
            asked = min(asked, row)
    for row in range(asked, len(events)):
        if statuses[row] in (ScanStatus.QUEUED, ScanStatus.IN_PROGRESS):
            statuses[row] = ScanStatus.CANCELLING
    return statuses


@listed(ARTIFACTS)
def artifacts_table(artifacts: Iterable[Artifact]) -> pd.DataFrame:
    """The artifacts found in a repository, one row each, in the scanner's order."""
    return table(ARTIFACTS, list(artifacts))


@listed(FINDINGS)
def findings_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """What the rules have to say about a repository, one row each, in the scanner's order."""
    return table(FINDINGS, list(findings))


@listed(ANNOTATIONS)
def annotations_table(annotations: Iterable[Annotation]) -> pd.DataFrame:
    """What tags in source files name, one row for each id of each tag, file by file.

    An id that is tagged twice has two rows; count ``artifact_id.nunique()`` for distinct ones.
    """
    rows = list(annotations)
    return table(ANNOTATIONS, rows, {"traces": [", ".join(row.traces) or None for row in rows]})


@listed(EVIDENCE)
def evidence_table(evidence: Iterable[Evidence]) -> pd.DataFrame:
    """The evidence of a repository, one row a piece, in the scanner's order."""
    return table(EVIDENCE, list(evidence))


@listed(REPOSITORIES)
def repositories_table(repositories: Iterable[Repository]) -> pd.DataFrame:
    """Registered repositories, one row each, in the order given; the index ``repository_id`` holds their ids."""
    rows = list(repositories)
    made = table(REPOSITORIES, rows)
    return made.set_index(pd.Index(text([row.id for row in rows]), name="repository_id"))
