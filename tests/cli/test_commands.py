"""The commands, as they are typed: what they print, and what they end with.

@gxp-spec SPEC-001-006 "Command line"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import scanwatch
from scanwatch.cli import main
from scanwatch.testing import RunningGateway, run_gateway

Run = Callable[..., "Done"]
COMMAND = [sys.executable, "-m", "scanwatch"]
QUICK = "sim://acme/payments?files=20&duration_s=0.4&seed=7"
SLOW = "sim://acme/payments?files=200&duration_s=60&seed=7"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment without this machine's gateways, and with its own place for data."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCANWATCH")}
    return {**kept, "SCANWATCH_HOME": str(tmp_path / "home"), "COLUMNS": "132"}


@dataclass
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run ``scanwatch`` with these words to its end, in this process and in a folder of its own."""

    def run(*words: str, **variables: str) -> Done:
        with monkeypatch.context() as patch:
            patch.setattr(os, "environ", {**environment, **variables})
            patch.chdir(tmp_path)
            try:
                code = main(words)
            except SystemExit as end:
                code = int(str(end.code))
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    with run_gateway(attempts=2) as running:
        yield running


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``scanwatch`` with these words; whatever still runs after the test is ended."""
    started = []

    def start(*words: str, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*COMMAND, *words],
            env={**environment, **variables},
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_misspelt_command_names_the_one_that_was_meant(run: Run) -> None:
    done = run("wacth")
    assert done.returncode == 2
    assert "Did you mean 'watch'?" in done.stderr
    assert done.stdout == ""


def test_a_misspelt_option_names_the_one_that_was_meant(run: Run) -> None:
    done = run("serve", "--prot", "0")
    assert done.returncode == 2
    assert "Did you mean --port?" in done.stderr


@pytest.mark.parametrize("words", [["--help"], ["serve", "--help"], ["scan", "--help"], ["watch", "--help"]])
def test_help_has_examples(run: Run, words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 0
    assert "examples:\n  scanwatch " in done.stdout


def test_a_scan_that_completes_ends_with_0_and_tells_its_phases(run: Run, gateway: RunningGateway) -> None:
    done = run("scan", QUICK, "--gateway", gateway.url)
    assert (done.returncode, done.stderr) == (0, "")
    told = [line.split("  ", 1)[1] for line in done.stdout.splitlines()]
    assert all(line.startswith("acme/payments  ") for line in told)
    assert "Completed  100 %" in told[-1]
    assert len(told) < 15, "a line for each phase, not for each event"


def test_a_pipe_gets_lines_also_where_colours_are_forced(run: Run, gateway: RunningGateway) -> None:
    done = run("scan", QUICK, "--gateway", gateway.url, FORCE_COLOR="1")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout


def test_a_scan_that_fails_ends_with_1_and_says_why_after_its_attempts(run: Run, gateway: RunningGateway) -> None:
    done = run("scan", QUICK + "&fail=parse", "--gateway", gateway.url)
    assert done.returncode == 1
    assert "attempt 2 begins: Simulated failure" in done.stdout
    assert "Failed (attempt 2)" in done.stdout.splitlines()[-1]


def test_a_scan_that_is_cancelled_ends_with_3(
    start: Callable[..., subprocess.Popen[str]], gateway: RunningGateway
) -> None:
    process = start("scan", SLOW, "--gateway", gateway.url, "--json")
    assert process.stdout is not None
    scan_id = json.loads(process.stdout.readline())["scan_id"]
    with scanwatch.connect(gateway.url) as client:
        client.attach(scan_id).cancel()
    assert process.wait(timeout=20) == 3


def test_json_tells_every_event_in_order_to_the_end(run: Run, gateway: RunningGateway) -> None:
    done = run("scan", QUICK, "--gateway", gateway.url, "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["kind"] == "complete"


def test_json_of_a_scan_that_had_ended_has_its_whole_history(run: Run, gateway: RunningGateway) -> None:
    first = run("scan", QUICK, "--gateway", gateway.url, "--json").stdout
    scan_id = json.loads(first.splitlines()[0])["scan_id"]
    assert run("watch", scan_id, "--gateway", gateway.url, "--json").stdout == first


def test_options_reach_the_scanner(run: Run, gateway: RunningGateway) -> None:
    words = ("--option", "files=7", "--option", "duration_s=0.2", "--option", "artifacts=3")
    done = run("scan", "sim://acme/payments", *words, "--gateway", gateway.url, "--json")
    end = json.loads(done.stdout.splitlines()[-1])
    assert (end["result"]["files"], end["result"]["artifacts"]) == (7, 3)


def test_a_detached_scan_is_found_again_by_its_id(run: Run, gateway: RunningGateway) -> None:
    scan_id = run("scan", QUICK, "--gateway", gateway.url, "--detach").stdout.strip()
    done = run("watch", scan_id, "--gateway", gateway.url)
    assert done.returncode == 0
    assert "Completed" in done.stdout


def test_an_interrupt_ends_the_watching_and_says_how_to_go_on(
    start: Callable[..., subprocess.Popen[str]], run: Run, gateway: RunningGateway
) -> None:
    process = start("scan", SLOW, "--gateway", gateway.url, "--json")
    assert process.stdout is not None
    scan_id = json.loads(process.stdout.readline())["scan_id"]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"scanwatch watch {scan_id} --gateway {gateway.url}" in said
    assert "Traceback" not in said
    with scanwatch.connect(gateway.url) as client:
        scan = client.attach(scan_id)
        assert scan.status == "in_progress"
        scan.cancel()


def test_time_that_runs_out_ends_with_1_and_leaves_the_scan(run: Run, gateway: RunningGateway) -> None:
    done = run("scan", SLOW, "--gateway", gateway.url, "--timeout", "0.3")
    assert done.returncode == 1
    assert "the scan goes on" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["scan", "no-such-path"], 2, "neither a URL nor a path"),
        (["scan", "nothing://here"], 2, "nothing"),
        (["scan", QUICK, "--option", "files"], 2, "NAME=VALUE"),
        (["scan", QUICK, "--option", "fiels=3"], 2, "Did you mean 'files'"),
        (["scan", "https://ada:s3cret@host/x"], 2, "credential helper"),
        (["scan", "x" * 300], 2, "neither a URL nor a path"),
        (["watch", "not-an-id"], 2, "not the id of a scan"),
        (["watch", "00000000-0000-4000-8000-000000000000"], 2, "00000000-0000-4000-8000-000000000000"),
    ],
)
def test_wrong_use_ends_with_2_and_the_reason(
    run: Run, gateway: RunningGateway, words: list[str], code: int, reason: str
) -> None:
    done = run(*words, "--gateway", gateway.url)
    assert done.returncode == code
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_a_gateway_that_does_not_answer_ends_with_4(run: Run) -> None:
    done = run("scan", QUICK, "--gateway", "http://127.0.0.1:9")
    assert done.returncode == 4
    assert "http://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_gateway_that_refuses_ends_with_4(run: Run) -> None:
    with run_gateway(token="open-sesame") as guarded:
        refused = run("scan", QUICK, "--gateway", guarded.url, SCANWATCH_TOKEN="wrong")
        assert refused.returncode == 4
        assert "token" in refused.stderr
        assert run("scan", QUICK, "--gateway", guarded.url, SCANWATCH_TOKEN="open-sesame").returncode == 0


def test_serve_prints_one_line_when_it_listens_and_ends_on_a_signal(
    start: Callable[..., subprocess.Popen[str]], run: Run
) -> None:
    process = start("serve", "--port", "0", "--store", "memory:")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Gateway ready at http://127.0.0.1:")
    assert run("scan", QUICK, "--gateway", line.split()[-1]).returncode == 0
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    rest, said = process.communicate(timeout=20)
    assert (process.returncode, rest, said) == (0, "", "")
    assert time.monotonic() - began < 3


def test_serve_beyond_this_machine_needs_a_token(run: Run, tmp_path: Path) -> None:
    done = run("serve", "--host", "0.0.0.0", "--port", "0", "--store", "memory:")
    assert done.returncode == 2
    assert "token" in done.stderr


def test_serve_reads_its_token_from_a_file(
    start: Callable[..., subprocess.Popen[str]], run: Run, tmp_path: Path
) -> None:
    secret = tmp_path / "token"
    secret.write_text("open-sesame\n")
    process = start("serve", "--port", "0", "--store", "memory:", "--token-file", str(secret))
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    assert run("scan", QUICK, "--gateway", url, "--detach").returncode == 4
    assert run("scan", QUICK, "--gateway", url, "--detach", SCANWATCH_TOKEN="open-sesame").returncode == 0


def test_a_second_owner_of_a_store_is_refused_with_a_reason(
    start: Callable[..., subprocess.Popen[str]], run: Run, tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path / 'scans.db'}"
    process = start("serve", "--port", "0", "--store", store)
    assert process.stdout is not None
    assert process.stdout.readline()
    done = run("serve", "--port", "0", "--store", store)
    assert done.returncode == 2
    assert "scans.db" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_gateway_one_is_started_and_found_again(
    run: Run, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scan_id = run("scan", QUICK, "--detach").stdout.strip()
    try:
        done = run("watch", scan_id)
        assert (done.returncode, done.stderr) == (0, "")
        assert "Completed" in done.stdout
    finally:
        monkeypatch.setenv("SCANWATCH_HOME", environment["SCANWATCH_HOME"])
        scanwatch.LocalGateway().stop()


def test_a_reader_that_has_had_enough_ends_it_quietly(
    start: Callable[..., subprocess.Popen[str]], gateway: RunningGateway
) -> None:
    process = start("scan", SLOW, "--gateway", gateway.url, "--json")
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=20) == 1
    assert process.stderr is not None
    assert process.stderr.read() == ""
