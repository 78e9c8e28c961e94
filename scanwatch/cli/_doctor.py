"""``scanwatch doctor``: says what is installed, which gateway would be used and why, and what is wrong."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from .._doctor import Check, State, examine
from ._exit import Exit
from ._follow import screen

STYLES = {State.OK: "green", State.NOTE: "yellow", State.WRONG: "bold red", State.UNREACHABLE: "bold red"}
SUBJECT_WIDTH = 14


def doctor(arguments: argparse.Namespace) -> int:
    """Print every check as it is made; the exit code says whether something is wrong, and what."""
    return exit_of(list(_told(examine(arguments.gateway, arguments.store), as_json=arguments.json)))


def _told(checks: Iterable[Check], *, as_json: bool) -> Iterator[Check]:
    console, topic = screen(highlight=False), None
    for check in checks:
        if as_json:
            sys.stdout.write(f"{json.dumps(asdict(check))}\n")
        else:
            if check.topic != topic:
                topic = check.topic
                console.print(Text(topic, style="bold"))
            _print(console, check)
        yield check


def _print(console: Console, check: Check) -> None:
    """A line that is readable without colours, and its remedy below it."""
    label = Text(f"  {check.state:<12}", style=STYLES[check.state])
    console.print(Text.assemble(label, f"{check.subject:<{SUBJECT_WIDTH}} ", check.words), soft_wrap=True)
    if check.remedy:
        console.print(Text(f"{'':{SUBJECT_WIDTH + 15}}-> {check.remedy}"), soft_wrap=True)


def exit_of(checks: Iterable[Check]) -> Exit:
    """A wrong installation outweighs a gateway that is away."""
    found = {check.state for check in checks}
    if State.WRONG in found:
        return Exit.WRONG_USE
    return Exit.UNREACHABLE if State.UNREACHABLE in found else Exit.COMPLETED
