"""The compiled load client, told line by line what to do."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import machine

PARALLEL = 50
"""Connections on their way in at once."""
TIMEOUT_S = 240.0

Counts = dict[str, float]


class Load:
    """The connections of one measurement."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def connect(self) -> Counts:
        """Open every connection, up to where it hears events."""
        return self._ask(f"connect {PARALLEL}")

    def reset(self) -> None:
        """Count from zero."""
        self._ask("reset")

    def wait(self, marks: int) -> Counts:
        """Everything counted until so many ends of series were seen.

        Raises:
            RuntimeError: they did not come, or connections were lost.
        """
        counts = self._ask(f"wait {marks} {TIMEOUT_S * 1000:.0f}")
        if counts["marks"] < marks or counts["lost"]:
            raise RuntimeError(f"{counts['marks']} of {marks} series ended, {counts['lost']} connections lost")
        return counts

    def poll(self, interval_s: float, for_s: float) -> Counts:
        """Read every scan once in each interval."""
        counts = self._ask(f"poll {interval_s * 1000:.0f} {for_s * 1000:.0f}")
        if counts["lost"]:
            raise RuntimeError(f"{counts['lost']} polls failed")
        return counts

    def _ask(self, command: str) -> Counts:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load client ended with {self._process.wait()} on {command!r}")
        counts: dict[str, Any] = json.loads(line)
        return counts


@contextmanager
def loaded(port: int, connections: int, mode: str, scans: Sequence[str]) -> Iterator[Load]:
    """A load client on its own core; connection ``i`` watches scan ``i`` modulo their number."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write("\n".join(scans))
        file.flush()
        process = subprocess.Popen(
            [machine.LOAD_PROGRAM, str(port), str(connections), mode, file.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {machine.LOAD_CORE}),
        )
        try:
            yield Load(process)
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
