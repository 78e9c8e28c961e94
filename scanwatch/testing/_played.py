"""A recording, played again by a gateway: each recorded scan begins when somebody triggers it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import wire
from ..client._recording import Playback, read_recording, timed, triggered_id
from ..errors import UsageError, WireError
from ..wire import Recorded, RecordedEvent, RecordedRest, RecordedSocket
from ._script import API, Answer, Stage, no_route, refusal

READ_S = 20.0
"""How long a read waits for the moment of its recorded answer."""


@dataclass(slots=True)
class Scene:
    """Lines that follow each other in time, and what they wait for: a client, or the trigger of ``scan_id``."""

    lines: Sequence[tuple[float, Recorded]]
    trigger: RecordedRest | None = None
    scan_id: str | None = None
    go: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class PlayedScript:
    """Answers and sends what a recording holds, at its own pace times ``speed``."""

    def __init__(self, path: str | Path, speed: float) -> None:
        if not speed > 0:
            raise UsageError(f"speed is {speed!r}; it is a number above 0, or math.inf for at once.")
        moments = timed(read_recording(path))
        self._speed = speed
        self._scenes = scenes(moments)
        self._lines = [line for _, line in moments]
        self._known = Playback()
        self._forgotten: set[str] = set()
        self._changed = asyncio.Condition()
        self._playing: asyncio.Task[None] | None = None
        self._stage: Stage | None = None
        self._all = Playback()
        for line in self._lines:
            self._all.take(line)
        hellos = [line for line in self._lines if isinstance(line, RecordedEvent) and line.name == wire.GATEWAY]
        self.hello: Any = hellos[0].args[0] if hellos and hellos[0].args else None

    @property
    def scan_ids(self) -> list[str]:
        return [scene.scan_id for scene in self._scenes if scene.scan_id is not None]

    @property
    def targets(self) -> list[str]:
        triggers = [scene.trigger for scene in self._scenes if scene.trigger is not None]
        found = [self._all.repository(trigger.path.split("/")[-2]) for trigger in triggers]
        return [repository.target for repository in found if repository is not None]

    def begin(self, stage: Stage) -> None:
        self._stage = stage
        self._playing = asyncio.create_task(self._play())

    def joined(self) -> None:
        if self._scenes and self._scenes[0].trigger is None:
            self._scenes[0].go.set()

    async def end(self) -> None:
        if self._playing is not None:
            self._playing.cancel()
            await asyncio.gather(self._playing, return_exceptions=True)

    def forget(self, scan_id: str) -> None:
        self._forgotten.add(scan_id)

    # -- time ------------------------------------------------------------------------------------------------------

    async def _play(self) -> None:
        for scene in self._scenes:
            await scene.go.wait()
            last = scene.lines[0][0]
            for index, (moment, line) in enumerate(scene.lines):
                await asyncio.sleep((moment - last) / self._speed)
                last = moment
                await self._pass(line, scene.lines[index + 1 :])
                if line is scene.trigger:
                    scene.answered.set()
                async with self._changed:
                    self._changed.notify_all()

    async def _pass(self, line: Recorded, rest: Sequence[tuple[float, Recorded]]) -> None:
        assert self._stage is not None
        self._known.take(line)
        if isinstance(line, RecordedEvent) and line.name != wire.GATEWAY:
            await self._stage.emit(line.name, *line.args)
        elif isinstance(line, RecordedSocket) and line.what == "disconnect" and _joins_again(line, rest):
            await self._stage.cut()

    # -- requests --------------------------------------------------------------------------------------------------

    async def answer(self, method: str, path: str, body: Any) -> Answer:
        parts = urlsplit(path).path.removeprefix(f"{API}/").split("/")
        match method, parts:
            case "POST", ["repositories"]:
                return self._registered(body)
            case "POST", ["repositories" | "scans", _, "scan" | "retry"]:
                return await self._triggered(path)
            case "GET", ["repositories", repository_id] if repository_id in self._all.repositories:
                return 200, self._all.repositories[repository_id]
            case "GET", ["scans", scan_id]:
                return await self._read(scan_id)
            case "GET", ["scans", scan_id, "events"] if self.hello is not None:
                return 200, wire.encode_events_page(self._known.events(scan_id), None)
        return self._recorded(method, path)

    def _recorded(self, method: str, path: str) -> Answer:
        """What was answered to this request up to now, else what will be."""
        for known in (self._known, self._all):
            if (line := known.answer(method, path)) is not None:
                return line.status, line.response
        if (method, path) == ("GET", f"/{wire.paths.repositories}"):
            return 200, list(self._all.repositories.values())
        if (method, path) == ("GET", f"/{wire.paths.health}"):
            return 200, {"status": "ok"}
        return no_route(method, path)

    def _registered(self, body: Any) -> Answer:
        try:
            wanted = wire.decode_as(wire.NewRepository, body, "repository")
        except WireError as error:
            return refusal(400, str(error))
        for repository_id, row in self._all.repositories.items():
            if (repository := self._all.repository(repository_id)) and repository.target == wanted.git_url:
                return 201, row
        return refusal(400, f"This recording holds no scan of {wanted.git_url}, only of {', '.join(self.targets)}")

    async def _triggered(self, path: str) -> Answer:
        waiting = [scene for scene in self._scenes if scene.trigger is not None and not scene.go.is_set()]
        scene = next((scene for scene in waiting if scene.trigger and scene.trigger.path == path), None)
        if scene is None or scene.trigger is None:
            return refusal(409, "This recording holds no further scan of that repository")
        for earlier in self._scenes[: self._scenes.index(scene)]:
            earlier.go.set()
        scene.go.set()
        await scene.answered.wait()
        return scene.trigger.status, scene.trigger.response

    async def _read(self, scan_id: str) -> Answer:
        """The record as of now; a read that comes before the first recorded one waits for it."""
        outstanding = any(scene.scan_id == scan_id and not scene.go.is_set() for scene in self._scenes)
        if scan_id in self._forgotten or outstanding or self._all.record(scan_id) is None:
            return refusal(404, "Scan not found")
        async with asyncio.timeout(READ_S), self._changed:
            await self._changed.wait_for(lambda: self._known.record(scan_id) is not None)
        if (line := self._known.read(scan_id)) is not None:
            return line.status, line.response
        record = self._known.record(scan_id)
        assert record is not None
        return 200, wire.encode_scan(record)

    async def subscribe(self, request: Any) -> Any:
        try:
            wanted = wire.decode_subscribe(request)
        except WireError as error:
            return wire.to_plain(wire.Acknowledgement(ok=False, code="invalid", message=str(error)))
        granted = self._known.granted(wanted.scan_ids, everything=wanted.all, after=wanted.after)
        scans = [wire.encode_subscribed(snapshot, events) for snapshot, events in granted]
        return {**wire.to_plain(wire.Acknowledgement(ok=True)), "scans": scans}


def scenes(moments: Sequence[tuple[float, Recorded]]) -> list[Scene]:
    """The lines, cut where a scan was triggered: at its first event, which may come before the answer that names it."""
    starts: dict[int, tuple[RecordedRest, str]] = {}
    for index, (_, line) in enumerate(moments):
        scan_id = triggered_id(line)
        if scan_id is not None and isinstance(line, RecordedRest):
            first = next((i for i, (_, other) in enumerate(moments[:index]) if _names(other, scan_id)), index)
            starts[first] = (line, scan_id)
    bounds = sorted({0, *starts, len(moments)})
    return [Scene(moments[begin:end], *starts.get(begin, (None, None))) for begin, end in pairwise(bounds)]


def _names(line: Recorded, scan_id: str) -> bool:
    return isinstance(line, RecordedEvent) and (wire.parse_event_name(line.name) or ("",))[0] == scan_id


def _joins_again(lost: RecordedSocket, lines: Sequence[tuple[float, Recorded]]) -> bool:
    """Whether the client that was recorded came back: it was cut off, and had not ended."""
    return any(
        isinstance(line, RecordedSocket) and line.what == "connect" and line.t_ms >= lost.t_ms for _, line in lines
    )
