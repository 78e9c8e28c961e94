"""``scanwatch scan``, ``scanwatch watch`` and ``scanwatch replay``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rich.console import Console

from .._connect import connect
from ..client import replay as show_again
from ..errors import ConnectionClosed, UsageError
from ..model import ScanStatus
from ..panel._text import name_of, plain
from ..snapshot import Snapshot
from ._exit import Exit, of_scans
from ._follow import follow, follow_as_json

if TYPE_CHECKING:
    from ..client import Client, Scan


def scan(arguments: argparse.Namespace) -> int:
    """Trigger one scan and, unless detached, watch it to its end."""
    options = _options(arguments.option)
    with _connected(arguments) as client:
        started = client.scan(arguments.target, **options)
        if arguments.detach:
            sys.stdout.write(f"{json.dumps({'scan_id': started.id}) if arguments.json else started.id}\n")
            return Exit.COMPLETED
        return _watch_to_the_end(arguments, client, [started], arguments.timeout)


def watch(arguments: argparse.Namespace) -> int:
    """Watch the named scans to their ends, or every scan until interrupted."""
    with _connected(arguments) as client:
        if arguments.ids:
            return _watch_to_the_end(arguments, client, [client.attach(one) for one in arguments.ids], None)
        feed = client.feed()
        if arguments.json:
            follow_as_json(feed, sys.stdout, lambda: None, until_ended=False)
        else:
            sys.stderr.write("Watching every scan, new ones included. Ctrl-C stops watching, never a scan.\n")
            follow(feed, Console(), until_ended=False)
        return Exit.COMPLETED


def replay(arguments: argparse.Namespace) -> int:
    """Show a recording as it was watched, until it ends."""
    with show_again(arguments.recording, arguments.speed) as client, suppress(ConnectionClosed):
        feed = client.feed()
        if arguments.json:
            follow_as_json(feed, sys.stdout, lambda: None, until_ended=False)
        else:
            follow(feed, Console(), until_ended=False)
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
    feed, console = client.feed(*scans), Console()
    try:
        if arguments.json:
            snapshots = follow_as_json(feed, sys.stdout, lambda: [scan.events() for scan in scans], timeout_s=timeout_s)
        else:
            snapshots = follow(feed, console, timeout_s=timeout_s)
    except KeyboardInterrupt:
        _say_how_to_go_on("Stopped watching; the scan goes on.", scans, arguments.gateway)
        return Exit.INTERRUPTED
    if not all(snapshot.terminal for snapshot in snapshots):
        _say_how_to_go_on(f"Not ended within {timeout_s:g} s; the scan goes on.", scans, arguments.gateway)
        return Exit.FAILED
    if console.is_terminal and not arguments.json:
        _say_errors(snapshots)
    return of_scans(snapshot.status for snapshot in snapshots)


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
    again = " ".join(scan.id for scan in scans) + (f" --gateway {gateway}" if gateway else "")
    connected = f"scanwatch.connect({gateway!r})" if gateway else "scanwatch.connect()"
    sys.stderr.write(
        f"{what}\n"
        f"  to watch again:  scanwatch watch {again}\n"
        f"  to cancel:       in Python, {connected}.attach({scans[0].id!r}).cancel()\n"
    )


def _say_errors(snapshots: Sequence[Snapshot]) -> None:
    """The bars cut what does not fit; why a scan failed must be readable."""
    for snapshot in snapshots:
        if snapshot.status is ScanStatus.FAILED:
            sys.stderr.write(f"{plain(name_of(snapshot))} failed: {plain(snapshot.error or 'no reason given')}\n")
