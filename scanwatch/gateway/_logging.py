"""What a gateway writes to its log: lines of text or of JSON, each with the request and the scan it is about."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from ..model import Event, EventKind

request_id: ContextVar[str | None] = ContextVar("scanwatch_request_id", default=None)
"""The request being answered; what is logged meanwhile names it."""

_logger = logging.getLogger(__name__)

ABOUT = ("request_id", "scan_id")
"""What a record may be about, as attributes of it (``extra=``)."""


@contextmanager
def log_to(stream: TextIO | None = None, *, level: str, style: str) -> Iterator[None]:
    """Write the process's log to ``stream`` (standard error) meanwhile, from ``level`` on, as ``text`` or ``json``."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    handler.addFilter(_add_request)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(level.upper())
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def log_scans(events: Sequence[Event]) -> None:
    """Log where a scan begins, is tried again, and ends; its progress is for those who watch it."""
    for event in events:
        if event.terminal or event.turn is not None or event.seq == 1:
            _log_scan(event)


def _log_scan(event: Event) -> None:
    about = {"scan_id": event.scan_id}
    if event.kind is EventKind.COMPLETE:
        _logger.info("scan completed", extra=about)
    elif event.kind is EventKind.FAILED:
        _logger.info("scan failed (%s): %s", event.code or "no code", event.error, extra=about)
    elif event.turn is not None:
        _logger.info("scan %s, attempt %s", event.turn, event.attempt, extra=about)
    else:
        _logger.info("scan queued", extra=about)


def _add_request(record: logging.LogRecord) -> bool:
    if getattr(record, "request_id", None) is None:
        record.request_id = request_id.get()
    return True


def _about(record: logging.LogRecord) -> dict[str, str]:
    return {name: value for name in ABOUT if (value := getattr(record, name, None)) is not None}


class TextLines(logging.Formatter):
    """``TIME LEVEL LOGGER: MESSAGE request_id=... scan_id=...``, a traceback below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        """The line, with what it is about behind it; a line end in a message would forge a line."""
        line = super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")
        return " ".join([line, *(f"{name}={value}" for name, value in _about(record).items())])


class JsonLines(logging.Formatter):
    """One JSON object a line: ``time``, ``level``, ``logger``, ``message``, what it is about, ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_about(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)
