"""``connect()``: which gateway, and with which token."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .client import Client
from .client._address import Verify
from .client._waiting import block_on
from .errors import GatewayRefused, UsageError

if TYPE_CHECKING:
    from ._local import LocalGateway

Token = str | Callable[[], str | None] | None
Place = tuple[str, Token]
"""A gateway's URL and the token for it."""

_PROBE_TIMEOUT_S = 2.0


def connect(gateway: str | LocalGateway | None = None, token: Token = None, *, verify: Verify = None) -> Client:
    """Connect to a gateway and return a client.

    Without arguments the gateway is the one that ``SCANWATCH_URL`` names (with the token in ``SCANWATCH_TOKEN``), else
    a local one, which is started if none runs yet. It outlives the client, keeps its scans, and ends itself when
    nobody needs it. When it dies all the same, the client starts it again, or joins the one that somebody else has
    started on its store meanwhile. A ``LocalGateway`` that was given is found again, and left to its owner to start.

    Args:
        gateway: a URL such as ``http://127.0.0.1:8700``, or a ``LocalGateway``.
        token: what the gateway asks for, or a function that gives a fresh one each time.
        verify: what an ``https`` gateway's certificate is checked with: a file of certificates to trust, or an
            ``ssl.SSLContext``; otherwise what the system trusts, or the file that ``SSL_CERT_FILE`` names.

    Raises:
        UsageError: the URL is none of a gateway.
        GatewayUnreachable: nothing answers there.
        GatewayRefused: the gateway does not let this client in.
    """
    (url, known_token), relocate = _find(gateway, token)
    client = Client(url, known_token, verify=verify, relocate=relocate)
    try:
        block_on(client._core.submit(client._core.driver.opened))
    except BaseException:
        client.close()
        raise
    return client


def _find(gateway: str | LocalGateway | None, token: Token) -> tuple[Place, Callable[[], Place] | None]:
    """Where the gateway is, and how to find it again once it is there no more."""
    from_environment = os.environ.get("SCANWATCH_TOKEN") or None
    if gateway is None and (url := os.environ.get("SCANWATCH_URL")):
        return (url, token or from_environment), None
    if isinstance(gateway, str):
        return (gateway, token or from_environment), None
    from ._local import LocalGateway

    local = LocalGateway() if gateway is None else gateway
    if not hasattr(local, "url") or not hasattr(local, "token"):
        raise UsageError(f"connect() takes a gateway's URL or a LocalGateway, not {local!r}.")
    place = (local.url, token or local.token)
    store, may_start = getattr(local, "store", None), gateway is None
    if store is None:  # something with a URL and a token that is no process of its own
        return place, None
    return place, lambda: _find_again(store, place, token, may_start=may_start)


def _find_again(store: str, last: Place, token: Token, *, may_start: bool) -> Place:
    """Where the gateway that owns ``store`` is now; while there is none that might come back, where it was last.

    Raises:
        GatewayRefused: its scans were in its memory alone, and it has ended.
    """
    from ._local import LocalGateway, discover, store_file

    found = discover(store) or (LocalGateway(store) if may_start else None)
    if found is not None:
        return found.url, token or found.token
    if store_file(store) is None and _nothing_listens(last[0]):
        raise GatewayRefused(
            f"The local gateway at {last[0]} has ended, and with it its scans, which it kept in memory; start another "
            "with LocalGateway(), and give it a file as store=... to keep scans."
        )
    return last


def _nothing_listens(url: str) -> bool:
    """Whether this host itself says that nothing is there; a gateway that is only slow is another matter."""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), _PROBE_TIMEOUT_S):
            return False
    except OSError as error:
        return isinstance(error, ConnectionRefusedError)
