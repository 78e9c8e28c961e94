"""The demo shows all of it by itself, in a terminal and in a pipe, and leaves nothing behind.

@gxp-spec SPEC-001-006 "Command line"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "scanwatch", "demo"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Simulated scans ten times as fast, and a place for data that must stay empty."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCANWATCH")}
    return {**kept, "SCANWATCH_SIM_SPEED": "10", "SCANWATCH_HOME": str(tmp_path / "home")}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small repository with documents that are committed."""
    path = tmp_path / "checkout"
    shutil.copytree(ROOT / ".gxp", path / ".gxp")
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "Begin"]):
        subprocess.run(["git", *words], cwd=path, check=True, capture_output=True)
    return path


def test_in_a_pipe_it_tells_the_scans_and_prints_the_tables(
    environment: dict[str, str], checkout: Path, tmp_path: Path
) -> None:
    command = [*DEMO, "--checkout", str(checkout)]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "attempt 2 begins: Simulated failure" in done.stdout
    assert done.stdout.count("  Completed") == 3
    for heading in ("client.scans()", "scan.events()", "scan.artifacts()", "scan.findings()", "Where to go next"):
        assert f"\n{heading}" in done.stdout
    assert "REQ-001" in done.stdout
    assert "\x1b" not in done.stdout
    assert not (tmp_path / "home").exists()


def test_in_a_terminal_it_draws_bars_and_without_a_checkout_says_so(
    environment: dict[str, str], tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    terminal = {**environment, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    with subprocess.Popen(DEMO, env=terminal, cwd=tmp_path, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        drawn = read_to_the_end(ours)
    assert process.returncode == 0
    assert "━━━━" in drawn
    assert "Retrying" in drawn
    assert "\x1b[1A" in drawn, "one picture in place of the other"
    assert "is no git checkout" in drawn
    assert "client.scans()" in drawn


def read_to_the_end(descriptor: int) -> str:
    """All that is written to the other end of a terminal, until nobody has it open."""
    parts = []
    with open(descriptor, "rb", buffering=0) as terminal:
        while True:
            try:
                part = terminal.read(65536)
            except OSError:  # on Linux this is how a terminal ends
                break
            if not part:
                break
            parts.append(part)
    return b"".join(parts).decode("utf-8", "replace")


def test_a_checkout_that_is_not_there_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    command = [*DEMO, "--checkout", str(tmp_path / "nowhere")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "no such directory" in done.stderr
