"""What a client that stops reading costs a gateway, and what the clients beside it feel of it.

    python benchmarks/slow_consumer.py [--seconds 60] [--rate 1000] [--no-fast-path]

A gateway with a memory store in a process of its own sends events of a kilobyte; one client reads all the time, a
second one joins and reads nothing. Told are the gateway's memory before and at its highest, when the client was cut
off, and the delay from sending to reading of the one that reads, before and during. POSIX only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
from rich.console import Console
from rich.table import Table

from scanwatch.gateway import Gateway, GatewayConfig
from scanwatch.model import Event, EventKind, Phase

WARM_UP_S = 5
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
GOAL_MB = 10
TICK_S = 0.005


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--seconds", type=int, default=60)
    asked.add_argument("--rate", type=int, default=1000, help="events for each second")
    asked.add_argument("--no-fast-path", action="store_true")
    arguments = asked.parse_args()
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.Process(target=serve, args=(theirs, arguments.rate, not arguments.no_fast_path))
    child.start()
    try:
        asyncio.run(watch(ours, child.pid or 0, arguments.seconds))
    finally:
        child.terminate()
        child.join()


def serve(pipe: Connection, rate: int, fast_path: bool) -> None:
    asyncio.run(send(pipe, rate, fast_path))


async def send(pipe: Connection, rate: int, fast_path: bool) -> None:
    """Hand events to the hub as if the store had just told of them, until the process is ended."""
    scan_id, seq, padding = str(uuid4()), 0, "x" * 700
    async with Gateway(GatewayConfig(port=0, store="memory:", fast_path=fast_path)) as gateway:
        pipe.send(gateway.url)
        begun = time.monotonic()
        while True:
            while seq < (time.monotonic() - begun) * rate:
                seq += 1
                message = f"{time.monotonic()} {padding}"
                event = Event(
                    scan_id, EventKind.PROGRESS, datetime.now(UTC), seq=seq, phase=Phase.FETCH, message=message
                )
                gateway._hub._hear((event,))
            if pipe.poll():
                pipe.recv()
                pipe.send((gateway._fanout.merged, gateway._fanout.aborted))
            await asyncio.sleep(TICK_S)


async def watch(pipe: Connection, pid: int, seconds: int) -> None:
    url = pipe.recv()
    delays: list[float] = []
    async with aiohttp.ClientSession() as session:
        reading = asyncio.create_task(read(session, url, delays))
        await asyncio.sleep(WARM_UP_S)
        before_mb, before = memory_mb(pid), list(delays)
        delays.clear()
        stalled = await asyncio.to_thread(join_and_stall, url)
        most_mb, cut_off_s = before_mb, None
        begun = time.monotonic()
        while (now := time.monotonic() - begun) < seconds:
            most_mb = max(most_mb, memory_mb(pid))
            pipe.send("?")
            merged, aborted = await asyncio.to_thread(pipe.recv)
            cut_off_s = now if aborted and cut_off_s is None else cut_off_s
            await asyncio.sleep(0.2)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        stalled.close()
    report(before_mb, most_mb, cut_off_s, merged, before, delays)


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


def join_and_stall(url: str) -> socket.socket:
    """A field client with a small buffer that reads the handshake and nothing after it."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.connect((urlsplit(url).hostname, urlsplit(url).port))
    peer.sendall(
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    peer.recv(4096)
    packet = b"40/ws,"
    peer.sendall(bytes([0x81, 0x80 | len(packet)]) + bytes(4) + packet)  # a mask of zeros
    return peer


def memory_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


def report(
    before_mb: float, most_mb: float, cut_off_s: float | None, merged: int, before: list[float], during: list[float]
) -> None:
    table = Table("what", "value", title="A client that stops reading")
    added = most_mb - before_mb
    table.add_row("memory before", f"{before_mb:.1f} MB")
    table.add_row(f"memory added, at most (goal: below {GOAL_MB} MB)", f"{added:.1f} MB")
    table.add_row("cut off after", "never" if cut_off_s is None else f"{cut_off_s:.1f} s")
    table.add_row("events merged for it", f"{merged}")
    for words, delays in (("before", before), ("during", during)):
        steps = quantiles(delays, n=100)
        table.add_row(f"delay of the one that reads, {words}: p50, p99", f"{steps[49]:.2f}, {steps[98]:.2f} ms")
    Console().print(table)


if __name__ == "__main__":
    main()
