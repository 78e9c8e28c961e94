"""A recording as a file, and what a gateway is known to have known while its lines pass by."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import wire
from ..errors import UsageError, WireError
from ..model import Event, Repository, ScanRecord
from ..snapshot import Snapshot, apply, to_record
from ..wire import Recorded, RecordedAnswer, RecordedEvent, RecordedRest

LONGEST_LINE_BYTES = 16 * 1024 * 1024


def recording_path(path: object) -> Path:
    """The path a person gave.

    Raises:
        UsageError: it is none.
    """
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str) or "\0" in text:
        raise UsageError(f"A recording is named by its path, not by {path!r}.")
    return Path(text)


def read_recording(path: str | os.PathLike[str]) -> list[Recorded]:
    """The lines of a recording.

    Raises:
        UsageError: there is no such file, or a line of it is none of a recording; the message names the line.
    """
    lines: list[Recorded] = []
    number = 0
    try:
        with recording_path(path).open("rb") as file:
            while text := file.readline(LONGEST_LINE_BYTES + 1):
                number += 1
                if text.strip():
                    lines.append(_line(path, number, text))
    except OSError as error:
        raise UsageError(f"The recording {str(path)!r} cannot be read ({error.strerror or error}).") from None
    if not lines:
        raise UsageError(f"The recording {str(path)!r} is empty; client.record(path) makes one.")
    return lines


def _line(path: str | os.PathLike[str], number: int, text: bytes) -> Recorded:
    if len(text) > LONGEST_LINE_BYTES:
        raise UsageError(f"Line {number} of {str(path)!r} is longer than {LONGEST_LINE_BYTES} bytes; no recording is.")
    try:
        return wire.decode_recorded(text)
    except WireError as error:
        cut_off = number > 1 and not text.endswith(b"\n")
        remedy = "it was cut off; delete that line, and the rest can be used." if cut_off else "is this a recording?"
        raise UsageError(f"Line {number} of {str(path)!r} is {error}; {remedy}") from None


def timed(lines: Iterable[Recorded]) -> list[tuple[float, Recorded]]:
    """Lines with the second at which each came; appended recordings follow each other."""
    begun_ms = last_ms = 0.0
    moments = []
    for line in lines:
        if begun_ms + line.t_ms < last_ms:
            begun_ms = last_ms
        last_ms = begun_ms + line.t_ms
        moments.append((last_ms / 1000, line))
    return moments


class Playback:
    """What a gateway said up to some line, to be asked as the gateway was."""

    def __init__(self) -> None:
        self.repositories: dict[str, Any] = {}
        """Rows as received, by id."""
        self.scan_ids: dict[str, None] = {}
        """Every scan something was said of, in order."""
        self._answers: dict[tuple[str, str], RecordedRest] = {}
        self._pictures: dict[str, Snapshot] = {}
        self._events: dict[str, dict[int, Event]] = {}

    # -- what was said ---------------------------------------------------------------------------------------------

    def take(self, line: Recorded) -> list[Event]:
        """Let a line pass; the events it brought to whoever listened."""
        try:
            match line:
                case RecordedEvent(name=name, args=args):
                    return self._hear(name, args)
                case RecordedAnswer(name=wire.SUBSCRIBE, response=response):
                    return self._acknowledged(response)
                case RecordedRest():
                    self._answered(line)
        except WireError:  # a recording holds nonsense too, where a gateway sent some
            return []
        return []

    def _hear(self, name: str, args: Sequence[Any]) -> list[Event]:
        if (known := wire.parse_event_name(name)) is not None:
            self.scan_ids.setdefault(known[0])
        event = wire.decode_event(name, *args)
        self._keep(event)
        return [event]

    def _acknowledged(self, response: Any) -> list[Event]:
        events: list[Event] = []
        _, scans = wire.decode_acknowledgement(response)
        for snapshot, missed in scans:
            self.scan_ids.setdefault(snapshot.scan_id)
            known = self._pictures.get(snapshot.scan_id)
            if known is None or known.seq < snapshot.seq:
                self._pictures[snapshot.scan_id] = snapshot
            for event in missed:
                self._keep(event)
            events += missed
        return events

    def _answered(self, line: RecordedRest) -> None:
        self._answers[line.method, line.path] = line
        parts = urlsplit(line.path).path.strip("/").split("/")[2:]
        if line.status >= 400 or not parts:
            return
        if parts[0] == "repositories" and len(parts) < 3:
            self._keep_repositories(line.response)
        elif parts[-1] in {"scan", "retry"} and line.method == "POST":
            self.scan_ids.setdefault(triggered_id(line) or parts[1])
        elif parts[0] == "scans" and len(parts) == 2:
            self.scan_ids.setdefault(parts[1])
        elif parts[0] == "scans" and parts[-1] == "events":
            for event in wire.decode_events_page(line.response)[0]:
                self._keep(event)

    def _keep_repositories(self, rows: Any) -> None:
        for row in rows if isinstance(rows, list) else [rows]:
            if isinstance(row, dict) and isinstance(row.get("id"), str):
                self.repositories[row["id"]] = row

    def _keep(self, event: Event) -> None:
        if event.seq is None:
            return
        self._events.setdefault(event.scan_id, {})[event.seq] = event
        picture = self._pictures.get(event.scan_id) or Snapshot(event.scan_id)
        self._pictures[event.scan_id] = apply(picture, event)

    # -- what may be asked -----------------------------------------------------------------------------------------

    def answer(self, method: str, path: str) -> RecordedRest | None:
        """The newest answer to a request."""
        return self._answers.get((method, path))

    def read(self, scan_id: str) -> RecordedRest | None:
        """The newest answer to a read of a scan's record."""
        return self.answer("GET", f"/{wire.paths.scan(scan_id)}")

    def record(self, scan_id: str) -> ScanRecord | None:
        """A scan's record, as it was read or as its events tell it; ``None`` while neither is known."""
        picture, answer = self._pictures.get(scan_id), self.read(scan_id)
        read = wire.decode_scan(answer.response) if answer is not None and answer.status < 400 else None
        if picture is None or picture.created_at is None or (read is not None and (read.seq or 0) >= picture.seq):
            return read
        return to_record(picture)

    def picture(self, scan_id: str) -> Snapshot | None:
        """A scan as its numbered events and the gateway's own pictures tell it."""
        return self._pictures.get(scan_id)

    def granted(
        self, scan_ids: Iterable[str], *, everything: bool, after: dict[str, int]
    ) -> list[tuple[Snapshot, list[Event]]]:
        """What a subscription made now is answered with: pictures, and the events after each cursor."""
        ids = self._pictures if everything else [scan_id for scan_id in scan_ids if scan_id in self._pictures]
        return [(self._pictures[one], [] if everything else self.events(one, after.get(one, 0))) for one in ids]

    def events(self, scan_id: str, after: int = 0) -> list[Event]:
        """The numbered events of a scan after a cursor."""
        kept = self._events.get(scan_id, {})
        return [kept[seq] for seq in sorted(kept) if seq > after]

    def repository(self, repository_id: str) -> Repository | None:
        """A repository that was listed or registered."""
        row = self.repositories.get(repository_id)
        return None if row is None else wire.decode_repository(row)


def triggered_id(line: Recorded) -> str | None:
    """The id of the scan that a line says was accepted."""
    if not isinstance(line, RecordedRest) or line.method != "POST" or line.status != 202:
        return None
    if line.path.rsplit("/", 1)[-1] not in {"scan", "retry"}:
        return None
    try:
        return wire.decode_as(wire.Accepted, line.response, "accepted scan").scan_id
    except WireError:
        return None
