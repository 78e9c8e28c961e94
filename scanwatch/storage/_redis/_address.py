"""Which Redis, and how to reach it: the URL taken apart, so that no secret of it is ever shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ...errors import ConfigurationError

FORM = "redis://[user:password@]host[:6379][/database][?prefix=scanwatch] (rediss:// for TLS)"
DEFAULT_PREFIX = "scanwatch"
_PREFIX = re.compile(r"[\w.:-]{1,100}", re.ASCII)
_TLS_FILES = ("ca_file", "cert_file", "key_file")


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where a Redis is and who asks it. Secrets stay out of the ``repr`` and of ``shown``."""

    host: str
    port: int = 6379
    database: int = 0
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    prefix: str = DEFAULT_PREFIX
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @property
    def shown(self) -> str:
        """The URL for people: without the user and the password."""
        scheme = "rediss" if self.tls else "redis"
        host = f"[{self.host}]" if ":" in self.host else self.host
        prefix = "" if self.prefix == DEFAULT_PREFIX else f"?prefix={self.prefix}"
        return f"{scheme}://{host}:{self.port}/{self.database}{prefix}"

    def options(self) -> dict[str, Any]:
        """What a client of redis-py is made with, time-outs apart."""
        options: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "db": self.database,
            "username": self.user,
            "password": self.password,
        }
        if self.tls:
            options["ssl"] = True
            for name, option in zip(_TLS_FILES, ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"), strict=True):
                if (path := getattr(self, name)) is not None:
                    options[option] = str(path)
        return options


def parse_address(url: str) -> RedisAddress:
    """The address that ``url`` names.

    Raises:
        ConfigurationError: it is no such URL; the message shows nothing of a user or password in it.
    """
    parts = urlsplit(url)
    if "#" in url:
        raise _wrong("a # in a user or password is written %23")
    try:
        port = parts.port or 6379
    except ValueError:
        raise _wrong("its port is no number from 1 to 65535") from None
    if not parts.hostname:
        raise _wrong("it names no host")
    return RedisAddress(
        host=parts.hostname,
        port=port,
        database=_database(parts.path),
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=parts.scheme == "rediss",
        **_query(parts),
    )


def _database(path: str) -> int:
    text = path.strip("/")
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 5:
        raise _wrong("the database after the host is a number, 0 by default")
    return int(text)


def _query(parts: SplitResult) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name == "prefix":
            if not _PREFIX.fullmatch(value):
                raise _wrong("a prefix is 1 to 100 letters, digits and signs of . _ : -")
            said[name] = value
        elif name in _TLS_FILES:
            if parts.scheme != "rediss":
                raise _wrong(f"{name} is for rediss://")
            said[name] = Path(value)
        else:
            known = ", ".join(("prefix", *_TLS_FILES))
            raise _wrong(f"it has an option {name[:40]!r}, and these are known: {known}")
    return said


def _wrong(why: str) -> ConfigurationError:
    return ConfigurationError(f"The store's Redis URL cannot be used: {why}. It is written {FORM}.")
