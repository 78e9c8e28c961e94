"""Handles work wherever Python runs, and a process that forgot to close its client ends quietly, and as it wished.

@gxp-spec SPEC-001-005 "Scan handle, sync and async clients"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator

import nbformat
import pytest
from nbclient import NotebookClient

import scanwatch
from scanwatch.testing import RunningGateway, run_gateway
from tests.client.test_live import ENDLESS, QUICK, SECONDS, TIMEOUT_S


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    """One with room for every scan that is left running here."""
    with run_gateway(concurrency=64) as running:
        yield running


BEGIN = """
import asyncio, sys, threading, time
import scanwatch
url = sys.argv[1]
quick, slow = "sim://acme/payments?files=20&duration_s=0.2&seed=7", "sim://acme/slow?files=2000&duration_s=60&seed=7"
client = scanwatch.connect(url)
"""


def ended(code: str, gateway: RunningGateway, begin: str = BEGIN) -> tuple[int, str, str]:
    """How a program ended: its exit code, and what it said."""
    program = begin + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, gateway.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


FORGETFUL = {
    "a scan that runs, with callbacks": """
        scan = client.scan(slow)
        scan.on_event(lambda event: None)
        scan.add_done_callback(lambda scan: None)
        """,
    "threads that wait": """
        scan = client.scan(slow)
        waiting = threading.Barrier(4)
        def wait(how):
            waiting.wait()
            how()
        for how in (scan.wait, lambda: list(scan.stream()), lambda: list(scanwatch.as_completed([scan]))):
            threading.Thread(target=wait, args=[how], daemon=True).start()
        waiting.wait()
        """,
    "a batch that is being started": """
        batch = client.scan_many([slow] * 9, max_in_flight=3)
        next(iter(batch))
        """,
}
FORGETFUL_TOO = {
    "a callback that is busy": """
        busy = threading.Event()
        client.scan(slow).on_event(lambda event: (busy.set(), time.sleep(60)))
        busy.wait()
        """,
    "a thread that asks": """
        def ask():
            while not over:
                client.repositories()
        over = []
        threading.Thread(target=ask, daemon=True).start()
        client.scan(quick)
        over.append(True)
        """,
    "a thread that waits and is waited for": """
        scan = client.scan(quick)
        threading.Thread(target=scan.wait).start()
        """,
    "a stream left half way": """
        events = client.scan(slow).stream()
        next(events)
        """,
    "ends that were not asked for": """
        ends = scanwatch.as_completed(client.scan_many([quick, slow]))
        next(ends)
        """,
    "a panel": """
        panel = client.watch()
        panel._repr_mimebundle_()
        """,
    "an awaiting client whose loop has ended": """
        async def main():
            global other, scan
            other = scanwatch.AsyncClient(url)
            scan = await other.scan(slow)
            task = asyncio.create_task(scan.wait())
            await asyncio.sleep(0)
        asyncio.run(main())
        """,
    "two clients": """
        other = scanwatch.connect(url)
        other.scan(slow), client.scan(slow)
        """,
}


@pytest.mark.parametrize("code", FORGETFUL.values(), ids=FORGETFUL)
def test_forgetting_to_close_is_cleaned_up_at_exit_without_noise(code: str, gateway: RunningGateway) -> None:
    assert ended(code, gateway) == (0, "", "")


@pytest.mark.slow
@pytest.mark.parametrize("code", FORGETFUL_TOO.values(), ids=FORGETFUL_TOO)
def test_whatever_was_under_way_at_exit_makes_no_noise(code: str, gateway: RunningGateway) -> None:
    assert ended(code, gateway) == (0, "", "")


def test_a_program_that_ends_by_exit_or_error_ends_as_it_wished(gateway: RunningGateway) -> None:
    assert ended("client.scan(slow); sys.exit(7)", gateway) == (7, "", "")
    code, _, said = ended("client.scan(slow); raise KeyError('its own mistake')", gateway)
    assert (code, said.count("Traceback"), "its own mistake" in said) == (1, 1, True)


def test_leaving_a_with_block_by_an_error_closes_and_cancels_nothing(gateway: RunningGateway) -> None:
    code = """
    try:
        with client:
            scan = client.scan(slow)
            raise KeyError("its own mistake")
    except KeyError:
        print(scan.id)
    assert [thread.name for thread in threading.enumerate()] == ["MainThread"], threading.enumerate()
    """
    returncode, said, complaints = ended(code, gateway)
    assert (returncode, complaints) == (0, "")
    with scanwatch.connect(gateway.url) as client:
        scan = client.attach(said.strip())
        assert not scan.done()
        scan.cancel()


def test_a_script_awaits_with_asyncio_run(gateway: RunningGateway) -> None:
    code = """
    import asyncio, sys, scanwatch

    async def main():
        async with scanwatch.AsyncClient(sys.argv[1]) as client:
            scan = await client.scan("sim://acme/payments?files=20&duration_s=0.2&seed=7")
            print((await scan).files, [event.seq async for event in scan][-1] == scan.snapshot.seq)
            async for ended in scanwatch.as_completed([scan]):
                print(ended.status)

    asyncio.run(main())
    """
    assert ended(code, gateway, begin="") == (0, "20 True\ncompleted\n", "")


def test_ipython_awaits_a_handle_at_its_prompt(gateway: RunningGateway) -> None:
    lines = f"""
    import scanwatch
    client = scanwatch.connect({gateway.url!r}); scan = client.scan({QUICK!r})
    print((await scan).files, scan.wait().status)
    print([event.seq async for event in scan][-1] == scan.snapshot.seq)
    """
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--quick", "--no-banner", "-c", textwrap.dedent(lines)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["20", "completed", "True"], "")


def test_a_notebooks_kernel_attaches_by_id_waits_awaits_and_iterates(
    gateway: RunningGateway, client: scanwatch.Client
) -> None:
    running, endless = client.scan(SECONDS), client.scan(ENDLESS)
    cells = [
        f"import scanwatch; client = scanwatch.connect({gateway.url!r}); scan = client.attach({running.id!r})",
        "print((await scan).files)",
        "print(scan.wait(timeout=20).status, [event.seq async for event in scan][-1] == scan.snapshot.seq)",
        "print(len(list(scan.stream())) == len(scan.events()))",
        f"client.attach({endless.id!r}).cancel()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    said = [output["text"] for cell in notebook.cells for output in cell.get("outputs", [])]
    assert said == ["60\n", "completed True\n", "True\n"]
    assert endless.wait(TIMEOUT_S).cancelled(), "what another kernel does to a scan is seen here"


def test_in_a_fork_a_handle_says_that_nobody_listens_there_instead_of_waiting_for_ever(gateway: RunningGateway) -> None:
    code = """
    import os
    scan = client.scan(slow)
    batch = client.scan_many([slow])
    next(iter(batch))
    if os.fork() == 0:
        ways = (scan.wait, lambda: list(scan.stream()), lambda: scan.on_event(print), batch.wait,
                lambda: next(scanwatch.as_completed([scan])), lambda: asyncio.run(scan.__aiter__().__anext__()))
        for way in ways:
            try:
                way()
            except scanwatch.ConnectionClosed as error:
                print("before a fork" in str(error))
        sys.exit(0)
    os.wait()
    print(scan.refresh().done())
    """
    exit_code, output, errors = ended(code, gateway)
    assert (exit_code, output.split(), errors) == (0, ["True"] * 6 + ["False"], "")
