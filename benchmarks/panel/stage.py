"""Runs in the kernel: rows that change five times a second each, whoever shows them.

Every peer is driven by a :class:`Beat`, so that the kernel's own work of making changes is the same for all of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from scanwatch.model import Connection, ConnectionState, Event, Phase, PhaseSpan, Repository, ScanStatus
from scanwatch.snapshot import Snapshot, percent_done

CHANGES_PER_S = 5
TOTAL = 400
_TICKS_PER_CHANGE = 10
_SAMPLED = 20


def _clock_costs_s() -> float:
    """What reading the thread's clock takes."""
    began = time.thread_time()
    for _ in range(10_000):
        ended = time.thread_time()
    return (ended - began) / 10_000


_CLOCK_S = _clock_costs_s()


class Beat:
    """Calls ``change(row)`` of each of ``count`` rows five times a second, a tenth of them at a time."""

    def __init__(self, count: int, change: Callable[[int], None]) -> None:
        self._count = count
        self._change = change
        self._stop = threading.Event()
        self.made = 0
        self.cpu_s = 0.0
        """What the thread has used, the work of ``change`` included."""
        self._thread = threading.Thread(target=self._run, name="beat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; nothing changes afterwards."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        pause_s = 1 / CHANGES_PER_S / _TICKS_PER_CHANGE
        due = time.monotonic()
        tick = 0
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            for row in range(tick % _TICKS_PER_CHANGE, self._count, _TICKS_PER_CHANGE):
                self._change(row)
                self.made += 1
            tick += 1
            self.cpu_s = time.thread_time()
            due = max(due + pause_s, time.monotonic())  # whoever is late leaves changes out


def done_after(changes: int) -> int:
    """How many files a row that changed so often has done."""
    return changes % TOTAL


class BenchFeed:
    """A feed of ``count`` working scans (``scanwatch.panel.Feed``), each change a new snapshot."""

    def __init__(self, count: int) -> None:
        now = datetime.now(UTC)
        self._rows = [
            Snapshot(
                scan_id=f"5ca90000-0000-4000-8000-{number:012x}",
                target=f"sim://acme/service-{number}?files={TOTAL}&seed={number}",
                status=ScanStatus.IN_PROGRESS,
                phase=Phase.PARSE,
                created_at=now,
                started_at=now,
                updated_at=now,
                total_files=TOTAL,
                spans=(
                    PhaseSpan(1, Phase.DISCOVERY, now, now),
                    PhaseSpan(1, Phase.FETCH, now, now),
                    PhaseSpan(1, Phase.PARSE, now),
                ),
            )
            for number in range(count)
        ]
        self._listeners: list[Callable[[str | None], None]] = []
        self.telling_s = 0.0
        """CPU seconds that the listeners took, estimated from some of the rows."""

    def change(self, row: int) -> None:
        """The next event of a row: new numbers and a new file."""
        before = self._rows[row]
        done = done_after(before.seq + 1)
        self._rows[row] = replace(
            before,
            seq=before.seq + 1,
            files_processed=done,
            progress_percent=percent_done(Phase.PARSE, done, TOTAL),
            current_file=f"src/service_{row % 97}/module_{done}.py",
            artifacts_found=done // 7,
            updated_at=datetime.now(UTC),
        )
        if row % _SAMPLED:
            self._tell(before.scan_id)
        else:
            began = time.thread_time()
            self._tell(before.scan_id)
            self.telling_s += (time.thread_time() - began - _CLOCK_S) * _SAMPLED

    def _tell(self, scan_id: str) -> None:
        for listener in self._listeners:
            listener(scan_id)

    def done(self) -> list[int]:
        """How many files each row has done: the truth to compare with."""
        return [snapshot.files_processed or 0 for snapshot in self._rows]

    def snapshots(self) -> Sequence[Snapshot]:
        return list(self._rows)

    def connection(self) -> Connection:
        return Connection(ConnectionState.LIVE, "http://127.0.0.1:8700")

    def events(self, _scan_id: str, _last: int) -> Sequence[Event]:
        return ()

    def on_change(self, listener: Callable[[str | None], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def trouble(self) -> str | None:
        return None

    @property
    def everything(self) -> bool:
        return True

    def caller(self) -> str | None:
        return None

    def workers(self) -> int | None:
        return None

    def clock_ahead_s(self) -> float | None:
        return 0.0

    def repositories(self) -> Sequence[Repository]:
        return ()

    def look_up(self) -> None:
        """There is nothing to look up."""

    def handle(self, scan_id: str) -> str:
        return scan_id

    def reconnect(self) -> None:
        raise NotImplementedError

    def trigger(self, target: str, options: Mapping[str, str]) -> None:
        raise NotImplementedError

    def cancel(self, scan_id: str) -> None:
        raise NotImplementedError

    def retry(self, scan_id: str) -> None:
        raise NotImplementedError
