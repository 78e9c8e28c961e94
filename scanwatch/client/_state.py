"""What both kinds of handle share: everything about a scan that is read without asking anybody."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, Self

from ..errors import ScanCancelled, ScanError, ScanFailed, UsageError
from ..model import ConnectionState, Event, Phase, ScanResult, ScanStatus, target_name
from ..snapshot import Snapshot, eta_s
from ._core import Core
from ._listeners import End
from ._timing import elapsed_s, gateway_time
from ._waiting import Wake, in_seconds

if TYPE_CHECKING:
    import pandas as pd

ON_EVENT_WANTS = "on_event() takes a function of one argument, the event"
DONE_CALLBACK_WANTS = "add_done_callback() takes a function of one argument, the scan's handle"


class ScanState:
    """The live state of one scan. Every attribute is the newest known and costs no input or output."""

    def __init__(self, core: Core, scan_id: str) -> None:
        self._core = core
        self._watched = core.session.scans[scan_id]
        self._id = scan_id

    @property
    def id(self) -> str:
        """The scan's id; ``client.attach(id)`` finds it again, in another kernel too."""
        return self._id

    @property
    def snapshot(self) -> Snapshot:
        """The whole picture at this moment, immutable."""
        return self._watched.snapshot

    @property
    def target(self) -> str | None:
        """What is scanned."""
        return self.snapshot.target

    @property
    def status(self) -> ScanStatus:
        """Where the scan stands."""
        return self.snapshot.status

    @property
    def phase(self) -> Phase | None:
        """The step it is in."""
        return self.snapshot.phase

    @property
    def progress_percent(self) -> int | None:
        """0-100, or ``None`` when not known; 100 only once completed."""
        return self.snapshot.progress_percent

    @property
    def attempt(self) -> int:
        """Which attempt runs, from 1."""
        return self.snapshot.attempt

    @property
    def error(self) -> str | None:
        """Why it failed, in words; ``None`` once completed."""
        return self.snapshot.error

    @property
    def eta_s(self) -> float | None:
        """Seconds until the end at the rate of this attempt so far; ``None`` when not known."""
        return eta_s(self.snapshot, self._gateway_time())

    @property
    def elapsed_s(self) -> float | None:
        """Seconds since it began, or that it took; ``None`` before it began."""
        return elapsed_s(self.snapshot, self._gateway_time())

    @property
    def last_event_age_s(self) -> float | None:
        """Seconds since the last event came; ``None`` if none has."""
        return self._core.session.age_s(self._watched)

    @property
    def connection(self) -> ConnectionState:
        """How the client stands with its gateway; says nothing about the scan."""
        return self._core.session.connection.state

    def done(self) -> bool:
        """Whether the scan has ended, however."""
        return self.snapshot.terminal

    def cancelled(self) -> bool:
        """Whether the scan has ended as cancelled."""
        return self.status is ScanStatus.CANCELLED

    def on_event(self, callback: Callable[[Event], object]) -> End:
        """Call ``callback`` with every event of the scan, in order and once each, those that have come included.

        It is called on a thread of the client's own; an exception it raises is logged. The returned function ends it.
        """
        if not callable(callback):
            raise UsageError(f"{ON_EVENT_WANTS}, not {callback!r}.")

        def receive(events: Sequence[Event]) -> None:
            for event in events:
                self._core.callbacks.call(callback, event, lambda: tap.open)

        tap = Tap(self._core, self._id, receive)
        tap.start()
        return tap.close

    def add_done_callback(self, callback: Callable[[Self], object]) -> End:
        """Call ``callback`` with this handle once the scan has ended, however; soon if it has already.

        It is called as those of :meth:`on_event` are, and also where a gateway sends no events. The returned function
        ends it. A client that is closed first calls it no more.
        """
        if not callable(callback):
            raise UsageError(f"{DONE_CALLBACK_WANTS}, not {callback!r}.")
        at_end = AtEnd(self, callback)
        at_end.start()
        return at_end.close

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {target_name(self.target) if self.target else self._id}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ScanState) and (other._core, other._id) == (self._core, self._id)

    def __hash__(self) -> int:
        return hash((id(self._core), self._id))

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A scan's handle cannot be pickled: send scan.id, and call client.attach(id) on the other side."
        )

    def _repr_mimebundle_(self, **_kwargs: object) -> Any:
        from ..panel._display import display_mode

        if display_mode() == "none":
            return {"text/plain": repr(self)}
        from ..panel import Panel
        from ._feed import ClientFeed

        bundle = Panel(ClientFeed(self._core, [self._id], type(self)), single=True)._repr_mimebundle_()
        view = bundle[0] if isinstance(bundle, tuple) else bundle
        if not self.done():
            view["text/plain"] = repr(self)
        return bundle

    def _gateway_time(self) -> datetime:
        return gateway_time(self.snapshot, self.last_event_age_s, self._core.session.there())

    # -- for waiting -------------------------------------------------------------------------------------------

    def _settled(self) -> bool:
        """Whether waiting has come to an end: the scan's, or that nothing more can be learned of it."""
        return not self._watched.live or self._core.ended

    def _arm(self, wake: Wake) -> End:
        return self._core.listeners.on_change(self._id, wake)

    def _marked(self, table: pd.DataFrame) -> pd.DataFrame:
        """``table``, knowing which scan it is of: ``export`` writes that down."""
        result = self.snapshot.result
        table.attrs = {"scan": self._id, "target": self.target, "commit": result.commit if result else None}
        return table

    def _check_comparable(self, other: object) -> None:
        """Raises ``UsageError`` unless both scans have found what there is."""
        if not isinstance(other, ScanState):
            raise UsageError(f"compare() takes the handle of another scan, not {other!r}; client.attach(ID) gives it.")
        for scan in (self, other):
            if scan.status is not ScanStatus.COMPLETED:
                raise UsageError(f"Scan {scan.id} is {scan.status}: there is nothing to compare until it completes.")

    def _compared(self, table: pd.DataFrame, other: ScanState) -> pd.DataFrame:
        """``table``, knowing of which scans it is."""
        marked = self._marked(table)
        marked.attrs["compared_with"] = other._id
        return marked

    def _check_settled(self, in_time: bool, timeout: float | None) -> None:
        if self.done():
            return
        if not in_time:
            known = what_is_known(self._core)
            raise TimeoutError(f"Scan {self._named()} has not ended within {in_seconds(timeout)}{known}.")
        if self._watched.gone is not None:
            raise self._watched.gone
        self._core.check_open()

    def _next_is_there(self, in_time: bool, queue: EventQueue, timeout: float | None) -> bool:
        if not in_time:
            known = what_is_known(self._core)
            raise TimeoutError(f"Scan {self._named()} had no event for {in_seconds(timeout)}{known}.")
        if queue.events:
            return True
        if not self.done():
            self._check_settled(True, timeout)
        return False

    def _result(self) -> ScanResult:
        error = self._exception()
        if error is not None:
            raise error
        return self.snapshot.result or ScanResult(self._id)

    def _exception(self) -> ScanError | None:
        """Why there is no result; ``None`` if there is one."""
        snapshot = self.snapshot
        if snapshot.status is ScanStatus.CANCELLED:
            return ScanCancelled(f"Scan {self._named()} was cancelled.", scan_id=self._id)
        if snapshot.status is not ScanStatus.FAILED:
            return None
        place = f" in {snapshot.phase}" if snapshot.phase else ""
        return ScanFailed(
            f"Scan {self._named()} failed{place}: {snapshot.error or 'no reason given'}",
            scan_id=self._id,
            code=snapshot.code,
            phase=snapshot.phase,
            attempts=snapshot.failures,
        )

    def _named(self) -> str:
        return f"{self._id} of {self.target}" if self.target else self._id


def what_is_known(core: Core, goes_on: str = "it goes on") -> str:
    """How a sentence about time that ran out ends: without a connection nobody knows that the scan goes on."""
    connection = core.session.connection
    if connection.state in (ConnectionState.LIVE, ConnectionState.POLLING):
        return f"; {goes_on}"
    since = "" if connection.since is None else f" since {connection.since.astimezone():%H:%M:%S}"
    return (
        f", as far as is known: there is no word from the gateway at {connection.gateway} "
        f"({connection.state}{since}), and whether {goes_on} is not known"
    )


class Tap:
    """The events of one scan from its first on, handed over on the loop's thread, until the scan or the tap ends."""

    def __init__(self, core: Core, scan_id: str, receive: Callable[[Sequence[Event]], None]) -> None:
        self.open = True
        self.exhausted = False
        """Whether every event of an ended scan has been handed over."""
        self._core = core
        self._scan_id = scan_id
        self._receive = receive
        self._ends: list[End] = []

    def start(self) -> None:
        """Begin to hand over: from now on things happen on another thread."""
        self._core.call(self._begin)

    def close(self) -> None:
        """Hand over nothing any more; harmless when repeated."""
        self.open = False
        self._forget()

    def _forget(self) -> None:
        while self._ends:
            self._ends.pop()()

    def _begin(self) -> None:
        watched = self._core.session.watch(self._scan_id)
        self._receive(tuple(watched.events))
        self._ends.append(self._core.listeners.on_events(self._scan_id, self._hand_over))
        self._ends.append(self._core.listeners.on_change(self._scan_id, self._look))
        if not self.open:
            self.close()
        self._core.driver.act()
        self._look()

    def _hand_over(self, events: Sequence[Event]) -> None:
        if self.open:
            self._receive(events)

    def _look(self) -> None:
        watched = self._core.session.scans[self._scan_id]
        self.exhausted = (not watched.live and watched.caught_up) or self._core.session.ended
        if self.exhausted:
            self._forget()


class EventQueue:
    """A tap's events for an iterator, which looks at them from another thread."""

    def __init__(self, core: Core, scan_id: str) -> None:
        self.events: deque[Event] = deque()
        self.tap = Tap(core, scan_id, self.events.extend)
        self.tap.start()

    def ready(self) -> bool:
        """Whether there is an event to take, or never will be."""
        return bool(self.events) or self.tap.exhausted


class AtEnd:
    """A callback for the end of a scan, called once."""

    def __init__(self, scan: ScanState, callback: Callable[[Any], object]) -> None:
        self._scan = scan
        self._callback = callback
        self._wanted = True
        self._ends: list[End] = []

    def start(self) -> None:
        """Begin to look: from now on things happen on another thread."""
        self._scan._core.call(self._begin)

    def close(self) -> None:
        """Call nobody any more; harmless when repeated."""
        self._wanted = False
        self._forget()

    def _begin(self) -> None:
        self._ends.append(self._scan._arm(self._look))
        self._look()

    def _look(self) -> None:
        if self._ends and (self._scan.done() or not self._wanted):
            self._forget()
            self._scan._core.callbacks.call(self._callback, self._scan, lambda: self._wanted)

    def _forget(self) -> None:
        while self._ends:
            self._ends.pop()()
