"""``scanwatch demo``: the whole of it in half a minute, without a server to set up and without anything left behind."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from .._connect import connect
from .._local import MEMORY, LocalGateway
from ..errors import UsageError
from ._exit import of_scans
from ._follow import follow, screen
from ._tables import print_table

if TYPE_CHECKING:
    from ..client import Client, Scan

SIMULATED = (
    "sim://acme/payments?files=140&duration_s=9&seed=7",
    "sim://acme/etmf-archive?files=90&duration_s=8&seed=11&fail=parse:1",
)
BACKOFF_S = 2.0
PIPE_WIDTH = 132

_NEXT = {
    "{command} scan PATH": "scan a checkout of yours, and watch it",
    "{command} watch": "watch every scan of your own gateway",
    "{command} doctor": "what is installed, which gateway is used and why, what is wrong",
    "make lab": "in a checkout of scanwatch: the quickstart notebook, with a live panel",
}
"""What to type next, and what for."""


def demo(arguments: argparse.Namespace) -> int:
    """Scan, show, tabulate; the exit code says whether all scans completed."""
    checkout = _checkout(arguments.checkout)
    console = _console()
    console.print(_opening(checkout), highlight=False)
    with (
        LocalGateway(MEMORY, shared=False, backoff_s=BACKOFF_S) as gateway,
        connect(gateway) as client,
    ):
        targets = [*SIMULATED, *([str(checkout)] if checkout else [])]
        scans = [client.scan(target) for target in targets]
        follow(client.feed(*scans), console)
        console.print()
        _print_tables(console, client, scans)
        console.print(_next(_as_typed()), highlight=False, soft_wrap=True)
        return of_scans(scan.status for scan in scans)


def _console() -> Console:
    console = screen()
    return console if console.is_terminal else screen(width=PIPE_WIDTH)


def _checkout(given: Path | None) -> Path | None:
    """The checkout to scan; without one given, the current directory if it can be scanned."""
    path = (given or Path.cwd()).expanduser().absolute()
    found = (path / ".git").exists() and (path / ".gxp").is_dir()
    if given is not None and not path.is_dir():
        raise UsageError(f"--checkout {given}: there is no such directory.")
    return path if found or given is not None else None


def _opening(checkout: Path | None) -> str:
    real = (
        f"and scans the checkout {checkout}"
        if checkout
        else "only: the current directory is no git checkout with a .gxp folder (--checkout PATH names one)"
    )
    return f"Starts a gateway, runs two simulated scans {real}. One scan fails its first attempt and is tried again.\n"


def _print_tables(console: Console, client: Client, scans: list[Scan]) -> None:
    scan_columns = ("target", "status", "attempt", "duration", "artifacts", "findings", "error")
    print_table(console, "client.scans()", client.scans(), scan_columns, rows=10)
    event_columns = ("seq", "time", "phase", "status", "progress_percent", "attempt", "message")
    retried, last = scans[1], scans[-1]
    print_table(console, f"scan.events()   {retried.target}", retried.events(), event_columns, rows=8)
    artifact_columns = ("artifact_id", "kind", "title", "parent_id", "file")
    print_table(console, f"scan.artifacts()   {last.target}", last.artifacts(), artifact_columns, rows=8)
    finding_columns = ("level", "rule", "artifact_id", "message")
    print_table(console, f"scan.findings()   {last.target}", last.findings(), finding_columns, rows=8)


def _next(command: str) -> str:
    typed = {words.format(command=command): purpose for words, purpose in _NEXT.items()}
    width = max(map(len, typed))
    return "\n".join(["Where to go next", *(f"  {words:<{width}}  {purpose}" for words, purpose in typed.items()), ""])


def _as_typed() -> str:
    """How to call this command again from here: by its name, or by its path where the name is not found."""
    return "scanwatch" if shutil.which("scanwatch") else sys.argv[0]
