"""Several processes and one local gateway: they race to start it, fork, and are started by one another.

@gxp-spec SPEC-003-005 "Local gateway"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

import scanwatch
from scanwatch._local import LocalGateway
from tests.local.conftest import answers, end_gateway_of, program, wait_for

JOIN = """
import sys
from scanwatch import LocalGateway
print("ready", flush=True)
sys.stdin.readline()
gateway = LocalGateway(sys.argv[1])
print(gateway.url, gateway.joined, flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_of_two_processes_that_start_at_the_same_moment_one_owns_the_store_and_the_other_joins(
    tmp_path: Path, rounds: int
) -> None:
    for number in range(rounds):
        store = tmp_path / f"{number}.db"
        both = [program(JOIN, store) for _ in range(2)]
        for process in both:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in both:
            assert process.stdin is not None
            process.stdin.write("now\n")
            process.stdin.flush()
        told = [process.stdout.readline().split() for process in both if process.stdout is not None]
        try:
            assert len({url for url, _ in told}) == 1, told
            assert sorted(joined for _, joined in told) == ["False", "True"]
            assert answers(told[0][0])
        finally:
            ends = [process.communicate("end\n", timeout=30) for process in both]
            end_gateway_of(store)
        assert [errors for _, errors in ends] == ["", ""]


def test_one_that_starts_while_the_owner_is_ending_becomes_the_next_owner(store: Path) -> None:
    first = LocalGateway(store)
    os.kill(first._pid, signal.SIGTERM)
    with LocalGateway(store) as second:
        assert answers(second.url)


def test_one_that_hands_back_its_scans_before_it_ends_is_not_joined(store: Path) -> None:
    first = LocalGateway(store)
    with scanwatch.connect(first) as client:
        scan = client.scan("sim://acme/payments?files=8&duration_s=60")
        assert wait_for(lambda: scan.status == "in_progress")
        os.kill(first._pid, signal.SIGTERM)
        with LocalGateway(store) as second:
            assert not second.joined
            assert answers(second.url)


def watch_from_a_child(gateway: LocalGateway) -> None:
    """What a worker process does with a gateway it was handed: uses it, and leaves it as it was."""
    with gateway, scanwatch.connect(gateway) as client:
        assert client.scan("sim://acme/payments?files=3&duration_s=0.1").wait(60).status == "completed"


@pytest.mark.parametrize("method", [pytest.param("spawn", marks=pytest.mark.slow), "fork"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_worker_process_uses_the_gateway_and_leaves_it_running(store: Path, method: str) -> None:
    with LocalGateway(store, shared=False) as gateway:
        worker = multiprocessing.get_context(method).Process(target=watch_from_a_child, args=(gateway,))
        worker.start()
        worker.join(60)
        assert worker.exitcode == 0
        assert answers(gateway.url)


def test_one_that_is_not_shared_ends_with_its_process_even_if_a_fork_of_that_lives_on(store: Path) -> None:
    code = """
import os, sys
from scanwatch import LocalGateway
gateway = LocalGateway(sys.argv[1], shared=False)
print(gateway.url, flush=True)
if os.fork() == 0:
    sys.stdin.readline()
os._exit(0)
"""
    started = program(code, store)
    assert started.stdout is not None
    url = started.stdout.readline().strip()
    assert wait_for(lambda: not answers(url))
    _, errors = started.communicate("end\n", timeout=20)
    assert errors == ""
