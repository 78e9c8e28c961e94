"""Where scans, their events and their results are kept; a URL says in which kind of store."""

from __future__ import annotations

from .._credentials import without_credentials
from ..errors import ConfigurationError
from ._base import (
    IN_USE,
    AccessStore,
    Change,
    ChangeListener,
    EventLog,
    FeedGap,
    Listener,
    RepositoryGone,
    ScanFilter,
    ScanStore,
    Store,
)
from ._rules import matches

_SHARED = ("redis", "rediss")
_FORMS = (
    "sqlite:///scans.db (a file here), sqlite:////var/lib/scans.db (anywhere), memory: (kept until the end) "
    "or redis://host:6379/0 (shared by many processes)"
)


def open_store(url: str, *, patience_s: float = 1.0) -> Store:
    """The store that ``url`` names, not yet opened: ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``memory:``.

    ``redis://host`` and ``rediss://host`` name one that many processes share; ``patience_s`` is how long an append to
    it is tried again while it cannot be reached.

    Raises:
        ConfigurationError: there is no such kind of store; the message names the accepted forms.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "memory" and rest in ("", "//"):
        from ._memory import MemoryStore

        return MemoryStore()
    if scheme == "sqlite":
        from ._sqlite import SqliteStore

        return SqliteStore(_path(url))
    if scheme in _SHARED:
        return _redis_store(url, patience_s)
    raise ConfigurationError(f"{without_credentials(url)!r} names no kind of store. Use {_FORMS}.")


def _redis_store(url: str, patience_s: float) -> Store:
    try:
        from ._redis import RedisStore, parse_address
    except ImportError:
        raise ConfigurationError("A store in Redis needs the redis extra: pip install 'scanwatch[redis]'.") from None
    return RedisStore(parse_address(url), patience_s=patience_s)


def is_shared(url: str) -> bool:
    """Whether the store that ``url`` names is one for many processes; then none of them runs scans by the way."""
    return url.partition(":")[0] in _SHARED


def _path(url: str) -> str:
    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise ConfigurationError(f"{url!r} names no file: it takes three slashes, then the path. Use {_FORMS}.")
    if path == ":memory:":
        raise ConfigurationError(f"A SQLite store is a file. Use {_FORMS}.")
    return path


__all__ = [
    "IN_USE",
    "AccessStore",
    "Change",
    "ChangeListener",
    "EventLog",
    "FeedGap",
    "Listener",
    "RepositoryGone",
    "ScanFilter",
    "ScanStore",
    "Store",
    "is_shared",
    "matches",
    "open_store",
]
