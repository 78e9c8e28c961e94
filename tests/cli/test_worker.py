"""``scanwatch worker`` as it is typed: what it says, what it refuses, and how it ends.

@gxp-spec SPEC-003-006 "Shared queue and workers"
@trace US-003-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import re
import signal
import urllib.request
from pathlib import Path

import pytest

from scanwatch._worker import WorkerConfig
from scanwatch.cli import main
from scanwatch.errors import ConfigurationError
from tests.faults.fleet import Member


@pytest.mark.needs("redis")
def test_a_worker_says_that_it_is_ready_shows_its_metrics_and_ends_with_sigterm(redis_url: str, tmp_path: Path) -> None:
    worker = Member(tmp_path, "worker", "worker", "--store", redis_url, "--concurrency", "2", "--metrics-port", "0")
    try:
        said = worker.wait_until_ready()
        found = re.fullmatch(r"Worker ready: 2 scans at once; metrics at (http://127.0.0.1:\d+/metrics)", said)
        assert found is not None, said
        with urllib.request.urlopen(found[1], timeout=10) as answer:
            metrics = answer.read().decode()
        assert "scanwatch_worker_up 1.0" in metrics
        assert "scanwatch_worker_concurrency 2.0" in metrics
        worker.send(signal.SIGTERM)
        assert worker.stop() == 0
        assert "Traceback" not in worker.words()
    finally:
        worker.kill()


@pytest.mark.parametrize(
    ("words", "code", "remedy"),
    [
        (["--store", "sqlite:///scans.db"], 2, "redis://127.0.0.1:6379/0"),
        (["--store", "redis://127.0.0.1:1/0"], 4, "Check host and port, and that it runs."),
        (["--store", "redis://:secret@127.0.0.1:1/0"], 4, "nothing answers there"),
        (["--concurrency", "0"], 2, "concurrency must be 1 to 1000"),
        (["--lock", "0s"], 2, "lock_s must be at least 1"),
        (["--repo-url", "https://git.example.org/{owner}"], 2, "{owner} and {repo}"),
        (["--repo-url", "https://git.example.org/{"], 2, "{owner} and {repo}"),
    ],
)
def test_what_cannot_work_is_refused_with_the_remedy(
    words: list[str], code: int, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["worker", *words]) == code
    said = capsys.readouterr().err
    assert remedy in said
    assert "secret" not in said
    assert "Traceback" not in said


def test_a_misspelt_flag_names_the_close_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["worker", "--concurency", "3"])
    assert ended.value.code == 2
    assert "--concurrency" in capsys.readouterr().err


def test_a_port_for_metrics_is_one() -> None:
    with pytest.raises(ConfigurationError, match="not within 0-65535"):
        WorkerConfig(metrics_port=70000)
