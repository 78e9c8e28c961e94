"""A blocking scanner runs in a process of its own, which never outlives its scan or its worker.

@gxp-spec SPEC-004-001 "Scanner contract"
@trace US-004-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scanwatch.errors import ScannerError
from scanwatch.model import WORK_PHASES, Phase, Progress, ScanOutcome
from scanwatch.scanners import Report, Scanner, Task
from scanwatch.scanners._runner import run_attempt
from tests.scanners import blocking

ROOT = Path(__file__).parent.parent.parent

WORKER = """
import asyncio
from scanwatch.scanners import Task
from scanwatch.scanners._runner import run_attempt
from tests.scanners.blocking import {scanner}
asyncio.run(run_attempt({scanner}, Task("s1", "block://x"), lambda progress: print(progress.message, flush=True)))
"""


async def run(
    scanner: type[Scanner], *, interval_s: float = 0.0, **options: object
) -> tuple[ScanOutcome, list[Progress]]:
    told: list[Progress] = []
    task = Task("s1", "block://x", options, attempt=2)
    return await run_attempt(scanner, task, told.append, report_interval_s=interval_s), told


async def begin(scanner: type[Scanner]) -> tuple[asyncio.Task[ScanOutcome], str]:
    """Start a scanner and return with its first message."""
    said: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def report(progress: Progress) -> None:
        said.set_result(progress.message or "")

    attempt = asyncio.create_task(run_attempt(scanner, Task("s1", "block://x"), report))
    async with asyncio.timeout(10):
        return attempt, await said


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected by another's parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def collected(pid: int) -> bool:
    """Whether not even a zombie is left of a child of this process."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return True
    return False


async def gone(*pids: int, within_s: float = 3.0) -> bool:
    deadline = time.monotonic() + within_s
    while any(map(alive, pids)):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True


async def test_reports_and_outcome_arrive_from_another_process() -> None:
    outcome, told = await run(blocking.Steady, word="payments")
    assert [progress.phase for progress in told] == [phase for phase in WORK_PHASES for _ in range(3)]
    pid, word, attempt = (told[0].message or "").split()
    assert int(pid) != os.getpid()
    assert (word, attempt) == ("payments", "2")
    assert (outcome.artifacts[0].artifact_id, outcome.findings[0].rule) == ("REQ-001", "r")
    assert (outcome.files, outcome.commit) == (2, "c0ffee")
    assert collected(int(pid))


async def test_what_a_scanner_prints_or_reads_does_not_disturb() -> None:
    outcome, _ = await run(blocking.Noisy)
    assert outcome == ScanOutcome(files=1)


async def test_a_hundred_thousand_rows_arrive_in_order() -> None:
    outcome, _ = await run(blocking.Huge)
    assert [row.line for row in outcome.artifacts] == list(range(50_000))
    assert len(outcome.findings) == 50_000


async def test_names_that_are_no_text_are_made_so() -> None:
    outcome, told = await run(blocking.Unreadable)
    assert (outcome.artifacts[0].file, told[0].current_file) == ("caf?.md", "caf?.md")


async def test_a_flood_of_reports_is_thinned_before_it_reaches_the_worker() -> None:
    _, told = await run(blocking.Flooding, interval_s=0.05)
    parsed = [progress.files_processed for progress in told if progress.phase is Phase.PARSE]
    assert (parsed[0], parsed[-1]) == (0, 19_999)
    assert len(parsed) < 100
    assert told[-1].phase is Phase.VALIDATE


async def test_a_report_that_was_held_back_comes_without_another_one() -> None:
    arrived: dict[int | None, float] = {}

    def report(progress: Progress) -> None:
        arrived[progress.files_processed] = time.monotonic()

    await run_attempt(blocking.Flooding, Task("s1", "block://x"), report, report_interval_s=0.05)
    assert time.monotonic() - arrived[19_999] > 0.1


async def test_a_scanners_own_words_arrive_with_code_and_whether_to_retry() -> None:
    with pytest.raises(ScannerError, match="No such repository") as caught:
        await run(blocking.Refusing)
    assert (caught.value.code, caught.value.retryable) == ("not_found", False)


async def test_a_bug_in_a_scanner_is_told_in_one_line_and_logged_in_full(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ScannerError) as caught:
        await run(blocking.Crashing)
    assert str(caught.value) == "ZeroDivisionError: integer division or modulo by zero"
    assert (caught.value.code, caught.value.retryable) == ("internal", True)
    assert "in scan" in caplog.text


@pytest.mark.parametrize(
    ("how", "words"), [("exit", r"\(exit code 3\): no memory left"), ("kill", r"\(ended by SIGKILL\)")]
)
async def test_a_process_that_dies_is_told_with_its_last_words(how: str, words: str) -> None:
    with pytest.raises(ScannerError, match=words) as caught:
        await run(blocking.Dying, how=how)
    assert caught.value.code == "internal"


async def test_a_scanner_that_returns_no_outcome_is_told_by_name() -> None:
    with pytest.raises(ScannerError, match=r"Wordless\.scan returned NoneType"):
        await run(blocking.Wordless)


async def test_options_that_cannot_be_sent_are_a_failure_like_any_other() -> None:
    with pytest.raises(ScannerError, match="TypeError"):
        await run(blocking.Steady, word=object())


async def test_a_process_that_cannot_be_started_is_a_failure_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(ScannerError, match="/no/such/python"):
        await run(blocking.Steady, word="payments")


async def test_a_scanner_that_no_other_process_can_import_is_refused_with_the_remedy() -> None:
    class Local(blocking.Blocking):
        def scan(self, task: Task, report: Report) -> ScanOutcome:
            return ScanOutcome()

    with pytest.raises(ScannerError, match="top of an importable module"):
        await run(Local)


async def test_a_report_that_raises_ends_the_attempt_and_the_process() -> None:
    def report(progress: Progress) -> None:
        raise LookupError("nobody listens")

    with pytest.raises(ScannerError, match="LookupError: nobody listens"):
        await run_attempt(blocking.Sleeper, Task("s1", "block://x"), report)


async def test_cancelling_ends_the_process_and_what_it_started() -> None:
    attempt, message = await begin(blocking.Sleeper)
    child, program = map(int, message.split())
    begun = time.monotonic()
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)
    assert time.monotonic() - begun < 10  # a bound against hanging; benchmarks measure
    assert attempt.cancelled()
    assert collected(child)
    assert await gone(program, within_s=0.2)


async def test_cancelling_ends_a_process_that_will_not_be_asked() -> None:
    attempt, message = await begin(blocking.Deaf)
    begun = time.monotonic()
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)
    assert time.monotonic() - begun < 10  # a bound against hanging; benchmarks measure
    assert collected(int(message))


async def test_cancelling_twice_still_leaves_no_process() -> None:
    attempt, message = await begin(blocking.Deaf)
    attempt.cancel()
    await asyncio.sleep(0.02)
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)
    assert collected(int(message))


async def test_a_cancelled_scanner_can_tidy_up() -> None:
    attempt, folder = await begin(blocking.Tidy)
    assert Path(folder).exists()
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)
    assert not Path(folder).exists()


@pytest.mark.parametrize("scanner", ["Sleeper", "Deaf"])
async def test_a_killed_worker_takes_its_scanners_with_it(scanner: str) -> None:
    command = [sys.executable, "-c", WORKER.format(scanner=scanner)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as worker:
        assert worker.stdout is not None
        pids = [int(pid) for pid in worker.stdout.readline().split()]
        assert pids
        worker.kill()
    assert await gone(*pids)


async def test_an_order_that_never_comes_ends_the_process() -> None:
    command = [sys.executable, "-P", "-m", "scanwatch.scanners._child"]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False)
    assert (ended.returncode, ended.stderr) == (1, "the worker left before it said what to scan\n")
