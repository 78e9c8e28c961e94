"""Who is told of changes and events. Registering is possible from any thread; telling happens on the loop's thread."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

from ..model import Event

_logger = logging.getLogger(__name__)

End = Callable[[], None]
"""Ends a registration; harmless when repeated."""


class Listeners:
    """Registered listeners of one client. Each must only note what it is told, and return."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._any: dict[object, Callable[[str | None], None]] = {}
        self._by_scan: dict[str, dict[object, Callable[[], None]]] = {}
        self._taps: dict[str, dict[object, Callable[[Sequence[Event]], None]]] = {}

    def on_any_change(self, listener: Callable[[str | None], None]) -> End:
        """Tell ``listener`` the id of each scan that changed, ``None`` for the connection."""
        key = object()
        with self._lock:
            self._any[key] = listener
        return lambda: self._forget(self._any, key)

    def on_change(self, scan_id: str, wake: Callable[[], None]) -> End:
        """Call ``wake`` whenever this scan or the connection changed."""
        return self._add(self._by_scan, scan_id, wake)

    def on_events(self, scan_id: str, receive: Callable[[Sequence[Event]], None]) -> End:
        """Hand ``receive`` the events that join this scan's history."""
        return self._add(self._taps, scan_id, receive)

    def changed(self, scan_id: str | None) -> None:
        """A scan changed, or the connection, which concerns everybody."""
        with self._lock:
            whom = [*self._any.values()]
            rooms = self._by_scan.values() if scan_id is None else [self._by_scan.get(scan_id, {})]
            wakes = [wake for room in rooms for wake in room.values()]
        for listener in whom:
            _told(listener, scan_id)
        for wake in wakes:
            _told(wake)

    def heard(self, scan_id: str, events: Sequence[Event]) -> None:
        """Events joined a scan's history."""
        with self._lock:
            taps = [*self._taps.get(scan_id, {}).values()]
        for receive in taps:
            _told(receive, events)

    def _add(self, rooms: dict[str, dict[object, Any]], scan_id: str, listener: Any) -> End:
        key = object()
        with self._lock:
            rooms.setdefault(scan_id, {})[key] = listener

        def end() -> None:
            with self._lock:
                room = rooms.get(scan_id, {})
                room.pop(key, None)
                if not room:
                    rooms.pop(scan_id, None)

        return end

    def _forget(self, room: dict[object, Any], key: object) -> None:
        with self._lock:
            room.pop(key, None)


def _told(listener: Callable[..., object], *what: object) -> None:
    try:
        listener(*what)
    except Exception:
        _logger.exception("a callback failed: %r", listener)


Job = tuple[Callable[[Any], object], object, Callable[[], bool]]


class Callbacks:
    """A thread for people's own callbacks, which may take their time and call the client again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    def call(self, callback: Callable[[Any], object], what: object, wanted: Callable[[], bool]) -> None:
        """Call ``callback(what)`` after those before it, if it is ``wanted()`` by then; dropped once closed."""
        with self._lock:
            if self._closed:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="scanwatch-callbacks", daemon=True)
                self._thread.start()
            self._jobs.put((callback, what, wanted))

    def close(self, timeout_s: float = 2.0) -> None:
        """Run what is queued and end the thread; a callback that takes longer is left to itself."""
        with self._lock:
            self._closed = True
            thread = self._thread
            self._jobs.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)

    def _run(self) -> None:
        while self._do_next():
            pass

    def _do_next(self) -> bool:
        """Do one job; ``False`` when there are no more. A call of its own: the last job is not held until the next."""
        job = self._jobs.get()
        if job is None:
            return False
        callback, what, wanted = job
        if wanted():
            _told(callback, what)
        return True
