"""Our gateway with its events given straight to the hub: fan-out alone, without worker and store."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import control
import scanner

from scanwatch.gateway import GatewayConfig, _app
from scanwatch.model import Event, EventKind, Phase
from scanwatch.scanners import Report
from scanwatch.storage import Listener, open_store

STORED = 2
"""Every scan begins with so many events in the store: queued, started."""

_listeners: list[Listener] = []
_playing: list[str] = []


def _open(url: str) -> Any:
    """A store whose listeners can be called from here."""
    store = open_store(url)
    listen = store.listen

    def listened(listener: Listener) -> Any:
        _listeners.append(listener)
        return listen(listener)

    store.listen = listened  # type: ignore[method-assign]
    return store


def _publish(scan_id: str, published: int, message: str) -> None:
    event = Event(
        scan_id,
        EventKind.PROGRESS,
        datetime.now(UTC),
        seq=STORED + published,
        phase=Phase.FETCH,
        progress_percent=22,
        attempt=1,
        message=message,
        files_processed=published,
        total_files=scanner.FILES,
        artifacts_found=0,
    )
    for listener in _listeners:
        listener((event,))


def _together(count: int) -> scanner.Play:
    """All scans in one series, conducted by the last that begins."""
    published: Counter[str] = Counter()

    def emit(scan_id: str, _number: int, message: str) -> None:
        published[scan_id] += 1
        _publish(scan_id, published[scan_id], message)

    async def play(scan_id: str, _report: Report) -> None:
        _playing.append(scan_id)
        if len(_playing) < count:
            await asyncio.Event().wait()
        await control.obey(emit, _playing)

    return play


async def main(scans: int) -> None:
    """Serve until standard input closes."""
    scanner.play = _together(scans)
    _app.open_store = _open
    async with _app.Gateway(GatewayConfig(port=0, store="memory:", concurrency=scans)) as gateway:
        print(f"Gateway ready at {gateway.url}", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
