"""What a panel asks of whoever feeds it: a client, a replayed recording, a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ..model import Connection, Event
from ..snapshot import Snapshot


class Feed(Protocol):
    """Snapshots in, wishes out. Every method returns at once and may be called from any thread."""

    def snapshots(self) -> Sequence[Snapshot]:
        """The watched scans as they stand, newest first."""
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

    def trigger(self, target: str) -> None:
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
