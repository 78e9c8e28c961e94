"""Scan events on the wire.

One event is a Socket.IO event ``scan:ID:progress|complete|failed`` with one JSON object::

    progress  {scanId, progress, status, timestamp, message?}
              + {seq, phase, attempt, metadata{filesProcessed, totalFiles, currentFile, artifactsFound}, mergedFrom}
              + {error, code, maxAttempts, retryAt} when status is "retrying"
    complete  {scanId, result{scanId, status, artifactsCreated, durationMs}, timestamp}
              + {seq, attempt, message} and result + {findings, files, commitSha, dialects}
    failed    {scanId, error, timestamp} + {seq, code, attempt, message}

The first line of each is what gateways in the field send; the rest are our additions, absent when not known. In a
progress event ``status`` is the phase in words (``discovery``, or whatever a field gateway says) or a turn
(``retrying``, ``cancelling``, ``restarted``). ``progress`` has no word for "not known": it is then the start of the
phase's range, sent without ``totalFiles``, and read back as not known.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

from ..errors import WireError
from ..model import Event, EventKind, FailureCode, Phase, ScanResult, Turn
from ..snapshot import PHASE_RANGES
from ._names import (
    Time,
    event_name,
    from_time,
    from_time_or_none,
    milliseconds,
    parse_event_name,
    seconds,
    to_time,
    to_time_or_none,
)

T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_NO_COUNTS = (None, None, None, None)


class Payload(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """The base of everything sent: camelCase, keys without a value left out."""


class Metadata(Payload, kw_only=True):
    """Counts of a progress event."""

    files_processed: int | None = None
    total_files: int | None = None
    current_file: str | None = None
    artifacts_found: int | None = None


class ProgressPayload(Payload, kw_only=True):
    """The payload of ``scan:ID:progress``."""

    scan_id: str
    progress: float
    status: str
    timestamp: Time
    message: str | None = None
    seq: int | None = None
    phase: str | None = None
    attempt: int | None = None
    metadata: Metadata | None = None
    merged_from: int | None = None
    error: str | None = None
    code: str | None = None
    max_attempts: int | None = None
    retry_at: Time | None = None


class ResultPayload(Payload, kw_only=True):
    """``result`` of a completed scan."""

    scan_id: str | None = None
    status: str | None = None
    artifacts_created: int | None = None
    duration_ms: float | None = None
    findings: int | None = None
    files: int | None = None
    commit_sha: str | None = None
    dialects: list[str] | None = None


class CompletePayload(Payload, kw_only=True):
    """The payload of ``scan:ID:complete``."""

    scan_id: str
    timestamp: Time
    result: ResultPayload | None = None
    message: str | None = None
    seq: int | None = None
    attempt: int | None = None


class FailedPayload(Payload, kw_only=True):
    """The payload of ``scan:ID:failed``."""

    scan_id: str
    error: str
    timestamp: Time
    message: str | None = None
    seq: int | None = None
    attempt: int | None = None
    code: str | None = None


class EventEnvelope(Payload, kw_only=True):
    """An event outside the socket: in an acknowledgement or a page of history."""

    event: str
    payload: dict[str, Any]


def to_plain(payload: msgspec.Struct) -> dict[str, Any]:
    """A payload as what ``json`` can write."""
    plain: dict[str, Any] = msgspec.to_builtins(payload)
    return plain


def decode_as(kind: type[T], data: Any, what: str) -> T:
    """``data`` as ``kind``; keys we do not know are ignored.

    Raises:
        WireError: a key is missing or has the wrong type; the message names it.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise WireError(f"{what}: {error}") from None
    except UnicodeEncodeError:
        raise WireError(f"{what}: a text in it is no Unicode") from None


def encode_event(event: Event) -> tuple[str, dict[str, Any]]:
    """An event's name and payload."""
    return event_name(event.scan_id, event.kind), to_plain(_payload(event))


def encode_event_json(event: Event) -> bytes:
    """An event's name and payload as a JSON array, to the byte what ``json`` writes without spaces."""
    name, payload = event_name(event.scan_id, event.kind), _payload(event)
    try:
        text = _encoder.encode((name, payload))
    except (OverflowError, UnicodeEncodeError):  # a number or half a character that only ``json`` writes
        text = b"\x7f"
    if text.isascii() and b"\x7f" not in text:
        return text
    return json.dumps([name, to_plain(payload)], separators=(",", ":")).encode()  # which escapes all but plain ASCII


def encode_envelope(event: Event) -> EventEnvelope:
    """An event as a row of history."""
    name, payload = encode_event(event)
    return EventEnvelope(event=name, payload=payload)


def decode_envelope(data: Any) -> Event:
    """An event from a row of history; raises ``WireError``."""
    envelope = data if isinstance(data, EventEnvelope) else decode_as(EventEnvelope, data, "event")
    return decode_event(envelope.event, envelope.payload)


def decode_event(name: str, *args: Any) -> Event:
    """An event from its name and whatever arguments came with it (only the first counts).

    Raises:
        WireError: the name is no scan event's, or the payload is missing or malformed.
    """
    known = parse_event_name(name)
    if known is None:
        raise WireError(f"{name[:80]!r} is not a scan event")
    if not args:
        raise WireError(f"{name}: no payload")
    scan_id, kind = known
    event: Event = _DECODERS[kind](decode_as(_PAYLOADS[kind], args[0], name))
    if event.scan_id != scan_id:
        raise WireError(f"{name}: the payload is of scan {event.scan_id[:80]!r}")
    if event.seq is not None and event.seq < 1:
        raise WireError(f"{name}: seq {event.seq} is below 1")
    return event


def unknown_keys(kind: EventKind, payload: Any) -> frozenset[str]:
    """The keys of an event's payload that mean nothing to us, those within its ``metadata`` or ``result`` included.

    Called for every event: one whose keys are all known costs two comparisons.
    """
    known, inner, known_inner = _KEYS[kind]
    within = payload.get(inner)
    strange: frozenset[str] = frozenset()
    if not payload.keys() <= known:
        strange = frozenset(payload.keys() - known)
    if within and not within.keys() <= known_inner:
        strange |= {f"{inner}.{key}" for key in within.keys() - known_inner}
    return strange


def _payload(event: Event) -> Payload:
    if event.kind is EventKind.PROGRESS:
        return _progress_payload(event)
    return _complete_payload(event) if event.kind is EventKind.COMPLETE else _failed_payload(event)


def _progress_payload(event: Event) -> ProgressPayload:
    percent = event.progress_percent
    if percent is None:
        percent = PHASE_RANGES[event.phase or Phase.QUEUED][0]
    return ProgressPayload(
        scan_id=event.scan_id,
        progress=percent,
        status=event.turn or event.step or event.phase or Phase.QUEUED,
        timestamp=to_time(event.time),
        message=event.message,
        seq=event.seq,
        phase=event.phase,
        attempt=event.attempt,
        metadata=_metadata(event),
        merged_from=event.merged_from,
        error=event.error,
        code=event.code,
        max_attempts=event.max_attempts,
        retry_at=to_time_or_none(event.retry_at),
    )


def _metadata(event: Event) -> Metadata | None:
    counts = (event.files_processed, event.total_files, event.current_file, event.artifacts_found)
    if counts == _NO_COUNTS:
        return None
    return Metadata(files_processed=counts[0], total_files=counts[1], current_file=counts[2], artifacts_found=counts[3])


def _complete_payload(event: Event) -> CompletePayload:
    return CompletePayload(
        scan_id=event.scan_id,
        timestamp=to_time(event.time),
        result=None if event.result is None else to_result(event.result),
        message=event.message,
        seq=event.seq,
        attempt=event.attempt,
    )


def _failed_payload(event: Event) -> FailedPayload:
    return FailedPayload(
        scan_id=event.scan_id,
        error=event.error or event.message or "The scan failed.",
        timestamp=to_time(event.time),
        message=event.message,
        seq=event.seq,
        attempt=event.attempt,
        code=event.code,
    )


def to_result(result: ScanResult) -> ResultPayload:
    return ResultPayload(
        scan_id=result.scan_id,
        status="completed",
        artifacts_created=result.artifacts,
        duration_ms=milliseconds(result.duration_s),
        findings=result.findings,
        files=result.files,
        commit_sha=result.commit,
        dialects=list(result.dialects) or None,
    )


def from_result(scan_id: str, payload: ResultPayload) -> ScanResult:
    return ScanResult(
        scan_id=scan_id,
        duration_s=seconds(payload.duration_ms),
        artifacts=payload.artifacts_created,
        findings=payload.findings,
        files=payload.files,
        commit=payload.commit_sha,
        dialects=tuple(payload.dialects or ()),
    )


def _member(kind: type[T], value: str | None) -> T | None:
    """The enum member of a word; ``None`` for a word we do not know: a newer gateway may have more of them."""
    try:
        return None if value is None else kind(value)  # type: ignore[call-arg]  # every kind here is a StrEnum
    except ValueError:
        return None


def from_phase(word: str | None) -> Phase | None:
    return _member(Phase, word)


def from_code(word: str | None) -> FailureCode | None:
    return _member(FailureCode, word)


def known_percent(percent: float, phase: Phase | None, total_files: int | None) -> int | None:
    """The percent that ``progress`` stands for: the start of a phase's range without a total means "not known"."""
    if phase is not None and total_files is None and percent == PHASE_RANGES[phase][0]:
        return None
    return int(percent)


def _from_progress(payload: ProgressPayload) -> Event:
    if not 0 <= payload.progress <= 100:
        raise WireError(f"scan {payload.scan_id[:80]}: progress {payload.progress} is not within 0-100")
    metadata = payload.metadata or Metadata()
    phase = from_phase(payload.phase)
    turn = _member(Turn, payload.status)
    return Event(
        scan_id=payload.scan_id,
        kind=EventKind.PROGRESS,
        time=from_time(payload.timestamp),
        seq=payload.seq,
        phase=phase,
        step=None if turn or payload.status == phase else payload.status,
        turn=turn,
        progress_percent=known_percent(payload.progress, phase, metadata.total_files),
        attempt=payload.attempt,
        message=payload.message,
        files_processed=metadata.files_processed,
        total_files=metadata.total_files,
        current_file=metadata.current_file,
        artifacts_found=metadata.artifacts_found,
        merged_from=payload.merged_from,
        error=payload.error,
        code=from_code(payload.code),
        max_attempts=payload.max_attempts,
        retry_at=from_time_or_none(payload.retry_at),
    )


def _from_complete(payload: CompletePayload) -> Event:
    return Event(
        scan_id=payload.scan_id,
        kind=EventKind.COMPLETE,
        time=from_time(payload.timestamp),
        seq=payload.seq,
        attempt=payload.attempt,
        message=payload.message,
        result=None if payload.result is None else from_result(payload.scan_id, payload.result),
    )


def _from_failed(payload: FailedPayload) -> Event:
    return Event(
        scan_id=payload.scan_id,
        kind=EventKind.FAILED,
        time=from_time(payload.timestamp),
        seq=payload.seq,
        attempt=payload.attempt,
        message=payload.message,
        error=payload.error,
        code=from_code(payload.code),
    )


_PAYLOADS: dict[EventKind, type[Any]] = {
    EventKind.PROGRESS: ProgressPayload,
    EventKind.COMPLETE: CompletePayload,
    EventKind.FAILED: FailedPayload,
}
_DECODERS: dict[EventKind, Any] = {
    EventKind.PROGRESS: _from_progress,
    EventKind.COMPLETE: _from_complete,
    EventKind.FAILED: _from_failed,
}


def _keys(kind: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(field.encode_name for field in msgspec.structs.fields(kind))


_KEYS: dict[EventKind, tuple[frozenset[str], str, frozenset[str]]] = {
    EventKind.PROGRESS: (_keys(ProgressPayload), "metadata", _keys(Metadata)),
    EventKind.COMPLETE: (_keys(CompletePayload), "result", _keys(ResultPayload)),
    EventKind.FAILED: (_keys(FailedPayload), "", frozenset()),
}
