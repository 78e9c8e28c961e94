"""The conversation on the socket: hello, subscribe, acknowledgement, and snapshots in it.

::

    -> handshake    auth {protocol: 1, token?}
    <- gateway      {name, version, protocol, features, caller, workers, time}
    -> subscribe    {scanIds: [...] | all: true, after?: {scanId: seq}}       acknowledged with
    <-              {ok: true, more, scans: [{scanId, snapshot, events: [{event, payload}]}]}
    <- refused      {code: expired|revoked|changed, message}                  then the connection is ended
    <-              {ok: false, code: invalid|not_found|forbidden|limit|unavailable, message}
    -> unsubscribe  {scanIds: [...] | all: true}                              acknowledged with {ok: true}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import WireError
from ..model import AttemptFailure, Event, PhaseSpan, ScanStatus
from ..snapshot import Snapshot
from ._events import (
    EventEnvelope,
    Metadata,
    Payload,
    ResultPayload,
    decode_as,
    decode_envelope,
    encode_envelope,
    from_code,
    from_phase,
    from_result,
    to_plain,
    to_result,
)
from ._names import PROTOCOL, Time, from_time, from_time_or_none, to_time, to_time_or_none


class Auth(Payload, kw_only=True):
    """What a client says in the handshake; a field client says nothing of it."""

    protocol: int | None = None
    token: str | None = None


class Hello(Payload, kw_only=True, omit_defaults=False):
    """What a gateway says right after a client has joined: ``caller`` is its name for the client, if it has one, and
    ``workers`` how many scans it runs at once, said to who sees them all; ``time`` is its own.
    """

    name: str
    version: str
    protocol: int = PROTOCOL
    features: list[str] = []
    caller: str | None = None
    workers: int | None = None
    time: Time | None = None


class RefusedPayload(Payload, kw_only=True):
    """What a gateway says before it ends a connection whose right has ended: ``expired``, ``revoked``, ``changed``."""

    code: str
    message: str


class SubscribeRequest(Payload, kw_only=True):
    """Which scans a client wants events of, and what it has of them already."""

    scan_ids: list[str] = []
    all: bool = False
    after: dict[str, int] = {}


class FailurePayload(Payload, kw_only=True):
    """How one attempt failed."""

    attempt: int
    error: str
    time: Time
    phase: str | None = None
    code: str | None = None


class SpanPayload(Payload, kw_only=True):
    """The time one attempt spent in one phase."""

    attempt: int
    phase: str
    started_at: Time
    ended_at: Time | None = None


class SnapshotPayload(Payload, kw_only=True, omit_defaults=False):
    """The complete state of a scan after its event ``seq``; ``progress`` is ``null`` when not known."""

    scan_id: str
    repository_id: str | None = None
    target: str | None = None
    status: str
    phase: str | None = None
    step: str | None = None
    progress: int | None = None
    attempt: int = 1
    seq: int = 0
    message: str | None = None
    metadata: Metadata | None = None
    error: str | None = None
    code: str | None = None
    result: ResultPayload | None = None
    attempts: list[FailurePayload] = []
    phases: list[SpanPayload] = []
    created_at: Time | None = None
    started_at: Time | None = None
    updated_at: Time | None = None
    completed_at: Time | None = None
    cancel_asked_at: Time | None = None
    requested_by: str | None = None
    retry_of: str | None = None
    max_attempts: int | None = None
    retry_at: Time | None = None


class SubscribedScan(Payload, kw_only=True, omit_defaults=False):
    """One scan in an acknowledgement."""

    scan_id: str
    snapshot: SnapshotPayload
    events: list[EventEnvelope] = []


class Acknowledgement(Payload, kw_only=True, omit_defaults=False):
    """The answer to ``subscribe``: ``more`` says that events are to be fetched over REST."""

    ok: bool
    more: bool = False
    scans: list[SubscribedScan] = []
    code: str | None = None
    message: str | None = None


class EventsPage(Payload, kw_only=True, omit_defaults=False):
    """The answer to ``GET /scans/:id/events``: ``next`` is the cursor of the next page, ``null`` at the end."""

    data: list[EventEnvelope]
    next: int | None = None


def encode_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as the wire writes it."""
    return to_plain(_snapshot_payload(snapshot))


def encode_subscribed(snapshot: Snapshot, events: Iterable[Event] = ()) -> dict[str, Any]:
    """One scan's part of an acknowledgement."""
    return to_plain(
        SubscribedScan(
            scan_id=snapshot.scan_id,
            snapshot=_snapshot_payload(snapshot),
            events=[encode_envelope(event) for event in events],
        )
    )


def encode_events_page(events: Iterable[Event], following: int | None) -> dict[str, Any]:
    """A page of a scan's history."""
    return to_plain(EventsPage(data=[encode_envelope(event) for event in events], next=following))


def decode_events_page(data: Any) -> tuple[list[Event], int | None]:
    """The events of a page and the cursor of the next; raises ``WireError``."""
    page = decode_as(EventsPage, data, "events")
    return [decode_envelope(envelope) for envelope in page.data], page.next


def encode_subscribe(
    scan_ids: Iterable[str] = (), *, everything: bool = False, after: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """The request for some scans, or for all."""
    return to_plain(SubscribeRequest(scan_ids=list(scan_ids), all=everything, after=dict(after or {})))


def decode_subscribe(data: Any) -> SubscribeRequest:
    """A request, checked; raises ``WireError`` for one that asks for nothing, or with a negative cursor."""
    request = decode_as(SubscribeRequest, data, "subscribe")
    if not request.all and not request.scan_ids:
        raise WireError("subscribe: name scanIds, or say all: true")
    if any(seq < 0 for seq in request.after.values()):
        raise WireError("subscribe: a cursor in after is below 0")
    request.scan_ids = [scan_id.lower() for scan_id in request.scan_ids]
    request.after = {scan_id.lower(): seq for scan_id, seq in request.after.items()}
    return request


def decode_acknowledgement(data: Any) -> tuple[Acknowledgement, list[tuple[Snapshot, list[Event]]]]:
    """An acknowledgement and the scans in it; raises ``WireError``."""
    ack = decode_as(Acknowledgement, data, "acknowledgement")
    return ack, [(from_snapshot(scan.snapshot), [decode_envelope(row) for row in scan.events]) for scan in ack.scans]


def _snapshot_payload(snapshot: Snapshot) -> SnapshotPayload:
    metadata = Metadata(
        files_processed=snapshot.files_processed,
        total_files=snapshot.total_files,
        current_file=snapshot.current_file,
        artifacts_found=snapshot.artifacts_found,
    )
    return SnapshotPayload(
        scan_id=snapshot.scan_id,
        repository_id=snapshot.repository_id,
        target=snapshot.target,
        status=snapshot.status,
        phase=snapshot.phase,
        step=snapshot.step,
        progress=snapshot.progress_percent,
        attempt=snapshot.attempt,
        seq=snapshot.seq,
        message=snapshot.message,
        metadata=None if metadata == Metadata() else metadata,
        error=snapshot.error,
        code=snapshot.code,
        result=None if snapshot.result is None else to_result(snapshot.result),
        attempts=[_failure_payload(failure) for failure in snapshot.failures],
        phases=[_span_payload(span) for span in snapshot.spans],
        created_at=to_time_or_none(snapshot.created_at),
        started_at=to_time_or_none(snapshot.started_at),
        updated_at=to_time_or_none(snapshot.updated_at),
        completed_at=to_time_or_none(snapshot.finished_at),
        cancel_asked_at=to_time_or_none(snapshot.cancel_asked_at),
        requested_by=snapshot.requested_by,
        retry_of=snapshot.retry_of,
        max_attempts=snapshot.max_attempts,
        retry_at=to_time_or_none(snapshot.retry_at),
    )


def _failure_payload(failure: AttemptFailure) -> FailurePayload:
    return FailurePayload(
        attempt=failure.attempt,
        error=failure.error,
        time=to_time(failure.time),
        phase=failure.phase,
        code=failure.code,
    )


def _span_payload(span: PhaseSpan) -> SpanPayload:
    return SpanPayload(
        attempt=span.attempt,
        phase=span.phase,
        started_at=to_time(span.started_at),
        ended_at=to_time_or_none(span.ended_at),
    )


def decode_snapshot(data: Any) -> Snapshot:
    """A snapshot from the wire; raises ``WireError``."""
    return from_snapshot(decode_as(SnapshotPayload, data, "snapshot"))


def from_snapshot(payload: SnapshotPayload) -> Snapshot:
    metadata = payload.metadata or Metadata()
    try:
        status = ScanStatus(payload.status)
    except ValueError:
        raise WireError(f"snapshot: {payload.status[:40]!r} is not a status of a scan") from None
    return Snapshot(
        scan_id=payload.scan_id,
        repository_id=payload.repository_id,
        target=payload.target,
        status=status,
        phase=from_phase(payload.phase),
        step=payload.step,
        progress_percent=payload.progress,
        attempt=payload.attempt,
        seq=payload.seq,
        message=payload.message,
        files_processed=metadata.files_processed,
        total_files=metadata.total_files,
        current_file=metadata.current_file,
        artifacts_found=metadata.artifacts_found,
        error=payload.error,
        code=from_code(payload.code),
        result=None if payload.result is None else from_result(payload.scan_id, payload.result),
        failures=tuple(_failure(failure) for failure in payload.attempts),
        spans=tuple(span for row in payload.phases if (span := _span(row)) is not None),
        created_at=from_time_or_none(payload.created_at),
        started_at=from_time_or_none(payload.started_at),
        updated_at=from_time_or_none(payload.updated_at),
        finished_at=from_time_or_none(payload.completed_at),
        cancel_asked_at=from_time_or_none(payload.cancel_asked_at),
        requested_by=payload.requested_by,
        retry_of=payload.retry_of,
        max_attempts=payload.max_attempts,
        retry_at=from_time_or_none(payload.retry_at),
    )


def _failure(payload: FailurePayload) -> AttemptFailure:
    return AttemptFailure(
        attempt=payload.attempt,
        error=payload.error,
        time=from_time(payload.time),
        phase=from_phase(payload.phase),
        code=from_code(payload.code),
    )


def _span(payload: SpanPayload) -> PhaseSpan | None:
    phase = from_phase(payload.phase)
    if phase is None:
        return None
    return PhaseSpan(payload.attempt, phase, from_time(payload.started_at), from_time_or_none(payload.ended_at))
