"""What a scripted gateway needs of a script: what it answers, and what it sends meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from .. import wire

Answer = tuple[int, Any]
"""A status and what is sent as JSON."""

API = f"/{wire.paths.repositories.removesuffix('/repositories')}"


@dataclass(frozen=True, slots=True)
class Stage:
    """What a script may do besides answering."""

    emit: Callable[..., Awaitable[None]]
    """Send an event by its name and arguments to everybody."""
    cut: Callable[[], Awaitable[None]]
    """Drop every push connection."""


class Script(Protocol):
    """How a scripted gateway behaves. Everything happens on its event loop."""

    hello: Any
    """What is said to a client of our dialect when it joins; ``None``: nothing, as gateways in the field do."""

    @property
    def scan_ids(self) -> list[str]:
        """The scans there are."""
        ...

    @property
    def targets(self) -> list[str]:
        """What was, or can be, scanned."""
        ...

    def begin(self, stage: Stage) -> None:
        """The gateway listens from now on."""
        ...

    def joined(self) -> None:
        """Somebody has joined the push connection."""
        ...

    def forget(self, scan_id: str) -> None:
        """Know a scan no more."""
        ...

    async def end(self) -> None:
        """The gateway is being stopped."""
        ...

    async def answer(self, method: str, path: str, body: Any) -> Answer:
        """The answer to a request; ``path`` is below the gateway's prefix, with its query."""
        ...

    async def subscribe(self, request: Any) -> Any:
        """The acknowledgement of a subscription (our dialect)."""
        ...


def refusal(status: int, message: str | list[str]) -> Answer:
    """An error, as gateways word it."""
    return status, wire.to_plain(wire.ErrorPayload(message=message, status_code=status))


def no_route(method: str, path: str) -> Answer:
    """What a gateway says to a request it has no route for."""
    return refusal(404, f"Cannot {method} {path}")
