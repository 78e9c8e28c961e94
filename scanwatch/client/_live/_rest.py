"""The records, over HTTP."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from ... import wire
from ...errors import (
    GatewayAnswerError,
    GatewayRefused,
    GatewayUnreachable,
    NotFound,
    NotSupported,
    ScanwatchError,
    WireError,
)
from ...wire import RecordedRest
from .._address import Address
from .._received import Received

REQUEST_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 10.0
LONGEST_ANSWER_BYTES = 64 * 1024 * 1024
UNKNOWN_NAMESPACE = "Unable to connect"
"""What servers in Python say to it; those in JavaScript name the word."""

SPEAKS_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})
"""What a TLS handshake ends with where something else answers, by the version of OpenSSL."""

BUSY = frozenset({502, 503, 504})
NO_ROUTE = frozenset({405, 501})


class Rest:
    """Requests to one gateway, with foreign errors translated to ours."""

    def __init__(self, address: Address, received: Received | None = None) -> None:
        self._address = address
        self._received = received or Received()
        self._http: aiohttp.ClientSession | None = None
        self._dated: Callable[[datetime], None] = lambda _there: None

    def heed_dates(self, dated: Callable[[datetime], None]) -> None:
        """From now on tell what time it is at the gateway with each answer that says so."""
        self._dated = dated

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    def move(self, address: Address) -> None:
        """From now on the gateway is at ``address``."""
        self._address = address

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        return await self.ask("GET", path, query=query)

    async def post(self, path: str, body: Mapping[str, Any] | None = None, *, key: str | None = None) -> Any:
        return await self.ask("POST", path, body=body, key=key)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Any:
        """The JSON a request was answered with."""
        url = self._address.url + path
        try:
            async with self._session().request(
                method, URL(url, encoded=True).with_query(query), json=body, headers=self._headers(key)
            ) as response:
                if (there := _date(response.headers)) is not None:
                    self._dated(there)
                data = _json(await response.read())
                self._received(lambda: _line(method, path, query, response.status, body, data))
                if response.status >= 400:
                    raise _answer_error(method, url, response.status, data)
        except ScanwatchError:
            raise
        except TooLong as error:
            raise WireError(f"{method} {url} was answered with {error}; is this a gateway?") from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise unreachable(self._address, error) from error
        if data is None and response.status != 204:
            raise WireError(f"{method} {url} was answered with something that is not JSON; is this a gateway?")
        return data

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = new_http(self._address)
        return self._http

    def _headers(self, key: str | None) -> dict[str, str]:
        token = self._address.current_token()
        keyed = {} if key is None else {wire.IDEMPOTENCY_KEY: key}
        return {"Authorization": f"Bearer {token}", **keyed} if token else keyed


def _date(headers: Mapping[str, str]) -> datetime | None:
    """When an answer was made, by its maker's clock; nothing where some cache has kept it since."""
    if "Age" in headers:
        return None
    try:
        return parsedate_to_datetime(headers["Date"]).astimezone(UTC) + timedelta(seconds=0.5)  # it has whole seconds
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def _line(
    method: str, path: str, query: Mapping[str, str] | None, status: int, request: Any, response: Any
) -> RecordedRest:
    asked = f"/{path}?{urlencode(query)}" if query else f"/{path}"
    return RecordedRest(t_ms=0, method=method, path=asked, status=status, request=request, response=response)


class TooLong(aiohttp.ClientError):
    """An answer is longer than any gateway's."""


class BoundedResponse(aiohttp.ClientResponse):
    """An answer of which no more is kept than fits: whoever answers may never end, or send what unpacks to a flood."""

    async def read(self) -> bytes:
        if self._body is None:
            body = bytearray()
            async for chunk in self.content.iter_any():
                body += chunk
                if len(body) > LONGEST_ANSWER_BYTES:
                    self.close()
                    raise TooLong(f"more than {LONGEST_ANSWER_BYTES} bytes")
            self._body = bytes(body)
        return self._body


class Untrusted(GatewayUnreachable):
    """The gateway's certificate is none that this computer trusts."""


def new_http(address: Address) -> aiohttp.ClientSession:
    """An HTTP session for one gateway: through the environment's proxy, if any, for requests and for websockets alike.

    The library's own ``trust_env`` knows no proxy for websockets.
    """
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        cookie_jar=aiohttp.CookieJar(unsafe=True),
        connector=aiohttp.TCPConnector(ssl=address.tls or True),
        proxy=address.proxy,
        response_class=BoundedResponse,
    )


def unreachable(address: Address, error: BaseException) -> GatewayUnreachable:
    """What went wrong on the way to a gateway, in words."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, ssl.SSLError) and cause.reason in SPEAKS_NO_TLS:
        return Untrusted(
            f"What answers at {address.url} does not speak TLS ({_short(cause)}); check the URL: a gateway without TLS "
            "is at http://, and its port is another."
        )
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError | ssl.SSLError):
        return Untrusted(
            f"The gateway at {address.url} has a certificate this computer does not trust ({_short(cause)}); check the "
            "URL, pass the file of the certificates to trust as verify=..., or let SSL_CERT_FILE name it."
        )
    if isinstance(error, aiohttp.ClientHttpProxyError | aiohttp.ClientProxyConnectionError):
        why = f"The proxy on the way to {address.url} does not let us through"
        remedy = "check HTTP_PROXY and HTTPS_PROXY, or name the gateway's host in NO_PROXY"
    elif isinstance(error, aiohttp.TooManyRedirects | aiohttp.RedirectClientError):
        why = f"What answers at {address.url} sends us elsewhere, and there is no gateway"
        remedy = "check the URL"
    elif isinstance(error, aiohttp.ClientPayloadError):
        why = f"An answer from {address.url} broke off or cannot be unpacked"
        remedy = "try again, and check what is in between"
    elif isinstance(error, aiohttp.ClientResponseError):
        why = f"What answers at {address.url} does not speak HTTP"
        remedy = "check the URL and its port"
    elif isinstance(error, TimeoutError):
        why = f"The gateway at {address.url} did not answer in time"
        remedy = "check that it is not overloaded and that no firewall is in between"
    else:
        why = f"Nothing answers at {address.url}"
        remedy = "check the URL, or start a gateway with `scanwatch serve`"
    return GatewayUnreachable(f"{why} ({_short(cause)}); {remedy}.")


def _short(error: BaseException) -> str:
    refused = isinstance(error, ConnectionRefusedError)  # asyncio's own words for it are of interest to programmers
    words = "connection refused" if refused else str(error) or type(error).__name__
    return words if len(words) <= 160 else f"{words[:160]}..."


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def refusal(url: str, status: int | None, words: str | None) -> GatewayRefused:
    """Why a gateway does not let this client in, with the remedy."""
    said = f" It said: {words.rstrip('.')}." if words else ""
    if words is not None and ("namespace" in words.lower() or words == UNKNOWN_NAMESPACE):
        return GatewayRefused(f"{url} answers, but is no gateway that scanwatch understands.{said} Check the URL.")
    what = "its token does not allow that" if status == 403 else "it asks for a valid token"
    return GatewayRefused(
        f"The gateway at {url} refused: {what}.{said} Pass token=... to connect(), or set SCANWATCH_TOKEN."
    )


def _answer_error(method: str, url: str, status: int, data: Any) -> ScanwatchError:
    words = wire.error_words(data)
    if status in {401, 403}:
        return refusal(url, status, words)
    if status in BUSY:
        return GatewayUnreachable(f"The gateway behind {url} is not available now (HTTP {status}); try again later.")
    if status in NO_ROUTE or (status == 404 and _names_no_route(words)):
        return NotSupported(f"This gateway cannot do that: it has no {method} {url}.")
    message = f"{method} {url} was answered with {status}: {words or 'no reason given'}"
    if status == 404:
        return NotFound(message, status=status, url=url)
    return GatewayAnswerError(message, status=status, url=url)


def _names_no_route(words: str | None) -> bool:
    """Whether a 404 is about the route and not about a record."""
    if words is None:
        return True
    return words.startswith(("Cannot ", "There is nothing at")) or words.strip(". ").lower() == "not found"
