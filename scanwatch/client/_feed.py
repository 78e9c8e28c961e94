"""What a panel is fed with: this client's scans, and its wishes brought to the gateway."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from ..errors import ConnectionClosed, GatewayError
from ..model import Connection, Event, Repository
from ..snapshot import Snapshot
from ._batch import BatchState
from ._core import Core

_BEGINNING = datetime.min.replace(tzinfo=UTC)


class ClientFeed:
    """Some of a client's scans, or all of them with those to come, and the retries of each.

    ``make_handle`` makes what :meth:`handle` gives; without one that is the scan's id.
    """

    def __init__(
        self, core: Core, scan_ids: Sequence[str] | None, make_handle: Callable[[Core, str], Any] | None = None
    ) -> None:
        self._core = core
        self._make_handle = make_handle
        self._repositories: Sequence[Repository] = ()
        self._ids = None if scan_ids is None else dict.fromkeys(scan_ids)
        self._listeners: list[Callable[[str | None], None]] = []
        self._trouble: str | None = None

    def follow(self, batch: BatchState[Any]) -> None:
        """Show the scans of ``batch`` too, each as it starts."""

        def look() -> None:
            ids = {} if self._ids is None else self._ids
            fresh = [scan.id for scan in batch.scans if scan.id not in ids]
            ids.update(dict.fromkeys(fresh))
            if fresh:
                self._tell()

        batch._arm(look)
        look()

    def snapshots(self) -> Sequence[Snapshot]:
        scans = self._core.session.scans
        ids = list(scans) if self._ids is None else list(self._ids)
        shown = [scans[scan_id].snapshot for scan_id in ids if scan_id in scans]
        return sorted(shown, key=_created, reverse=True)

    def lost(self, scan_id: str) -> GatewayError | None:
        watched = self._core.session.scans.get(scan_id)
        return None if watched is None or watched.snapshot.terminal else watched.gone

    @property
    def everything(self) -> bool:
        return self._ids is None and self._core.session.knows_everything

    def handle(self, scan_id: str) -> Any:
        return scan_id if self._make_handle is None else self._make_handle(self._core, scan_id)

    def caller(self) -> str | None:
        return self._core.session.caller

    def workers(self) -> int | None:
        return self._core.session.workers

    def clock_ahead_s(self) -> float | None:
        ahead = self._core.session.ahead
        return None if ahead is None else ahead.total_seconds()

    def repositories(self) -> Sequence[Repository]:
        return self._repositories

    def look_up(self) -> None:
        async def work() -> None:
            self._repositories = tuple(await self._core.repositories())
            self._tell()

        with suppress(ConnectionClosed):  # nobody asked for it in so many words, and a target can be typed in full
            self._core.submit(work)

    def reconnect(self) -> None:
        self._wish(self._core.reconnect)

    def connection(self) -> Connection:
        return self._core.session.connection

    def events(self, scan_id: str, last: int) -> Sequence[Event]:
        watched = self._core.session.scans.get(scan_id)
        return [] if watched is None else watched.events[-last:]

    def on_change(self, listener: Callable[[str | None], None]) -> Callable[[], None]:
        def changed(scan_id: str | None) -> None:
            if scan_id is None or self._ids is None or scan_id in self._ids:
                listener(scan_id)

        self._listeners.append(listener)
        end = self._core.listeners.on_any_change(changed)

        def forget() -> None:
            end()
            if listener in self._listeners:
                self._listeners.remove(listener)

        return forget

    def trigger(self, target: str, options: Mapping[str, str]) -> None:
        self._wish(lambda: self._core.scan(target, options))

    def cancel(self, scan_id: str) -> None:
        self._wish(lambda: self._core.cancel(scan_id))

    def retry(self, scan_id: str) -> None:
        self._wish(lambda: self._core.retry(scan_id))

    def trouble(self) -> str | None:
        return self._trouble

    def _wish(self, work: Callable[[], Coroutine[Any, Any, str | None]]) -> None:
        self._trouble = None
        try:
            self._core.submit(work).add_done_callback(self._granted)
        except ConnectionClosed as error:
            self._trouble = str(error)

    def _granted(self, outcome: concurrent.futures.Future[str | None]) -> None:
        """A wish's end: a new scan joins those shown; a refusal is shown in words."""
        error = None if outcome.cancelled() else outcome.exception()
        if error is not None:
            self._trouble = str(error)
        elif not outcome.cancelled() and (new_id := outcome.result()) is not None and self._ids is not None:
            self._ids[new_id] = None
        self._tell()

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener(None)


def _created(snapshot: Snapshot) -> datetime:
    return snapshot.created_at or snapshot.updated_at or _BEGINNING
