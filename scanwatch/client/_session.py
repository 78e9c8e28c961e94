"""The conversation with a gateway, decided without input or output: what to ask, what to believe, what to show.

Whoever drives a session tells it what happened (:meth:`Session.joined`, :meth:`Session.heard`, :meth:`Session.read`
...), then carries out what :meth:`Session.take` hands out. The clock is injected, so that a test is over in
milliseconds.

Events are acceleration, records are the truth. A gateway that says hello (ours) is subscribed to and gives every event
a ``seq``; gaps are fetched. One that does not (the field) sends whatever it likes to everybody: its events are
ordered by time, its ``failed`` is provisional, and its records are read at a polite pace (:mod:`._pace`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ..errors import GatewayRefused, NotFound, NotSupported, ScanwatchError
from ..model import TERMINAL, Connection, ConnectionState, Event, ScanRecord
from ..snapshot import Snapshot
from ._actions import Action, Changed, FetchEvents, Heard, ListScans, Read, Subscribe
from ._pace import FLOWING_EVERY_S, GREETING_S
from ._unwatched import Unwatched
from ._watched import Watched

UNKNOWN_KEYS = 100
"""Names of unknown keys that are remembered; whoever sends more makes them up."""

SUBSCRIBE_AT_ONCE = 100
"""Scans named in one subscription: the answer carries their histories and has to stay small."""

FETCH_PAUSE_S = 1.0
"""Between a fetch of history that failed and the next."""

CLOSED = "This client was closed; connect again with scanwatch.connect()."

CLOCKS_AGREE = timedelta(seconds=3)
"""Clocks that differ by less are taken to agree: times are told by the second, and messages take their way."""

LONG_ENDED = timedelta(seconds=60)
"""A failed row this old is not retried any more."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Session:
    """What one client knows of one gateway, and what it should do next."""

    def __init__(self, gateway: str, now: Callable[[], float], utc: Callable[[], datetime] = _utc_now) -> None:
        self.scans: dict[str, Watched] = {}
        self.speaks_scanwatch = False
        self.connection = Connection(ConnectionState.RECONNECTING, gateway, "Not connected yet.", utc())
        self.everything = False
        self.knows_everything = False
        """Whether a watch of everything has been answered once."""
        self._now = now
        self.utc = utc
        self._joined = False
        self._heard_since_joined = False
        self._unsettled: dict[str, Watched] = {}
        self._unsubscribed: dict[str, Watched] = {}
        self._subscribe_everything = False
        self.caller: str | None = None
        self.workers: int | None = None
        """How many scans the gateway runs at once; ``None``: not known, or we do not see all of them."""
        self.ahead: timedelta | None = None
        """How far the gateway's clock is ahead of ours; ``None``: not known."""
        self._unknown_keys: frozenset[str] = frozenset()
        self._unwatched = Unwatched()
        self._next_listing = 0.0
        self._out: list[Action] = []

    # -- what people ask ---------------------------------------------------------------------------------------

    def watch(self, scan_id: str, *, history: bool = True) -> Watched:
        """Watch a scan from now on; events that came before anybody knew it are taken in."""
        watched = self.scans.get(scan_id)
        if watched is None:
            watched = self._begin(scan_id, history)
        elif history and not watched.wants_history:
            watched.want_history()
            self._unsettled[scan_id] = watched
            self._fetch_if_needed(watched)
        return watched

    def watch_everything(self) -> None:
        """Watch every scan the gateway shows, those to come included."""
        if not self.everything:
            self.everything = self._subscribe_everything = True
            self._next_listing = self._now() + (0.0 if self._joined else GREETING_S)

    def _begin(self, scan_id: str, history: bool) -> Watched:
        watched = Watched(scan_id, self._now(), wants_history=history)
        self.scans[scan_id] = self._unsettled[scan_id] = watched
        if history and self.speaks_scanwatch:
            self._unsubscribed[scan_id] = watched
            watched.subscribing = True
        else:
            watched.subscribed = self.speaks_scanwatch and self.everything
        for event in self._unwatched.take(scan_id):
            self._hear(watched, event)
        self._out.append(Changed(scan_id))
        return watched

    def age_s(self, watched: Watched) -> float | None:
        """Seconds since a scan's last event came; ``None`` if none has."""
        return None if watched.last_heard is None else max(0.0, self._now() - watched.last_heard)

    @property
    def ended(self) -> bool:
        """Whether nothing more will be learned: this client was closed, or is refused."""
        return self.connection.state in (ConnectionState.REFUSED, ConnectionState.CLOSED)

    # -- what happens to the connection ------------------------------------------------------------------------

    def joined(self) -> None:
        """The namespace was joined: whatever was missed meanwhile has to be caught up."""
        self._joined, self._heard_since_joined, self.speaks_scanwatch = True, False, False
        for watched in self._unsettled.values():
            watched.pace.hurry(self._now(), GREETING_S)
        self._next_listing = self._now() + GREETING_S
        self._connection(ConnectionState.LIVE)

    def dated(self, there: datetime) -> None:
        """What time it is by the gateway's clock."""
        ahead = there - self.utc()
        if self.ahead is None or abs(ahead - self.ahead) > CLOCKS_AGREE:
            self.ahead = ahead if abs(ahead) > CLOCKS_AGREE else timedelta()
            self._out.append(Changed(None))

    def there(self) -> datetime:
        """Now by the gateway's clock, as far as we know it."""
        return self.utc() + (self.ahead or timedelta())

    def greeted(self, caller: str | None = None, workers: int | None = None) -> None:
        """The gateway said hello, and by which name it knows us: it speaks our dialect, subscriptions replace reads."""
        self.speaks_scanwatch = True
        self.caller, self.workers = caller, workers
        self._subscribe_everything = self.everything
        for scan_id, watched in self._unsettled.items():
            if watched.wants_history:
                self._unsubscribed[scan_id] = watched
                watched.subscribing = True

    def moved(self, gateway: str) -> None:
        """The gateway is at another URL from now on."""
        self.connection = replace(self.connection, gateway=gateway)
        self._out.append(Changed(None))

    def left(self, reason: str, retry_at: datetime | None = None, tries: int = 0) -> None:
        """The connection broke or could not be made; another attempt follows at ``retry_at``."""
        self._joined = self.speaks_scanwatch = False
        for watched in self._unsettled.values():
            watched.subscribed = watched.subscribing = False
        self._connection(ConnectionState.RECONNECTING, reason, retry_at, tries)

    def refused(self, reason: str) -> None:
        """The gateway does not let this client in."""
        self._joined = self.speaks_scanwatch = False
        self._connection(ConnectionState.REFUSED, reason)

    def closed(self, reason: str = CLOSED) -> None:
        """This client was closed, or there is nothing more to come."""
        self._joined = self.speaks_scanwatch = False
        self._connection(ConnectionState.CLOSED, reason)

    def _everything_is_known(self) -> None:
        if not self.knows_everything:
            self.knows_everything = True
            self._out.append(Changed(None))

    def _connection(
        self, state: ConnectionState, reason: str | None = None, retry_at: datetime | None = None, tries: int = 0
    ) -> None:
        if self.connection.state is ConnectionState.CLOSED:
            return
        since = self.connection.since if state is self.connection.state else self.utc()
        known = replace(self.connection, state=state, reason=reason, since=since, retry_at=retry_at, tries=tries)
        if known != self.connection:
            self.connection = known
            self._out.append(Changed(None))

    # -- what arrives ------------------------------------------------------------------------------------------

    def heard(self, event: Event) -> None:
        """An event came over the socket."""
        self._heard_since_joined = True
        if self._joined and self.connection.state is ConnectionState.POLLING:
            self._connection(ConnectionState.LIVE)
        watched = self.scans.get(event.scan_id)
        if watched is None and self.everything:
            watched = self._begin(event.scan_id, history=False)
            self._read(watched)  # only its record says what it is a scan of
        if watched is None:
            self._unwatched.keep(event)
        else:
            self._hear(watched, event)

    def nonsense_heard(self) -> None:
        """Something came that is no event as the protocol has them: counted, and shown."""
        self._not_understood(1)

    def unknown_keys_heard(self, keys: frozenset[str]) -> None:
        """An event had keys that mean nothing to us: each is counted once, or the count would grow with each event."""
        fresh = keys - self._unknown_keys
        if fresh and len(self._unknown_keys) < UNKNOWN_KEYS:
            self._unknown_keys |= fresh
            self._not_understood(len(fresh))

    def _not_understood(self, more: int) -> None:
        self.connection = replace(self.connection, not_understood=self.connection.not_understood + more)
        self._out.append(Changed(None))

    def acknowledged(self, request: Subscribe, scans: Iterable[tuple[Snapshot, Sequence[Event]]]) -> None:
        """A subscription was granted."""
        for snapshot, events in scans:
            watched = self.scans.get(snapshot.scan_id) or self._begin(snapshot.scan_id, history=False)
            before = watched.snapshot
            age_s = None if snapshot.updated_at is None else (self.there() - snapshot.updated_at).total_seconds()
            fresh = watched.adopt(snapshot, events, age_s, self._now())
            watched.pace.answered(well=True)
            watched.pace.asked(self._now())
            self._after(watched, before, fresh)
        for scan_id in request.scan_ids:
            self.scans[scan_id].subscribing = False
        if request.everything:
            self._everything_is_known()

    def subscribe_failed(self, request: Subscribe) -> None:
        """A subscription was not granted: one scan's name may have spoilt it for the others."""
        if len(request.scan_ids) > 1 and self.speaks_scanwatch:
            self._out += [Subscribe((one,), after={one: request.after.get(one, 0)}) for one in request.scan_ids]
            return
        for scan_id in request.scan_ids:
            watched = self.scans[scan_id]
            watched.subscribing = False
            watched.pace.hurry(self._now())

    def read(self, record: ScanRecord) -> None:
        """A read of a scan's record was answered."""
        watched = self.scans.get(record.id)
        if watched is None:
            return
        watched.reading = False
        watched.pace.answered(well=True)
        self._found(watched)
        before = watched.snapshot
        watched.read(record, self._now())
        self._reading_works(news=watched.snapshot is not before)
        self._after(watched, before, ())

    def read_failed(self, scan_id: str, error: ScanwatchError) -> None:
        """A read of a scan's record was not answered."""
        watched = self.scans[scan_id]
        watched.reading = watched.unconfirmed = False
        watched.pace.answered(well=False)
        if isinstance(error, GatewayRefused) and not self._joined:
            self.refused(str(error))
        elif not self._joined and self.connection.state is ConnectionState.POLLING:
            self._connection(ConnectionState.RECONNECTING, str(error))
        if isinstance(error, NotFound) and watched.live:
            watched.not_found(error)
            if watched.gone is not None:
                self._out.append(Changed(scan_id))
        self._rest_if_settled(watched)

    def fetched(self, scan_id: str, events: Iterable[Event], following: int | None) -> None:
        """A page of a scan's history came."""
        watched = self.scans[scan_id]
        before = watched.snapshot
        self._after(watched, before, watched.fetched(events, following))

    def fetch_failed(self, scan_id: str, error: ScanwatchError) -> None:
        """A page of a scan's history did not come."""
        watched = self.scans[scan_id]
        watched.fetching = False
        if isinstance(error, NotSupported | NotFound):
            before = watched.snapshot
            self._after(watched, before, watched.give_up_history())
        else:
            watched.fetch_after = self._now() + FETCH_PAUSE_S

    def listed(self, records: Iterable[ScanRecord]) -> None:
        """A listing of scans came. Lists may be old (gateways cache them): only scans new to us are taken from it."""
        self._everything_is_known()
        for record in records:
            if record.id in self.scans:
                continue
            watched = self._begin(record.id, history=False)
            old = record.finished_at is not None and self.there() - record.finished_at > LONG_ENDED
            before = watched.snapshot
            if old or record.status not in TERMINAL:
                watched.read(record, self._now())
            if old and watched.live:
                watched.settle(record)
            self._after(watched, before, ())

    # -- time --------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Time has passed: ask what is due."""
        if self.ended:
            return
        now = self._now()
        for watched in list(self._unsettled.values()):
            if watched.live or watched.unconfirmed:
                self._read_if_due(watched)
            self._fetch_if_needed(watched)
        if self.everything and not self.speaks_scanwatch and now >= self._next_listing:
            self._next_listing = now + FLOWING_EVERY_S
            self._out.append(ListScans())

    @property
    def idle(self) -> bool:
        """Whether time changes nothing: there is nothing to ask until somebody asks or something arrives."""
        return self.ended or (not self._unsettled and (self.speaks_scanwatch or not self.everything))

    def take(self) -> list[Action]:
        """What is to be done now; each action is handed out once."""
        if self.speaks_scanwatch:
            self._subscribe()
        out, self._out = self._out, []
        return out

    # -- within ------------------------------------------------------------------------------------------------

    def _found(self, watched: Watched) -> None:
        """A scan that counted as gone may come back: a gateway may have been restored."""
        if watched.found_again():
            self._unsettled[watched.snapshot.scan_id] = watched
            self._out.append(Changed(watched.snapshot.scan_id))

    def _hear(self, watched: Watched, event: Event) -> None:
        self._found(watched)
        before = watched.snapshot
        self._after(watched, before, watched.hear(event, self._now()))

    def _after(self, watched: Watched, before: Snapshot, fresh: Sequence[Event]) -> None:
        scan_id, after = watched.snapshot.scan_id, watched.snapshot
        if fresh:
            self._out.append(Heard(scan_id, tuple(fresh)))
        if fresh or after is not before:
            self._out.append(Changed(scan_id))
        if fresh and after.settling and not before.settling:
            watched.pace.hurry(self._now())
        if after.terminal and not before.terminal and fresh and fresh[-1].terminal and not watched.reading:
            watched.unconfirmed = True  # the event said so; the record has the last word
            watched.pace.hurry(self._now())
            self._read_if_due(watched)
        self._rest_if_settled(watched)
        self._fetch_if_needed(watched)

    def _rest_if_settled(self, watched: Watched) -> None:
        """Think no more of a scan of which nothing more is to be learned."""
        if watched.gone is not None or (watched.caught_up and not watched.live and not watched.unconfirmed):
            self._unsettled.pop(watched.snapshot.scan_id, None)

    def _read_if_due(self, watched: Watched) -> None:
        if not watched.reading and watched.pace.due(self._now(), subscribed=watched.subscribed):
            self._read(watched)

    def _read(self, watched: Watched) -> None:
        watched.reading = True
        watched.pace.asked(self._now())
        self._out.append(Read(watched.snapshot.scan_id))

    def _fetch_if_needed(self, watched: Watched) -> None:
        after = watched.gap()
        if after is not None and self._now() >= watched.fetch_after:
            watched.begin_fetch()
            self._out.append(FetchEvents(watched.snapshot.scan_id, after))

    def _reading_works(self, *, news: bool) -> None:
        if self.ended:
            return
        if not self._joined:
            self._connection(
                ConnectionState.POLLING,
                "Events do not pass at the moment; the gateway's records are read instead.",
                self.connection.retry_at,
                self.connection.tries,
            )
        elif news and not self.speaks_scanwatch and not self._heard_since_joined:
            self._connection(
                ConnectionState.POLLING, "This gateway sends no events; its records are read every other second."
            )

    def _subscribe(self) -> None:
        if self._subscribe_everything:
            self._subscribe_everything = False
            self._out.append(Subscribe(everything=True))
        waiting, self._unsubscribed = self._unsubscribed, {}
        ids = list(waiting)
        for start in range(0, len(ids), SUBSCRIBE_AT_ONCE):
            chunk = tuple(ids[start : start + SUBSCRIBE_AT_ONCE])
            self._out.append(Subscribe(chunk, after={one: waiting[one].cursor for one in chunk}))
