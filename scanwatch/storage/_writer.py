"""The one thread that writes: it takes whatever is waiting, commits it together, then answers all of it at once.

A flush of the disk is what an append costs, so those that wait while one is under way share the next. Each request
keeps its own answer: a refusal concerns its own request alone, and a group spoilt by one of its requests is tried
again one by one.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ScanwatchError
from ..model import Event
from ._ledger import Ledger
from ._schema import in_words, store_error

GROUP = 500
"""Requests committed together at most: keeps the first of a great many from waiting for all of them."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    change: Callable[[Ledger], Any]
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    request: _Request
    value: Any = None
    error: Exception | None = None


class Writer:
    """Owns the ledger and its thread from ``start`` to ``finish``; lives on the loop it was made on."""

    def __init__(self, ledger: Ledger, path: Path, publish: Callable[[Sequence[Event]], None]) -> None:
        self._ledger = ledger
        self._path = path
        self._publish = publish
        self._loop = asyncio.get_running_loop()
        self._waiting: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        # A daemon, so that a program that forgets to close its store still ends; what was acknowledged is on the disk.
        self._thread = threading.Thread(target=self._work, name="scanwatch-store-writer", daemon=True)

    def start(self) -> None:
        """Begin to take requests."""
        self._thread.start()

    def submit(self, change: Callable[[Ledger], Answer]) -> asyncio.Future[Answer]:
        """Have ``change`` done on the writer's thread; the future has its answer once that is durable."""
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting.put(_Request(change, future))
        return future

    def finish(self) -> None:
        """Do what is waiting and end the thread. Blocks; the last answers reach the loop before this returns."""
        self._waiting.put(None)
        self._thread.join()
        self._ledger.close()

    def _work(self) -> None:
        going = True
        while going:
            group, going = self._next_group()
            if not group:
                return
            outcomes, events = self._commit(group)
            try:
                self._loop.call_soon_threadsafe(self._answer, outcomes, events)
            except RuntimeError:  # the loop was closed with the store open: nobody waits for anything any more
                return

    def _next_group(self) -> tuple[list[_Request], bool]:
        """Wait for a request, and take those behind it; ``False`` with the last ones."""
        group: list[_Request] = []
        request = self._waiting.get()
        while request is not None:
            group.append(request)
            if len(group) == GROUP:
                return group, True
            try:
                request = self._waiting.get_nowait()
            except queue.Empty:
                return group, True
        return group, False

    def _commit(self, group: list[_Request]) -> tuple[list[_Outcome], list[Event]]:
        try:
            with self._ledger.transaction() as events:
                outcomes = [self._do(request) for request in group]
        except sqlite3.OperationalError as error:  # the disk, not a request: trying each alone would not help
            return [_Outcome(request, error=store_error(self._path, error)) for request in group], []
        except Exception as error:  # noqa: BLE001  whatever it was, whoever waits must hear of it
            if len(group) == 1:
                return [_Outcome(group[0], error=in_words(self._path, error))], []
            return self._commit_one_by_one(group)
        return outcomes, events

    def _commit_one_by_one(self, group: list[_Request]) -> tuple[list[_Outcome], list[Event]]:
        outcomes: list[_Outcome] = []
        events: list[Event] = []
        for request in group:
            its_outcomes, its_events = self._commit([request])
            outcomes += its_outcomes
            events += its_events
        return outcomes, events

    def _do(self, request: _Request) -> _Outcome:
        try:
            return _Outcome(request, request.change(self._ledger))
        except ScanwatchError as refusal:
            return _Outcome(request, error=refusal)

    def _answer(self, outcomes: list[_Outcome], events: list[Event]) -> None:
        """On the loop: listeners first, so that whoever waits finds its event already published."""
        if events:
            self._publish(events)
        for outcome in outcomes:
            future = outcome.request.future
            if future.done():  # its caller was cancelled; the change stands
                continue
            if outcome.error is None:
                future.set_result(outcome.value)
            else:
                future.set_exception(outcome.error)
