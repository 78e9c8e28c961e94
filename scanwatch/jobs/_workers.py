"""What a gateway asks of whoever runs its scans: a worker in its own process, or workers elsewhere."""

from __future__ import annotations

from typing import Protocol


class Workers(Protocol):
    """Whoever runs the scans of a store."""

    @property
    def running(self) -> frozenset[str]:
        """The ids of the scans that run in this process."""
        ...

    @property
    def working(self) -> bool:
        """Whether what this process has to do with running scans is being done."""
        ...

    async def start(self) -> None:
        """Begin; what was left unfinished is taken up."""
        ...

    async def stop(self, timeout_s: float = 5.0) -> None:
        """Stop in good order, within about ``timeout_s``. Harmless when repeated."""
        ...

    async def cancel(self, scan_id: str, by: str | None = None) -> None:
        """Stop a scan for good; returns once that is durable. Harmless when repeated.

        Raises:
            UnknownRecord: no such scan.
        """
        ...

    async def forget(self, scan_id: str) -> None:
        """Stop a scan that is being deleted, without a further event."""
        ...
