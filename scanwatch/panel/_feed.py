"""What a panel asks of whoever feeds it: a client, a replayed recording, a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ..errors import GatewayError
from ..model import Connection, Event, Repository
from ..snapshot import Snapshot


class Feed(Protocol):
    """Snapshots in, wishes out. Every method returns at once and may be called from any thread."""

    @property
    def everything(self) -> bool:
        """Whether these are all the scans that the gateway shows, so that places in its queue can be told."""
        ...

    def snapshots(self) -> Sequence[Snapshot]:
        """The watched scans as they stand, newest first."""
        ...

    def lost(self, scan_id: str) -> GatewayError | None:
        """Why nothing more will be learned of a scan that has not ended, such as that its gateway forgot it."""
        ...

    def connection(self) -> Connection:
        """How the feed stands with its gateway."""
        ...

    def events(self, scan_id: str, last: int) -> Sequence[Event]:
        """The newest ``last`` events of a scan that are at hand, oldest first."""
        ...

    def on_change(self, listener: Callable[[str | None], None]) -> Callable[[], None]:
        """Call ``listener`` with the id of each scan that changed, ``None`` for the connection.

        It is called on the feed's own thread and must only note the id. The returned function ends that.
        """
        ...

    def handle(self, scan_id: str) -> Any:
        """What stands for a scan in Python."""
        ...

    def caller(self) -> str | None:
        """The name that scans asked for here carry as ``requested_by``; ``None`` when not known."""
        ...

    def workers(self) -> int | None:
        """How many scans the gateway runs at once; ``None`` when not known, or when not all of them are seen here."""
        ...

    def clock_ahead_s(self) -> float | None:
        """How many seconds the gateway's clock is ahead of ours; ``None`` when not known."""
        ...

    def repositories(self) -> Sequence[Repository]:
        """The registered repositories as far as they were looked up."""
        ...

    def look_up(self) -> None:
        """Look up the registered repositories; listeners are told when they are there."""
        ...

    def reconnect(self) -> None:
        """Try to connect now, also after a refusal."""
        ...

    def trigger(self, target: str, options: Mapping[str, str]) -> None:
        """Ask for a new scan; an error reaches the panel as :meth:`trouble`."""
        ...

    def cancel(self, scan_id: str) -> None:
        """Ask a scan to stop."""
        ...

    def retry(self, scan_id: str) -> None:
        """Ask for a new scan of the same target."""
        ...

    def trouble(self) -> str | None:
        """The last wish that could not be granted, in words; ``None`` when all went well."""
        ...
