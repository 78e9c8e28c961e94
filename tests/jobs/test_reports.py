"""Of what a scanner reports, at most so much a second is written, and never too little to follow it.

@gxp-spec SPEC-003-002 "Embedded queue and worker"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwatch.errors import ScannerError
from scanwatch.model import WORK_PHASES, Event, EventKind, Phase, Progress, ScanOutcome
from scanwatch.scanners import Report, Task
from scanwatch.scanners._coalesce import Coalescer
from tests.jobs.bench import OUTCOME, Bench, PatientClock, fetched, settle, until


def of_phase(history: Iterable[Event], phase: Phase) -> list[int | None]:
    """The file counts that were written for a phase."""
    return [event.files_processed for event in history if event.phase is phase and event.files_processed is not None]


def patient(bench: Bench) -> PatientClock:
    assert isinstance(bench.clock, PatientClock)
    return bench.clock


async def test_ten_reports_a_second_are_written_and_the_first_and_the_last_of_a_phase(timed: Bench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        for files in range(1000):
            report(fetched(files, 1000))
            await timed.clock.sleep(0.01)
        return OUTCOME

    await timed.submit()
    await timed.start(scan)
    await patient(timed).advance(11)
    written = of_phase(await timed.history(), Phase.FETCH)
    assert (written[0], written[-1]) == (0, 999)
    assert 95 <= len(written) <= 102


async def test_a_report_that_was_held_back_is_written_when_its_time_comes(timed: Bench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        report(fetched(1))
        report(fetched(2))
        await timed.clock.sleep(60)
        return OUTCOME

    await timed.submit()
    await timed.start(scan)
    await settle()
    assert of_phase(await timed.history(), Phase.FETCH) == [1]
    await patient(timed).advance(0.1)
    assert of_phase(await timed.history(), Phase.FETCH) == [1, 2]
    await patient(timed).advance(60)


async def test_every_phase_change_is_written_at_once_with_the_last_report_before_it(timed: Bench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        for phase in WORK_PHASES:
            for files in range(50):
                report(fetched(files, 50, phase))
        return OUTCOME

    await timed.submit()
    await timed.start(scan)
    await settle()
    history = await timed.history()
    assert history[-1].kind is EventKind.COMPLETE
    assert [of_phase(history, phase) for phase in WORK_PHASES] == [[0, 49]] * 5


async def test_the_last_report_before_a_failure_is_written_before_it(timed: Bench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        for files in range(8):
            report(fetched(files))
        raise ScannerError("no", retryable=False)

    await timed.submit()
    await timed.start(scan)
    await settle()
    history = await timed.history()
    assert of_phase(history, Phase.FETCH) == [0, 7]
    assert history[-1].kind is EventKind.FAILED


async def test_with_a_rate_of_zero_every_report_is_written(timed: Bench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        for files in range(3000):
            report(fetched(files, 3000))
        return OUTCOME

    await timed.submit()
    await timed.start(scan, max_events_per_s=0)
    await timed.end_of()
    assert of_phase(await timed.history(), Phase.FETCH) == list(range(3000))


async def test_after_two_thousand_events_of_a_scan_one_report_a_second_is_written(timed: Bench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        for phase in WORK_PHASES * 400:
            report(fetched(0, 10, phase))
        for files in range(1, 200):
            await timed.clock.sleep(0.05)
            report(fetched(files, 1000, Phase.PERSIST))
        return OUTCOME

    await timed.submit()
    await timed.start(scan)
    await until(lambda: len(timed.heard) > 2000)
    await settle()
    before = len(await timed.history())
    await patient(timed).advance(11)
    assert timed.heard[-1].terminal
    assert 10 <= len(await timed.history()) - before <= 13


async def test_percent_never_falls_within_an_attempt_and_unknown_stays_unknown(timed: Bench) -> None:
    reports = [fetched(5), fetched(2), fetched(3, None), fetched(8), fetched(1, 10, Phase.DISCOVERY)]

    async def scan(task: Task, report: Report) -> ScanOutcome:
        for progress in reports:
            report(progress)
        return OUTCOME

    await timed.submit()
    await timed.start(scan, max_events_per_s=0)
    await timed.end_of()
    events = [event for event in await timed.history() if event.files_processed is not None]
    assert [event.progress_percent for event in events] == [20, 20, None, 26, 26]
    assert [event.files_processed for event in events] == [5, 2, 3, 8, 1]


async def test_percent_follows_what_a_scanner_says_of_a_phase_without_files(timed: Bench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        for share in (0.0, 0.5, 7.0, -1.0):
            report(Progress(Phase.FETCH, message=f"{share}", share=share))
        return OUTCOME

    await timed.submit()
    await timed.start(scan, max_events_per_s=0)
    await timed.end_of()
    events = [event for event in await timed.history() if event.phase is Phase.FETCH and event.message]
    assert [event.progress_percent for event in events] == [10, 20, 30, 30]


async def test_a_new_attempt_begins_from_the_bottom(timed: Bench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        report(fetched(9 if task.attempt == 1 else 1))
        if task.attempt == 1:
            raise ScannerError("no")
        return OUTCOME

    await timed.submit()
    await timed.start(scan)
    await patient(timed).advance(6)
    events = [event for event in await timed.history() if event.files_processed is not None]
    assert [(event.attempt, event.progress_percent) for event in events] == [(1, 28), (2, 12)]


@pytest.mark.parametrize("interval_s", [0.0, 0.1, 1.0])
@given(reports=st.lists(st.tuples(st.sampled_from(WORK_PHASES), st.floats(0, 0.5)), max_size=60))
def test_first_and_last_of_each_stay_in_a_phase_pass_in_order_whatever_the_pace(
    interval_s: float, reports: list[tuple[Phase, float]]
) -> None:
    coalescer: Coalescer[int] = Coalescer(interval_s)
    passed: list[int] = []
    now = 0.0
    for number, (phase, pause) in enumerate(reports):
        coalescer.offer(phase, number)
        passed += coalescer.take(now)
        now += pause
    passed += coalescer.flush()
    phases = [phase for phase, _ in reports]
    edges = {n for n in range(len(phases)) if n == 0 or phases[n] is not phases[n - 1]}
    edges |= {n for n in range(len(phases)) if n == len(phases) - 1 or phases[n] is not phases[n + 1]}
    assert passed == sorted(set(passed))
    assert edges <= set(passed)
