"""Watched from the command line, a scan is live in a terminal, lines in a pipe, and goes on when the watching stops.

@gxp-spec SPEC-001-006 "Command line"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from rich.cells import cell_len

import scanwatch
from scanwatch import ScanStatus
from scanwatch.cli import main
from scanwatch.testing import Quirks, RunningGateway, ScriptedGateway, run_gateway
from tests.cli._terminal import COLOUR, HIDE_CURSOR, SHOW_CURSOR, terminal
from tests.client._proxy import proxied
from tests.client._stubborn import TARGET, stubborn_gateway

QUICK = "sim://acme/payments?files=20&duration_s=1&seed=7"
SLOW = "sim://acme/payments?files=200&duration_s=60&seed=7"
TIMEOUT_S = 30


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    with run_gateway(concurrency=64) as running:
        yield running


@pytest.fixture
def client(gateway: RunningGateway) -> Iterator[scanwatch.Client]:
    with scanwatch.connect(gateway.url) as connected:
        yield connected


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment that names no gateway of this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCANWATCH", "NO_COLOR"))}
    return {**kept, "SCANWATCH_HOME": str(tmp_path / "home")}


Begin = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def begin(environment: dict[str, str]) -> Iterator[Begin]:
    """Begin ``scanwatch`` with these words, its output and complaints in pipes; it ends with the test."""
    with ExitStack() as stack:

        def begin(*words: str) -> subprocess.Popen[str]:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "scanwatch", *words],
                    env=environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            return process

        yield begin


def run(*words: str, env: dict[str, str]) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "scanwatch", *words], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout, done.stderr


def line_with(process: subprocess.Popen[str], words: str, *, of_complaints: bool = False) -> str:
    stream = process.stderr if of_complaints else process.stdout
    assert stream is not None
    while words not in (line := stream.readline()):
        assert line, f"it ended without {words!r}"
    return line


# -- in a terminal -------------------------------------------------------------------------------------------------


def test_in_a_terminal_the_bars_move_and_the_last_picture_stays(
    gateway: RunningGateway, environment: dict[str, str]
) -> None:
    with terminal("scan", QUICK, "--gateway", gateway.url, env=environment) as shown:
        assert shown.end() == 0
        percents = [int(number) for number in re.findall(r"(\d+) %", shown.text)]
        assert len(set(percents)) > 3, "it was drawn while the scan ran"
        assert percents[-1] == 100
        assert "Completed" in shown.text.splitlines()[-1]
        assert COLOUR.search(shown.raw)
        assert shown.raw.rfind(SHOW_CURSOR) > shown.raw.rfind(HIDE_CURSOR) > -1


@pytest.mark.slow
def test_a_failure_is_told_in_full_below_the_bars(gateway: RunningGateway, environment: dict[str, str]) -> None:
    with terminal("scan", f"{QUICK}&fail=parse", "--gateway", gateway.url, env=environment, columns=60) as shown:
        assert shown.end() == 1
        assert "acme/payments failed: Simulated failure" in shown.text.splitlines()[-1]


def test_ctrl_c_in_a_terminal_stops_watching_and_what_it_says_to_type_works(
    gateway: RunningGateway, client: scanwatch.Client, environment: dict[str, str]
) -> None:
    with terminal("scan", SLOW, "--gateway", gateway.url, env=environment) as shown:
        shown.wait_for("In progress")
        shown.press_ctrl_c()
        assert shown.end() == 130
        assert "Traceback" not in shown.text
        assert shown.raw.rfind(SHOW_CURSOR) > shown.raw.rfind(HIDE_CURSOR), "the terminal's cursor is back"
        told = dict(re.findall(r"to (watch again|cancel): +scanwatch (.+?)\r", shown.text))
    scan = client.attach(shlex.split(told["cancel"])[1])
    assert scan.status is ScanStatus.IN_PROGRESS
    assert run(*shlex.split(told["cancel"]), env=environment)[0] == 0
    assert run(*shlex.split(told["watch again"]), env=environment)[0] == 3


@pytest.mark.slow
def test_ctrl_c_while_every_scan_is_watched_says_how_to_go_on(
    gateway: RunningGateway, client: scanwatch.Client, environment: dict[str, str]
) -> None:
    scan = client.scan(SLOW)
    with terminal("watch", "--gateway", gateway.url, env=environment) as shown:
        shown.wait_for("In progress")
        shown.press_ctrl_c()
        assert shown.end() == 130
        assert f"scanwatch watch --gateway {gateway.url}" in shown.text
    assert not scan.refresh().done()
    scan.cancel()


@pytest.mark.slow
def test_no_color_has_none_and_says_the_same(gateway: RunningGateway, environment: dict[str, str]) -> None:
    with terminal("scan", QUICK, "--gateway", gateway.url, env={**environment, "NO_COLOR": "1"}) as shown:
        assert shown.end() == 0
        assert not COLOUR.search(shown.raw)
        assert "Completed" in shown.text


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    gateway: RunningGateway, environment: dict[str, str]
) -> None:
    with terminal("scan", QUICK, "--gateway", gateway.url, env={**environment, "TERM": "dumb"}) as shown:
        assert shown.end() == 0
        assert "\x1b" not in shown.raw
        lines = shown.text.splitlines()
        assert any("Fetch" in line for line in lines)
        assert "Completed  100 %" in lines[-1]


@pytest.mark.slow
@pytest.mark.parametrize("columns", [20, 40, 60])
def test_a_narrow_terminal_is_not_overrun(gateway: RunningGateway, environment: dict[str, str], columns: int) -> None:
    target = QUICK.replace("acme/payments", "株式会社/支払い-Zählung-🚀-ungewöhnlich-lang")
    with terminal("scan", target, "--gateway", gateway.url, env=environment, columns=columns) as shown:
        assert shown.end() == 0
        assert max(cell_len(line) for line in re.split(r"[\r\n]+", shown.text)) <= columns
        assert "✔" in shown.text


# -- in a pipe -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_names_that_the_output_has_no_letters_for_are_written_in_escapes(
    gateway: RunningGateway, environment: dict[str, str]
) -> None:
    target = QUICK.replace("acme/payments", "acme/支払い")
    narrow = {**environment, "PYTHONIOENCODING": "ascii"}
    code, output, said = run("scan", target, "--gateway", gateway.url, env=narrow)
    assert (code, said) == (0, "")
    assert "acme/\\u652f\\u6255\\u3044" in output


@pytest.mark.parametrize(
    "words",
    [
        ["scan", SLOW],
        pytest.param(["scan", SLOW, "--json"], marks=pytest.mark.slow),
        pytest.param(["watch"], marks=pytest.mark.slow),
    ],
)
def test_a_reader_that_takes_one_line_ends_it_without_a_word(
    gateway: RunningGateway, client: scanwatch.Client, environment: dict[str, str], words: list[str]
) -> None:
    scan = client.scan(SLOW)
    command = shlex.join([sys.executable, "-m", "scanwatch", *words, "--gateway", gateway.url])
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -1"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stderr.replace("Watching every scan, new ones included. Ctrl-C stops watching, never a scan.\n", "")
    assert (done.returncode, said, len(done.stdout.splitlines())) == (1, "", 1)
    scan.cancel()


def test_a_gateway_that_goes_away_is_waited_for_and_the_watching_goes_on(
    begin: Begin, gateway: RunningGateway, client: scanwatch.Client, environment: dict[str, str]
) -> None:
    scan = client.scan(SLOW)
    with proxied(gateway.url) as proxy:
        process = begin("watch", scan.id, "--gateway", proxy.url)
        line_with(process, "acme/payments")
        proxy.cut()
        line_with(process, "Reconnecting: ", of_complaints=True)
        scan.cancel()
        proxy.mend()
        line_with(process, "Cancelled")
        _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 3
    assert "Traceback" not in said


@pytest.mark.slow
def test_time_that_runs_out_while_the_gateway_is_away_ends_with_4(
    begin: Begin, gateway: RunningGateway, client: scanwatch.Client, environment: dict[str, str]
) -> None:
    scan = client.scan(SLOW)
    with proxied(gateway.url) as proxy:
        process = begin("watch", scan.id, "--gateway", proxy.url, "--timeout", "4")
        line_with(process, "acme/payments")
        proxy.cut()
        _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 4
    assert "whether the scan goes on is not known" in said
    assert f"scanwatch watch {scan.id}" in said
    scan.cancel()


@pytest.mark.slow
def test_time_that_runs_out_leaves_several_scans_and_names_them(
    gateway: RunningGateway, client: scanwatch.Client, environment: dict[str, str]
) -> None:
    scans = [client.scan(SLOW), client.scan(SLOW)]
    ids = [scan.id for scan in scans]
    code, _, said = run("watch", *ids, "--timeout", "0.5", "--gateway", gateway.url, env=environment)
    assert code == 1
    assert "Not ended within 0.5 s; the scans go on." in said
    assert f"scanwatch cancel {' '.join(ids)} --gateway {gateway.url}" in said
    assert run("watch", "--timeout", "0", "--gateway", gateway.url, env=environment)[0] == 0
    assert run("cancel", *ids, "--gateway", gateway.url, env=environment)[0] == 0
    for scan in scans:
        assert scan.wait(TIMEOUT_S).cancelled()


# -- cancel --------------------------------------------------------------------------------------------------------


def test_cancel_says_cancelling_until_the_worker_confirms(
    begin: Begin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with stubborn_gateway(tmp_path) as stubborn, scanwatch.connect(stubborn.url) as client:
        scan = client.scan(TARGET)
        watching = begin("watch", scan.id, "--gateway", stubborn.url)
        line_with(watching, "Fetch")
        for _ in range(2):
            assert main(["cancel", scan.id, "--gateway", stubborn.url]) == 0
            assert "acme/payments  Cancelling" in capsys.readouterr().out
        assert "Cancelled" not in line_with(watching, "ancel")
        stubborn.let_go()
        line_with(watching, "Cancelled")
        assert watching.wait(TIMEOUT_S) == 3
        assert main(["cancel", scan.id, "--gateway", stubborn.url, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"scan_id": scan.id, "status": "cancelled"}


@pytest.mark.slow
def test_cancel_where_the_gateway_cannot_ends_with_2_and_says_so(environment: dict[str, str]) -> None:
    with ScriptedGateway(Quirks(retry_s=5, failures=1)) as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan("https://git.example/acme/payments")
        code, output, said = run("cancel", scan.id, "--gateway", gateway.url, env=environment)
        assert (code, output) == (2, "")
        assert "cannot cancel scans" in said
        code, _, said = run("cancel", "not-an-id", "--gateway", gateway.url, env=environment)
        assert (code, "not the id of a scan" in said) == (2, True)


@pytest.mark.slow
def test_an_interrupt_of_the_watching_for_programs_ends_with_130(
    begin: Begin, client: scanwatch.Client, gateway: RunningGateway
) -> None:
    scan = client.scan(SLOW)
    process = begin("watch", "--json", "--gateway", gateway.url)
    line_with(process, "scan_id")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=TIMEOUT_S)
    scan.cancel()
    assert process.returncode == 130
    assert "Traceback" not in said


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_a_scan_that_its_gateway_forgets_ends_the_watching_and_is_named(
    how: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scanwatch.client._pace.FLOWING_EVERY_S", 0.1)
    monkeypatch.setattr("scanwatch.client._pace.SILENT_EVERY_S", 0.1)
    with ScriptedGateway(Quirks(stuck_at=2)) as gateway:
        with scanwatch.connect(gateway.url) as client:
            scan_id = client.scan("https://git.example/acme/payments").id
        forgetting = threading.Timer(0.5, gateway.forget, [scan_id])
        forgetting.start()
        assert main(["watch", scan_id, "--gateway", gateway.url, *how]) == 2
        forgetting.join()
    assert scan_id in capsys.readouterr().err


def test_outputs_that_a_shell_closed_are_done_without(gateway: RunningGateway, environment: dict[str, str]) -> None:
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        words = shlex.join([sys.executable, "-m", "scanwatch", "scan", QUICK, "--gateway", gateway.url])
        done = subprocess.run(["sh", "-c", f"{words} {closed}"], env=environment, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")


def test_an_interrupt_while_a_scan_is_asked_for_says_that_it_may_have_begun(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_words: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(scanwatch.Client, "scan", interrupted)
    assert main(["scan", QUICK, "--gateway", gateway.url]) == 130
    said = capsys.readouterr().err
    assert "may have begun" in said
    assert f"scanwatch watch --gateway {gateway.url}" in said
