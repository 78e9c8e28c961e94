"""Those who follow scans in the client benchmark, each in a process of its own: ours, python-socketio's, a poller.

    python benchmarks/client/readers.py KIND WHAT EVENTS FOR_S < where the source listens

Prints ``ready``, then how it went as one line of JSON. ``WHAT`` is ``burst`` (as fast as they come), ``paced`` (each
with a callback) or ``memory``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

POLL_S = 2.0
REQUESTS_AT_ONCE = 8
KEPT_ROUNDS = 20


class Tally:
    """What arrived: how many, when the last did, and how long each took."""

    def __init__(self) -> None:
        self.count = 0
        self.first_sent_ns = self.last_ns = 0
        self.delays_ns: list[int] = []

    def note(self, sent_ns: int) -> None:
        self.last_ns = time.monotonic_ns()
        self.first_sent_ns = self.first_sent_ns or sent_ns
        self.count += 1
        self.delays_ns.append(self.last_ns - sent_ns)


class Measured:
    """CPU and memory of this process between ``ready`` and the end."""

    def __init__(self, rss_kb: int) -> None:
        self._rss_kb = rss_kb
        self._cpu_s = time.process_time()
        self._begun = time.monotonic()
        print("ready", flush=True)

    def tell(self, tally: Tally) -> None:
        cpu_s, took_s = time.process_time() - self._cpu_s, time.monotonic() - self._begun
        gc.collect()
        delays = sorted(tally.delays_ns) or [0]
        told = {
            "events": tally.count,
            "events_per_s": tally.count / max(1e-9, (tally.last_ns - tally.first_sent_ns) / 1e9),
            "events_per_cpu_s": tally.count / max(1e-9, cpu_s),
            "cpu_ms_per_s": cpu_s / took_s * 1e3,
            "p50_ms": delays[len(delays) // 2] / 1e6,
            "p99_ms": delays[len(delays) * 99 // 100] / 1e6,
            "grown_kb": rss_kb() - self._rss_kb,
        }
        print(json.dumps(told), flush=True)


def rss_kb() -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1])


def ours(url: str, ids: list[str], what: str, events: int, for_s: float) -> None:
    """The client of this project: a handle of each scan."""
    import scanwatch

    with scanwatch.connect(url) as client:
        tally, before = Tally(), rss_kb()
        scans = [client.attach(one) for one in ids]
        if what == "paced":
            for scan in scans:
                scan.on_event(lambda event: tally.note(int(event.message or 0)))
        wanted = events * len(ids)
        _wait_until(lambda: all(scan.snapshot.created_at is not None for scan in scans), 20)
        measured = Measured(before)
        if what == "paced":
            time.sleep(for_s)
        else:
            _wait_until(lambda: sum(scan.snapshot.seq for scan in scans) >= wanted, 120)
            tally.count, tally.last_ns = sum(scan.snapshot.seq for scan in scans), time.monotonic_ns()
            tally.first_sent_ns = int(next(iter(scans[0].stream())).message or 0)
        measured.tell(tally)


async def socketio_as_it_comes(url: str, ids: list[str], what: str, events: int, for_s: float) -> None:
    """python-socketio's own client, with a handler that keeps every payload."""
    import socketio

    tally, before, kept = Tally(), rss_kb(), {one: [] for one in ids}  # type: ignore[var-annotated]
    client, ended = socketio.AsyncClient(handle_sigint=False), asyncio.Event()

    def heard(_name: str, payload: dict[str, Any]) -> None:
        kept[payload["scanId"]].append(payload)
        tally.note(int(payload["message"]))
        if what != "paced" and tally.count >= events * len(ids):
            ended.set()

    client.on("*", heard, namespace="/ws")
    await client.connect(url, namespaces=["/ws"], wait_timeout=15)
    measured = Measured(before)
    if what == "paced":
        await asyncio.sleep(for_s)
    else:
        await ended.wait()
    measured.tell(tally)
    await client.disconnect()


async def poller(url: str, ids: list[str], _what: str, _events: int, for_s: float) -> None:
    """Reads every scan every two seconds, and looks whether it has changed."""
    import aiohttp

    tally, slots, seen = Tally(), asyncio.Semaphore(REQUESTS_AT_ONCE), dict.fromkeys(ids, 0)

    async def look(scan_id: str, offset_s: float) -> None:
        await asyncio.sleep(offset_s)
        while True:
            due = time.monotonic() + POLL_S
            async with slots, http.get(f"{url}/api/v1/scans/{scan_id}") as answer:
                row = await answer.json()
            if row["seq"] > seen[scan_id]:
                seen[scan_id] = row["seq"]
                tally.note(row["sentNs"])
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async with aiohttp.ClientSession() as http:
        measured = Measured(rss_kb())
        # From the last scan to the first: the source goes the other way round, so that every delay of 0 to 2 s occurs.
        looks = [asyncio.create_task(look(one, POLL_S * n / len(ids))) for n, one in enumerate(reversed(ids))]
        await asyncio.sleep(for_s)
        measured.tell(tally)
        for task in looks:
            task.cancel()
        await asyncio.gather(*looks, return_exceptions=True)


def _wait_until(check: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():
        if time.monotonic() > deadline:
            raise SystemExit("what was sent did not arrive in time")
        time.sleep(0.02)


def main() -> None:
    kind, what, events, for_s = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    place = json.loads(sys.stdin.readline())
    if kind == "ours":
        ours(place["url"], place["ids"], what, events, for_s)
    else:
        reader = {"socketio": socketio_as_it_comes, "poller": poller}[kind]
        asyncio.run(reader(place["url"], place["ids"], what, events, for_s))


if __name__ == "__main__":
    main()
