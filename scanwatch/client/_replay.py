"""A recording as a transport: a client over it shows what was, without any gateway."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import urlencode

from .. import wire
from ..errors import ConnectionClosed, GatewayAnswerError, GatewayUnreachable, NotFound, NotSupported, UsageError
from ..model import Event, Repository, ScanRecord
from ..wire import Recorded, RecordedAnswer, RecordedEvent, RecordedSocket
from ._actions import Subscribe
from ._core import Core
from ._received import Received
from ._recording import Playback, read_recording, timed
from ._requests import Requests
from ._session import CLOSED
from ._sync import Client
from ._timing import Clock
from ._transport import Granted, Listener
from ._waiting import block_on

FASTEST = 1e9
"""From this speed on, everything comes at once."""

AFTERWARDS_SPEED = 100.0
AFTERWARDS_S = 0.6
"""After the last line the recorded time goes on, fast, for a minute: an end may need to be looked at for a while."""

LAST_DAY = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
"""No time of day is later, whatever a file and the speed of its replay make of it."""


class ReplayClock:
    """The recorded time: seconds since the recording began, and the time of day it was then."""

    def __init__(self, begun: datetime) -> None:
        self._begun = begun
        self._longest_s = (LAST_DAY - begun).total_seconds()
        self._moment = 0.0
        self._since = time.monotonic()
        self._speed = 0.0

    def run(self, speed: float) -> None:
        """Go on from now at so many times the speed of time; 0 stands still."""
        self.set(self.now())
        self._speed = speed

    def set(self, moment: float) -> None:
        """Be at a moment."""
        self._moment, self._since = moment, time.monotonic()

    def now(self) -> float:
        return self._moment + (time.monotonic() - self._since) * self._speed

    def utc(self) -> datetime:
        return self._begun + timedelta(seconds=min(self.now(), self._longest_s))


class Recital:
    """Answers requests with what was recorded, by preference with what was answered up to now."""

    def __init__(self, lines: Sequence[Recorded]) -> None:
        self.now, self.ever = Playback(), Playback()
        for line in lines:
            self.ever.take(line)

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        asked = f"/{path}?{urlencode(query)}" if query else f"/{path}"
        line = self.now.answer("GET", asked) or self.ever.answer("GET", asked)
        if line is None:
            raise NotSupported(f"The recording holds no answer to GET {asked}; it was not asked for at the time.")
        if line.status >= 400:
            words = wire.error_words(line.response) or "no reason given"
            kind = NotFound if line.status == 404 else GatewayAnswerError
            raise kind(f"GET {asked} was answered with {line.status}: {words}", status=line.status, url=asked)
        return line.response

    async def post(self, path: str, body: Mapping[str, Any] | None = None, *, key: str | None = None) -> NoReturn:
        raise NotSupported(READ_ONLY)


READ_ONLY = (
    "This is a replay of a recording: it can be watched and read, and nothing can be started, cancelled or retried."
)


class ReplayTransport(Requests):
    """A recording, played at its own pace times ``speed``; ``math.inf`` plays it at once."""

    def __init__(self, path: str | os.PathLike[str], speed: float = 1.0) -> None:
        if isinstance(speed, bool) or not isinstance(speed, int | float) or not speed > 0:
            raise UsageError(f"speed is {speed!r}; it is a number above 0, or math.inf to have everything at once.")
        self._moments = timed(read_recording(path))
        self._recital = Recital([line for _, line in self._moments])
        super().__init__(self._recital)
        self._name = os.path.basename(path)
        self._speed = float(speed) if speed < FASTEST else math.inf
        self._clock = ReplayClock(_begun(self._moments))
        self._moved = asyncio.Condition()
        self.received = Received()
        self.begin = asyncio.Event()
        self.finished = asyncio.Event()

    @property
    def gateway(self) -> str:
        return f"recording:{self._name}"

    @property
    def read_only(self) -> str:
        return READ_ONLY

    @property
    def secrets(self) -> frozenset[str]:
        return frozenset()

    @property
    def clock(self) -> Clock:
        """The recorded time."""
        return Clock(self._clock.now, self._clock.utc)

    # -- playing ---------------------------------------------------------------------------------------------------

    async def run(self, listener: Listener) -> None:
        """Tell what was recorded, as it came; then that nothing more comes."""
        listener.joined()
        await self.begin.wait()
        self._clock.run(0.0 if math.isinf(self._speed) else self._speed)
        for index, (moment, line) in enumerate(self._moments):
            await self._reach(moment)
            self._tell(listener, line, index)
            async with self._moved:
                self._moved.notify_all()
        self._clock.run(max(AFTERWARDS_SPEED, 0.0 if math.isinf(self._speed) else self._speed))
        await asyncio.sleep(AFTERWARDS_S)
        listener.ended(f"The recording {self._name!r} ends here; what it holds can still be read.")
        await self.close()

    async def _reach(self, moment: float) -> None:
        if math.isinf(self._speed):
            self._clock.set(moment)
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(max(0.0, moment - self._clock.now()) / self._speed)

    def _tell(self, listener: Listener, line: Recorded, index: int) -> None:
        self.received(lambda: line)
        events = self._recital.now.take(line)
        for event in events:
            listener.heard(event)
        match line:
            case RecordedEvent(name=wire.GATEWAY) | RecordedAnswer():
                listener.greeted(None)  # again after an answer: what it brought is granted by another
            case RecordedEvent(name=name) if not events and name != wire.REFUSED:
                listener.nonsense_heard()
            case RecordedEvent(args=args) if events:
                listener.unknown_keys_heard(wire.unknown_keys(events[0].kind, args[0]))
            case RecordedSocket(what="connect"):
                listener.joined()
            case RecordedSocket(what="disconnect") if self._joins_again(index):
                listener.left("The connection was lost, as recorded.", None, 0)

    def _joins_again(self, index: int) -> bool:
        return any(isinstance(line, RecordedSocket) for _, line in self._moments[index + 1 :])

    def hurry(self) -> None:
        """Nothing to do: a recording's connection is what it was."""

    async def close(self) -> None:
        """Play no further; who waits for something to come is told."""
        self.finished.set()
        async with self._moved:
            self._moved.notify_all()

    # -- answering -------------------------------------------------------------------------------------------------

    async def health(self) -> None:
        pass

    async def subscribe(self, request: Subscribe) -> Granted:
        granted = self._recital.now.granted(request.scan_ids, everything=request.everything, after={})
        return [
            (picture, [] if request.everything else self._events(picture.scan_id, request.after))
            for picture, _ in granted
        ]

    def _events(self, scan_id: str, after: Mapping[str, int]) -> list[Event]:
        """The events up to now: some may have been fetched only later."""
        picture = self._recital.now.picture(scan_id)
        kept = self._recital.ever.events(scan_id, after.get(scan_id, 0))
        return [event for event in kept if picture is not None and (event.seq or 0) <= picture.seq]

    async def events(self, scan_id: str, after: int) -> tuple[Sequence[Event], int | None]:
        return self._events(scan_id, {scan_id: after}), None

    async def scan(self, scan_id: str) -> ScanRecord:
        """A scan's record as of now; of one that comes later only, once it has come."""
        if scan_id not in self._recital.ever.scan_ids:
            url = f"/{wire.paths.scan(scan_id)}"
            raise NotFound(f"The recording holds nothing of scan {scan_id}.", status=404, url=url)
        if self._recital.ever.record(scan_id) is None:
            raise GatewayUnreachable(f"The recording holds events of scan {scan_id}, and no read of it.")
        async with self._moved:
            await self._moved.wait_for(lambda: self._recital.now.record(scan_id) is not None or self.finished.is_set())
        record = self._recital.now.record(scan_id)
        if record is None:
            raise ConnectionClosed(CLOSED)
        return self._with_target(record)

    def _with_target(self, record: ScanRecord) -> ScanRecord:
        repository = self._recital.ever.repository(record.repository_id or "")
        return replace(record, target=record.target or (None if repository is None else repository.target))

    async def scans(self, filters: Mapping[str, str]) -> AsyncIterator[ScanRecord]:
        known = [self._recital.now.record(scan_id) for scan_id in self._recital.now.scan_ids]
        for record in sorted((row for row in known if row is not None), key=lambda row: row.created_at, reverse=True):
            yield self._with_target(record)

    async def repositories(self) -> list[Repository]:
        return [wire.decode_repository(row) for row in self._recital.ever.repositories.values()]

    async def repository(self, repository_id: str) -> Repository:
        found = self._recital.ever.repository(repository_id)
        if found is None:
            url = f"/{wire.paths.repository(repository_id)}"
            raise NotFound(f"The recording holds nothing of repository {repository_id}.", status=404, url=url)
        return found


def _begun(moments: Sequence[tuple[float, Recorded]]) -> datetime:
    """The time of day at which a recording began, by the first thing in it that was dated."""
    known = Playback()
    for moment, line in moments:
        for event in known.take(line):
            return event.time - timedelta(seconds=moment)
        for scan_id in known.scan_ids:
            if (record := known.record(scan_id)) is not None:
                return record.created_at - timedelta(seconds=moment)
    return datetime.now(UTC)


def replay(path: str | os.PathLike[str], speed: float = 1.0) -> Client:
    """A client over a recording that ``client.record(path)`` made: the same panel, handles and tables, and no gateway.

    Every scan in it is watched from its first line on; ``client.scans()`` names them and ``client.attach(id)`` gives
    their handles. Tables that are fetched (``artifacts()`` ...) are there if they were fetched while it was recorded.
    Nothing can be started, cancelled or retried. Where the recording ends, the connection is ``closed``, and all of it
    can still be read.

    Args:
        path: the recording.
        speed: how many times faster than it happened; ``math.inf``: at once, and this returns when
            all of it has passed.

    Raises:
        UsageError: it is no recording, or cut off; the message names the line.
    """
    transport = ReplayTransport(path, speed)
    client = Client._over(Core(lambda: transport))

    async def begin() -> None:
        client._core.session.watch_everything()
        transport.begin.set()
        if speed >= FASTEST:
            await transport.finished.wait()

    try:
        block_on(client._core.submit(begin))
    except BaseException:
        client.close()
        raise
    return client
