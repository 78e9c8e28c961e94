"""What a client that stops reading costs a gateway, what the clients beside it feel of it, and how it comes back.

    python benchmarks/slow_consumer.py [--seconds 60] [--rate 1000] [--readers 5] [--no-fast-path]

A gateway in a process of its own keeps events of a kilobyte in SQLite and sends them. Clients read all the time; first
alone, then beside one that joins and reads nothing. When the time is up that one comes back with its cursor, while
events go on. Told are the gateway's memory before and at its highest, when the client was cut off, the delay from
report to reading for those that read, alone and beside it, and what the one that came back has. POSIX only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
from rich.console import Console
from rich.table import Table

from scanwatch.gateway import Gateway, GatewayConfig
from scanwatch.model import Event, EventKind, Phase, Repository, ScanRequest

WARM_UP_S = 3
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
GOAL_MB = 10
TICK_S = 0.002
PADDING = "x" * 700
SCAN = str(uuid4())


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--seconds", type=int, default=60)
    asked.add_argument("--rate", type=int, default=1000, help="events for each second")
    asked.add_argument("--readers", type=int, default=5, help="clients that read all the time")
    asked.add_argument("--no-fast-path", action="store_true")
    arguments = asked.parse_args()
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.Process(target=serve, args=(theirs, arguments.rate, not arguments.no_fast_path))
    child.start()
    try:
        told = asyncio.run(watch(ours, child.pid or 0, arguments.seconds, arguments.readers))
    finally:
        child.terminate()
        child.join()
    report(told)


def serve(pipe: Connection, rate: int, fast_path: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(
            send(pipe, rate, GatewayConfig(port=0, store=f"sqlite:///{directory}/scans.db", fast_path=fast_path))
        )


async def send(pipe: Connection, rate: int, config: GatewayConfig) -> None:
    """Append to one scan at ``rate``, as its worker would, until the process is ended."""
    now = datetime.now(UTC)
    async with Gateway(config) as gateway:
        store = gateway._hub._store
        await store.create_repository(Repository("bench", "bench", "sim://bench/slow", now, now))
        await store.create_scan(ScanRequest(SCAN, "bench", "sim://bench/slow"), event("queued"))
        pipe.send((gateway.url, SCAN))
        begun, sent = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - begun) * rate) - sent
            await asyncio.gather(*(store.append(event(f"{time.monotonic()} {PADDING}")) for _ in range(due)))
            sent += due
            if pipe.poll():
                pipe.recv()
                pipe.send((gateway._fanout.merged, gateway._fanout.aborted))
            await asyncio.sleep(TICK_S)


def event(message: str) -> Event:
    return Event(SCAN, EventKind.PROGRESS, datetime.now(UTC), phase=Phase.FETCH, message=message)


@dataclass
class Told:
    """What was seen."""

    before_mb: float = 0.0
    most_mb: float = 0.0
    merged: int = 0
    cut_off_s: float | None = None
    alone_ms: list[float] = field(default_factory=list)
    beside_ms: list[float] = field(default_factory=list)
    cursor: int = 0
    seqs: list[int] = field(default_factory=list)
    """What the client that came back has: replayed, read over REST, and live."""
    came_back_s: float = 0.0


async def watch(pipe: Connection, pid: int, seconds: int, readers: int) -> Told:
    told = Told()
    url, scan_id = pipe.recv()
    delays: list[float] = []
    async with aiohttp.ClientSession() as session:
        reading = [asyncio.create_task(read(session, url, delays)) for _ in range(readers)]
        await asyncio.sleep(WARM_UP_S)
        delays.clear()
        await asyncio.sleep(seconds / 2)
        told.alone_ms, told.before_mb = list(delays), memory_mb(pid)
        delays.clear()
        stalled, told.cursor = await asyncio.to_thread(join_and_stall, url)
        await observe(pipe, pid, seconds, told)
        told.beside_ms = list(delays)
        stalled.close()
        begun = time.monotonic()
        told.seqs = await come_back(session, url, scan_id, told.cursor)
        told.came_back_s = time.monotonic() - begun
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    return told


async def observe(pipe: Connection, pid: int, seconds: int, told: Told) -> None:
    """Look at the gateway from time to time."""
    begun = time.monotonic()
    told.most_mb = told.before_mb
    while (now := time.monotonic() - begun) < seconds:
        told.most_mb = max(told.most_mb, memory_mb(pid))
        pipe.send("?")
        told.merged, aborted = await asyncio.to_thread(pipe.recv)
        told.cut_off_s = now if aborted and told.cut_off_s is None else told.cut_off_s
        await asyncio.sleep(0.2)


async def read(session: aiohttp.ClientSession, url: str, delays: list[float]) -> None:
    async with session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket") as peer:
        await peer.receive()
        await peer.send_str("40/ws,")
        async for message in peer:
            if message.data == "2":
                await peer.send_str("3")
            elif message.data.startswith("42"):
                sent = json.loads(message.data.partition(",")[2])[1]["message"].partition(" ")[0]
                delays.append((time.monotonic() - float(sent)) * 1000)


def join_and_stall(url: str) -> tuple[socket.socket, int]:
    """A field client with a small buffer that reads the first event and nothing after it; which one that was."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.connect((urlsplit(url).hostname, urlsplit(url).port))
    peer.sendall(
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    packet = b"40/ws,"
    peer.sendall(bytes([0x81, 0x80 | len(packet)]) + bytes(4) + packet)  # a mask of zeros
    read, end = b"", b'"seq":'
    while end not in read or not read.rpartition(end)[2].partition(b",")[1]:
        read += peer.recv(512)
    return peer, int(read.rpartition(end)[2].partition(b",")[0])


async def come_back(session: aiohttp.ClientSession, url: str, scan_id: str, cursor: int) -> list[int]:
    """Subscribe with the cursor; what does not fit into the answer is read over REST until the live events join on."""
    seqs: list[int] = []
    live: list[int] = []
    async with session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket") as peer:
        await peer.receive()
        await peer.send_str('40/ws,{"protocol":1}')
        await peer.send_str("42/ws,0" + json.dumps(["subscribe", {"scanIds": [scan_id], "after": {scan_id: cursor}}]))
        async for message in peer:
            text = message.data
            if text.startswith("43/ws,0"):
                seqs += _seqs(json.loads(text[7:])[0]["scans"][0]["events"])
            elif text.startswith('42/ws,["scan:'):
                live.append(json.loads(text[6:])[1]["seq"])
                if len(live) == 100 and seqs:
                    break
        while seqs[-1] + 1 < live[0]:
            page = f"{url}/api/v1/scans/{scan_id}/events?after={seqs[-1]}&limit=1000"
            async with session.get(page) as answer:
                seqs += _seqs((await answer.json())["data"])
    return [*[seq for seq in seqs if seq < live[0]], *live]


def _seqs(envelopes: list[dict[str, Any]]) -> list[int]:
    return [envelope["payload"]["seq"] for envelope in envelopes]


def memory_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


def report(told: Told) -> None:
    table = Table("what", "value", title="A client that stops reading")
    table.add_row("memory before", f"{told.before_mb:.1f} MB")
    table.add_row(f"memory added, at most (goal: below {GOAL_MB} MB)", f"{told.most_mb - told.before_mb:.1f} MB")
    table.add_row("cut off after", "never" if told.cut_off_s is None else f"{told.cut_off_s:.1f} s")
    table.add_row("events merged for it", f"{told.merged}")
    for words, delays in (("alone", told.alone_ms), ("beside it", told.beside_ms)):
        steps = quantiles(delays, n=100)
        table.add_row(f"delay of those that read, {words}: p50, p99", f"{steps[49]:.2f}, {steps[98]:.2f} ms")
    whole = told.seqs == list(range(told.cursor + 1, told.cursor + 1 + len(told.seqs)))
    words = f"all {len(told.seqs)} events since" if whole else f"{len(told.seqs)} events, NOT all"
    table.add_row("it came back and has", f"{words}, after {told.came_back_s:.1f} s")
    Console().print(table)
    if not whole:
        raise SystemExit("The client that came back misses events.")


if __name__ == "__main__":
    main()
