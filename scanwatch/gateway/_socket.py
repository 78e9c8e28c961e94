"""The conversation with one client of the namespace: let in, greet, subscribe with replay, leave."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from math import ceil
from typing import Any

import socketio
from socketio.exceptions import ConnectionRefusedError as Refusal

from .. import wire
from .._version import __version__
from ..errors import StoreUnavailable, UnknownRecord, WireError
from ..snapshot import Snapshot
from ..storage import Store
from ._access import Access, require_scan
from ._auth import Caller, Refused, bearer_token
from ._callers import Callers
from ._fanout import Fanout, scan_room
from ._hub import Hub
from ._rest import STORE_FAILS

FEATURES = ("subscribe", "replay", "cancel", "retry", wire.REPEATABLE)
MAX_SUBSCRIBED = 1000
"""How many scans one ``subscribe`` may name."""
ACKNOWLEDGEMENT_BYTES = 240_000
"""What snapshots and events may take of an acknowledgement, which stays under 256 KB with everything around them."""
_EVENTS_AT_ONCE = 500

_logger = logging.getLogger(__name__)

Answer = dict[str, Any]


class Conversations:
    """All clients of the namespace, each at its step of the conversation."""

    def __init__(
        self,
        server: socketio.AsyncServer,
        *,
        hub: Hub,
        fanout: Fanout,
        store: Store,
        access: Access,
        now: Callable[[], datetime],
        workers: int | None = None,
        max_subscriptions: int = MAX_SUBSCRIBED,
    ) -> None:
        self._server = server
        self._hub = hub
        self._fanout = fanout
        self._store = store
        self._access = access
        self._now = now
        self._workers = workers
        self._max_subscriptions = max_subscriptions
        self._callers = Callers(access.scopes, now=now, end=self._end)
        access.keyring.listen(self._callers.revoked)
        access.scopes.listen(self._callers.retargeted)
        self._greetings: set[asyncio.Task[None]] = set()
        self._dialects: dict[str, str] = {}
        server.on("connect", self._connect, namespace=wire.NAMESPACE)
        server.on("disconnect", self._disconnect, namespace=wire.NAMESPACE)
        server.on(wire.SUBSCRIBE, self._subscribe, namespace=wire.NAMESPACE)
        server.on(wire.UNSUBSCRIBE, self._unsubscribe, namespace=wire.NAMESPACE)

    @property
    def clients(self) -> Counter[str]:
        """How many clients are connected, by the dialect they speak."""
        return Counter(self._dialects.values())

    async def close(self) -> None:
        """End what was begun for clients on their way in."""
        for task in self._greetings:
            task.cancel()
        await asyncio.gather(*self._greetings, return_exceptions=True)
        await self._callers.close()

    async def _connect(self, sid: str, environ: Mapping[str, Any], said: Any = None) -> None:
        auth = _decode_auth(said)
        caller = await self._admitted(auth.token, environ)
        self._fanout.admit(sid)
        self._callers.add(sid, caller)
        self._dialects[sid] = "field" if auth.protocol is None else "scanwatch"
        # python-socketio sends CONNECT after this handler has returned, before the loop turns: a task comes after it.
        greeting = asyncio.create_task(self._greet(sid, auth))
        self._greetings.add(greeting)
        greeting.add_done_callback(self._greetings.discard)

    async def _admitted(self, token: str | None, environ: Mapping[str, Any]) -> Caller:
        """Who connects, by ``auth.token`` or by the header of its first request; raises ``Refusal``."""
        given = token or bearer_token(environ.get("HTTP_AUTHORIZATION"))
        try:
            return self._access.gatekeeper.admit(given)
        except Refused as refusal:
            if given:
                await self._access.trail.refused(
                    "token.refused", None, str(refusal), address=environ.get("REMOTE_ADDR")
                )
            raise Refusal(
                str(refusal) if given else "This gateway asks for a token: connect with auth.token."
            ) from None

    async def _end(self, sid: str, code: str, words: str) -> None:
        """Say why, and end a connection; what is published from now on does not reach it."""
        self._fanout.tell(sid, wire.REFUSED, wire.to_plain(wire.RefusedPayload(code=code, message=words)))
        self._left(sid)
        await self._fanout.settled()
        await self._server.disconnect(sid, namespace=wire.NAMESPACE)

    async def _greet(self, sid: str, auth: wire.Auth) -> None:
        caller = self._callers.of(sid)
        if auth.protocol is None:
            if caller is not None:
                self._fanout.enter(sid, self._access.scopes.field_room(caller.scope))
            return
        hello = wire.Hello(
            name="scanwatch",
            version=__version__,
            features=list(FEATURES),
            caller=None if caller is None else caller.name,
            # Who sees a part of the scans would take the workers for idle that run the others.
            workers=self._workers if caller is not None and caller.scope is None else None,
            time=wire.to_time(self._now()),
        )
        self._fanout.tell(sid, wire.GATEWAY, wire.to_plain(hello))

    async def _disconnect(self, sid: str, *_reason: Any) -> None:
        self._left(sid)

    def _left(self, sid: str) -> None:
        self._fanout.drop(sid)
        self._callers.drop(sid)
        self._dialects.pop(sid, None)

    async def _subscribe(self, sid: str, *args: Any) -> Answer:
        return self._too_many(sid) or await _answered(self._subscribed, sid, args)

    async def _unsubscribe(self, sid: str, *args: Any) -> Answer:
        return self._too_many(sid) or await _answered(self._unsubscribed, sid, args)

    def _too_many(self, sid: str) -> Answer | None:
        """The refusal of a message that comes too soon after many others with the same token."""
        caller = self._callers.of(sid)
        wait_s = 0.0 if caller is None else self._access.messages.wait_s(caller.identity)
        return _refused("limit", f"Too many messages with this token; wait {ceil(wait_s)} s.") if wait_s else None

    async def _subscribed(self, sid: str, request: wire.SubscribeRequest) -> Answer:
        answer, caller = _Acknowledgement(), self._callers.of(sid)
        if caller is None:
            return _refused("forbidden", "This connection is ended.")
        wanted = list(dict.fromkeys(request.scan_ids))
        named_before = {room for room in self._fanout.rooms_of(sid) if room.startswith(scan_room(""))}
        if len(named_before | set(map(scan_room, wanted))) > self._max_subscriptions:
            return _refused("limit", f"watch at most {self._max_subscriptions} scans by name, or all of them")
        for scan_id in wanted:
            await require_scan(self._store, caller, scan_id)
        if request.all:
            for snapshot in await self._hub.join_all(sid, caller.scope):
                answer.add(snapshot)
        named = await self._join(sid, wanted)
        for snapshot in named:
            answer.add(snapshot)
        for snapshot in named:
            await self._replay(answer, snapshot, request.after.get(snapshot.scan_id, 0))
        return answer.plain()

    async def _join(self, sid: str, scan_ids: list[str]) -> list[Snapshot]:
        """Join all of the scans, or none if one of them is unknown."""
        snapshots: list[Snapshot] = []
        entered: list[str] = []
        try:
            for scan_id in scan_ids:
                snapshot, new = await self._hub.join(sid, scan_id)
                snapshots.append(snapshot)
                entered += [scan_id] if new else []
        except UnknownRecord:
            for scan_id in entered:
                self._hub.leave(sid, scan_id)
            raise
        return snapshots

    async def _replay(self, answer: _Acknowledgement, snapshot: Snapshot, cursor: int) -> None:
        """Add the events in (cursor, snapshot.seq], as many as fit."""
        while cursor < snapshot.seq and answer.has_room:
            limit = min(_EVENTS_AT_ONCE, snapshot.seq - cursor)
            try:
                events = await self._store.events(snapshot.scan_id, after=cursor, limit=limit)
            except StoreUnavailable:
                answer.cut_short()
                return
            if not events:
                return  # deleted meanwhile
            for event in events:
                if not answer.add_event(event.scan_id, wire.to_plain(wire.encode_envelope(event))):
                    return
            cursor = events[-1].seq or snapshot.seq

    async def _unsubscribed(self, sid: str, request: wire.SubscribeRequest) -> Answer:
        if request.all:
            caller = self._callers.of(sid)
            self._hub.leave_all(sid, None if caller is None else caller.scope)
        for scan_id in request.scan_ids:
            self._hub.leave(sid, scan_id)
        await self._hub.sent()
        return {"ok": True}


class _Acknowledgement:
    """An acknowledgement under construction, within its size; what does not fit makes it say ``more``."""

    def __init__(self) -> None:
        self._scans: dict[str, Answer] = {}
        self._left = ACKNOWLEDGEMENT_BYTES
        self._more = False

    @property
    def has_room(self) -> bool:
        return not self._more

    def add(self, snapshot: Snapshot) -> None:
        """Add a scan's snapshot."""
        if snapshot.scan_id not in self._scans and self._fits(scan := wire.encode_subscribed(snapshot)):
            self._scans[snapshot.scan_id] = scan

    def add_event(self, scan_id: str, envelope: Answer) -> bool:
        """Add an event behind those the scan has; whether it fitted. After one that does not, none does."""
        scan = self._scans.get(scan_id)
        if self._more or scan is None or not self._fits(envelope):
            return False
        scan["events"].append(envelope)
        return True

    def cut_short(self) -> None:
        """Have the client catch up over REST: what it misses cannot be had now."""
        self._more = True

    def plain(self) -> Answer:
        return {**wire.to_plain(wire.Acknowledgement(ok=True, more=self._more)), "scans": list(self._scans.values())}

    def _fits(self, part: Answer) -> bool:
        size = len(json.dumps(part)) + 1
        if size > self._left:
            self._more = True
            return False
        self._left -= size
        return True


def _decode_auth(said: Any) -> wire.Auth:
    if not isinstance(said, Mapping):
        return wire.Auth()
    try:
        return wire.decode_as(wire.Auth, said, "auth")
    except WireError as error:
        raise Refusal(str(error)) from None


async def _answered(
    act: Callable[[str, wire.SubscribeRequest], Awaitable[Answer]], sid: str, args: tuple[Any, ...]
) -> Answer:
    """What ``act`` answers to a client's message, or why not: every message gets an answer."""
    try:
        request = wire.decode_subscribe(args[0] if args else None)
        if bad := next((scan_id for scan_id in request.scan_ids if not wire.is_id(scan_id)), None):
            return _refused("invalid", f"{bad[:80]!r} is not a scan's id")
        if len(request.scan_ids) > MAX_SUBSCRIBED:
            return _refused("limit", f"subscribe to at most {MAX_SUBSCRIBED} scans at a time")
        return await act(sid, request)
    except WireError as error:
        return _refused("invalid", str(error))
    except UnknownRecord as error:
        return _refused("not_found", str(error))
    except StoreUnavailable as error:
        _logger.warning("a client's message could not be answered: %s", error)
        return _refused("unavailable", STORE_FAILS)
    except Exception:
        _logger.exception("a client's message could not be answered")
        return _refused("internal", "The gateway could not do that; its log says why.")


def _refused(code: str, message: str) -> Answer:
    return wire.to_plain(wire.Acknowledgement(ok=False, code=code, message=message))
