"""The worker's side of a child process that runs a blocking scanner: start it, listen to it, end it for certain."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import msgspec

from ..errors import ScannerError
from ..model import Annotation, Artifact, Evidence, Finding, ScanOutcome
from ._base import Report, Scanner, Task
from ._child import TIDY_UP_S
from ._child_messages import Answer, Broke, Done, Order, Rows, Told

LEAVE_S = 1.0
"""How long a child may take to exit by itself after its answer."""

LAST_WORDS_BYTES = 2048
MAX_LINE_BYTES = 64 * 1024 * 1024

_logger = logging.getLogger(__name__)
_decoder: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


async def scan_in_child(
    scanner_class: type[Scanner], task: Task, report: Report, *, report_interval_s: float
) -> ScanOutcome:
    """Run ``scanner_class`` on ``task`` in a process of its own, which has ended when this returns or raises.

    Raises:
        ScannerError: the scanner raised it, or raised something else, or its process ended without an answer.
    """
    order = _order(scanner_class, task, report_interval_s)
    conversation = _Conversation(report)
    transport, _ = await asyncio.get_running_loop().subprocess_exec(
        lambda: conversation,
        *(sys.executable, "-P", "-m", "scanwatch.scanners._child"),
        # A group of its own, so that what the scanner starts (git) ends with it.
        start_new_session=sys.platform != "win32",
    )
    try:
        orders = transport.get_pipe_transport(0)
        assert isinstance(orders, asyncio.WriteTransport)
        orders.write(order)
        outcome = await conversation.answer
    finally:
        await _to_the_end(_end(transport, conversation))
    if outcome is None:
        raise conversation.no_answer(transport.get_returncode())
    return outcome


def _order(scanner_class: type[Scanner], task: Task, report_interval_s: float) -> bytes:
    name = scanner_class.__qualname__
    if "<locals>" in name or scanner_class.__module__ == "__main__":
        raise ScannerError(
            f"The scanner {name} blocks (`def scan`) and so runs in a process of its own, which cannot import it: "
            "define it at the top of an importable module.",
            retryable=False,
        )
    order = Order(
        module=scanner_class.__module__,
        qualname=name,
        path=list(sys.path),
        scan_id=task.scan_id,
        target=task.target,
        options=dict(task.options),
        attempt=task.attempt,
        report_interval_s=report_interval_s,
    )
    return msgspec.json.encode(order) + b"\n"


class _Conversation(asyncio.SubprocessProtocol):
    """What the child says, line by line, until it has answered; ``answer`` is ``None`` if it never does.

    ``leaving`` is true once the child is about to exit by itself.
    """

    def __init__(self, report: Report) -> None:
        self._loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[ScanOutcome | None] = self._loop.create_future()
        self.exited: asyncio.Future[None] = self._loop.create_future()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self.leaving = False
        self._report = report
        self._artifacts: list[Artifact] = []
        self._findings: list[Finding] = []
        self._annotations: list[Annotation] = []
        self._evidence: list[Evidence] = []
        self._line = bytearray()
        self._last_words = bytearray()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self._last_words = (self._last_words + data)[-LAST_WORDS_BYTES:]
            return
        self._line += data
        if b"\n" in data:
            *lines, self._line = self._line.split(b"\n")
            for line in lines:
                self._hear(bytes(line))
        elif len(self._line) > MAX_LINE_BYTES:
            self._fail(ScannerError("The scanner's process said a line without end."))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            self._give_up()

    def process_exited(self) -> None:
        self.exited.set_result(None)
        # A process that the scanner left behind may hold the pipe open: what the child said is here by then.
        self._loop.call_later(LEAVE_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set_result(None)

    def no_answer(self, returncode: int | None) -> ScannerError:
        """The error for a child that ended without a word: how it ended, and its last line of standard error."""
        words = self._last_words.decode("utf-8", "replace").strip()
        _logger.warning("a scanner's process ended without an answer (%s); its last words:\n%s", returncode, words)
        last_line = f": {words.splitlines()[-1]}" if words else "."
        return ScannerError(f"The scanner's process ended without an answer ({_how_it_ended(returncode)}){last_line}")

    def _hear(self, line: bytes) -> None:
        if self.answer.done():
            return
        try:
            self._take(_decoder.decode(line))
        except msgspec.MsgspecError as error:
            self._fail(ScannerError(f"The scanner's process said something unreadable: {error}"))
        except Exception as error:  # noqa: BLE001 whatever the listener raises ends this scan, not the loop
            self._fail(error)

    def _take(self, said: Answer) -> None:
        match said:
            case Told():
                self._report(said.progress)
            case Rows():
                self._artifacts += said.artifacts
                self._findings += said.findings
                self._annotations += said.annotations
                self._evidence += said.evidence
            case Done():
                self.leaving = True
                self.answer.set_result(
                    ScanOutcome(
                        tuple(self._artifacts),
                        tuple(self._findings),
                        files=said.files,
                        commit=said.commit,
                        annotations=tuple(self._annotations),
                        evidence=tuple(self._evidence),
                        dialects=said.dialects,
                    )
                )
            case Broke():
                self.leaving = True
                if said.trace:
                    _logger.error("a scanner raised in its process:\n%s", said.trace)
                self._fail(ScannerError(said.error, code=said.code, retryable=said.retryable))

    def _give_up(self) -> None:
        self.leaving = True
        if not self.answer.done():
            self.answer.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


async def _end(transport: asyncio.SubprocessTransport, conversation: _Conversation) -> None:
    """End the child and all it started, and collect it: it may leave by itself, is asked to, is killed."""
    try:
        if conversation.leaving:
            await asyncio.wait({conversation.exited}, timeout=LEAVE_S)
        if not conversation.exited.done():
            _signal_group(transport, signal.SIGTERM)
            await asyncio.wait({conversation.exited}, timeout=TIDY_UP_S)
    finally:
        _kill_group(transport)
        await asyncio.wait({conversation.exited}, timeout=LEAVE_S)
        transport.close()
        await asyncio.wait({conversation.closed}, timeout=LEAVE_S)


def _kill_group(transport: asyncio.SubprocessTransport) -> None:
    if sys.platform == "win32":
        with suppress(ProcessLookupError):
            transport.kill()
    else:
        _signal_group(transport, signal.SIGKILL)


def _signal_group(transport: asyncio.SubprocessTransport, number: signal.Signals) -> None:
    # The group may be gone already; macOS says PermissionError of one whose processes are all zombies.
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            transport.terminate()
        else:
            os.killpg(transport.get_pid(), number)


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Await ``work`` without letting a cancellation interrupt it."""
    ending = asyncio.create_task(work)
    cancelled = False
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


def _how_it_ended(returncode: int | None) -> str:
    if returncode is None:
        return "it had to be killed"
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"ended by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"ended by signal {-returncode}"
