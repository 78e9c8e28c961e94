"""The transport over the real network: keeps the push connection up, and answers for the records."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ... import wire
from ...errors import GatewayRefused, GatewayUnreachable, NotSupported, ScanwatchError
from ...model import Artifact, Event, Finding, Repository, ScanRecord
from .._actions import Subscribe
from .._address import Address, Relocate, parse_address
from .._pace import Backoff
from .._transport import Granted, Listener
from ._rest import Rest
from ._socket import Push

EVENTS_AT_ONCE = "1000"

_logger = logging.getLogger(__name__)


class LiveTransport:
    """One gateway over Socket.IO and HTTP.

    Args:
        address: where it is at first.
        relocate: called, on a thread of its own, for where it is before each attempt to connect again.
    """

    def __init__(self, address: Address, relocate: Relocate | None = None) -> None:
        self._address = address
        self._relocate = relocate
        self._rest = Rest(address)
        self._push: Push | None = None

    @property
    def gateway(self) -> str:
        return self._address.url

    async def run(self, listener: Listener) -> None:
        """Connect, and again for ever: a fresh socket each time, after a growing pause. A refusal ends it."""
        backoff = Backoff()
        while True:
            push = None
            try:
                if backoff.tries:
                    await self._find_again(listener)
                push = self._push = Push(self._address, listener)
                reason = f"{await push.run()}."
            except GatewayRefused as error:
                listener.refused(error)
                return
            except ScanwatchError as error:
                reason = str(error)
            except Exception as error:
                _logger.exception("the push connection to %s broke in an unexpected way", self.gateway)
                reason = f"The connection broke with an unexpected {type(error).__name__}."
            finally:
                self._push = None
            if push is not None and push.was_joined:
                backoff.reset()
            pause_s = backoff.next_pause_s()
            listener.left(reason, datetime.now(UTC) + timedelta(seconds=pause_s), backoff.tries)
            await asyncio.sleep(pause_s)

    async def _find_again(self, listener: Listener) -> None:
        """Ask where the gateway is by now, and keep to that from now on."""
        if self._relocate is None:
            return
        address = parse_address(*await asyncio.to_thread(self._relocate))
        moved, self._address = address.url != self._address.url, address
        self._rest.move(address)
        if moved:
            listener.moved(address.url)

    async def close(self) -> None:
        await self._rest.close()

    async def subscribe(self, request: Subscribe) -> Granted:
        push = self._push
        if push is None:
            raise GatewayUnreachable(f"There is no connection to {self.gateway} at the moment.")
        asked = wire.encode_subscribe(request.scan_ids, everything=request.everything, after=request.after)
        answer, scans = wire.decode_acknowledgement(await push.ask(wire.SUBSCRIBE, asked))
        if not answer.ok:
            raise NotSupported(f"{self.gateway} did not subscribe us: {answer.message or answer.code or 'no reason'}.")
        return scans

    async def health(self) -> None:
        await self._rest.get(wire.paths.health)

    async def repositories(self) -> list[Repository]:
        rows = wire.decode_page(await self._rest.get(wire.paths.repositories)).rows
        return [wire.decode_repository(row) for row in rows]

    async def repository(self, repository_id: str) -> Repository:
        return wire.decode_repository(await self._rest.get(wire.paths.repository(repository_id)))

    async def add_repository(self, name: str, target: str) -> Repository:
        asked = wire.to_plain(wire.NewRepository(name=name, git_url=target))
        body = {key: value for key, value in asked.items() if value is not None}  # strict gateways take no null
        return wire.decode_repository(await self._rest.post(wire.paths.repositories, body))

    async def trigger(self, repository_id: str, options: Mapping[str, Any]) -> str:
        body = wire.to_plain(wire.NewScan(options=dict(options))) if options else None
        return self._accepted(await self._rest.post(wire.paths.trigger(repository_id), body))

    async def scan(self, scan_id: str) -> ScanRecord:
        return wire.decode_scan(await self._rest.get(wire.paths.scan(scan_id)))

    def scans(self, filters: Mapping[str, str]) -> AsyncIterator[ScanRecord]:
        return self._rest.pages(wire.paths.scans, wire.decode_scan, filters)

    async def repository_scans(self, repository_id: str) -> AsyncIterator[ScanRecord]:
        # Without a query: gateways in the field cache lists by URL, and a finished scan clears only the bare one.
        for row in wire.decode_page(await self._rest.get(wire.paths.repository_scans(repository_id))).rows:
            yield wire.decode_scan(row)

    async def events(self, scan_id: str, after: int) -> tuple[Sequence[Event], int | None]:
        query = {"after": str(after), "limit": EVENTS_AT_ONCE}
        return wire.decode_events_page(await self._rest.get(wire.paths.events(scan_id), query))

    async def cancel(self, scan_id: str) -> None:
        await self._rest.post(wire.paths.cancel(scan_id))

    async def retry(self, scan_id: str) -> str:
        return self._accepted(await self._rest.post(wire.paths.retry(scan_id)))

    def artifacts(self, scan_id: str) -> AsyncIterator[Artifact]:
        return self._rest.pages(wire.paths.artifacts(scan_id), wire.decode_artifact)

    def findings(self, scan_id: str) -> AsyncIterator[Finding]:
        return self._rest.pages(wire.paths.findings(scan_id), wire.decode_finding)

    @staticmethod
    def _accepted(answer: Any) -> str:
        return wire.decode_as(wire.Accepted, answer, "accepted scan").scan_id
