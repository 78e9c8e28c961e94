"""Jobs: scans wait in a queue, a worker runs them, and every one of them ends."""

from __future__ import annotations

from ._clock import Clock, SystemClock
from ._queue import EmbeddedQueue, Queue
from ._trigger import submit
from ._worker import Worker
from ._workers import Workers

__all__ = ["Clock", "EmbeddedQueue", "Queue", "SystemClock", "Worker", "Workers", "submit"]
