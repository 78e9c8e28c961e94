"""Appending events: numbered here, kept there if the scan still stands where they were numbered for.

A process keeps the rows of the scans it appends to, so that an append is one round trip. Somebody else's append makes
such a row stale: the script then keeps nothing of that scan, and its events are numbered anew from a fresh row. A
refusal is never read off a row that may be stale.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import Fenced, ScanEnded, StoreError, StoreUnavailable, UsageError
from ...model import Event
from ...snapshot import Snapshot
from .. import _rules
from .._records import decode_event, decode_snapshot, encode
from ._feed import LENGTH
from ._keys import Keys, score
from ._link import Link

CACHED_SCANS = 2_000
"""Scans whose rows are kept: more than one process ever runs at once."""
_TRIES = 50
"""How often events are numbered anew: each time somebody else was quicker."""
_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Appended:
    """An event with its ``seq``, and the entry of the feed that tells of it; ``None`` for a repeat."""

    event: Event
    entry: bytes | None


@dataclass(frozen=True, slots=True, eq=False)
class Append:
    """An append that somebody waits for."""

    event: Event
    run: int
    key: str | None
    answer: asyncio.Future[Appended]

    def accept(self, event: Event, entry: bytes | None = None) -> None:
        """Answer; whoever was cancelled meanwhile is not told, and the event stands."""
        if not self.answer.done():
            self.answer.set_result(Appended(event, entry))

    def refuse(self, error: Exception) -> None:
        """Answer with an error."""
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(slots=True)
class _Row:
    """A scan as the next append needs it."""

    number: int
    run: int
    snapshot: Snapshot


@dataclass(slots=True)
class _Plan:
    """What becomes of one scan's part of a group, if its row is not stale."""

    row: _Row
    fresh: bool
    snapshot: Snapshot
    events: list[tuple[Append, Event, str, bytes]] = field(default_factory=list)
    by_key: dict[str, Event] = field(default_factory=dict)
    repeats: list[tuple[Append, Event]] = field(default_factory=list)
    late: list[tuple[Append, str]] = field(default_factory=list)
    """After the end; each may yet be a repeat."""
    refusals: list[tuple[Append, StoreError | UsageError]] = field(default_factory=list)

    @property
    def doubtful(self) -> bool:
        """Whether a fresh row might say otherwise."""
        return not self.fresh and bool(self.refusals or self.late)

    def add(self, append: Append) -> None:
        """Take one more append in."""
        scan_id = append.event.scan_id
        try:
            run = _rules.acting_run(scan_id, current=self.row.run, run=append.run)
        except (Fenced, UsageError) as refusal:
            self.refusals.append((append, refusal))
            return
        used = "" if append.key is None else f"{run}:{append.key}"
        if used in self.by_key:
            self.repeats.append((append, self.by_key[used]))
        elif self.snapshot.terminal:
            self.late.append((append, used))
        else:
            self._number(append, used)

    def _number(self, append: Append, used: str) -> None:
        try:
            event, snapshot = _rules.appended(self.snapshot, append.event)
            body = encode(event)
            used.encode()
        except (UsageError, UnicodeError) as refusal:
            append.refuse(refusal if isinstance(refusal, UsageError) else _no_text(used))
            return
        self.snapshot = snapshot
        self.events.append((append, event, used, body))
        if used:
            self.by_key[used] = event


class Appends:
    """The rows of one process, and the appending to their scans; used by one task at a time.

    Args:
        patience_s: how long an append is tried again while Redis cannot be reached.
    """

    def __init__(self, link: Link, keys: Keys, *, patience_s: float) -> None:
        self._link = link
        self._keys = keys
        self._patience_s = patience_s
        self._rows: OrderedDict[str, _Row] = OrderedDict()

    def forget(self, scan_id: str) -> None:
        """Read a scan's row anew before the next append to it."""
        self._rows.pop(scan_id, None)

    async def append(self, group: Sequence[Append]) -> None:
        """Answer every append of ``group``; raises what none of them can be blamed for."""
        waiting = list(group)
        for _ in range(_TRIES):
            await self._try(waiting)
            waiting = [append for append in waiting if not append.answer.done()]
            if not waiting:
                return
        raise StoreUnavailable(f"Too many processes append to scan {waiting[0].event.scan_id}. Try again.")

    async def _try(self, group: Sequence[Append]) -> None:
        plans = await self._plan(group)
        writing = [(scan_id, plan) for scan_id, plan in plans.items() if plan.events and not plan.doubtful]
        entry, verdicts = await self._write(writing, group) if writing else (None, [])
        outcome = {scan_id: verdict for (scan_id, _), verdict in zip(writing, verdicts, strict=True)}
        for scan_id, plan in plans.items():
            verdict = outcome.get(scan_id, b"ok")
            if plan.doubtful or verdict == b"stale":
                self.forget(scan_id)
            elif verdict == b"ok":
                await self._settle(scan_id, plan, entry)
            else:
                await self._answer_repeats(scan_id, plan, verdict)
        while len(self._rows) > CACHED_SCANS:
            self._rows.popitem(last=False)

    async def _plan(self, group: Sequence[Append]) -> dict[str, _Plan]:
        fresh = await self._load(dict.fromkeys(append.event.scan_id for append in group))
        plans: dict[str, _Plan] = {}
        for append in group:
            scan_id = append.event.scan_id
            row = self._rows.get(scan_id)
            if row is None:
                append.refuse(_rules.unknown_scan(scan_id))
                continue
            if scan_id not in plans:
                plans[scan_id] = _Plan(row, scan_id in fresh, row.snapshot)
            plans[scan_id].add(append)
        return plans

    async def _load(self, scan_ids: Iterable[str]) -> set[str]:
        """Have the rows of these scans, and say which were read just now; one that is not there has none."""
        missing = []
        for scan_id in scan_ids:
            if scan_id in self._rows:
                self._rows.move_to_end(scan_id)
            else:
                missing.append(scan_id)
        found = await self._link.calls(
            [("HMGET", self._keys.scan(scan_id), "number", "run", "snapshot") for scan_id in missing]
        )
        for scan_id, (number, run, snapshot) in zip(missing, found, strict=True):
            if number is not None:
                self._rows[scan_id] = _Row(int(number), int(run), decode_snapshot(snapshot))
        return set(missing)

    async def _write(self, plans: list[tuple[str, _Plan]], group: Sequence[Append]) -> tuple[bytes | None, list[Any]]:
        keys: list[str] = []
        scans: list[Any] = []
        places: dict[Append, int] = {}
        for place, (scan_id, plan) in enumerate(plans, start=1):
            keys += (self._keys.scan(scan_id), self._keys.events(scan_id), self._keys.used(scan_id))
            after = plan.snapshot
            ended = after.finished_at or after.updated_at if after.terminal else None
            scans += (scan_id, plan.row.number, plan.row.run, plan.row.snapshot.seq, after.seq, str(after.status))
            scans += ("" if ended is None else score(ended), encode(after))
            places |= {append: place for append, *_ in plan.events}
        numbered = {append: (event.seq, used, body) for _, plan in plans for append, event, used, body in plan.events}
        events = [part for one in group if one in numbered for part in (places[one], *numbered[one])]
        arguments = (self._keys.prefix, LENGTH, secrets.token_hex(8), len(plans), *scans, *events)
        entry, verdicts = await self._write_until_answered(keys, arguments)
        return entry, verdicts

    async def _write_until_answered(self, keys: list[str], arguments: Sequence[Any]) -> Any:
        """The same call, with the same token, until it is answered: what was done the first time is not done again."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience_s
        while True:
            try:
                return await self._link.run("append", *arguments, keys=keys)
            except StoreUnavailable:
                if loop.time() >= until:
                    self._rows.clear()
                    raise
                await asyncio.sleep(_PAUSE_S)

    async def _settle(self, scan_id: str, plan: _Plan, entry: bytes | None) -> None:
        plan.row.snapshot = plan.snapshot
        for append, event, _, _ in plan.events:
            append.accept(event, entry)
        for append, event in plan.repeats:
            append.accept(event, entry)
        for append, refusal in plan.refusals:
            append.refuse(refusal)
        for append, used in plan.late:
            await self._answer_late(scan_id, plan.snapshot, append, used)

    async def _answer_late(self, scan_id: str, ended: Snapshot, append: Append, used: str) -> None:
        """An append after the end: the repeat of one before it, or refused."""
        seq = await self._link.call("HGET", self._keys.used(scan_id), used) if used else None
        earlier = None if seq is None else await self._event(scan_id, int(seq))
        if earlier is not None:
            append.accept(earlier)
            return
        try:
            _rules.refuse_ended(ended)
        except ScanEnded as refusal:
            append.refuse(refusal)

    async def _answer_repeats(self, scan_id: str, plan: _Plan, verdict: Sequence[Any]) -> None:
        """Answer those whose key was used before; the others of the scan are numbered anew."""
        for used, seq in zip(verdict[::2], verdict[1::2], strict=True):
            earlier = await self._event(scan_id, int(seq))
            for append, _, key, _ in plan.events:
                if earlier is not None and key.encode() == used:
                    append.accept(earlier)

    async def _event(self, scan_id: str, seq: int) -> Event | None:
        found = await self._link.call("XRANGE", self._keys.events(scan_id), seq, seq)
        return decode_event(found[0][1][b"event"]) if found else None


def _no_text(used: str) -> UsageError:
    return UsageError(f"{used.partition(':')[2]!r} is no text: half a character is in it.")
