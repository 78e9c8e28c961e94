"""Scans of repositories that do not exist, for rehearsals, demonstrations and tests: ``sim://owner/name?...``.

Everything follows from the target and its options: the same seed gives the same files, artifacts and findings.
All options: ``files duration_s seed artifacts findings``; ``fail=PHASE[:ATTEMPTS[:CODE]]``; ``stall=PHASE[:SECONDS]``;
``quirk=silent|backwards|no_totals|burst|masked``. ``SCANWATCH_SIM_SPEED=20`` runs every simulation 20 times faster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import ClassVar

from ..errors import ScannerError
from ..model import WORK_PHASES, FailureCode, Phase, Progress, ScanOutcome
from ._base import Report, Task
from ._simulated_inventory import Inventory, make_inventory
from ._simulated_options import Failure, Options, Quirk, read_options, speed
from ._target import options_of

_STEPS_PER_S = 20

_SHARE_OF_TIME: Mapping[Phase, float] = MappingProxyType(
    {Phase.DISCOVERY: 0.08, Phase.FETCH: 0.24, Phase.PARSE: 0.34, Phase.VALIDATE: 0.24, Phase.PERSIST: 0.10}
)
_DOING: Mapping[Phase, str] = MappingProxyType(
    {
        Phase.DISCOVERY: "Discovering files",
        Phase.FETCH: "Fetching files",
        Phase.PARSE: "Parsing artifacts",
        Phase.VALIDATE: "Validating artifacts",
        Phase.PERSIST: "Preparing the result",
    }
)
_CAUSES: Mapping[FailureCode, str] = MappingProxyType(
    {
        FailureCode.INTERNAL: "the scanner broke down",
        FailureCode.RATE_LIMITED: "the host refuses further requests for now",
        FailureCode.NOT_FOUND: "the repository is not there",
        FailureCode.INVALID: "the file is not valid",
        FailureCode.TIMEOUT: "the host did not answer in time",
    }
)


class SimulatedScanner:
    """Takes ``sim://`` targets; waits instead of working, so it runs as a coroutine."""

    schemes: ClassVar[tuple[str, ...]] = ("sim",)

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep

    def check(self, task: Task) -> None:
        """Refuse what is no description of a scan; raises ``ScannerError`` (code ``invalid``)."""
        _described(task)

    async def scan(self, task: Task, report: Report) -> ScanOutcome:
        """Play the scan that ``task`` describes.

        Raises:
            ScannerError: the options ask for a failure, or are wrong (code ``invalid``).
        """
        name, options = _described(task)
        inventory = _inventory(name, options)
        play = _Play(options, inventory, task.attempt, report, self._sleep, speed())
        for phase in WORK_PHASES:
            await play.act(phase)
        return ScanOutcome(
            inventory.artifacts,
            inventory.findings,
            files=len(inventory.files),
            commit=inventory.commit,
            annotations=inventory.annotations,
            evidence=inventory.evidence,
        )


def _described(task: Task) -> tuple[str, Options]:
    """The name of the repository that is simulated, and how its scan goes."""
    target, raw = options_of(task)
    name = target.partition("://")[2].strip("/")
    if not name:
        raise ScannerError(
            f"{target} names no repository; write sim://owner/name.", code=FailureCode.INVALID, retryable=False
        )
    return name, read_options(target, raw)


def _inventory(name: str, options: Options) -> Inventory:
    artifacts = options.files // 4 if options.artifacts is None else options.artifacts
    findings = artifacts // 6 if options.findings is None else options.findings
    return make_inventory(name, seed=options.seed, files=options.files, artifacts=artifacts, findings=findings)


class _Play:
    """One attempt, phase by phase."""

    def __init__(
        self,
        options: Options,
        inventory: Inventory,
        attempt: int,
        report: Report,
        sleep: Callable[[float], Awaitable[None]],
        faster: float,
    ) -> None:
        self._options = options
        self._inventory = inventory
        self._attempt = attempt
        self._report = report
        self._sleep = sleep
        self._faster = faster

    async def act(self, phase: Phase) -> None:
        """Go through all files of one phase, in the time it takes."""
        phase_s = self._options.duration_s * _SHARE_OF_TIME[phase]
        files = len(self._inventory.files)
        burst = self._options.quirk is Quirk.BURST
        steps = max(1, files if burst else min(files, round(phase_s * _STEPS_PER_S)))
        middle = (steps + 1) // 2
        self._say(phase, 0)
        for step in range(1, steps + 1):
            if not burst:
                await self._pause(phase_s / steps)
            done = files * step // steps
            if self._options.quirk is Quirk.BACKWARDS and step % 5 == 0:
                self._say(phase, done // 2)
            self._say(phase, done)
            if step == middle:
                await self._misbehave(phase, done)
        if burst:
            await self._pause(phase_s)

    async def _pause(self, seconds: float) -> None:
        await self._sleep(seconds / self._faster)

    def _say(self, phase: Phase, done: int) -> None:
        quirk = self._options.quirk
        if quirk is Quirk.SILENT:
            return
        files = self._inventory.files
        self._report(
            Progress(
                phase,
                files_processed=done,
                total_files=None if quirk is Quirk.NO_TOTALS else len(files),
                current_file=files[done - 1] if done else None,
                artifacts_found=self._found(phase, done),
                message=_DOING[phase],
            )
        )

    def _found(self, phase: Phase, done: int) -> int:
        total, files = len(self._inventory.artifacts), len(self._inventory.files)
        if phase in (Phase.DISCOVERY, Phase.FETCH):
            return 0
        return total * done // files if phase is Phase.PARSE and files else total

    async def _misbehave(self, phase: Phase, done: int) -> None:
        fail, stall = self._options.fail, self._options.stall
        if stall is not None and stall.phase is phase:
            await (asyncio.Event().wait() if stall.seconds is None else self._pause(stall.seconds))
        if fail is None or fail.phase is not phase:
            return
        if fail.attempts is None or self._attempt <= fail.attempts:
            raise self._failure(fail, done)

    def _failure(self, fail: Failure, done: int) -> ScannerError:
        if self._options.quirk is Quirk.MASKED and self._attempt > 1:
            return ScannerError("Simulated failure: an earlier scan of this repository left rows behind")
        file = self._inventory.files[done - 1] if done else "the root"
        return ScannerError(
            f"Simulated failure: {_CAUSES[fail.code]} at {file}", code=fail.code, retryable=fail.retryable
        )
