"""Who may come in: one static token, or nobody but this machine."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from ipaddress import ip_address

BEARER = "Bearer "


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was let in; ``name`` is what a scan's ``requested_by`` will say."""

    name: str | None = None


class Gatekeeper:
    """Lets callers in by token; without one, only those who address this machine by a loopback name."""

    def __init__(self, token: str | None, name: str | None = None) -> None:
        self._token = None if token is None else token.encode()
        self._caller = Caller(name)

    def admit(self, token: str | None) -> Caller | None:
        """The caller who holds ``token``; ``None`` if it opens nothing."""
        if self._token is None:
            return self._caller
        given = b"" if token is None else token.encode(errors="replace")
        return self._caller if hmac.compare_digest(given, self._token) else None

    def knows_host(self, host: str) -> bool:
        """Whether a request to this ``Host`` may be served.

        Without a token another web page could reach a loopback gateway under a name of its own (DNS rebinding). A
        token says more than a name, so with one any host will do, as behind a proxy.
        """
        return self._token is not None or is_loopback(_without_port(host))


def bearer_token(header: str | None) -> str | None:
    """The token of an ``Authorization`` header."""
    if header is None or not header.startswith(BEARER):
        return None
    return header.removeprefix(BEARER).strip()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0]
    return host.partition(":")[0]
