"""What both faces of a client share: what can be asked of a gateway, once, as coroutines of the background loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

from ..errors import (
    ConnectionClosed,
    GatewayError,
    NotFound,
    NotSupported,
    ScanwatchError,
    UsageError,
)
from ..model import (
    TERMINAL,
    Annotation,
    Artifact,
    Event,
    Evidence,
    Finding,
    Repository,
    ScanOutcome,
    ScanRecord,
    ScanStatus,
)
from ..wire import REPEATABLE, is_id
from . import _loop
from ._driver import Driver, all_scans
from ._listeners import Callbacks
from ._recorder import Recording, known_lines
from ._registered import Registered
from ._target import Target, Wanted, wanted_scan
from ._transport import Transport
from ._watched import Watched

T = TypeVar("T")

DIALECT_TIMEOUT_S = 1.0
"""How long options wait for a gateway to say that it takes any."""

CLOSE_TIMEOUT_S = 10.0
EVERYTHING_TIMEOUT_S = 2.0


class Core:
    """One client. Coroutine methods run on the background loop (:meth:`submit`), the others anywhere."""

    def __init__(self, make_transport: Callable[[], Transport]) -> None:
        self._thread = _loop.acquire()
        self.driver = Driver(make_transport())
        self.session = self.driver.session
        self.listeners = self.driver.listeners
        self.callbacks = Callbacks()
        self._transport = self.driver.transport
        self._registered = Registered(self._transport)
        self._recordings: list[Recording] = []
        self._released = False
        self._closing = threading.Lock()
        self._thread.before_exit(id(self), partial(self.driver.close, tell=False))
        self.submit(self.driver.start)

    def submit(self, work: Callable[[], Coroutine[Any, Any, T]]) -> concurrent.futures.Future[T]:
        """Run ``work()`` on the background loop.

        Raises:
            ConnectionClosed: the client was closed.
        """
        if self._released:
            raise ConnectionClosed("This client was closed; connect again with scanwatch.connect().")
        self._check_thread()
        return self._thread.submit(work)

    @property
    def ended(self) -> bool:
        """Whether nothing more will be learned here: this client was closed, is refused, or is the copy in a fork."""
        return self.session.ended or self.forked

    @property
    def forked(self) -> bool:
        """Whether this is the copy in a fork, to which nobody hands over anything."""
        return self._thread.forked

    def check_open(self) -> None:
        """Raises why nothing more will be learned, if so."""
        self.driver.check_open()
        if self.forked:
            self._check_thread()

    def _check_thread(self) -> None:
        if not self._thread.usable:
            raise ConnectionClosed("This client was made before a fork or an exit; connect again in this process.")

    def close(self) -> None:
        """End everything this client began, and wait for that; no scan is cancelled. Harmless when repeated."""
        with self._closing:
            if self._released:
                return
            if self._thread.usable:
                with suppress(ScanwatchError, concurrent.futures.TimeoutError):
                    self._thread.submit(self.driver.close).result(CLOSE_TIMEOUT_S)
            self._released = True
            self._thread.forget(id(self))
            _loop.release(self._thread)
        self.callbacks.close()
        for recording in self._recordings:
            recording.stop()

    def call(self, function: Callable[[], object]) -> None:
        """Call ``function`` soon on the background loop's thread."""
        if self.forked:
            self._check_thread()
        self._thread.call(function)

    # -- recordings --------------------------------------------------------------------------------------------

    async def record(self, recording: Recording) -> None:
        """Have ``recording`` told everything from now on, after what is known already."""
        self._recordings = [one for one in self._recordings if one.going] + [recording]
        recording.hide(lambda: self._transport.secrets)
        for line in known_lines(self.session):
            recording.take(line)
        recording.begin(self._transport.received.tell)
        if self.driver.joined_now:  # what there is to scan names the targets of what is recorded
            with suppress(ScanwatchError, TimeoutError):
                async with asyncio.timeout(EVERYTHING_TIMEOUT_S):
                    await self._transport.repositories()

    def _need_writing(self) -> None:
        """Raises ``NotSupported`` where nothing can be changed."""
        if self._transport.read_only is not None:
            raise NotSupported(self._transport.read_only)

    # -- scans -------------------------------------------------------------------------------------------------

    async def scan(self, target: Target, options: Mapping[str, object]) -> str:
        """Trigger a scan; its id."""
        return await self.trigger(*await self.prepare(target, options), new_key())

    async def prepare(self, target: Target, options: Mapping[str, object]) -> tuple[Wanted, str]:
        """All that comes before a scan is asked for, and can be repeated: what is wanted, and its repository's id."""
        self._need_writing()
        wanted = wanted_scan(target, options)
        await self.driver.opened()
        if wanted.options:
            await self._need_options()
        return wanted, await self._registered.id_of(wanted)

    @property
    def may_repeat(self) -> bool:
        """Whether the gateway knows a trigger again by its key, so that one without an answer can be sent again."""
        return REPEATABLE in self.driver.features

    async def check_reachable(self) -> None:
        """Raises ``GatewayUnreachable`` if nothing answers."""
        await self._transport.health()

    async def trigger(self, wanted: Wanted, repository_id: str, key: str) -> str:
        """Ask for a scan that was prepared; its id. ``key`` is what a repeat of this very request is known by."""
        try:
            scan_id = await self._transport.trigger(repository_id, wanted.options, key)
        except NotFound:  # deleted since it was listed
            repository_id = await self._registered.again(wanted)
            scan_id = await self._transport.trigger(repository_id, wanted.options, key)
        watched = self.session.watch(scan_id)
        watched.know(wanted.target, repository_id)
        self.driver.act()
        return scan_id

    async def attach(self, scan_id: str) -> str:
        """Watch a scan that exists; its id."""
        if not isinstance(scan_id, str) or not is_id(scan_id):
            raise UsageError(
                f"scan_id is {scan_id!r}, which is not the id of a scan; scan.id or client.scans() gives one."
            )
        scan_id = scan_id.lower()
        await self.driver.opened()
        if scan_id not in self.session.scans:
            record = await self._transport.scan(scan_id)
            self.session.watch(scan_id)
            self.session.read(record)
            if record.status in TERMINAL:
                await self.history(scan_id)
        watched = self.session.watch(scan_id)
        self.driver.act()
        await self._name_target(watched)
        return scan_id

    async def refresh(self, scan_id: str) -> None:
        """Read a scan's record now."""
        record = await self._transport.scan(scan_id)
        self.session.read(record)
        self.driver.act()

    async def cancel(self, scan_id: str) -> None:
        """Ask a scan to stop, and see to it that this shows; one that has ended is left alone."""
        self._need_writing()
        if self.session.scans[scan_id].snapshot.terminal:
            return
        try:
            await self._transport.cancel(scan_id)
        except NotSupported:
            raise NotSupported(
                f"The gateway at {self._transport.gateway} cannot cancel scans; scan {scan_id} goes on."
            ) from None
        self.driver.act()
        snapshot = self.session.scans[scan_id].snapshot
        if snapshot.status is not ScanStatus.CANCELLING and not snapshot.terminal:
            with suppress(GatewayError):  # it was asked; whether it shows already is another matter
                await self.refresh(scan_id)

    async def retry(self, scan_id: str) -> str:
        """Ask for a new scan of the same target; its id."""
        self._need_writing()
        try:
            new_id = await self._transport.retry(scan_id)
        except NotSupported:
            raise NotSupported(
                f"The gateway at {self._transport.gateway} cannot retry scans; call client.scan(target) for a new one."
            ) from None
        old = self.session.scans[scan_id].snapshot
        self.session.watch(new_id).know(old.target, old.repository_id, retry_of=scan_id)
        self.driver.act()
        return new_id

    async def reconnect(self) -> None:
        """Try to connect now, also after a refusal."""
        await self.driver.reconnect()

    async def watch(self, scan_ids: Sequence[str]) -> None:
        """Watch scans by their ids; none: every scan, those to come included."""
        for scan_id in scan_ids:
            self.session.watch(scan_id)
        if not scan_ids:
            self.session.watch_everything()
        self.driver.act()
        if not scan_ids:
            await self._everything_known()

    async def _everything_known(self) -> None:
        """Wait a little for the first answer, so that a panel made now begins with the scans there are."""
        known = asyncio.Event()
        end = self.listeners.on_any_change(lambda _: known.set() if self.session.knows_everything else None)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(0 if self.session.knows_everything else EVERYTHING_TIMEOUT_S):
                    await known.wait()
        finally:
            end()

    # -- what there is to read ---------------------------------------------------------------------------------

    async def history(self, scan_id: str) -> list[Event]:
        """The events of a scan, fetched as far as they are missing."""
        watched = self.session.watch(scan_id)
        self.driver.act()
        while not watched.caught_up and watched.gone is None:
            watched.begin_fetch()
            try:
                events, following = await self._transport.events(scan_id, watched.cursor)
            except (NotSupported, NotFound) as error:
                self.session.fetch_failed(scan_id, error)
            else:
                self.session.fetched(scan_id, events, following)
            finally:
                watched.fetching = False
            self.driver.act()
        return list(watched.events)

    async def artifacts(self, scan_id: str) -> list[Artifact]:
        return await self._rows(self._transport.artifacts(scan_id), "artifacts")

    async def findings(self, scan_id: str) -> list[Finding]:
        return await self._rows(self._transport.findings(scan_id), "findings")

    async def _rows(self, rows: AsyncIterator[T], what: str) -> list[T]:
        try:
            return [row async for row in rows]
        except NotSupported:
            if self._transport.read_only is not None:
                raise
            raise NotSupported(f"The gateway at {self._transport.gateway} keeps no list of a scan's {what}.") from None

    async def annotations(self, scan_id: str) -> list[Annotation]:
        return await self._rows(self._transport.annotations(scan_id), "annotations")

    async def lineage(self, scan_id: str) -> ScanOutcome:
        """The artifacts of a scan and its evidence, which is empty where a gateway keeps none."""
        artifacts = await self.artifacts(scan_id)
        evidence: list[Evidence] = []
        with suppress(NotSupported):
            evidence = await self.evidence(scan_id)
        return ScanOutcome(tuple(artifacts), evidence=tuple(evidence))

    async def judged(self, scan_id: str) -> ScanOutcome:
        """The artifacts of a scan and its findings."""
        return ScanOutcome(tuple(await self.artifacts(scan_id)), tuple(await self.findings(scan_id)))

    async def histories(self, repository: str, limit: int) -> list[tuple[ScanRecord, list[Event], ScanOutcome]]:
        """The newest scans of a repository, each with its events and, once completed, what it found.

        Raises:
            UsageError: ``limit`` is no number of scans.
        """
        if not isinstance(limit, int) or limit < 1:
            raise UsageError(f"limit is {limit!r}; it must be a whole number of scans, 1 or more.")
        records, _ = await self.records(frozenset(), repository)
        return [(one, await self._all_events(one.id), await self._outcome(one)) for one in records[:limit]]

    async def _outcome(self, record: ScanRecord) -> ScanOutcome:
        """What a scan found, as far as it completed and the gateway keeps lists of that."""
        if record.status is ScanStatus.COMPLETED:
            with suppress(NotSupported):
                return await self.lineage(record.id)
        return ScanOutcome()

    async def _all_events(self, scan_id: str) -> list[Event]:
        """The events of a scan, which is not watched for that; none where the gateway keeps none."""
        events: list[Event] = []
        following: int | None = 0
        while following is not None:
            try:
                page, following = await self._transport.events(scan_id, following)
            except NotSupported:
                return []
            events += page
        return events

    async def evidence(self, scan_id: str) -> list[Evidence]:
        return await self._rows(self._transport.evidence(scan_id), "evidence")

    async def repositories(self) -> list[Repository]:
        return await self._transport.repositories()

    async def records(
        self, statuses: frozenset[str], repository: str | None
    ) -> tuple[list[ScanRecord], list[Repository]]:
        """Scans, newest first, and the repositories there are; filtered here too, as not every gateway can."""
        known = await self._transport.repositories()
        filters = {"status": ",".join(sorted(statuses))} if statuses else {}
        names = frozenset() if repository is None else _names(repository)
        wanted = None if repository is None else {row.id for row in known if names & {row.id, row.name, row.target}}
        rows = [row async for row in all_scans(self._transport, filters)]
        rows = [row for row in rows if not statuses or row.status in statuses]
        rows = [row for row in rows if wanted is None or row.repository_id in wanted or row.target in names]
        return sorted(rows, key=lambda row: row.created_at, reverse=True), known

    async def _need_options(self) -> None:
        """Raises ``NotSupported`` if the gateway is one that would silently ignore options."""
        if not self.driver.joined_now:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(DIALECT_TIMEOUT_S):
                await self.driver.greeting.wait()
        if not self.driver.greeting.is_set():
            raise NotSupported(
                f"The gateway at {self._transport.gateway} takes no options with a scan; leave them out."
            )

    async def _name_target(self, watched: Watched) -> None:
        repository_id = watched.snapshot.repository_id
        if watched.snapshot.target is None and repository_id is not None:
            with suppress(GatewayError):
                watched.know((await self._transport.repository(repository_id)).target)


def new_key() -> str:
    """A key for one trigger, never used before."""
    return str(uuid4())


def _names(repository: str) -> frozenset[str]:
    """How a repository may be registered that somebody calls so: as it is written, or as a scan of it is asked for."""
    with suppress(UsageError):
        return frozenset({repository, wanted_scan(repository, {}).target})
    return frozenset({repository})
