"""Without the fast path the libraries serve as they come, and every promise of the gateway holds as well.

@gxp-spec SPEC-003-003 "Gateway push and replay"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_test_of_the_gateway_passes_without_the_fast_path() -> None:
    command = [sys.executable, "-m", "pytest", "tests/gateway", "tests/interop", "-q", "-m", "not slow", "-x"]
    environment = {**os.environ, "SCANWATCH_NO_FAST_PATH": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
