"""The background loop: one daemon thread with one event loop, shared by every client of the process.

Sockets live here and not on a notebook's own loop, which is deaf while a cell computes. Work is handed over with an
empty :class:`contextvars.Context`, so that nothing that happens here is taken for output of the cell that began it.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import contextvars
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ..errors import ConnectionClosed

T = TypeVar("T")

STOP_TIMEOUT_S = 5.0
"""How long the end of the thread is waited for before it is left to die with the process."""


class LoopThread:
    """A daemon thread that runs one event loop until it is stopped."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self._exiting = False
        self._at_exit: dict[int, Callable[[], Coroutine[Any, Any, None]]] = {}
        self._thread = threading.Thread(target=self._run, name="scanwatch-loop", daemon=True)
        self._thread.start()

    @property
    def forked(self) -> bool:
        """Whether this is the copy in a fork, which does not bring the thread along."""
        return self.pid != os.getpid()

    @property
    def usable(self) -> bool:
        """Whether this process owns the thread and it still runs."""
        return not self.forked and self._thread.is_alive() and not self.loop.is_closed()

    @property
    def here(self) -> bool:
        """Whether the caller is on the loop's own thread."""
        return threading.current_thread() is self._thread

    def submit(self, work: Callable[[], Coroutine[Any, Any, T]]) -> concurrent.futures.Future[T]:
        """Run ``work()`` on the loop; cancelling the returned future cancels the work.

        Raises:
            ConnectionClosed: the loop has ended.
        """
        outcome: concurrent.futures.Future[T] = concurrent.futures.Future()

        def begin() -> None:
            task = self.loop.create_task(work())
            task.add_done_callback(lambda done: self._hand_over(done, outcome))
            outcome.add_done_callback(lambda done: self._cancel_with(done, task))

        self.call(begin)
        return outcome

    def call(self, function: Callable[[], object]) -> None:
        """Call ``function`` soon on the loop's thread.

        Raises:
            ConnectionClosed: the loop has ended.
        """
        try:
            self.loop.call_soon_threadsafe(function, context=contextvars.Context())
        except RuntimeError:
            raise ConnectionClosed("The client was closed; connect again with scanwatch.connect().") from None

    def before_exit(self, key: int, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run ``close()`` before the process ends, unless :meth:`forget` is called first."""
        self._at_exit[key] = close

    def forget(self, key: int) -> None:
        self._at_exit.pop(key, None)

    def stop(self) -> None:
        """End the loop and its thread; what still runs on it is cancelled."""
        if self.usable and not self.here:
            with contextlib.suppress(ConnectionClosed):
                self.call(self.loop.stop)
            self._thread.join(STOP_TIMEOUT_S)

    def stop_at_exit(self) -> None:
        """Close what was left open, within a second, and stop.

        Only daemon threads can still wait here. They die with the process and are told nothing: an exception in them
        would be printed after all else, and concern nobody.
        """
        self._exiting = True
        for close in list(self._at_exit.values()):
            with contextlib.suppress(Exception):
                self.submit(close).result(timeout=1.0)
        self.stop()

    def _cancel_with(self, outcome: concurrent.futures.Future[T], task: asyncio.Task[T]) -> None:
        if outcome.cancelled():
            with contextlib.suppress(ConnectionClosed):
                self.call(task.cancel)

    def _hand_over(self, task: asyncio.Task[T], outcome: concurrent.futures.Future[T]) -> None:
        if not outcome.set_running_or_notify_cancel():
            if not task.cancelled():
                task.exception()  # nobody waits for it any more; asking keeps asyncio from complaining
            return
        if task.cancelled():
            if self._exiting:
                return
            outcome.set_exception(ConnectionClosed("The client was closed while something waited on it."))
        elif (error := task.exception()) is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(task.result())

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self._cancel_everything()
            self.loop.close()

    def _cancel_everything(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())


_lock = threading.Lock()
_shared: LoopThread | None = None
_users = 0


def acquire() -> LoopThread:
    """The process's loop thread, started if there is none; give it back with :func:`release`."""
    global _shared, _users
    with _lock:
        if _shared is None or not _shared.usable:
            _shared, _users = LoopThread(), 0
            atexit.register(_shared.stop_at_exit)
        _users += 1
        return _shared


def release(thread: LoopThread) -> None:
    """Give the loop thread back; the last one to do so ends it."""
    global _shared, _users
    with _lock:
        if thread is not _shared:
            return
        _users -= 1
        if _users:
            return
        _shared = None
    atexit.unregister(thread.stop_at_exit)
    thread.stop()


def _renew_after_fork() -> None:
    """A fork copies neither the thread nor who holds the lock."""
    global _lock, _shared, _users
    _lock, _shared, _users = threading.Lock(), None, 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)
