"""The client for programs that await: the same names as :class:`Client`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..model import Connection, ScanStatus
from ._address import Relocate, Token, Verify
from ._batch import MAX_IN_FLIGHT, AsyncBatch
from ._core import Core
from ._face import live_core, panel_of, read_statuses, watched_feed
from ._handle import AsyncScan
from ._recorder import Recording
from ._target import Target
from ._waiting import await_on

if TYPE_CHECKING:
    import pandas as pd

    from ..panel import Feed, Panel

T = TypeVar("T")


class AsyncClient:
    """A connection to one gateway, for ``async with``; as :class:`Client`, with methods to await.

    Its sockets live on a thread of their own, so that it serves any event loop, and several.
    """

    def __init__(
        self, url: str, token: Token = None, *, verify: Verify = None, relocate: Relocate | None = None
    ) -> None:
        self._core: Core = live_core(url, token, verify, relocate)

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return self._core.session.connection.gateway

    @property
    def connection(self) -> Connection:
        """How the client stands with its gateway; as :attr:`Client.connection`."""
        return self._core.session.connection

    async def scan(self, target: Target, **options: object) -> AsyncScan:
        """Start a scan of ``target`` and return its handle at once; as :meth:`Client.scan`."""
        return AsyncScan(self._core, await self._on_loop(lambda: self._core.scan(target, options)))

    async def attach(self, scan_id: str) -> AsyncScan:
        """The handle of a scan that exists; as :meth:`Client.attach`."""
        return AsyncScan(self._core, await self._on_loop(lambda: self._core.attach(scan_id)))

    async def scan_many(
        self, targets: Iterable[Target], *, max_in_flight: int = MAX_IN_FLIGHT, **options: object
    ) -> AsyncBatch:
        """Start scans of many targets, so many at a time, and return at once; as :meth:`Client.scan_many`."""
        return AsyncBatch(self._core, AsyncScan, targets, max_in_flight, options)

    async def watch(self, *scans: AsyncScan | AsyncBatch | str, **options: Any) -> Panel:
        """A live panel; as :meth:`Client.watch`."""
        return panel_of(await self.feed(*scans), options)

    async def feed(self, *scans: AsyncScan | AsyncBatch | str) -> Feed:
        """What a panel of ``scans`` is fed with; as :meth:`Client.feed`."""
        return await self._on_loop(lambda: watched_feed(self._core, scans, AsyncScan))

    async def scans(
        self, status: str | ScanStatus | Iterable[str] | None = None, repository: str | None = None
    ) -> pd.DataFrame:
        """The gateway's history of scans, newest first; as :meth:`Client.scans`."""
        from ..tables import scans_table

        wanted = read_statuses(status)
        records, repositories = await self._on_loop(lambda: self._core.records(wanted, repository))
        return scans_table(records, repositories={row.id: row for row in repositories})

    async def repositories(self) -> pd.DataFrame:
        """The registered repositories; as :meth:`Client.repositories`."""
        from ..tables import repositories_table

        return repositories_table(await self._on_loop(self._core.repositories))

    async def record(self, path: str | os.PathLike[str]) -> Recording:
        """Write down everything that is received from now on; as :meth:`Client.record`, also for ``async with``."""
        recording = Recording(path)
        await self._on_loop(lambda: self._core.record(recording))
        return recording

    async def trend(self, repository: str, limit: int = 50) -> pd.DataFrame:
        """How the scans of a repository went; as :meth:`Client.trend`."""
        from ..tables import ScanHistory, trend_table

        found = await self._on_loop(lambda: self._core.histories(repository, limit))
        table = trend_table(ScanHistory(one, events, kept.artifacts, kept.evidence) for one, events, kept in found)
        table.attrs = {"repository": repository}
        return table

    async def close(self) -> None:
        """End the connection; scans go on. Harmless when repeated."""
        await asyncio.to_thread(self._core.close)

    async def __aenter__(self) -> Self:
        try:
            await self._on_loop(self._core.driver.opened)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncClient {self.url}>"

    async def _on_loop(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return await await_on(self._core.submit(work))
