"""The one thread that sends: widgets' state is not locked, so nobody else may.

Whoever learns of a change marks the panel and goes on. The thread starts with the first mark and ends by itself when
no panel is left or nothing has changed for a while; it holds panels weakly, so that a forgotten one is free.
"""

from __future__ import annotations

import atexit
import contextvars
import logging
import threading
import time
import weakref
from collections.abc import Callable
from typing import Protocol

_log = logging.getLogger(__name__)


class Flushable(Protocol):
    """Something that has messages to send from time to time."""

    def flush(self) -> float | None:
        """Send what is due; return the time to be called again at, ``None`` when nothing is owed."""
        ...


class Flusher:
    """Calls :meth:`Flushable.flush` of everything marked, when due, on one daemon thread."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, idle_s: float = 5.0) -> None:
        self._clock = clock
        self._idle_s = idle_s
        self._users: weakref.WeakSet[Flushable] = weakref.WeakSet()
        self._due: weakref.WeakKeyDictionary[Flushable, float] = weakref.WeakKeyDictionary()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def mark(self, one: Flushable, at: float) -> None:
        """Have ``one`` flushed at ``at`` (the clock's time), or earlier if that was agreed before."""
        with self._changed:
            if self._stopped or self._due.get(one, float("inf")) <= at:
                return
            self._users.add(one)
            self._due[one] = at
            self._changed.notify()
            if self._thread is None:
                # An empty context: else messages would carry the cell that happened to start the thread.
                run = contextvars.Context().run
                self._thread = threading.Thread(target=run, args=(self._run,), name="scanwatch-panels", daemon=True)
                self._thread.start()

    def forget(self, one: Flushable) -> None:
        """Take back all marks of ``one``; the thread ends with the last that it serves."""
        with self._changed:
            self._due.pop(one, None)
            self._users.discard(one)
            self._changed.notify()

    def wait_until(self, done: Callable[[], bool], timeout_s: float) -> None:
        """Wait until ``done()`` holds after some flush, or the time is over; at once from the thread that flushes."""
        with self._changed:
            if self._thread is not threading.current_thread():
                self._changed.wait_for(done, timeout_s)

    def stop(self) -> None:
        """End the thread and take no more marks."""
        with self._changed:
            self._stopped = True
            self._due.clear()
            self._changed.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=2.0)

    @property
    def running(self) -> bool:
        """Whether the thread is alive."""
        return self._thread is not None

    def _run(self) -> None:
        while (ready := self._wait()) is not None:
            for one in ready:
                self._flush(one)
            del ready

    def _wait(self) -> list[Flushable] | None:
        """Those whose time has come; ``None`` when the thread should end."""
        with self._changed:
            while self._users and not self._stopped:
                now = self._clock()
                ready = [one for one, at in self._due.items() if at <= now]
                for one in ready:
                    del self._due[one]
                if ready:
                    return ready
                due = min(self._due.values(), default=None)
                timeout_s = self._idle_s if due is None else due - now
                if not self._changed.wait(timeout_s) and not self._due:
                    break
            self._thread = None
            return None

    def _flush(self, one: Flushable) -> None:
        try:
            again_at = one.flush()
        except Exception:  # noqa: BLE001  # one panel's trouble must not stop the others
            _log.exception("a panel could not be updated; it goes on with the next change")
            return
        # Whoever was forgotten meanwhile is not taken up again.
        with self._changed:
            self._changed.notify_all()
            if again_at is not None and one in self._users:
                self._due[one] = min(again_at, self._due.get(one, again_at))


shared = Flusher()
"""The flusher of all panels of this process."""

atexit.register(shared.stop)
