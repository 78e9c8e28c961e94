"""What other processes do to a shared store, brought to whoever keeps a picture of it here."""

from __future__ import annotations

import asyncio
import logging

from ..errors import StoreError
from ..model import ApiKey, Repository, ScanRequest
from ..storage import Change, FeedGap, RepositoryGone, Store
from ._access import Access
from ._hub import Hub

RETRY_S = 1.0

_logger = logging.getLogger(__name__)


class Changes:
    """Hears the changes of a store and passes each on. One gateway's own come this way too, and change nothing then."""

    def __init__(self, store: Store, hub: Hub, access: Access) -> None:
        self._store = store
        self._hub = hub
        self._access = access
        self._reading: set[asyncio.Task[None]] = set()

    def hear(self, change: Change) -> None:
        """Pass a change on."""
        match change:
            case ScanRequest():
                self._hub.introduce(change)
            case Repository():
                self._access.scopes.kept(change)
            case RepositoryGone():
                self._hub.forget_repository(change.repository_id)
                self._access.scopes.gone(change.repository_id)
            case ApiKey():
                self._access.keyring.heard(change)
            case FeedGap():
                self._hub.catch_up()
                self._read_again()

    async def close(self) -> None:
        """Stop what was begun."""
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)

    def _read_again(self) -> None:
        task = asyncio.create_task(self._read(), name="scanwatch-read-again")
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read(self) -> None:
        while True:
            try:
                await self._access.keyring.load()
                await self._access.scopes.load(self._store)
            except StoreError as error:
                _logger.warning("keys and repositories cannot be read yet: %s", error)
                await asyncio.sleep(RETRY_S)
            else:
                return
