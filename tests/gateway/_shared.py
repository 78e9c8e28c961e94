"""Several gateways on one store in Redis, and the part of a worker: played by the test, through a store of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from scanwatch.gateway import Gateway, GatewayConfig
from scanwatch.model import Event, EventKind, Phase, ScanResult
from scanwatch.storage import Store, open_store
from tests.gateway._access import TOKEN, calling, fast_path
from tests.gateway._peers import Rest


@dataclass(frozen=True)
class Side:
    """One of the gateways, and its admin."""

    gateway: Gateway
    rest: Rest

    @property
    def url(self) -> str:
        return self.gateway.url


@asynccontextmanager
async def gateways_on(*stores: str) -> AsyncIterator[list[Side]]:
    """A gateway on each of these URLs."""
    async with AsyncExitStack() as ending:
        sides = []
        for store in stores:
            config = GatewayConfig(port=0, store=store, token=TOKEN, user="root", fast_path=fast_path())
            gateway = await ending.enter_async_context(Gateway(config))
            sides.append(Side(gateway, await ending.enter_async_context(calling(gateway.url, TOKEN))))
        yield sides


class Playing:
    """A worker that does what the test says."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def report(self, scan_id: str, many: int = 1) -> None:
        """Report that one file more was fetched, so many times."""
        done = (await self.store.snapshot(scan_id)).files_processed or 0
        for number in range(done + 1, done + many + 1):
            event = Event(scan_id, EventKind.PROGRESS, _now(), phase=Phase.FETCH, files_processed=number)
            await self.store.append(event)

    async def complete(self, scan_id: str) -> None:
        """End the scan well."""
        await self.store.append(Event(scan_id, EventKind.COMPLETE, _now(), result=ScanResult(scan_id, 1.0, 0, 0)))


@asynccontextmanager
async def playing_worker(url: str) -> AsyncIterator[Playing]:
    """A worker of the store at ``url``."""
    store = open_store(url)
    await store.open()
    try:
        yield Playing(store)
    finally:
        await store.close()


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
