"""Names on the wire: the namespace, event names, URL paths, times and ids."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

import msgspec

from ..errors import WireError
from ..model import EventKind

NAMESPACE = "/ws"
SOCKETIO_PATH = "socket.io"
PROTOCOL = 1
GATEWAY = "gateway"
SUBSCRIBE = "subscribe"
UNSUBSCRIBE = "unsubscribe"
REFUSED = "refused"
SCAN_ID = "scanId"
IDEMPOTENCY_KEY = "Idempotency-Key"
"""The header with which a trigger may be repeated: the same key starts one scan, however often it is sent."""
MAX_KEY = 200
REPEATABLE = "idempotency"
"""What a gateway that honours that header names among its features."""

Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
"""ISO 8601 in UTC with milliseconds and ``Z``."""

_EVENT_NAME = re.compile(r"scan:(?P<id>[^:]{1,100}):(?P<kind>progress|complete|failed)")


class paths:  # noqa: N801 - a namespace of functions: paths.scan(id)
    """URL paths, relative to the gateway's base URL: a gateway may live under a prefix."""

    health = "api/v1/health"
    live = "health"
    ready = "ready"
    metrics = "metrics"
    openapi = "openapi.json"
    asyncapi = "asyncapi.json"
    repositories = "api/v1/repositories"
    scans = "api/v1/scans"
    tokens = "api/v1/tokens"
    audit = "api/v1/audit"

    @staticmethod
    def repository(repository_id: str) -> str:
        return f"api/v1/repositories/{quote(repository_id, safe='')}"

    @staticmethod
    def token(token_id: str) -> str:
        return f"api/v1/tokens/{quote(token_id, safe='')}"

    @staticmethod
    def trigger(repository_id: str) -> str:
        return f"{paths.repository(repository_id)}/scan"

    @staticmethod
    def repository_scans(repository_id: str) -> str:
        return f"{paths.repository(repository_id)}/scans"

    @staticmethod
    def documents(repository_id: str, kind: str) -> str:
        """The list of one kind of documents: ``requirements``, ``user-stories``, ``specs``, ``evidence`` ..."""
        return f"{paths.repository(repository_id)}/{kind}"

    @staticmethod
    def traceability(repository_id: str, question: str) -> str:
        """What is known of the links: ``graph``, ``audit`` or ``chain``."""
        return f"{paths.repository(repository_id)}/traceability/{question}"

    @staticmethod
    def chain(repository_id: str, gxp_id: str) -> str:
        return f"{paths.traceability(repository_id, 'chain')}/{quote(gxp_id, safe='')}"

    @staticmethod
    def scan(scan_id: str) -> str:
        return f"api/v1/scans/{quote(scan_id, safe='')}"

    @staticmethod
    def progress(scan_id: str) -> str:
        return f"{paths.scan(scan_id)}/progress"

    @staticmethod
    def events(scan_id: str) -> str:
        return f"{paths.scan(scan_id)}/events"

    @staticmethod
    def cancel(scan_id: str) -> str:
        return f"{paths.scan(scan_id)}/cancel"

    @staticmethod
    def retry(scan_id: str) -> str:
        return f"{paths.scan(scan_id)}/retry"

    @staticmethod
    def artifacts(scan_id: str) -> str:
        return f"{paths.scan(scan_id)}/artifacts"

    @staticmethod
    def findings(scan_id: str) -> str:
        return f"{paths.scan(scan_id)}/findings"

    @staticmethod
    def annotations(scan_id: str) -> str:
        return f"{paths.scan(scan_id)}/annotations"

    @staticmethod
    def evidence(scan_id: str) -> str:
        return f"{paths.scan(scan_id)}/evidence"


def event_name(scan_id: str, kind: EventKind) -> str:
    """The Socket.IO event name, ``scan:ID:progress``; the end is ``complete`` here and ``completed`` as a status."""
    return f"scan:{scan_id}:{kind}"


def parse_event_name(name: str) -> tuple[str, EventKind] | None:
    """Scan id and kind of a Socket.IO event name; ``None`` for a name that is no scan event."""
    match = _EVENT_NAME.fullmatch(name)
    return (match["id"], EventKind(match["kind"])) if match else None


def to_time(moment: datetime) -> str:
    """A moment as the wire writes it."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


def from_time(text: str) -> datetime:
    """A moment from the wire; a time without a zone is taken as UTC.

    Raises:
        WireError: it is no ISO 8601 time.
    """
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise WireError(f"{text[:40]!r} is not an ISO 8601 time") from None


def to_time_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else to_time(moment)


def from_time_or_none(text: str | None) -> datetime | None:
    return None if text is None else from_time(text)


def is_id(text: str) -> bool:
    """Whether a text is an id as gateways give them (a UUID in its usual spelling)."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def seconds(milliseconds: float | None) -> float | None:
    """Seconds from milliseconds; a negative duration (seen in the field) is not known."""
    return None if milliseconds is None or milliseconds < 0 else milliseconds / 1000
