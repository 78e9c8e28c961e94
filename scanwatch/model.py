"""The words of scanwatch as plain, typed, immutable records. No I/O, no clock, no wire names.

Times are timezone-aware UTC ``datetime``; durations are seconds (``_s``); percents are ``int`` 0-100 or ``None``
when not known. ``None`` always means "not known" or "does not apply", never zero.

What is made for every event is a msgspec struct: made and changed in a tenth of the time of a frozen dataclass. It is
declared as a dataclass besides, so that all records can be treated alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

import msgspec

from .inventory import (
    ANNOTATION_DIALECTS as ANNOTATION_DIALECTS,
)
from .inventory import (
    ARTIFACT_KINDS as ARTIFACT_KINDS,
)
from .inventory import (
    EVIDENCE_KINDS as EVIDENCE_KINDS,
)
from .inventory import (
    EVIDENCE_SIGNATURES as EVIDENCE_SIGNATURES,
)
from .inventory import (
    FINDING_LEVELS as FINDING_LEVELS,
)
from .inventory import (
    Annotation as Annotation,
)
from .inventory import (
    Artifact as Artifact,
)
from .inventory import (
    Evidence as Evidence,
)
from .inventory import (
    Finding as Finding,
)
from .inventory import (
    ScanOutcome as ScanOutcome,
)

Row = TypeVar("Row")


class ScanStatus(StrEnum):
    """Where a scan stands."""

    PENDING = "pending"
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    CANCELLING = "cancelling"
    """Asked to stop, not yet confirmed by the worker."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({ScanStatus.COMPLETED, ScanStatus.FAILED, ScanStatus.CANCELLED})
"""No event follows any of these."""

WAITING = frozenset({ScanStatus.PENDING, ScanStatus.QUEUED})
"""Accepted, no worker has begun."""


class Phase(StrEnum):
    """The steps of a scan, in order."""

    QUEUED = "queued"
    DISCOVERY = "discovery"
    FETCH = "fetch"
    PARSE = "parse"
    VALIDATE = "validate"
    PERSIST = "persist"


WORK_PHASES = (Phase.DISCOVERY, Phase.FETCH, Phase.PARSE, Phase.VALIDATE, Phase.PERSIST)
"""The phases in which a worker works: the five segments of every bar."""


class EventKind(StrEnum):
    """What an event says. Every scan has any number of PROGRESS and exactly one of the others, at the end."""

    PROGRESS = "progress"
    COMPLETE = "complete"
    FAILED = "failed"


class Turn(StrEnum):
    """What a progress event announces besides progress."""

    RETRYING = "retrying"
    """The attempt before failed; this event carries the next attempt's number and the failure's words."""
    CANCELLING = "cancelling"
    """Somebody asked the scan to stop."""
    RESTARTED = "restarted"
    """The worker was lost; another begins the same attempt anew."""


class FailureCode(StrEnum):
    """The class of a failure."""

    CANCELLED = "cancelled"
    RATE_LIMITED = "rate_limited"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    TIMEOUT = "timeout"
    INTERNAL = "internal"


@dataclass(init=False, repr=False, eq=False, match_args=False)  # for replace(), fields() and asdict()
class Progress(msgspec.Struct, frozen=True):
    """How far a scan is, as reported by its scanner: absolute state, never a difference.

    ``share`` (0 to 1) is how much of the phase is done where that is not counted in files, as while a copy is fetched.
    """

    phase: Phase
    files_processed: int | None = None
    total_files: int | None = None
    current_file: str | None = None
    artifacts_found: int | None = None
    message: str | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a completed scan amounts to.

    ``artifacts`` and ``findings`` are counts of the whole inventory (``None``: the gateway does not tell);
    the rows themselves come page by page (``Scan.artifacts()``, ``Scan.findings()``). ``dialects`` are those in which
    the record and its tags are written, the one with the most signs first; empty where nobody looked.
    """

    scan_id: str
    duration_s: float | None = None
    artifacts: int | None = None
    findings: int | None = None
    files: int | None = None
    commit: str | None = None
    dialects: tuple[str, ...] = ()


@dataclass(init=False, repr=False, eq=False, match_args=False)  # for replace(), fields() and asdict()
class Event(msgspec.Struct, frozen=True):
    """An immutable fact about one scan.

    ``seq`` counts 1, 2, 3 ... within a scan and is given by the store; gateways in the field give none.
    ``step`` is the phase in the gateway's own words. ``merged_from`` says that this event stands for all
    from that ``seq`` on. ``error`` and ``code`` belong to FAILED events and to the RETRYING turn, which also says
    how often is tried at most (``max_attempts``) and when next (``retry_at``).
    """

    scan_id: str
    kind: EventKind
    time: datetime
    seq: int | None = None
    phase: Phase | None = None
    step: str | None = None
    turn: Turn | None = None
    progress_percent: int | None = None
    attempt: int | None = None
    message: str | None = None
    files_processed: int | None = None
    total_files: int | None = None
    current_file: str | None = None
    artifacts_found: int | None = None
    merged_from: int | None = None
    error: str | None = None
    code: FailureCode | None = None
    result: ScanResult | None = None
    max_attempts: int | None = None
    retry_at: datetime | None = None

    @property
    def terminal(self) -> bool:
        """Whether no event follows this one (a field gateway's ``failed`` may yet be retried)."""
        return self.kind is not EventKind.PROGRESS


@dataclass(frozen=True, slots=True)
class AttemptFailure:
    """How one attempt failed."""

    attempt: int
    error: str
    time: datetime
    phase: Phase | None = None
    code: FailureCode | None = None


@dataclass(init=False, repr=False, eq=False, match_args=False)  # for replace(), fields() and asdict()
class PhaseSpan(msgspec.Struct, frozen=True):
    """The time one attempt spent in one phase; ``ended_at`` is ``None`` while it is there."""

    attempt: int
    phase: Phase
    started_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What a gateway's queue says of a scan: ``state`` is the queue's own word (``active``, ``delayed`` ...)."""

    state: str
    progress_percent: int | None = None


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """One row of a gateway's history of scans, as a read of it says."""

    id: str
    repository_id: str | None
    status: ScanStatus
    created_at: datetime
    target: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_s: float | None = None
    commit: str | None = None
    artifacts: int | None = None
    findings: int | None = None
    error: str | None = None
    code: FailureCode | None = None
    phase: Phase | None = None
    progress_percent: int | None = None
    attempt: int | None = None
    requested_by: str | None = None
    retry_of: str | None = None
    seq: int | None = None
    job: Job | None = None


class ConnectionState(StrEnum):
    """How a client stands with its gateway; says nothing about any scan."""

    LIVE = "live"
    """Joined: events are pushed."""
    POLLING = "polling"
    """Events do not pass; the records are read instead."""
    RECONNECTING = "reconnecting"
    REFUSED = "refused"
    """The gateway does not let this client in; nothing more is tried until somebody acts."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Connection:
    """The state of a client's connection; ``reason`` is a sentence with the remedy where there is one.

    ``not_understood`` counts what came and is no event as the protocol has them, and each key of events that is
    not in it: from a newer gateway, or a broken one.
    """

    state: ConnectionState
    gateway: str
    reason: str | None = None
    since: datetime | None = None
    retry_at: datetime | None = None
    tries: int = 0
    not_understood: int = 0


@dataclass(frozen=True, slots=True)
class Repository:
    """A registered target."""

    id: str
    name: str
    target: str
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    default_branch: str = "main"
    auto_scan: bool = False
    scan_interval_minutes: int | None = None
    last_scan_id: str | None = None
    last_scan_at: datetime | None = None
    last_scan_status: ScanStatus | None = None


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What was asked for: everything a worker needs to run a scan."""

    scan_id: str
    repository_id: str
    target: str
    options: Mapping[str, Any] = field(default_factory=dict)
    requested_by: str | None = None
    retry_of: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a longer list; ``page`` counts from 1."""

    rows: tuple[Row, ...]
    page: int
    limit: int
    total: int


class Role(StrEnum):
    """What somebody who was let in may do; each may also do what those before it may."""

    VIEWER = "viewer"
    """Read and subscribe."""
    OPERATOR = "operator"
    """Trigger, cancel and retry scans; register, change and delete repositories."""
    ADMIN = "admin"
    """Make and revoke API keys, and read the audit trail. No API key has this role."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of an API key: everything but the key itself, of which there is only a ``digest``.

    ``repositories`` are ids of repositories or patterns of targets; ``None`` stands for every repository.
    """

    id: str
    name: str
    role: Role
    created_at: datetime
    digest: str = field(repr=False)
    repositories: tuple[str, ...] | None = None
    created_by: str | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act, or the refusal of one: who did what to what, and when.

    ``act`` is a word such as ``scan.trigger``; ``actor`` is the name the credential says, ``key_id`` the API key that
    was shown or, for an act on a key, the one acted on.
    """

    time: datetime
    act: str
    actor: str | None = None
    scan_id: str | None = None
    repository_id: str | None = None
    key_id: str | None = None
    detail: str | None = None
    allowed: bool = True


_SSH_SHORT = re.compile(r"[\w.-]+@[\w.-]+:(?P<path>.+)")


@lru_cache(maxsize=8192)
def target_name(target: str) -> str:
    """What people call a target, percent signs decoded: ``acme/payments``, the last part of a path."""
    return unquote(_short_name(target)) or target


def _short_name(target: str) -> str:
    short = _SSH_SHORT.fullmatch(target)
    if short:
        return _last_parts(short["path"], 2)
    scheme, separator, rest = re.split(r"[?#]", target, maxsplit=1)[0].partition("://")
    if not separator:
        return _last_parts(target, 1)
    if scheme == "file":
        return _last_parts(rest, 1)
    if scheme in {"http", "https", "ssh", "git"}:
        return _last_parts(rest.partition("/")[2], 2) or rest
    return rest.strip("/")


def _last_parts(path: str, count: int) -> str:
    parts = [part for part in path.replace("\\", "/").split("/") if part not in {"", ".", ".git"}]
    return "/".join(parts[-count:]).removesuffix(".git")
