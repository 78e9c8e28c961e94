"""A gateway with a scanner that lets go of a cancelled scan only when a test says so."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TARGET = "stubborn://acme/payments"

_SCANNER = """
import asyncio
from pathlib import Path
from scanwatch.jobs import _run
from scanwatch.model import Phase, Progress, ScanOutcome

_run.STUBBORN_S = 600.0  # the worker waits as long as the test does

class StubbornScanner:
    schemes = ("stubborn",)

    async def scan(self, task, report):
        report(Progress(Phase.FETCH, 1, 2))
        try:
            await asyncio.sleep(600)
        finally:
            while not Path({let_go!r}).exists():
                await asyncio.sleep(0.01)
"""


class StubbornGateway:
    """Where it listens, and how to end a cancelled scan's resistance."""

    def __init__(self, url: str, let_go: Path) -> None:
        self.url = url
        self._let_go = let_go

    def let_go(self) -> None:
        self._let_go.touch()


@contextmanager
def stubborn_gateway(folder: Path) -> Iterator[StubbornGateway]:
    """A gateway in a process of its own; its scanner is found by its entry point, as any plug-in is."""
    let_go = folder / "let_go"
    (folder / "stubborn.py").write_text(_SCANNER.format(let_go=str(let_go)))
    info = folder / "stubborn-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stubborn\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[scanwatch.scanners]\nstubborn = stubborn:StubbornScanner\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "scanwatch", "serve", "--port", "0", "--store", "memory:"],
        env={**os.environ, "PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield StubbornGateway(process.stdout.readline().split()[-1], let_go)
    finally:
        let_go.touch()
        process.terminate()
        process.communicate(timeout=20)
