"""The blocking client: one page of the same names as :class:`AsyncClient`, over the same core."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..model import Connection, ScanStatus
from ._address import Relocate, Token, Verify
from ._batch import MAX_IN_FLIGHT, Batch
from ._core import Core
from ._face import live_core, panel_of, read_statuses, watched_feed
from ._handle import Scan
from ._recorder import Recording
from ._target import Target
from ._waiting import block_on

if TYPE_CHECKING:
    import pandas as pd

    from ..panel import Feed, Panel

T = TypeVar("T")


class Client:
    """A connection to one gateway, for notebooks and scripts. ``scanwatch.connect()`` makes one.

    ::

        scan = client.scan("https://git.example/acme/payments")   start a scan; its handle
        client.watch()                                            the live panel of all scans
        client.scans(status="failed")                             the history, as a pandas table
        client.attach(scan_id)                                    a scan that was started elsewhere

    Its sockets live on a thread of their own, so that events arrive while a cell computes. Closing it, or leaving its
    ``with`` block, ends watching and never a scan.

    Args:
        url: where the gateway is, ``http://HOST:PORT`` with or without a path.
        token: what the gateway asks for, or a function that gives a fresh one each time.
        verify: what an ``https`` gateway's certificate is checked with: a file of certificates to trust, or an
            ``ssl.SSLContext``; otherwise what the system trusts, or the file that ``SSL_CERT_FILE`` names.
        relocate: a function that gives the URL and token as of now, for a gateway that may come back elsewhere; it is
            called on another thread before each attempt to connect again.

    Raises:
        UsageError: the URL is none of a gateway.
    """

    def __init__(
        self, url: str, token: Token = None, *, verify: Verify = None, relocate: Relocate | None = None
    ) -> None:
        self._core: Core = live_core(url, token, verify, relocate)

    @classmethod
    def _over(cls, core: Core) -> Self:
        """A client over a core there is already."""
        client = cls.__new__(cls)
        client._core = core
        return client

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return self._core.session.connection.gateway

    @property
    def connection(self) -> Connection:
        """How the client stands with its gateway: ``.state``, and ``.reason`` in words."""
        return self._core.session.connection

    def scan(self, target: Target, **options: object) -> Scan:
        """Start a scan of ``target`` and return its handle at once.

        The target's repository is registered if it is not yet.

        Args:
            target: ``sim://acme/payments?files=150&seed=7``, ``https://HOST/OWNER/REPO``, or a local path.
            options: the scan's options, as in a target's query.

        Raises:
            UsageError: the target is neither a URL nor a path that exists.
            GatewayUnreachable: nothing answers there.
            GatewayRefused: the gateway does not let this client in.
            GatewayAnswerError: the gateway does not take this target.
        """
        return Scan(self._core, self._block(lambda: self._core.scan(target, options)))

    def attach(self, scan_id: str) -> Scan:
        """The handle of a scan that exists, wherever it was started.

        Raises:
            UsageError: that is no scan's id.
            NotFound: the gateway knows no such scan.
        """
        return Scan(self._core, self._block(lambda: self._core.attach(scan_id)))

    def scan_many(self, targets: Iterable[Target], *, max_in_flight: int = MAX_IN_FLIGHT, **options: object) -> Batch:
        """Start scans of many targets, so many at a time, and return at once.

        The next one starts when one of those before it has ended. A target that cannot be scanned is noted in the
        batch's ``errors`` and stops no other; one that is named twice is scanned twice.

        Args:
            targets: as for :meth:`scan`, a list of them or anything to iterate; it is read at once.
            max_in_flight: how many scans may run, or wait in the gateway's queue, at once.
            options: options of every scan.

        Raises:
            UsageError: ``targets`` is a single one, or ``max_in_flight`` no number of scans.
            ConnectionClosed: this client was closed.
        """
        return Batch(self._core, Scan, targets, max_in_flight, options)

    def watch(self, *scans: Scan | Batch | str, **options: Any) -> Panel:
        """A live panel of ``scans`` (handles, ids, batches); without any, of every scan, those to come included.

        It is live in notebooks. Elsewhere ``print(client.watch())`` shows the table as it is now, and the command
        ``scanwatch watch`` a live one.

        Args:
            options: of :class:`scanwatch.panel.Panel`: ``compact``, ``title`` ...

        Raises:
            UsageError: an option is misspelt; the message names the one that was meant.
        """
        return panel_of(self.feed(*scans), options)

    def feed(self, *scans: Scan | Batch | str) -> Feed:
        """What a panel of ``scans`` is fed with, for a display of one's own; without any, of every scan."""
        return self._block(lambda: watched_feed(self._core, scans, Scan))

    def scans(
        self, status: str | ScanStatus | Iterable[str] | None = None, repository: str | None = None
    ) -> pd.DataFrame:
        """The gateway's history of scans, newest first, one row each.

        Args:
            status: only scans of this status, or of these.
            repository: only scans of this repository, by name, target or id.
        """
        from ..tables import scans_table

        wanted = read_statuses(status)
        records, repositories = self._block(lambda: self._core.records(wanted, repository))
        return scans_table(records, repositories={row.id: row for row in repositories})

    def repositories(self) -> pd.DataFrame:
        """The registered repositories, one row each."""
        from ..tables import repositories_table

        return repositories_table(self._block(self._core.repositories))

    def record(self, path: str | os.PathLike[str]) -> Recording:
        """Write down what is known and everything that is received from now on, for :func:`scanwatch.replay`.

        It ends with ``.stop()``, with a ``with`` block, or with this client. A file that was there is replaced. Tokens
        and passwords are left out. A disk that is full ends the recording (``.problem`` says so) and nothing else.

        Raises:
            UsageError: that file cannot be written.
        """
        recording = Recording(path)
        self._block(lambda: self._core.record(recording))
        return recording

    def trend(self, repository: str, limit: int = 50) -> pd.DataFrame:
        """How the scans of a repository went, the oldest first, one row each: times, phases, failures, coverage.

        Args:
            repository: its name, target or id.
            limit: at most so many, the newest ones.

        Raises:
            UsageError: ``limit`` is no number of scans.
        """
        from ..tables import ScanHistory, trend_table

        found = self._block(lambda: self._core.histories(repository, limit))
        table = trend_table(ScanHistory(one, events, kept.artifacts, kept.evidence) for one, events, kept in found)
        table.attrs = {"repository": repository}
        return table

    def close(self) -> None:
        """End the connection; scans go on. Harmless when repeated."""
        self._core.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client {self.url}>"

    def _block(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return block_on(self._core.submit(work))
