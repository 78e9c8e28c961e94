"""Where scans, their events and their results are kept; a URL says in which kind of store."""

from __future__ import annotations

from ..errors import ConfigurationError
from ._base import IN_USE, AccessStore, EventLog, Listener, ScanFilter, ScanStore, Store

_FORMS = "sqlite:///scans.db (a file here), sqlite:////var/lib/scans.db (anywhere) or memory: (kept until the end)"


def open_store(url: str) -> Store:
    """The store that ``url`` names, not yet opened: ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``memory:``.

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
    if scheme in ("redis", "rediss"):
        raise ConfigurationError(
            f"This version of scanwatch has no Redis store (it comes with the redis extra). Use {_FORMS}."
        )
    raise ConfigurationError(f"{url!r} names no kind of store. Use {_FORMS}.")


def _path(url: str) -> str:
    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise ConfigurationError(f"{url!r} names no file: it takes three slashes, then the path. Use {_FORMS}.")
    if path == ":memory:":
        raise ConfigurationError(f"A SQLite store is a file. Use {_FORMS}.")
    return path


__all__ = ["IN_USE", "AccessStore", "EventLog", "Listener", "ScanFilter", "ScanStore", "Store", "open_store"]
