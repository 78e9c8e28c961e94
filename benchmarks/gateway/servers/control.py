"""How a benchmark's server is told to emit: series of events, asked for over one connection.

The server connects to port ``BENCH_CONTROL`` and says whose events it emits: one scan's id, or ``*``. Then it reads
lines ``emit COUNT INTERVAL_US DELAY_US`` and answers ``done`` when that many events of each of its scans are emitted.
The end of the connection is the end of the benchmark.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Emit = Callable[[str, int, str], Awaitable[None] | None]
"""Emits one event: of which scan, its number in the series, its message."""


def scans() -> list[str]:
    """The ids of the scans that the benchmark has made up."""
    return Path(os.environ["BENCH_SCANS"]).read_text(encoding="utf-8").split()


def seed_payload(scan: str, number: int, message: str) -> dict[str, Any]:
    """A progress event as the reference gateway sends it."""
    return {
        "scanId": scan,
        "progress": number % 100,
        "status": "fetch",
        "message": message,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


async def obey(emit: Emit, of: Sequence[str], name: str = "*") -> None:
    """Emit whatever is asked for, until nobody asks any more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(os.environ["BENCH_CONTROL"]))
    writer.write(f"{name}\n".encode())
    try:
        while line := await reader.readline():
            count, interval_us, delay_us = map(int, line.split()[1:])
            await _series(emit, of, count, interval_us / 1e6, delay_us / 1e6)
            writer.write(b"done\n")
    except ConnectionError:
        pass
    finally:
        writer.close()


async def _series(emit: Emit, of: Sequence[str], count: int, interval_s: float, delay_s: float) -> None:
    begun = time.monotonic() + delay_s
    for number in range(count):
        await asyncio.sleep(max(0.0, begun + number * interval_s - time.monotonic()) if interval_s else 0)
        mark = "!" if number == count - 1 else ""
        for scan in of:
            waiting = emit(scan, number, f"@{time.monotonic_ns()}{mark}")
            if inspect.isawaitable(waiting):
                await waiting
