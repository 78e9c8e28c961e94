"""What a client may ask of a network, and what a network tells it. All of it happens on the background loop.

Every method raises errors of :mod:`scanwatch.errors` and no others: ``GatewayUnreachable``, ``GatewayRefused``,
``NotFound``, ``NotSupported``, ``GatewayAnswerError``, ``WireError``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from ..errors import GatewayRefused
from ..model import Annotation, Artifact, Event, Evidence, Finding, Repository, ScanRecord
from ..snapshot import Snapshot
from ._actions import Subscribe
from ._received import Received
from ._timing import Clock

Granted = Sequence[tuple[Snapshot, Sequence[Event]]]
"""The answer to a subscription: each scan's snapshot, and the events after the cursor as far as they were sent."""


class Listener(Protocol):
    """Who is told what the push connection brings. Every method only notes it and returns at once."""

    def moved(self, gateway: str) -> None:
        """From now on the gateway is at another URL."""
        ...

    def joined(self) -> None: ...

    def dated(self, there: datetime) -> None:
        """By the gateway's clock it is this time now, give or take a second."""
        ...

    def greeted(self, caller: str | None, features: frozenset[str] = frozenset(), workers: int | None = None) -> None:
        """The gateway speaks our dialect with these features, knows us by this name, runs so many scans at once."""
        ...

    def left(self, reason: str, retry_at: datetime | None, tries: int) -> None: ...

    def refused(self, error: GatewayRefused) -> None: ...

    def ended(self, reason: str) -> None:
        """Nothing more will come."""
        ...

    def heard(self, event: Event) -> None: ...

    def nonsense_heard(self) -> None: ...

    def unknown_keys_heard(self, keys: frozenset[str]) -> None: ...


class Transport(Protocol):
    """One gateway, over some network."""

    @property
    def gateway(self) -> str:
        """The gateway's URL, without credentials."""
        ...

    @property
    def clock(self) -> Clock:
        """The time as it is where the events come from: now, or then."""
        ...

    @property
    def read_only(self) -> str | None:
        """Why nothing can be asked for here that changes anything; ``None``: it can."""
        ...

    @property
    def secrets(self) -> frozenset[str]:
        """What must not be written down anywhere: the tokens shown lately."""
        ...

    @property
    def received(self) -> Received:
        """Everything that is received, for recordings."""
        ...

    async def run(self, listener: Listener) -> None:
        """Keep the push connection up, connecting again for ever; ends when refused or cancelled."""
        ...

    def hurry(self) -> None:
        """Let :meth:`run` connect now, where it pauses before it tries again."""
        ...

    async def close(self) -> None:
        """Free everything; called once, after :meth:`run` has ended."""
        ...

    async def subscribe(self, request: Subscribe) -> Granted: ...

    async def health(self) -> None:
        """Whether the gateway answers at all."""
        ...

    async def repositories(self) -> list[Repository]: ...

    async def repository(self, repository_id: str) -> Repository: ...

    async def add_repository(self, name: str, target: str) -> Repository: ...

    async def trigger(self, repository_id: str, options: Mapping[str, Any], key: str) -> str:
        """Ask for a scan; its id. The same ``key`` again asks for the same scan, where the gateway knows of keys."""
        ...

    async def scan(self, scan_id: str) -> ScanRecord: ...

    def scans(self, filters: Mapping[str, str]) -> AsyncIterator[ScanRecord]:
        """Every scan, newest first, page by page."""
        ...

    def repository_scans(self, repository_id: str) -> AsyncIterator[ScanRecord]:
        """The newest scans of a repository, as far as the gateway's first page goes."""
        ...

    async def events(self, scan_id: str, after: int) -> tuple[Sequence[Event], int | None]:
        """A page of events, and the cursor of the next."""
        ...

    async def cancel(self, scan_id: str) -> None: ...

    async def retry(self, scan_id: str) -> str:
        """Ask for a new scan of the same target; its id."""
        ...

    def artifacts(self, scan_id: str) -> AsyncIterator[Artifact]: ...

    def findings(self, scan_id: str) -> AsyncIterator[Finding]: ...

    def annotations(self, scan_id: str) -> AsyncIterator[Annotation]: ...

    def evidence(self, scan_id: str) -> AsyncIterator[Evidence]: ...
