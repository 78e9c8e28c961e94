"""``connect()``: which gateway, and with which token."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from .client import Client
from .client._waiting import block_on
from .errors import UsageError

if TYPE_CHECKING:
    from ._local import LocalGateway


def connect(gateway: str | LocalGateway | None = None, token: str | Callable[[], str | None] | None = None) -> Client:
    """Connect to a gateway and return a client.

    Without arguments the gateway is the one that ``SCANWATCH_URL`` names (with the token in ``SCANWATCH_TOKEN``), else
    a local one, which is started if none runs yet. It outlives the client, keeps its scans, and ends itself when
    nobody needs it.

    Args:
        gateway: a URL such as ``http://127.0.0.1:8700``, or a ``LocalGateway``.
        token: what the gateway asks for, or a function that gives a fresh one each time.

    Raises:
        UsageError: the URL is none of a gateway.
        GatewayUnreachable: nothing answers there.
        GatewayRefused: the gateway does not let this client in.
    """
    url, known_token = _find(gateway, token)
    client = Client(url, known_token)
    try:
        block_on(client._core.submit(client._core.driver.opened))
    except BaseException:
        client.close()
        raise
    return client


def _find(
    gateway: str | LocalGateway | None, token: str | Callable[[], str | None] | None
) -> tuple[str, str | Callable[[], str | None] | None]:
    from_environment = os.environ.get("SCANWATCH_TOKEN") or None
    if gateway is None and (url := os.environ.get("SCANWATCH_URL")):
        return url, token or from_environment
    if isinstance(gateway, str):
        return gateway, token or from_environment
    from ._local import LocalGateway

    local = LocalGateway() if gateway is None else gateway
    if not hasattr(local, "url") or not hasattr(local, "token"):
        raise UsageError(f"connect() takes a gateway's URL or a LocalGateway, not {local!r}.")
    return local.url, token or local.token
