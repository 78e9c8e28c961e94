"""``LocalGateway``: a gateway that is started, or joined where one runs already."""

from __future__ import annotations

import os
import secrets
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import ConfigurationError, GatewayUnreachable
from ..storage import IN_USE, is_shared
from ._discovery import Discovery, await_owner, discover, wait_until_gone
from ._places import as_url, open_log, store_file
from ._process import STOP_TIMEOUT_S, Child, children, last_words

IDLE_TIMEOUT_S = 600.0
START_TIMEOUT_S = 30.0

_OWNER_PATIENCE_S = 2.0
"""How long the owner of a store is given to say how to reach it, before we try to become its owner again."""

_TRIES = 3
_WRONG_CONFIGURATION = 2  # the exit code of ``scanwatch serve``


class LocalGateway:
    """A gateway on this machine, started or joined; it is there when the constructor returns.

    Args:
        store: where scans are kept: a path, ``sqlite:///...``, or ``memory:``. By default one file for each user.
        shared: whether it may outlive this process, to be joined by the next (a kernel that was restarted finds its
            scans again). ``False``: it ends with this process.
        token: what a client must know; by default a random one.
        concurrency: scans that run at once; ``None`` leaves it to ``scanwatch serve``, as with the two below.
        attempts: how often a scan is tried.
        backoff_s: seconds before the second attempt.
        idle_timeout_s: seconds without a client and without a scan after which it ends by itself.
        start_timeout_s: seconds it is given to start.

    Raises:
        GatewayUnreachable: it did not start; the message ends with its last words and names its log.
        ConfigurationError: an argument cannot be used (the message ends with the gateway's own words), the store's
            folder does not exist, or its owner cannot be joined or was started with another token.
    """

    def __init__(
        self,
        store: str | os.PathLike[str] | None = None,
        *,
        shared: bool = True,
        token: str | None = None,
        concurrency: int | None = None,
        attempts: int | None = None,
        backoff_s: float | None = None,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        self.store = as_url(store)
        if is_shared(self.store):
            raise ConfigurationError(
                "A local gateway keeps its scans in a file or in memory. With Redis, run `scanwatch serve` and "
                "`scanwatch worker`, and connect to the gateway's URL."
            )
        self.joined = True
        """Whether the gateway was there already."""
        self._log: Path | None = None
        self._made_by = os.getpid()
        options = _options(concurrency=concurrency, attempts=attempts, backoff=backoff_s, idle_timeout=idle_timeout_s)
        deadline = time.monotonic() + start_timeout_s
        found = discover(self.store) or self._start_or_join(options, token, shared, deadline)
        if token is not None and found.token != token:
            raise ConfigurationError(
                f"The store {self.store} is owned by the gateway at {found.url}, which was started with another "
                "token. Leave the token out to join it, or choose another store."
            )
        self.url = found.url
        self.token = found.token
        self._pid = found.pid

    def stop(self) -> None:
        """End the gateway, wherever it was started from; its running scans go on when their store is served again.

        Harmless when it has ended already.
        """
        child = children.pop(self._pid, None)
        if child is not None:
            child.end()
        else:
            _end_joined(self.store, self._pid)
        if self._log is not None and store_file(self.store) is None:
            self._log.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the gateway if this object started it; one that was joined is left to its other users.

        So is one that another process started, of which this object is a copy: forked, or pickled.
        """
        if not self.joined and self._made_by == os.getpid():
            self.stop()

    def __repr__(self) -> str:
        return "<LocalGateway>"

    def _start_or_join(self, options: list[str], token: str | None, shared: bool, deadline: float) -> Discovery:
        """Start the child; when somebody else was quicker to own the store, join them.

        Who owned it may also be about to end: then it is ours to own at one of the next tries.
        """
        reason = ""
        for _ in range(_TRIES):
            started = self._start(options, token, shared, deadline)
            if started is not None:
                return started
            owner = await_owner(self.store, min(deadline, time.monotonic() + _OWNER_PATIENCE_S))
            if isinstance(owner, Discovery):
                return owner
            reason = owner.reason
            if owner.final or time.monotonic() >= deadline:
                break
        raise ConfigurationError(f"The store {self.store} {IN_USE}, and its owner cannot be joined: {reason}")

    def _start(self, options: list[str], token: str | None, shared: bool, deadline: float) -> Discovery | None:
        """Start the child; ``None`` if somebody else owns the store."""
        secret = token or secrets.token_urlsafe(24)
        log, said_before = open_log(self.store)
        with log:
            child = Child([*options, "--store", self.store], secret, shared=shared, log=log)
        path = Path(log.name)
        url = child.ready_url(deadline - time.monotonic())
        if url is not None:
            self.joined, self._log = False, path
            return Discovery(url, secret, child.pid)
        ran_out = child.exit_code is None
        child.end()
        words = last_words(path, said_before)
        if child.exit_code == _WRONG_CONFIGURATION:
            if IN_USE in words:
                return None
            raise ConfigurationError(f"The local gateway on {self.store} did not start. It said: {words}")
        what = "did not get ready in time" if ran_out else f"ended at once (exit code {child.exit_code})"
        raise GatewayUnreachable(
            f"The local gateway on {self.store} {what}. Its log is {path}; its last words: {words}"
        )


def _options(**options: float | None) -> list[str]:
    given = {name: value for name, value in options.items() if value is not None}
    return [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", f"{value:g}")]


def _end_joined(store: str, pid: int) -> None:
    """Ask the gateway that was joined to end, once it has answered: its number may be another process's by now."""
    found = discover(store)
    if found is not None and found.pid == pid:
        os.kill(pid, signal.SIGTERM)
        wait_until_gone(found, store, STOP_TIMEOUT_S)
