"""A recording under way: what a client receives is queued for a thread that writes it down, secrets left out."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import os
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from .. import wire
from ..errors import UsageError
from ..model import Job
from ..snapshot import to_record
from ..wire import Recorded, RecordedAnswer, RecordedEvent, RecordedNote, RecordedRest, RecordedSocket
from ._recording import recording_path
from ._session import Session
from ._watched import Watched

MAX_BYTES = 256 * 1024 * 1024
"""A recording ends itself at this size."""

MAX_WAITING = 100_000
"""Lines that may wait for a disk that is slow; more are left out, and a note says how many."""

STOP_S = 5.0

_logger = logging.getLogger(__name__)


class Recording:
    """What a client receives, written to a file as it comes; ``client.record(path)`` begins one.

    It ends with ``stop()``, with its ``with`` block, or with its client. Tokens and passwords are not written.

    Attributes:
        path: the file.
        problem: why nothing more is written, in words; ``None`` while all is well.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> None:
        self.path = recording_path(path)
        self.problem: str | None = None
        self._max_bytes = max_bytes
        self._file = _open(self.path)
        self._size = 0
        self._begun = time.monotonic()
        self._lines: queue.SimpleQueue[Recorded | None] = queue.SimpleQueue()
        self._left_out = 0
        self._answers: dict[str, object] = {}
        self._secrets: Callable[[], frozenset[str]] = frozenset
        self._end: Callable[[], None] = lambda: None
        self._stopping = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="scanwatch-recorder", daemon=True)
        self._thread.start()

    @property
    def going(self) -> bool:
        """Whether lines are still taken."""
        return self._thread.is_alive()

    def begin(self, tell: Callable[[Callable[[Recorded], None]], Callable[[], None]]) -> None:
        """Take what ``tell(sink)`` brings, until the recording ends."""
        self._end = tell(self.take)

    def hide(self, secrets: Callable[[], frozenset[str]]) -> None:
        """Leave ``secrets()`` out of everything that is written."""
        self._secrets = secrets

    def take(self, line: Recorded) -> None:
        """Have a line written soon. It returns at once and never raises."""
        if self.problem is not None:
            return
        if self._lines.qsize() >= MAX_WAITING:
            self._left_out += 1
            return
        line = copy.copy(line)  # others may record it too, each by a time of its own
        line.t_ms = round((time.monotonic() - self._begun) * 1000, 3)
        self._lines.put(line)

    def stop(self) -> None:
        """End the recording and wait until it is on the disk. Harmless when repeated."""
        with self._stopping:
            self._end()
            self._lines.put(None)
            self._thread.join(STOP_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def __repr__(self) -> str:
        return f"<Recording {self.path.name}>"

    # -- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while (line := self._lines.get()) is not None:
                if self.problem is None:
                    self._write(line)
        finally:
            os.close(self._file)

    def _write(self, line: Recorded) -> None:
        if self._left_out:
            left_out, self._left_out = self._left_out, 0
            self._put(
                RecordedNote(
                    t_ms=line.t_ms,
                    what=f"{left_out} lines are missing here, which could not be written in time or at all",
                )
            )
        if not self._is_repeated(line):
            self._put(line)

    def _is_repeated(self, line: Recorded) -> bool:
        """Whether a read was answered as it was before; of those only changes are kept."""
        if not isinstance(line, RecordedRest) or line.method != "GET":
            return False
        answer = (line.status, line.response)
        repeated = self._answers.get(line.path) == answer
        self._answers[line.path] = answer
        return repeated

    def _put(self, line: Recorded) -> None:
        """Write a line, whole or not at all: a file that ends within one could not be read again."""
        try:
            text = redacted(wire.encode_recorded(line).decode(), self._secrets()).encode() + b"\n"
            if self._size + len(text) > self._max_bytes:
                self._give_up(f"it has reached its limit of {self._max_bytes} bytes")
                return
            written = 0
            while written < len(text):
                written += os.write(self._file, text[written:])
        except OSError as error:
            self._give_up(error.strerror or str(error))
        except (TypeError, ValueError, RecursionError):  # whatever a stranger sent, the recording only lacks it
            self._left_out += 1
        else:
            self._size += len(text)

    def _give_up(self, why: str) -> None:
        self.problem = f"The recording {str(self.path)!r} goes no further: {why}. What it holds until then can be used."
        _logger.warning(self.problem)
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            _logger.debug("the recording's last line could not be taken back", exc_info=True)


def _open(path: Path) -> int:
    """The file of a new recording, in place of what was there; nobody else may read it."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError as error:
        raise UsageError(f"A recording cannot be written to {str(path)!r} ({error.strerror or error}).") from None


# -- secrets -------------------------------------------------------------------------------------------------------

_KEYS = r"token|authorization|password|passwd|secret|api_?key|access_?token|refresh_?token|cookie"
_SECRET_VALUE = re.compile(rf'("(?:{_KEYS})"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE)
_USER_IN_WEB_URL = re.compile(r"(https?://)[^/?#@\s\"]+@", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"(://[^/?#@:\s\"]+:)[^/?#@\s\"]+@")
_SECRET_IN_QUERY = re.compile(rf"([?&](?:{_KEYS}|key|sig)=)[^&#\s\"\\]+", re.IGNORECASE)
_BEARER = re.compile(r"(Bearer )[^\s\"\\]+", re.IGNORECASE)


def redacted(text: str, secrets: frozenset[str]) -> str:
    """A line of JSON with ``***`` for every secret in it: tokens, passwords, users in URLs."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(json.dumps(secret)[1:-1], "***")
    text = _SECRET_VALUE.sub(r'\1"***"', text)
    text = _USER_IN_WEB_URL.sub(r"\1***@", text)
    text = _PASSWORD_IN_URL.sub(r"\1***@", text)
    text = _BEARER.sub(r"\1***", text)
    return _SECRET_IN_QUERY.sub(r"\1***", text)


# -- what was known before -----------------------------------------------------------------------------------------


def known_lines(session: Session) -> Iterator[Recorded]:
    """What a session knows already, as lines: a recording can begin in the middle."""
    yield RecordedSocket(t_ms=0, what="connect")
    if session.speaks_scanwatch:
        hello = wire.Hello(name="scanwatch", version="")
        yield RecordedEvent(t_ms=0, name=wire.GATEWAY, args=[wire.to_plain(hello)])
    for watched in session.scans.values():
        yield from _known_of(watched)


def _known_of(watched: Watched) -> Iterator[Recorded]:
    snapshot = watched.snapshot
    if snapshot.seq:
        answer = wire.to_plain(wire.Acknowledgement(ok=True))
        answer["scans"] = [wire.encode_subscribed(snapshot, [event for event in watched.events if event.seq])]
        asked = wire.encode_subscribe([snapshot.scan_id])
        yield RecordedAnswer(t_ms=0, name=wire.SUBSCRIBE, request=asked, response=answer)
        return
    for event in watched.events:
        name, payload = wire.encode_event(event)
        yield RecordedEvent(t_ms=0, name=name, args=[payload])
    if snapshot.created_at is not None:
        ended = Job(snapshot.status) if snapshot.terminal else None
        row = wire.encode_scan(replace(to_record(snapshot), job=ended))
        path = f"/{wire.paths.scan(snapshot.scan_id)}"
        yield RecordedRest(t_ms=0, method="GET", path=path, status=200, response=row)
