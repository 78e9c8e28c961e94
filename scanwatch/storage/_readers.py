"""The few threads that read, beside the writer."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from ._schema import connect_reader, in_words

READERS = 2
"""Threads that read. They share one interpreter, so more would only hold more memory."""

Answer = TypeVar("Answer")


class Readers:
    """A few reading connections, each used by one thread at a time, none on the event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="scanwatch-store-reader")
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()

    async def read(self, query: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """The answer to ``query``, all of it from one state of the file."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, query)

    def close(self) -> None:
        """Wait for the questions under way and close the connections. Blocks."""
        self._threads.shutdown()
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    def _ask(self, query: Callable[[sqlite3.Connection], Answer]) -> Answer:
        try:
            connection = self._take()
            try:
                connection.execute("BEGIN")
                try:
                    return query(connection)
                finally:
                    connection.execute("ROLLBACK")
            finally:
                self._idle.put(connection)
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise in_words(self._path, error) from error

    def _take(self) -> sqlite3.Connection:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return connect_reader(self._path)
