"""``scanwatch scan``, ``watch``, ``cancel`` and ``replay``."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .._connect import connect
from ..client import replay as show_again
from ..errors import ConnectionClosed, UsageError
from ..model import ConnectionState, ScanStatus
from ..panel import Feed
from ..panel._text import name_of, plain, scan_line
from ..snapshot import Snapshot
from ._exit import Exit, of_scans
from ._follow import follow, follow_as_json, screen

if TYPE_CHECKING:
    from ..client import Client, Scan

CONNECTED = frozenset({ConnectionState.LIVE, ConnectionState.POLLING})
"""States of a connection in which what is shown is how the scans stand."""


def scan(arguments: argparse.Namespace) -> int:
    """Trigger one scan and, unless detached, watch it to its end."""
    options = _options(arguments.option)
    with _connected(arguments) as client:
        try:
            started = client.scan(arguments.target, **options)
        except KeyboardInterrupt:
            _say_how_to_go_on("Interrupted while the scan was asked for; it may have begun.", [], arguments.gateway)
            return Exit.INTERRUPTED
        if arguments.detach:
            sys.stdout.write(f"{json.dumps({'scan_id': started.id}) if arguments.json else started.id}\n")
            return Exit.COMPLETED
        return _watch_to_the_end(arguments, client, [started], arguments.timeout)


def watch(arguments: argparse.Namespace) -> int:
    """Watch the named scans to their ends, or every scan until interrupted."""
    with _connected(arguments) as client:
        if arguments.ids:
            scans = [client.attach(one) for one in arguments.ids]
            return _watch_to_the_end(arguments, client, scans, arguments.timeout)
        if not arguments.json:
            sys.stderr.write("Watching every scan, new ones included. Ctrl-C stops watching, never a scan.\n")
        try:
            _follow(arguments, client.feed(), [], arguments.timeout)
        except KeyboardInterrupt:
            _say_how_to_go_on("Stopped watching; the scans go on.", [], arguments.gateway)
            return Exit.INTERRUPTED
        return Exit.COMPLETED


def cancel(arguments: argparse.Namespace) -> int:
    """Ask the named scans to stop, and say how each stands."""
    with connect(arguments.gateway) as client:
        for scan in [client.attach(one) for one in arguments.ids]:
            scan.cancel()
            if arguments.json:
                sys.stdout.write(f"{json.dumps({'scan_id': scan.id, 'status': scan.status})}\n")
            else:
                sys.stdout.write(f"{scan_line(scan.snapshot, datetime.now(UTC))}\n")
    return Exit.COMPLETED


def replay(arguments: argparse.Namespace) -> int:
    """Show a recording as it was watched, until it ends."""
    with show_again(arguments.recording, arguments.speed) as client, suppress(ConnectionClosed):
        feed = client.feed()
        if arguments.json:
            follow_as_json(feed, sys.stdout, lambda: None, until_ended=False)
        else:
            follow(feed, screen(), until_ended=False)
    return Exit.COMPLETED


@contextmanager
def _connected(arguments: argparse.Namespace) -> Iterator[Client]:
    """A client of the gateway that is meant, which records if that was asked for."""
    with connect(arguments.gateway) as client:
        if arguments.record is not None:
            client.record(arguments.record)
        yield client


def _watch_to_the_end(
    arguments: argparse.Namespace, client: Client, scans: Sequence[Scan], timeout_s: float | None
) -> int:
    goes_on = "the scan goes on" if len(scans) == 1 else "the scans go on"
    try:
        feed = client.feed(*scans)
        snapshots = _follow(arguments, feed, scans, timeout_s)
    except KeyboardInterrupt:
        _say_how_to_go_on(f"Stopped watching; {goes_on}.", scans, arguments.gateway)
        return Exit.INTERRUPTED
    if lost := next(filter(None, (feed.lost(scan.id) for scan in scans)), None):
        raise lost
    if not all(snapshot.terminal for snapshot in snapshots):
        known = client.connection.state in CONNECTED
        word = goes_on if known else f"whether {goes_on} is not known, as the gateway does not answer"
        _say_how_to_go_on(f"Not ended within {timeout_s:g} s; {word}.", scans, arguments.gateway)
        return Exit.FAILED if known else Exit.UNREACHABLE
    if sys.stdout.isatty() and not arguments.json:
        _say_errors(snapshots)
    return of_scans(snapshot.status for snapshot in snapshots)


def _follow(
    arguments: argparse.Namespace, feed: Feed, scans: Sequence[Scan], timeout_s: float | None
) -> Sequence[Snapshot]:
    """Show the scans in the way that was asked for; without any, every scan."""
    until_ended = bool(scans)
    if not arguments.json:
        return follow(feed, screen(), until_ended=until_ended, timeout_s=timeout_s)

    def fetch_rest() -> None:
        for scan in scans:
            scan.events()

    return follow_as_json(feed, sys.stdout, fetch_rest, until_ended=until_ended, timeout_s=timeout_s)


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


def _say_how_to_go_on(what: str, scans: Sequence[Scan], gateway: str | None) -> None:
    """What happened, and what to type next; every scan is watched without ids."""
    words = [*(scan.id for scan in scans), *(("--gateway", gateway) if gateway else ())]
    sys.stderr.write(f"{what}\n  to watch again:  {shlex.join(['scanwatch', 'watch', *words])}\n")
    if scans:
        sys.stderr.write(f"  to cancel:       {shlex.join(['scanwatch', 'cancel', *words])}\n")


def _say_errors(snapshots: Sequence[Snapshot]) -> None:
    """The bars cut what does not fit; why a scan failed must be readable."""
    for snapshot in snapshots:
        if snapshot.status is ScanStatus.FAILED:
            sys.stderr.write(f"{plain(name_of(snapshot))} failed: {plain(snapshot.error or 'no reason given')}\n")
