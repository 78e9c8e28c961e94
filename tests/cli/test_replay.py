"""What the command line recorded it shows again, without a gateway.

@gxp-spec SPEC-001-006 "Command line"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scanwatch.cli import main
from scanwatch.testing import run_gateway

RECORDING = Path(__file__).parent.parent / "client" / "recordings" / "retries--fail-once-then-succeed.jsonl"


def test_a_recorded_scan_is_shown_again_event_for_event(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "scan.jsonl"
    target = "sim://acme/payments?files=20&duration_s=0.2&seed=7"
    with run_gateway() as gateway:
        assert main(["scan", target, "--gateway", gateway.url, "--json", "--record", str(path)]) == 0
    first = capsys.readouterr().out
    assert main(["replay", str(path), "--speed", "inf", "--json"]) == 0
    assert capsys.readouterr().out == first


def test_a_recording_is_shown_as_lines_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(RECORDING), "--speed", "100"]) == 0
    shown = capsys.readouterr().out
    assert "acme/flaky2" in shown
    assert "Server Error" in shown


def test_a_file_that_is_no_recording_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a recording\n")
    for words, said in (
        (["replay", str(path)], "Line 1 of"),
        (["replay", str(tmp_path / "none")], "cannot be read"),
        (["replay", str(RECORDING), "--speed", "0"], "speed is"),
    ):
        assert main(words) == 2
        assert said in capsys.readouterr().err


def test_what_was_shown_can_be_read_by_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(RECORDING), "--speed", "inf", "--json"]) == 0
    kinds = [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()]
    assert (kinds.count("failed"), kinds.count("complete"), kinds.count("progress")) == (4, 1, 33)
