"""Carries out what a session decides, over a transport, on the background loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

from ..errors import ConnectionClosed, GatewayRefused, NotSupported, ScanwatchError
from ..model import ConnectionState, Event, ScanRecord
from ._actions import Action, Changed, FetchEvents, Heard, ListScans, Read, Subscribe
from ._listeners import Listeners
from ._session import Session
from ._transport import Transport

TICK_S = 0.1
REQUESTS_AT_ONCE = 8
LISTED_SCANS = 200

_logger = logging.getLogger(__name__)


class Driver:
    """One session on its way over one transport. What the transport tells is noted, and reduced by one consumer."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.session = Session(transport.gateway, transport.clock.now, transport.clock.utc)
        self.listeners = Listeners()
        self.greeting = asyncio.Event()
        """Set while the gateway is known to speak our dialect."""
        self.features: frozenset[str] = frozenset()
        """What the gateway said it has, at its last greeting."""
        self._reports: deque[Callable[[], None]] = deque()
        self._woken = asyncio.Event()
        self._opened = asyncio.Event()
        self._slots = asyncio.Semaphore(REQUESTS_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    # -- life --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to connect; returns at once."""
        self._spawn(self._drive())
        self._connecting = self._spawn(self.transport.run(self))

    async def reconnect(self) -> None:
        """Try to connect now: without the rest of a pause, and also after a refusal."""
        if self.session.connection.state is ConnectionState.RECONNECTING:
            self.transport.hurry()
        elif self.session.connection.state is ConnectionState.REFUSED and not self._closed and self._connecting.done():
            self._connecting = self._spawn(self.transport.run(self))

    async def opened(self) -> None:
        """Wait until the first attempt to connect has ended.

        Raises:
            ConnectionClosed: this client was closed.
            GatewayRefused: the gateway does not let it in.
            GatewayUnreachable: neither events nor records come from there.
        """
        await self._opened.wait()
        self.act()
        self._check_let_in()
        if self.session.connection.state is not ConnectionState.LIVE:
            await self.transport.health()

    @property
    def joined_now(self) -> bool:
        """Whether the push connection stands."""
        return self.session.connection.state is ConnectionState.LIVE

    def check_open(self) -> None:
        """Raises ``ConnectionClosed`` or ``GatewayRefused`` once nothing more can come."""
        self._check_let_in()
        if self.session.connection.state is ConnectionState.CLOSED:
            raise ConnectionClosed(str(self.session.connection.reason))

    def _check_let_in(self) -> None:
        if self._closed:
            raise ConnectionClosed(str(self.session.connection.reason))
        if self.session.connection.state is ConnectionState.REFUSED:
            raise GatewayRefused(str(self.session.connection.reason))

    async def close(self, *, tell: bool = True) -> None:
        """End everything; no scan is cancelled by it. Harmless when repeated.

        ``tell`` false: whoever waits is not woken, because the process ends anyhow.
        """
        if self._closed:
            return
        self._closed = True
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.transport.close()
        if not tell:
            return
        self.session.closed()
        self._opened.set()
        self.act()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _logger.error("a part of the client for %s ended", self.transport.gateway, exc_info=error)

    # -- what the transport tells --------------------------------------------------------------------------------

    def moved(self, gateway: str) -> None:
        self._report(lambda: self.session.moved(gateway))

    def joined(self) -> None:
        self._opened.set()
        self._report(self.session.joined)

    def dated(self, there: datetime) -> None:
        self._report(lambda: self.session.dated(there))

    def greeted(self, caller: str | None, features: frozenset[str] = frozenset(), workers: int | None = None) -> None:
        self.features = features
        self.greeting.set()
        self._report(lambda: self.session.greeted(caller, workers))

    def left(self, reason: str, retry_at: datetime | None, tries: int) -> None:
        self.greeting.clear()
        self._opened.set()
        self._report(lambda: self.session.left(reason, retry_at, tries))

    def refused(self, error: GatewayRefused) -> None:
        self._opened.set()
        self._report(lambda: self.session.refused(str(error)))

    def ended(self, reason: str) -> None:
        self._opened.set()
        self._report(lambda: self.session.closed(reason))

    def heard(self, event: Event) -> None:
        self._report(lambda: self.session.heard(event))

    def nonsense_heard(self) -> None:
        self._report(self.session.nonsense_heard)

    def unknown_keys_heard(self, keys: frozenset[str]) -> None:
        self._report(lambda: self.session.unknown_keys_heard(keys))

    def _report(self, report: Callable[[], None]) -> None:
        self._reports.append(report)
        self._woken.set()

    # -- the one consumer ----------------------------------------------------------------------------------------

    async def _drive(self) -> None:
        """Reduce what was reported, in order and a batch at a time; let time pass while anything depends on it."""
        next_tick = time.monotonic()
        while True:
            pause_s = None if self.session.idle else max(0.0, next_tick - time.monotonic())
            with suppress(TimeoutError):  # not wait_for(), which forgets a cancellation before Python 3.12
                async with asyncio.timeout(pause_s):
                    await self._woken.wait()
            self._woken.clear()
            if time.monotonic() >= next_tick:
                self.session.tick()
                next_tick = time.monotonic() + TICK_S
            self._reduce()

    def act(self) -> None:
        """Carry out at once what the session wants after it was told something, and let time pass for it again."""
        self._reduce()
        self._woken.set()

    def _reduce(self) -> None:
        while self._reports:
            self._reports.popleft()()
        self._carry_out(self.session.take())

    def _carry_out(self, actions: Iterable[Action]) -> None:
        changed: dict[str | None, None] = {}
        for action in actions:
            match action:
                case Changed(scan_id):
                    changed[scan_id] = None
                case Heard(heard_id, events):
                    self.listeners.heard(heard_id, events)
                case _ if not self._closed:
                    self._spawn(self._ask(action))
        for scan_id in changed:
            self.listeners.changed(scan_id)

    async def _ask(self, action: Action) -> None:
        match action:
            case Subscribe():
                await self._subscribe(action)
            case Read(scan_id):
                await self._read(scan_id)
            case FetchEvents(scan_id, after):
                await self._fetch(scan_id, after)
            case ListScans():
                await self._list()

    async def _subscribe(self, request: Subscribe) -> None:
        try:
            granted = await self.transport.subscribe(request)
        except ScanwatchError:
            self._report(lambda: self.session.subscribe_failed(request))
        else:
            self._report(lambda: self.session.acknowledged(request, granted))

    async def _read(self, scan_id: str) -> None:
        async with self._slots:
            try:
                record = await self.transport.scan(scan_id)
            except ScanwatchError as error:
                self._report(_later(self.session.read_failed, scan_id, error))
            else:
                self._report(lambda: self.session.read(record))

    async def _fetch(self, scan_id: str, after: int) -> None:
        async with self._slots:
            try:
                events, following = await self.transport.events(scan_id, after)
            except ScanwatchError as error:
                self._report(_later(self.session.fetch_failed, scan_id, error))
            else:
                self._report(lambda: self.session.fetched(scan_id, events, following))

    async def _list(self) -> None:
        """What scans there are; a gateway that cannot say it now is asked again later."""
        with suppress(ScanwatchError):
            records: list[ScanRecord] = []
            async for record in all_scans(self.transport, {}):
                records.append(record)
                if len(records) >= LISTED_SCANS:
                    break
            self._report(lambda: self.session.listed(records))


def _later(tell: Callable[[str, ScanwatchError], None], scan_id: str, error: ScanwatchError) -> Callable[[], None]:
    return lambda: tell(scan_id, error)


async def all_scans(transport: Transport, filters: dict[str, str]) -> AsyncIterator[ScanRecord]:
    """Every scan the gateway shows; where it has no such list, the newest of each repository, unfiltered."""
    try:
        async for record in transport.scans(filters):
            yield record
    except NotSupported:
        pass
    else:
        return
    for repository in await transport.repositories():
        async for record in transport.repository_scans(repository.id):
            yield record
