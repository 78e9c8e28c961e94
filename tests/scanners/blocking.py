"""Blocking scanners for the tests of child processes; a child imports this module by name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import ClassVar

from scanwatch.errors import ScannerError
from scanwatch.model import WORK_PHASES, Artifact, Finding, Phase, Progress, ScanOutcome
from scanwatch.scanners import Report, Task


class Blocking:
    """The base: takes ``block://`` targets."""

    schemes: ClassVar[tuple[str, ...]] = ("block",)


class Steady(Blocking):
    """Goes through all phases and tells in which process it was, and with which task."""

    def scan(self, task: Task, report: Report) -> ScanOutcome:
        for phase in WORK_PHASES:
            for files in range(3):
                report(Progress(phase, files, 2, message=f"{os.getpid()} {task.options['word']} {task.attempt}"))
        return ScanOutcome((Artifact("REQ-001", "requirement"),), (Finding("r", "info", "m"),), 2, "c0ffee")


class Noisy(Blocking):
    """Prints wherever it can, and lets a program do so too."""

    def scan(self, task: Task, report: Report) -> ScanOutcome:
        print('{"type": "done"}')
        os.write(1, b"\x00\xff not JSON \n")
        subprocess.run([sys.executable, "-c", "print('noise', input('? ') if False else '')"], check=True)
        assert sys.stdin.read() == ""
        return ScanOutcome(files=1)


class Sleeper(Blocking):
    """Starts a program, tells both process ids, and sleeps."""

    def scan(self, task: Task, report: Report) -> ScanOutcome:
        program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        report(Progress(Phase.FETCH, message=f"{os.getpid()} {program.pid}"))
        time.sleep(60)
        return ScanOutcome()


class Deaf(Blocking):
    """Sleeps and will not be asked to end."""

    def scan(self, task: Task, report: Report) -> ScanOutcome:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        report(Progress(Phase.FETCH, message=f"{os.getpid()}"))
        while True:
            time.sleep(60)


class Tidy(Blocking):
    """Waits for a program in a temporary folder, which it tells."""

    def scan(self, task: Task, report: Report) -> ScanOutcome:
        with tempfile.TemporaryDirectory() as folder:
            report(Progress(Phase.FETCH, message=folder))
            subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"], cwd=folder, check=True)
        return ScanOutcome()


class Refusing(Blocking):
    """Says why it cannot go on."""

    def scan(self, task: Task, report: Report) -> ScanOutcome:
        report(Progress(Phase.FETCH, 1, 2))
        raise ScannerError("No such repository", code="not_found", retryable=False)


class Crashing(Blocking):
    """Has a bug."""

    def scan(self, task: Task, report: Report) -> ScanOutcome:
        return ScanOutcome(files=1 // 0)


class Dying(Blocking):
    """Its process ends without a word to the worker."""

    def scan(self, task: Task, report: Report) -> ScanOutcome:
        print("no memory left\n" if task.options["how"] == "exit" else "", file=sys.stderr, flush=True)
        if task.options["how"] == "exit":
            os._exit(3)
        os.kill(os.getpid(), signal.SIGKILL)
        return ScanOutcome()


class Huge(Blocking):
    """Finds fifty thousand artifacts and as many findings."""

    def scan(self, task: Task, report: Report) -> ScanOutcome:
        return ScanOutcome(
            tuple(Artifact(f"SPEC-{n}", "spec", title="A title of some length", line=n) for n in range(50_000)),
            tuple(Finding("rule", "warning", f"Message {n}") for n in range(50_000)),
        )


class Unreadable(Blocking):
    """Finds a file whose name is no text."""

    def scan(self, task: Task, report: Report) -> ScanOutcome:
        report(Progress(Phase.FETCH, current_file="caf\udce9.md"))
        return ScanOutcome((Artifact("REQ-001", "requirement", file="caf\udce9.md"),))


class Flooding(Blocking):
    """Reports as fast as it can, then falls silent for a moment, in one phase."""

    def scan(self, task: Task, report: Report) -> ScanOutcome:
        for files in range(20_000):
            report(Progress(Phase.PARSE, files, 20_000))
        time.sleep(0.3)
        report(Progress(Phase.VALIDATE, 0, 1))
        return ScanOutcome()


class Wordless(Blocking):
    """Returns something else than an outcome."""

    def scan(self, task: Task, report: Report) -> ScanOutcome:
        return None  # type: ignore[return-value]  # wrong on purpose
