"""``scanwatch scan`` and ``scanwatch watch``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from .._connect import connect
from ..client._feed import ClientFeed
from ..client._waiting import block_on
from ..errors import UsageError
from ..model import ScanStatus
from ..panel import Feed
from ..panel._text import name_of, plain
from ..snapshot import Snapshot
from ._exit import Exit, of_scans
from ._follow import follow

if TYPE_CHECKING:
    from ..client import Client, Scan


def scan(arguments: argparse.Namespace) -> int:
    """Trigger one scan and, unless detached, watch it to its end."""
    options = _options(arguments.option)
    with connect(arguments.gateway) as client:
        started = client.scan(arguments.target, **options)
        if arguments.detach:
            sys.stdout.write(f"{json.dumps({'scan_id': started.id}) if arguments.json else started.id}\n")
            return Exit.COMPLETED
        return _watch_to_the_end(arguments, feed_of(client, [started]), arguments.timeout)


def watch(arguments: argparse.Namespace) -> int:
    """Watch the named scans to their ends, or every scan until interrupted."""
    with connect(arguments.gateway) as client:
        if arguments.ids:
            return _watch_to_the_end(arguments, feed_of(client, [client.attach(one) for one in arguments.ids]), None)
        if not arguments.json:
            sys.stderr.write("Watching every scan, new ones included. Ctrl-C stops watching, never a scan.\n")
        follow(feed_of(client, []), Console(), as_json=arguments.json, until_ended=False)
        return Exit.COMPLETED


def _watch_to_the_end(arguments: argparse.Namespace, feed: Feed, timeout_s: float | None) -> int:
    again = " ".join(snapshot.scan_id for snapshot in feed.snapshots())
    if arguments.gateway:
        again += f" --gateway {arguments.gateway}"
    console = Console()
    try:
        snapshots = follow(feed, console, as_json=arguments.json, timeout_s=timeout_s)
    except KeyboardInterrupt:
        _say_how_to_go_on("Stopped watching; the scan goes on.", feed, again)
        return Exit.INTERRUPTED
    running = [snapshot for snapshot in snapshots if not snapshot.terminal]
    if running:
        _say_how_to_go_on(f"Not ended within {timeout_s:g} s; the scan goes on.", feed, again)
        return Exit.FAILED
    _say_errors(console, snapshots)
    return of_scans(snapshot.status for snapshot in snapshots)


def feed_of(client: Client, scans: Sequence[Scan]) -> Feed:
    """What a panel of these scans would be fed from; without any, every scan."""
    ids = [scan.id for scan in scans]
    block_on(client._core.submit(lambda: client._core.watch(ids)))
    return ClientFeed(client._core, ids or None)


def _options(given: Sequence[str]) -> dict[str, str]:
    options = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"--option {text}: write NAME=VALUE.")
        if name in options:
            raise UsageError(f"--option {name} is given twice; keep one.")
        options[name] = value
    return options


def _say_how_to_go_on(what: str, feed: Feed, again: str) -> None:
    one = feed.snapshots()[0].scan_id
    sys.stderr.write(
        f"{what}\n"
        f"  to watch again:  scanwatch watch {again}\n"
        f"  to cancel:       python -c 'import scanwatch; scanwatch.connect().attach(\"{one}\").cancel()'\n"
    )


def _say_errors(console: Console, snapshots: Sequence[Snapshot]) -> None:
    """The bars cut what does not fit; why a scan failed must be readable."""
    for snapshot in snapshots if console.is_terminal else ():
        if snapshot.status is ScanStatus.FAILED:
            sys.stderr.write(f"{plain(name_of(snapshot))} failed: {plain(snapshot.error or 'no reason given')}\n")
