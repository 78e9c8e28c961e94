"""Where a local gateway keeps its scans and writes its log."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from ..errors import ConfigurationError

MAX_LOG_BYTES = 1024 * 1024
"""A log that has more than this in it is put aside when the next gateway starts."""

MEMORY = "memory:"
_FILE_SCHEME = "sqlite:///"


def home() -> Path:
    """Where scanwatch keeps what belongs to this user: ``SCANWATCH_HOME``, else the platform's place for data."""
    chosen = os.environ.get("SCANWATCH_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("scanwatch", appauthor=False))


def default_store() -> str:
    """The store of a local gateway that was told of none: ``scans.db`` in :func:`home`."""
    return f"{_FILE_SCHEME}{home() / 'scans.db'}"


def as_url(store: str | os.PathLike[str] | None) -> str:
    """A store's URL, whatever the working directory becomes: of a path, of a URL, or of nothing, the default."""
    if store is None:
        return default_store()
    text = os.fspath(store)
    if (path := store_file(text)) is not None:
        return f"{_FILE_SCHEME}{path}"
    if text == MEMORY or "://" in text:
        return text
    return f"{_FILE_SCHEME}{Path(text).expanduser().absolute()}"


def store_file(store: str) -> Path | None:
    """The file behind a store's URL; ``None`` for a store that is no file."""
    if not store.startswith(_FILE_SCHEME):
        return None
    return Path(store.removeprefix(_FILE_SCHEME)).absolute()


def make_room(store: str) -> None:
    """Make the default store's folder if it is not there yet; any other is the user's to make.

    Raises:
        ConfigurationError: the store's folder is not there, or cannot be made.
    """
    path = store_file(store)
    if path is None:
        return
    if store == default_store():
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The folder {path.parent} cannot be made: {error.strerror}. "
                "Set SCANWATCH_HOME to a folder this account may write to."
            ) from None
    if not os.path.isdir(path.parent):
        raise ConfigurationError(
            f"The store {store} lies in {path.parent}, which does not exist; make that folder first."
        )


def open_log(store: str) -> tuple[IO[str], int]:
    """Where the child's standard error goes (it may outlive us, so not into a pipe), and how much is there already.

    Raises:
        ConfigurationError: the folder is not there, or may not be written to.
    """
    path = store_file(store)
    if path is None:
        descriptor, name = tempfile.mkstemp(prefix="scanwatch-", suffix=".log")
        os.close(descriptor)
        return Path(name).open("a", encoding="utf-8"), 0
    make_room(store)
    _put_aside(path.with_name(f"{path.name}.log"))
    try:
        log = path.with_name(f"{path.name}.log").open("a", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"The log {error.filename} of the gateway on {store} cannot be written ({error.strerror}); choose a store "
            "in a folder that this account may write to, or set SCANWATCH_HOME to one."
        ) from error
    return log, log.tell()


def _put_aside(log: Path) -> None:
    """A log that has grown takes the place of the one put aside before, so that the two stay small together."""
    with suppress(OSError):  # it is not there yet, or (Windows) the gateway that writes it still runs
        if log.is_file() and log.stat().st_size > MAX_LOG_BYTES:
            log.replace(log.with_name(f"{log.name}.1"))
