"""Something that serves on a thread and an event loop of its own, for the length of a ``with`` block."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

START_S = 20.0
STOP_S = 10.0


class Served(ABC):
    """The life of a server for tests; usable as a context manager.

    Attributes:
        url: where it listens, once it has started.
    """

    def __init__(self, name: str) -> None:
        self.url = ""
        self.loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start it and wait until it listens; raises what keeps it from starting."""
        self._thread.start()
        if not self._ready.wait(START_S):
            raise TimeoutError(f"the gateway did not start within {START_S:g} s")
        if self._error is not None:
            self._thread.join()
            raise self._error

    def stop(self) -> None:
        """Stop it and wait until everything it started has ended; harmless when repeated."""
        if self.loop is not None and self._stop is not None and self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_S)
        if self._thread.is_alive():
            raise TimeoutError(f"the gateway did not stop within {STOP_S:g} s")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @abstractmethod
    async def _serve(self, stop: asyncio.Event) -> None:
        """Listen, say so by :meth:`_listens`, and end everything once ``stop`` is set."""

    def _listens(self, url: str) -> None:
        self.url = url
        self._ready.set()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve_here())
        except BaseException as error:  # noqa: BLE001 handed to the thread that waits in start()
            self._error = error
        finally:
            self._ready.set()

    async def _serve_here(self) -> None:
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await self._serve(self._stop)
