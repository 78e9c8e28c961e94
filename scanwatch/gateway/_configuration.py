"""Everything a gateway can be told, each field with its meaning beside it, and what makes no sense together."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import ConfigurationError
from ._auth import ALGORITHMS, is_loopback
from ._options import option, options_of

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
DAY_S = 86_400.0
MAX_TOKEN = 1024
"""Characters of a token; the HTTP server takes headers of 8 190 bytes."""
MAX_CONCURRENCY = 1_000
_SENDABLE = re.compile(rf"[!-~]([ -~]{{0,{MAX_TOKEN - 2}}}[!-~])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """Everything a gateway can be told; ``docs/configuration.md`` lists every field with its meaning.

    Fields that end in ``_s`` are seconds. ``token`` stays out of the ``repr``.

    Raises:
        ConfigurationError: a value makes no sense, or does not go with another.
    """

    host: str = option("127.0.0.1", "the address to listen on; any but a loopback one needs a token")
    port: int = option(8700, "the port to listen on; 0 takes a free one")
    store: str = option(
        "sqlite:///scanwatch.db",
        "where scans are kept: `sqlite:///relative.db`, `sqlite:////absolute.db`, `memory:`, or "
        "`redis://[user:password@]host:6379/0` for many gateways and workers",
        shown=False,
        default_words="your own scans.db",
    )
    queue_prefix: str | None = option(
        None,
        "the prefix of BullMQ's keys, with a store in Redis",
        default_words="bull, or the store's own prefix if it names one",
    )
    token: str | None = option(None, "what a client must show; without one, only this machine is served", secret=True)
    user: str | None = option(None, "the name that scans triggered with the token carry")
    concurrency: int = option(3, "scans that run at once, at most 1000")
    attempts: int = option(3, "how often a scan is tried before it has failed")
    backoff_s: float = option(
        5.0, "time before the second attempt; doubled before each further one", name="backoff", duration=True
    )
    max_events_per_s: float = option(
        10.0, "progress events a scan may make in a second; 0 keeps every report", name="max_events_per_second"
    )
    jwt_key: str | None = option(
        None, "what JSON Web Tokens are signed with: a secret for HS256, else a public key as PEM or JWK", secret=True
    )
    jwt_algorithm: str = option("HS256", "the one algorithm they may be signed with", choices=ALGORITHMS)
    jwt_audience: str | None = option(None, "the audience they must name")
    jwt_issuer: str | None = option(None, "the issuer they must name")
    allow_local_paths: bool | None = option(
        None,
        "whether paths and `file://` of this machine may be scanned",
        default_words="yes on a loopback address, else no",
    )
    allow_private_targets: bool | None = option(
        None,
        "whether targets at private and loopback addresses may be scanned",
        default_words="yes on a loopback address, else no",
    )
    allow_schemes: tuple[str, ...] = option(
        (), "schemes of targets that may be scanned, such as `https,ssh`; `path` is a local path", default_words="all"
    )
    idle_s: float | None = option(
        None,
        "end after so long without a client, a request or an unfinished scan",
        name="idle_timeout",
        duration=True,
        default_words="never",
    )
    allow_hosts: tuple[str, ...] = option(
        (),
        "names besides loopback ones by which a gateway without a token may be asked; `*` for any",
        name="allow_host",
    )
    allow_origins: tuple[str, ...] = option(
        (),
        "origins whose web pages may ask this gateway, such as `https://app.example.org`; `*` for any",
        name="allow_origin",
    )
    keep_s: float | None = option(
        90 * DAY_S, "how long ended scans are kept with their results; `forever` for no end", name="keep", duration=True
    )
    keep_events_s: float | None = option(
        7 * DAY_S, "how long the events of ended scans are kept", name="keep_events", duration=True
    )
    public_metrics: bool = option(False, "whether `/metrics` is answered without the token")
    fast_path: bool = option(
        True, "whether events are written straight to sockets, where the installed libraries allow it"
    )
    stall_s: float = option(
        20.0, "how long a client that is behind may read nothing before it is cut off", name="stall", duration=True
    )
    ping_interval_s: float = option(25.0, "how often a connected client is pinged", name="ping_interval", duration=True)
    ping_timeout_s: float = option(
        20.0, "how long it may take to answer before it counts as gone", name="ping_timeout", duration=True
    )
    patience_s: float = option(
        60.0,
        "how long a connection may lead to nothing: to no whole request, to no client that joins",
        name="patience",
        duration=True,
    )
    max_body_bytes: int = option(1024 * 1024, "how large the body of a request may be")
    max_message_bytes: int = option(1_000_000, "how large a client's message on the socket may be")
    max_connections: int = option(5_000, "clients that may be connected at once")
    max_subscriptions: int = option(1_000, "scans that a client may watch by name")
    max_scans_per_token: int = option(1_000, "unfinished scans that one token may have")
    max_requests_per_minute: int = option(6_000, "requests that one token may make in a minute; 0 sets no limit")
    max_repositories: int = option(10_000, "repositories that may be registered")
    log_level: str = option("warning", "what goes to standard error", choices=LOG_LEVELS)
    log_format: str = option("text", "how it is written: lines of text, or of JSON", choices=LOG_FORMATS)

    def __post_init__(self) -> None:
        if not self.host:
            raise ConfigurationError("host is empty; name an address, such as 127.0.0.1")
        if not 0 <= self.port <= 65535:
            raise ConfigurationError(f"port {self.port} is not within 0-65535")
        self._check_token()
        if self.token is None and self.jwt_key is None and not is_loopback(self.host):
            raise ConfigurationError(
                f"Listening on {self.host} lets other machines in, so a token is needed: "
                "set SCANWATCH_TOKEN or name a --token-file, or use 127.0.0.1."
            )
        self._check_numbers()
        for origin in self.allow_origins:
            if origin != "*" and ("://" not in origin or origin.endswith("/")):
                raise ConfigurationError(f"{origin!r} is no origin; one is written https://app.example.org")

        if self.jwt_key is not None and not (self.jwt_audience and self.jwt_issuer):
            raise ConfigurationError("JSON Web Tokens are checked against jwt_audience and jwt_issuer: set both.")

    @property
    def local_paths_allowed(self) -> bool:
        """Whether paths of this machine may be scanned, as configured or by the address listened on."""
        return is_loopback(self.host) if self.allow_local_paths is None else self.allow_local_paths

    @property
    def private_targets_allowed(self) -> bool:
        """Whether private addresses may be scanned, as configured or by the address listened on."""
        return is_loopback(self.host) if self.allow_private_targets is None else self.allow_private_targets

    def _check_token(self) -> None:
        if self.token is None:
            return
        if not self.token.strip():
            raise ConfigurationError("The token is empty; give a long random one, or none at all.")
        if not _SENDABLE.fullmatch(self.token):
            raise ConfigurationError(
                f"The token cannot be sent in a header: it must be 1 to {MAX_TOKEN} letters, digits and signs of ASCII "
                "on one line. Give another one."
            )

    def _check_numbers(self) -> None:
        limits = ("max_body_bytes", "max_message_bytes", "max_connections", "max_subscriptions", "max_scans_per_token")
        for name in ("concurrency", "attempts", *limits, "max_repositories"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.concurrency > MAX_CONCURRENCY:
            raise ConfigurationError(f"concurrency must be at most {MAX_CONCURRENCY}, not {self.concurrency}")
        for name in ("backoff_s", "max_events_per_s", "max_requests_per_minute", "idle_s", "keep_s", "keep_events_s"):
            if (getattr(self, name) or 0) < 0:
                raise ConfigurationError(f"{name} must not be below 0, and is {getattr(self, name)}")
        for name in ("stall_s", "ping_interval_s", "ping_timeout_s", "patience_s"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"{name} must be above 0, and is {getattr(self, name)}")


OPTIONS = options_of(GatewayConfig)
