"""Where a gateway is and what lets us in: its URL, cleaned and checked, and its token, which shows itself to nobody."""

from __future__ import annotations

import difflib
import ipaddress
import os
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from ..errors import ConfigurationError, UsageError

Token = str | Callable[[], str | None] | None
"""A token, or something to call for a fresh one before each attempt to connect and each request."""

Relocate = Callable[[], tuple[str, Token]]
"""Gives a gateway's URL and token as of now. It may block; raising ``GatewayRefused`` ends a client's attempts."""

EXAMPLE = "write it as http://HOST:PORT, for example http://127.0.0.1:8700"


Verify = str | os.PathLike[str] | ssl.SSLContext | None
"""What a gateway's certificate is checked with: a file of certificates, a context, or what the system trusts."""

TOKENS_KEPT = 16


@dataclass(frozen=True, slots=True)
class Address:
    """A gateway's base URL, which ends in ``/``, and the token for it."""

    url: str
    token: Token = field(default=None, repr=False)
    shown: deque[str] = field(default_factory=lambda: deque(maxlen=TOKENS_KEPT), repr=False, compare=False)
    """The tokens shown lately, so that none of them is written down anywhere."""
    tls: ssl.SSLContext | None = field(default=None, repr=False, compare=False)
    """What an ``https`` gateway's certificate is checked with."""

    def current_token(self) -> str | None:
        """The token as of now.

        Raises:
            UsageError: it is no text, or holds characters that no HTTP header can.
            ConfigurationError: the function that should give one failed.
        """
        try:
            token = self.token() if callable(self.token) else self.token
        except Exception as error:
            raise ConfigurationError(f"The function given as token=... failed: {error!r}.") from error
        if token is not None and not isinstance(token, str):
            raise UsageError(f"A token is text, or a function that returns text, not of type {type(token).__name__}.")
        if token and not (token.isascii() and token.isprintable()):
            raise UsageError("The token holds characters that cannot be sent; copy it anew, without line breaks.")
        if token and token not in self.shown:
            self.shown.append(token)
        return token or None

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def prefix(self) -> str:
        """The path below the origin, without slashes at its ends; a proxy may put a gateway under one."""
        return urlsplit(self.url).path.strip("/")

    @property
    def proxy(self) -> str | None:
        """The proxy on the way there, as the environment has it (``HTTPS_PROXY``, ``NO_PROXY`` ...).

        Raises:
            ConfigurationError: it is of a kind that cannot be used.
        """
        parts = urlsplit(self.url)
        if self.on_this_host or proxy_bypass(parts.netloc):
            return None
        known = getproxies()
        proxy = known.get(parts.scheme) or known.get("all")
        if not proxy:
            return None
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        if urlsplit(proxy).scheme not in {"http", "https"}:
            raise ConfigurationError(
                f"The environment names a {urlsplit(proxy).scheme} proxy for {self.url}, which cannot be used; set "
                f"{parts.scheme.upper()}_PROXY to http://HOST:PORT, or NO_PROXY to {parts.hostname}."
            )
        return proxy

    @property
    def on_this_host(self) -> bool:
        """Whether the gateway is on the loopback interface, where no proxy is wanted."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


def parse_address(url: str, token: Token = None, verify: Verify = None) -> Address:
    """The address a person typed.

    Raises:
        UsageError: it is no URL of a gateway, or ``verify`` no certificates; the message says what would be right.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"The gateway's URL {text!r} cannot be read ({error}); {EXAMPLE}.") from None
    if parts.username or parts.password:
        raise UsageError("The gateway's URL holds a user or password; leave them out and pass token=... instead.")
    if parts.scheme not in {"http", "https"}:
        close = difflib.get_close_matches(parts.scheme, ["http", "https"], n=1)
        hint = f"did you mean {close[0]}://? Otherwise " if close and parts.netloc else ""
        raise UsageError(f"The gateway's URL {text!r} does not begin with http:// or https://; {hint}{EXAMPLE}.")
    if not parts.hostname or port == 0:
        raise UsageError(f"The gateway's URL {text!r} names no host and port; {EXAMPLE}.")
    if not text.isprintable() or " " in parts.hostname:
        raise UsageError(f"The gateway's URL {text!r} holds characters that no address has; {EXAMPLE}.")
    if parts.query or parts.fragment:
        raise UsageError(
            f"The gateway's URL {urlunsplit((parts.scheme, parts.netloc, parts.path, '', ''))!r} was given with a "
            "query or fragment; leave it out, and pass a token as token=..."
        )
    path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    tls = _tls(verify) if parts.scheme == "https" or verify is not None else None
    return Address(urlunsplit((parts.scheme, parts.netloc, path, "", "")), token, tls=tls)


def _tls(verify: Verify) -> ssl.SSLContext:
    """The context that ``verify`` amounts to; without it, what the system or ``SSL_CERT_FILE`` trusts by now."""
    if isinstance(verify, ssl.SSLContext):
        return verify
    if verify is not None and not isinstance(verify, str | os.PathLike):
        raise UsageError(
            f"verify is {verify!r}; it is a file with the certificates to trust, or an ssl.SSLContext. Certificates "
            "are always checked: for one that signs itself, pass its own file."
        )
    try:
        return ssl.create_default_context(cafile=verify)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"verify={os.fspath(verify or '')!r} gives no certificates ({error}).") from None
