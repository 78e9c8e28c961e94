"""The child process of a blocking scanner: ``python -P -m scanwatch.scanners._child``, started by ``_child_process``.

It scans once and exits. It also exits, with every process it started, as soon as its standard input closes: that
is how it learns that the worker is gone, however the worker went.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter
from types import FrameType
from typing import Any, BinaryIO, NoReturn

import msgspec

from ..errors import ScannerError
from ..model import Progress, ScanOutcome
from ._base import Scanner, Task
from ._child_messages import ROWS_IN_A_LINE, Answer, Broke, Done, Order, Rows, Told
from ._coalesce import Coalescer

TIDY_UP_S = 0.5
"""How long the child and its own children get between being asked to end and being killed."""

_TRACE_CHARS = 8_000


def main() -> int:
    """Carry out the one order that standard input brings; the answer goes to what was standard output."""
    orders, answers = _take_over_pipes()
    signal.signal(signal.SIGTERM, _leave)
    order = _read_order(orders)
    threading.Thread(target=_end_with_the_worker, args=(orders,), daemon=True).start()
    mouth = Mouth(answers, order.report_interval_s)
    sys.path[:] = order.path
    try:
        outcome = _scan(order, mouth.report)
    except ScannerError as error:
        mouth.finish(Broke(str(error), str(error.code), error.retryable))
    except Exception as error:  # noqa: BLE001 a stranger's scanner may raise anything
        words = traceback.format_exc()[-_TRACE_CHARS:]
        mouth.finish(Broke(f"{type(error).__name__}: {error}", "internal", True, words))
    else:
        mouth.finish(*_rows(outcome), Done(outcome.files, outcome.commit, outcome.dialects))
    return 0


class Mouth:
    """Says answers, one line each, from any thread; thins out reports."""

    def __init__(self, answers: BinaryIO, report_interval_s: float) -> None:
        self._answers = answers
        self._lock = threading.RLock()
        self._reports: Coalescer[Progress] = Coalescer(report_interval_s)
        if report_interval_s > 0:
            threading.Thread(target=self._say_late_reports, daemon=True).start()

    def report(self, progress: Progress) -> None:
        """Take what the scanner reports."""
        if not isinstance(progress, Progress):
            raise TypeError(f"report takes a Progress, not {type(progress).__name__}")
        with self._lock:
            self._reports.offer(progress.phase, progress)
            self._say(*map(Told, self._reports.take(time.monotonic())))

    def finish(self, *answers: Answer) -> None:
        """Say the reports that are held back, then ``answers``."""
        with self._lock:
            self._say(*map(Told, self._reports.flush()), *answers)

    def _say(self, *answers: Answer) -> None:
        # Nobody listens once the worker is gone: the other thread is about to end this process.
        with suppress(BrokenPipeError):
            for answer in answers:
                self._answers.write(_encoded(answer) + b"\n")
            self._answers.flush()

    def _say_late_reports(self) -> None:
        while True:
            time.sleep(self._reports.interval_s)
            with self._lock:
                self._say(*map(Told, self._reports.take(time.monotonic())))


def _take_over_pipes() -> tuple[int, BinaryIO]:
    """Keep the two pipes to the worker; a scanner's ``print`` goes to standard error, its input is empty.

    The copies are not inherited, so no process that the scanner starts can hold them open.
    """
    orders, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return orders, os.fdopen(answers, "wb")


def _read_order(orders: int) -> Order:
    line = bytearray()
    while not line.endswith(b"\n"):
        part = os.read(orders, 65_536)
        if not part:
            sys.exit("the worker left before it said what to scan")
        line += part
    return msgspec.json.decode(line, type=Order)


def _scan(order: Order, report: Callable[[Progress], None]) -> ScanOutcome:
    scanner: type[Scanner] = attrgetter(order.qualname)(importlib.import_module(order.module))
    task = Task(order.scan_id, order.target, order.options, order.attempt)
    outcome = scanner().scan(task, report)
    if not isinstance(outcome, ScanOutcome):
        raise TypeError(f"{order.qualname}.scan returned {type(outcome).__name__}, not a ScanOutcome")
    return outcome


def _rows(outcome: ScanOutcome) -> list[Rows]:
    size = ROWS_IN_A_LINE
    artifacts, findings = list(outcome.artifacts), list(outcome.findings)
    annotations, evidence = list(outcome.annotations), list(outcome.evidence)
    return [
        *(Rows(artifacts=artifacts[at : at + size]) for at in range(0, len(artifacts), size)),
        *(Rows(findings=findings[at : at + size]) for at in range(0, len(findings), size)),
        *(Rows(annotations=annotations[at : at + size]) for at in range(0, len(annotations), size)),
        *(Rows(evidence=evidence[at : at + size]) for at in range(0, len(evidence), size)),
    ]


def _encoded(answer: Answer) -> bytes:
    try:
        return msgspec.json.encode(answer)
    except UnicodeEncodeError:  # a file name that is not text: git and POSIX allow any bytes
        return msgspec.json.encode(_readable(msgspec.to_builtins(answer)))


def _readable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {key: _readable(item) for key, item in value.items()}
    return [_readable(item) for item in value] if isinstance(value, list) else value


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Unwind the scanner, so that its temporary files go."""
    raise SystemExit(1)


def _end_with_the_worker(orders: int) -> None:
    while os.read(orders, 4096):
        pass
    if sys.platform == "win32":
        os._exit(1)
    own_group = os.getpgrp() == os.getpid()
    _signal_all(signal.SIGTERM, own_group)
    time.sleep(TIDY_UP_S)
    _signal_all(signal.SIGKILL, own_group)


def _signal_all(number: signal.Signals, own_group: bool) -> None:
    if own_group:
        os.killpg(0, number)
    else:
        os.kill(os.getpid(), number)


if __name__ == "__main__":
    sys.exit(main())
