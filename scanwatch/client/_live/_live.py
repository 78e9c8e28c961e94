"""The transport over the real network: keeps the push connection up, and answers for the records."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ... import wire
from ...errors import (
    GatewayAnswerError,
    GatewayRefused,
    GatewayUnreachable,
    NotSupported,
    ScanwatchError,
    WireError,
)
from ...wire import RecordedAnswer
from .._actions import Subscribe
from .._address import Address, Relocate, parse_address
from .._pace import Backoff
from .._received import Received
from .._requests import Requests
from .._timing import REAL_TIME, Clock
from .._transport import Granted, Listener
from ._rest import Rest, Untrusted
from ._socket import Push

TOO_MANY = 429

_logger = logging.getLogger(__name__)


class LiveTransport(Requests):
    """One gateway over Socket.IO and HTTP.

    Args:
        address: where it is at first.
        relocate: called, on a thread of its own, for where it is before each attempt to connect again.
    """

    def __init__(self, address: Address, relocate: Relocate | None = None) -> None:
        self._address = address
        self._relocate = relocate
        self.received = Received()
        self._rest = Rest(address, self.received)
        super().__init__(self._rest)
        self._push: Push | None = None
        self._known = False
        """Whether a gateway was ever joined there."""
        self._hurried = asyncio.Event()

    @property
    def gateway(self) -> str:
        return self._address.url

    @property
    def clock(self) -> Clock:
        return REAL_TIME

    @property
    def read_only(self) -> None:
        return None

    @property
    def secrets(self) -> frozenset[str]:
        return frozenset(self._address.shown)

    async def run(self, listener: Listener) -> None:
        """Connect, and again for ever: a fresh socket each time, after a growing pause. A refusal ends it."""
        backoff = Backoff()
        self._rest.heed_dates(listener.dated)
        while True:
            push = None
            try:
                if backoff.tries:
                    await self._find_again(listener)
                push = self._push = Push(self._address, listener, self.received)
                reason = f"{await push.run()}."
            except GatewayRefused as error:
                listener.refused(error)
                return
            except ScanwatchError as error:
                if (refused := await self._refusal()) is not None:
                    listener.refused(refused)
                    return
                reason = str(error)
            except Exception as error:
                _logger.exception("the push connection to %s broke in an unexpected way", self.gateway)
                reason = f"The connection broke with an unexpected {type(error).__name__}."
            finally:
                self._push = None
            if push is not None and push.was_joined:
                self._known = True
                backoff.reset()
            pause_s = backoff.next_pause_s()
            listener.left(reason, datetime.now(UTC) + timedelta(seconds=pause_s), backoff.tries)
            await self._pause(pause_s)

    def hurry(self) -> None:
        self._hurried.set()

    async def _pause(self, seconds: float) -> None:
        self._hurried.clear()
        with suppress(TimeoutError):  # not wait_for(), which forgets a cancellation before Python 3.12
            async with asyncio.timeout(seconds):
                await self._hurried.wait()

    async def _refusal(self) -> GatewayRefused | None:
        """Why it is of no use to try again; ``None``: it may be.

        Where a gateway once was, anything else is taken for a passing trouble of the network.
        """
        if self._known:
            return None
        try:
            await self.health()
        except GatewayRefused as refused:
            return refused
        except Untrusted as error:
            return GatewayRefused(str(error))
        except (NotSupported, WireError, GatewayAnswerError) as error:
            if isinstance(error, GatewayAnswerError) and (error.status >= 500 or error.status == TOO_MANY):
                return None
            return GatewayRefused(f"What answers at {self.gateway} is no gateway ({error}) Check the URL and its path.")
        except ScanwatchError:
            return None
        except Exception:  # whatever else goes wrong, the attempts go on
            _logger.exception("asking %s why it lets nobody in broke in an unexpected way", self.gateway)
        return None

    async def _find_again(self, listener: Listener) -> None:
        """Ask where the gateway is by now, and keep to that from now on."""
        if self._relocate is None:
            return
        address = replace(parse_address(*await asyncio.to_thread(self._relocate)), tls=self._address.tls)
        moved, self._address = address.url != self._address.url, address
        self._rest.move(address)
        if moved:
            listener.moved(address.url)

    async def close(self) -> None:
        await self._rest.close()

    async def subscribe(self, request: Subscribe) -> Granted:
        push = self._push
        if push is None:
            raise GatewayUnreachable(f"There is no connection to {self.gateway} at the moment.")
        asked = wire.encode_subscribe(request.scan_ids, everything=request.everything, after=request.after)
        said = await push.ask(wire.SUBSCRIBE, asked)
        self.received(lambda: RecordedAnswer(t_ms=0, name=wire.SUBSCRIBE, request=asked, response=said))
        answer, scans = wire.decode_acknowledgement(said)
        if not answer.ok:
            raise NotSupported(f"{self.gateway} did not subscribe us: {answer.message or answer.code or 'no reason'}.")
        return scans
