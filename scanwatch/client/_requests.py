"""How records are asked for, whatever carries the requests: a network, or a recording."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from .. import wire
from ..model import Annotation, Artifact, Event, Evidence, Finding, Repository, ScanRecord

T = TypeVar("T")

PAGE_ROWS = 100
EVENTS_AT_ONCE = "1000"


class Asks(Protocol):
    """Carries a request and brings the JSON of its answer; raises errors of :mod:`scanwatch.errors`."""

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Any: ...

    async def post(self, path: str, body: Mapping[str, Any] | None = None, *, key: str | None = None) -> Any:
        """``key`` lets a gateway that knows about it tell a repeat from another request."""
        ...


class Requests:
    """The requests of a transport, and what their answers mean."""

    def __init__(self, asks: Asks) -> None:
        self._asks = asks

    async def health(self) -> None:
        wire.decode_as(wire.HealthAnswer, await self._asks.get(wire.paths.health), "health")

    async def repositories(self) -> list[Repository]:
        rows = wire.decode_page(await self._asks.get(wire.paths.repositories)).rows
        return [wire.decode_repository(row) for row in rows]

    async def repository(self, repository_id: str) -> Repository:
        return wire.decode_repository(await self._asks.get(wire.paths.repository(repository_id)))

    async def add_repository(self, name: str, target: str) -> Repository:
        asked = wire.to_plain(wire.NewRepository(name=name, git_url=target))
        body = {key: value for key, value in asked.items() if value is not None}  # strict gateways take no null
        return wire.decode_repository(await self._asks.post(wire.paths.repositories, body))

    async def trigger(self, repository_id: str, options: Mapping[str, Any], key: str) -> str:
        body = wire.to_plain(wire.NewScan(options=dict(options))) if options else None
        return self._accepted(await self._asks.post(wire.paths.trigger(repository_id), body, key=key))

    async def scan(self, scan_id: str) -> ScanRecord:
        return wire.decode_scan(await self._asks.get(wire.paths.scan(scan_id)))

    def scans(self, filters: Mapping[str, str]) -> AsyncIterator[ScanRecord]:
        return self._pages(wire.paths.scans, wire.decode_scan, filters)

    async def repository_scans(self, repository_id: str) -> AsyncIterator[ScanRecord]:
        # Without a query: gateways in the field cache lists by URL, and a finished scan clears only the bare one.
        for row in wire.decode_page(await self._asks.get(wire.paths.repository_scans(repository_id))).rows:
            yield wire.decode_scan(row)

    async def events(self, scan_id: str, after: int) -> tuple[Sequence[Event], int | None]:
        query = {"after": str(after), "limit": EVENTS_AT_ONCE}
        return wire.decode_events_page(await self._asks.get(wire.paths.events(scan_id), query))

    async def cancel(self, scan_id: str) -> None:
        await self._asks.post(wire.paths.cancel(scan_id))

    async def retry(self, scan_id: str) -> str:
        return self._accepted(await self._asks.post(wire.paths.retry(scan_id)))

    def artifacts(self, scan_id: str) -> AsyncIterator[Artifact]:
        return self._pages(wire.paths.artifacts(scan_id), wire.decode_artifact)

    def findings(self, scan_id: str) -> AsyncIterator[Finding]:
        return self._pages(wire.paths.findings(scan_id), wire.decode_finding)

    def annotations(self, scan_id: str) -> AsyncIterator[Annotation]:
        return self._pages(wire.paths.annotations(scan_id), wire.decode_annotation)

    def evidence(self, scan_id: str) -> AsyncIterator[Evidence]:
        return self._pages(wire.paths.evidence(scan_id), wire.decode_scan_evidence)

    async def _pages(
        self, path: str, decode: Callable[[Any], T], filters: Mapping[str, str] | None = None
    ) -> AsyncIterator[T]:
        """The rows of every page of a list."""
        number = 1
        while True:
            query = {**(filters or {}), "page": str(number), "limit": str(PAGE_ROWS)}
            page = wire.decode_page(await self._asks.get(path, query))
            for row in page.rows:
                yield decode(row)
            if not page.rows or number * page.limit >= page.total:
                return
            number += 1

    @staticmethod
    def _accepted(answer: Any) -> str:
        return wire.decode_as(wire.Accepted, answer, "accepted scan").scan_id
