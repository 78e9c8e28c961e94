"""From where a request may come: loopback names, and web pages that are allowed to ask.

What a browser sends by itself opens nothing once a token is asked for: it attaches none. Without one, a page of
somebody else could post to a gateway on this machine, or read from it under a name of its own that resolves to
loopback (DNS rebinding). So tokenless access is bound to names and origins, and access with a token to neither, which
is what a proxy in front of it needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

BEARER = "bearer"
ANY = "*"
_AT_HOME = frozenset({None, "none", "same-origin"})
"""No browser, or one that was told by its user or by the gateway's own page."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The names a gateway without a token goes by, besides loopback ones, and the origins it answers to."""

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def refusal(self, host: str, origin: str | None, site: str | None = None) -> str | None:
        """Why a request without a token is not served, with the remedy; ``None`` if it is.

        ``site`` is the browser's word for where what asks comes from (``Sec-Fetch-Site``): for pictures, scripts and
        frames it says no ``Origin``, and each of them could still take up a connection.
        """
        name = _without_port(host).lower().rstrip(".")
        if not is_loopback(name) and ANY not in self.hosts and name not in map(str.lower, self.hosts):
            return (
                f"Without a token this gateway is served by a loopback name only, not as {host[:80]!r}. "
                "Send a token, or start it with --allow-host."
            )
        if origin is not None and not self._knows(origin, host):
            return (
                f"Without a token this gateway does not answer to web pages of {origin[:80]!r}. "
                "Send a token, or start it with --allow-origin."
            )
        if origin is None and site not in _AT_HOME:
            return "Without a token this gateway does not answer to parts of other web pages. Open its own page."
        return None

    def _knows(self, origin: str, host: str) -> bool:
        if ANY in self.origins or origin in self.origins:
            return True
        # The scheme is not compared: a proxy may speak https to the browser and http to us.
        return urlsplit(origin).netloc.lower() == host.lower()


def bearer_token(header: str | None) -> str | None:
    """The token of an ``Authorization`` header."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == BEARER else None


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
        return host.partition("]")[0].strip("[")
    return host.partition(":")[0]
