"""What is measured of one gateway, each in one fresh process of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from load import Load, loaded
from peers import Peer, Server, started

SETTLE_S = 0.4
PACE_S: Final = 0.1
"""Between the events whose latency is taken: none waits for the one before."""
POLL_S: Final = 2.0
"""The seed's polling interval; the pushed scans say something as often as the pollers look."""
SHORTEST_REQUEST = len(f"GET /api/v1/scans/{'x' * 36} HTTP/1.1\r\nHost: 127.0.0.1:8700\r\n\r\n")


@dataclass(frozen=True)
class Fan:
    """One scan and its watchers."""

    cpu_per_100k_s: float
    delivered_per_s: float
    p50_ms: float
    p99_ms: float
    rss_kb_per_connection: float
    connect_cpu_ms: float


@dataclass(frozen=True)
class Rooms:
    """Many scans, a few watchers each."""

    useful_per_cpu_s: float
    frames_per_useful: float


@dataclass(frozen=True)
class Throughput:
    """Events from report to socket."""

    events_per_s: float
    events_per_cpu_s: float
    merged_percent: float
    """Events that another one stood for, on their way to a client that had not read what came before."""


@dataclass(frozen=True)
class Connecting:
    """Many connections, silent."""

    cpu_ms: float
    rss_kb: float


@dataclass(frozen=True)
class Unwatched:
    """Scans that nobody follows, each."""

    cpu_ms_per_s: float


@dataclass(frozen=True)
class Traffic:
    """Following many scans, one watcher each; for one watcher, in each second, and to set it up."""

    requests_per_s: float
    bytes_per_s: float
    shortest_bytes_per_s: float
    """With no header that HTTP could do without."""
    cpu_ms_per_s: float
    setup_bytes: float
    setup_cpu_ms: float
    p50_ms: float
    p99_ms: float


def fan(peer: Peer, *, watchers: int, events: int, paced: int) -> Fan:
    """One scan's events to so many watchers: a burst for the cost, a paced series for the latency."""
    with started(peer, 1) as server, loaded(server.port, watchers, peer.mode, server.scans) as load:
        time.sleep(SETTLE_S)
        rss, cpu = server.rss_kb, server.cpu_s
        load.connect()
        connect_cpu = server.cpu_s - cpu
        time.sleep(SETTLE_S)
        connected_rss = server.rss_kb
        _warm_up(server, load, watchers)
        cpu = server.cpu_s
        begun = server.emit(events)
        burst = load.wait(watchers)
        server.emitted()
        burst_cpu = server.cpu_s - cpu
        load.reset()
        server.emit(paced, interval_s=PACE_S)
        pace = load.wait(watchers)
        server.emitted()
    return Fan(
        cpu_per_100k_s=burst_cpu / burst["events"] * 1e5,
        delivered_per_s=burst["events"] / (burst["last_ns"] - begun) * 1e9,
        p50_ms=pace["p50_ms"],
        p99_ms=pace["p99_ms"],
        rss_kb_per_connection=(connected_rss - rss) / watchers,
        connect_cpu_ms=connect_cpu / watchers * 1e3,
    )


def connecting(peer: Peer, *, count: int) -> Connecting:
    """What each of many connections costs: to come in, and to keep."""
    with started(peer, 1) as server, loaded(server.port, count, peer.mode, server.scans) as load:
        time.sleep(SETTLE_S)
        rss, cpu = server.rss_kb, server.cpu_s
        load.connect()
        connect_cpu = server.cpu_s - cpu
        time.sleep(SETTLE_S)
        return Connecting(cpu_ms=connect_cpu / count * 1e3, rss_kb=(server.rss_kb - rss) / count)


def rooms(peer: Peer, *, scans: int, watchers: int, events: int) -> Rooms:
    """``scans`` scans at once, each with so many watchers, each of whom cares for its own only."""
    total = scans * watchers
    marks = total if peer.mode == "subscribe" else total * scans
    with started(peer, scans) as server, loaded(server.port, total, peer.mode, server.scans) as load:
        load.connect()
        _warm_up(server, load, marks)
        cpu = server.cpu_s
        server.emit(events)
        counts = load.wait(marks)
        server.emitted()
        cpu = server.cpu_s - cpu
    return Rooms(counts["useful"] / cpu, counts["events"] / counts["useful"])


def throughput(peer: Peer, *, scans: int, events: int) -> Throughput:
    """Events from the scanners' reports to a watcher's socket, many scans at once, one watcher each."""
    with started(peer, scans) as server, loaded(server.port, scans, peer.mode, server.scans) as load:
        load.connect()
        _warm_up(server, load, scans)
        cpu = server.cpu_s
        begun = server.emit(events)
        counts = load.wait(scans)
        server.emitted()
        cpu = server.cpu_s - cpu
    return Throughput(
        events_per_s=scans * events / (counts["last_ns"] - begun) * 1e9,
        events_per_cpu_s=scans * events / cpu,
        merged_percent=100 * (1 - counts["events"] / (scans * events)),
    )


def pushed(peer: Peer, *, scans: int, for_s: float) -> Traffic:
    """Follow scans by their events, which come as often as a poller would look."""
    with started(peer, scans) as server, loaded(server.port, scans, peer.mode, server.scans) as load:
        cpu = server.cpu_s
        setup = load.connect()
        setup_cpu = server.cpu_s - cpu
        _warm_up(server, load, scans)
        cpu, begun = server.cpu_s, time.monotonic()
        server.emit(round(for_s / POLL_S), interval_s=POLL_S)
        counts = load.wait(scans)
        server.emitted()
        _sleep_until(begun + for_s)
        cpu = server.cpu_s - cpu
    return Traffic(
        requests_per_s=0.0,
        bytes_per_s=(counts["bytes_in"] + counts["bytes_out"]) / scans / for_s,
        shortest_bytes_per_s=(counts["bytes_in"] + counts["bytes_out"]) / scans / for_s,
        cpu_ms_per_s=cpu / scans / for_s * 1e3,
        setup_bytes=(setup["bytes_in"] + setup["bytes_out"]) / scans,
        setup_cpu_ms=setup_cpu / scans * 1e3,
        p50_ms=counts["p50_ms"],
        p99_ms=counts["p99_ms"],
    )


def polled(peer: Peer, *, scans: int, for_s: float) -> Traffic:
    """Follow the same scans, with the same events, by reading each every two seconds as the seed's front end did."""
    with started(peer, scans) as server, loaded(server.port, scans, "poll", server.scans) as load:
        load.connect()
        load.reset()
        cpu, begun = server.cpu_s, time.monotonic()
        server.emit(round(for_s / POLL_S), interval_s=POLL_S)
        counts = load.poll(POLL_S, for_s)
        server.emitted()
        _sleep_until(begun + for_s)
        cpu = server.cpu_s - cpu
    return Traffic(
        requests_per_s=counts["requests"] / scans / for_s,
        bytes_per_s=(counts["bytes_in"] + counts["bytes_out"]) / scans / for_s,
        shortest_bytes_per_s=(counts["bytes_in"] + counts["requests"] * SHORTEST_REQUEST) / scans / for_s,
        cpu_ms_per_s=cpu / scans / for_s * 1e3,
        setup_bytes=0.0,
        setup_cpu_ms=0.0,
        # An event waits for the next look, which comes at any time of the interval.
        p50_ms=POLL_S / 2 * 1e3,
        p99_ms=POLL_S * 0.99 * 1e3,
    )


def unwatched(peer: Peer, *, scans: int, for_s: float) -> Unwatched:
    """The same scans with the same events, and nobody who follows them: what worker and store need."""
    with started(peer, scans) as server:
        cpu, begun = server.cpu_s, time.monotonic()
        server.emit(round(for_s / POLL_S), interval_s=POLL_S)
        server.emitted()
        _sleep_until(begun + for_s)
        cpu = server.cpu_s - cpu
    return Unwatched(cpu_ms_per_s=cpu / scans / for_s * 1e3)


def _warm_up(server: Server, load: Load, marks: int) -> None:
    """Let every code path run once, and count from zero."""
    server.emit(3)
    load.wait(marks)
    server.emitted()
    load.reset()


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
