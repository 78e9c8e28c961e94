"""Watches many scans from a process of its own, and prints what it holds: before, meanwhile, and after closing.

    python -m tests.client._thousand URL COUNT [everything]

``everything`` adds callbacks of each scan and a panel of all.

Counts are of the whole process, which has nothing else to do.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

from ipywidgets import Widget

import scanwatch
from scanwatch.client._core import Core
from scanwatch.client._listeners import Listeners
from scanwatch.client._state import ScanState, Tap
from scanwatch.client._watched import Watched
from scanwatch.model import Event
from scanwatch.snapshot import Snapshot

OWN_TASKS = 2
"""Those of a client that asks nothing: one connects, one tells the time."""

QUIET_S = 20.0

KINDS = (Core, Listeners, ScanState, Tap, Watched, Snapshot, Event, asyncio.Task)


def sockets() -> int:
    """Open sockets of the process, those an event loop wakes itself with included."""
    found = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
        except OSError:  # the descriptor of the listing itself
            continue
    return found


def connections(url: str) -> dict[str, int]:
    """The push connections there are, by transport, as the gateway itself counts them."""
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        found = re.findall(
            r'^scanwatch_connections\{transport="(\w+)"\} ([\d.]+)$', answer.read().decode(), re.MULTILINE
        )
    return {transport: int(float(count)) for transport, count in found if float(count)}


def held() -> dict[str, Any]:
    gc.collect()
    gc.collect()  # what a widget's own end has freed
    objects = gc.get_objects()
    status = Path("/proc/self/status").read_text()
    rss_kb = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
    return {
        **{kind.__name__: sum(isinstance(one, kind) for one in objects) for kind in KINDS},
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "sockets": sockets(),
        "rss_kb": rss_kb,
        "blocks": sys.getallocatedblocks(),
    }


def quiet(client: scanwatch.Client) -> int:
    """How many tasks the client has once the last reads, which confirm ends, are answered and callbacks are through."""
    core, deadline = client._core, time.monotonic() + QUIET_S
    tasks = core.driver._tasks
    while not (core.session.idle and len(tasks) == OWN_TASKS and not counted(Tap)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return len(tasks)


def counted(kind: type) -> int:
    gc.collect()
    return sum(isinstance(one, kind) for one in gc.get_objects())


def follow(url: str, count: int, *, everything: bool) -> dict[str, Any]:
    """Run and watch ``count`` scans to their ends; what was held then, before the client was closed."""
    client = scanwatch.connect(url)
    scans = [client.scan(f"sim://acme/one-of-{n % 7}?files=2&duration_s=0.05&seed={n}") for n in range(count)]
    if everything:
        heard: list[Event] = []
        for scan in scans:
            scan.on_event(heard.append)
            scan.add_done_callback(lambda _: None)
        client.watch(*scans)._repr_mimebundle_()
    statuses = [str(scan.status) for scan in scanwatch.as_completed(scans, timeout=150)]
    tasks, listeners, meanwhile = quiet(client), client._core.listeners, held()
    meanwhile |= {
        "statuses": sorted(set(statuses)),
        "ended": len(statuses),
        "connections": connections(url),
        "tasks": tasks,
        "listeners": sum(map(len, (listeners._by_scan, listeners._taps))),
        "incomplete": sum(len(scan.events()) != scan.snapshot.seq for scan in scans[::50]),
    }
    client.close()
    client.close()
    Widget.close_all()
    return meanwhile


def main() -> None:
    url, count, everything = sys.argv[1], int(sys.argv[2]), sys.argv[3:] == ["everything"]
    follow(url, 1, everything=True)  # whatever is loaded on first use is loaded
    before = held()
    meanwhile = follow(url, count, everything=everything)
    print(json.dumps({"before": before, "meanwhile": meanwhile, "after": held()}))


if __name__ == "__main__":
    main()
