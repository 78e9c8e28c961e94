"""What scanwatch offers for tests works: a real gateway on a thread of its own, and a clock that obeys.

@gxp-spec SPEC-005-002 "Packaging and commands"
@trace US-005-001
@test-type OQ
@gxp-risk LOW
"""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from urllib.request import urlopen

import pytest

import scanwatch
from scanwatch.errors import ConfigurationError, StoreBusy, UsageError
from scanwatch.testing import FakeClock, Quirks, ScriptedGateway, run_gateway


def test_a_gateway_runs_for_the_length_of_the_block() -> None:
    with run_gateway(token="secret") as gateway:
        assert gateway.token == "secret"
        with urlopen(f"{gateway.url}/api/v1/health") as answer:
            assert json.load(answer)["status"] == "ok"
    with pytest.raises(OSError, match="refused"):
        urlopen(f"{gateway.url}/api/v1/health")
    assert "scanwatch-test-gateway" not in [thread.name for thread in threading.enumerate()]


def test_a_gateway_can_be_stopped_early_and_more_than_once() -> None:
    with run_gateway() as gateway:
        gateway.stop()
        gateway.stop()


def test_what_keeps_a_gateway_from_starting_is_raised_where_it_was_asked_for(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'scans.db'}"
    with run_gateway(store=store), pytest.raises(StoreBusy), run_gateway(store=store):
        pass
    with pytest.raises(ConfigurationError, match="address"), run_gateway(host="no.such.host.invalid", token="secret"):
        pass


def test_a_fake_clock_moves_only_when_told() -> None:
    clock = FakeClock()
    before = clock.now()
    clock.advance(1.5)
    assert clock.monotonic() == 1.5
    assert (clock.now() - before).total_seconds() == 1.5
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)


async def test_sleepers_of_a_fake_clock_wake_in_the_order_of_time() -> None:
    clock, woken = FakeClock(), []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (3, 1, 2, 0)]
    await asyncio.sleep(0)
    clock.advance(2)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert woken == [0, 1, 2]
    clock.advance(1)
    await asyncio.gather(*tasks)
    assert woken == [0, 1, 2, 3]


def test_a_scripted_gateway_is_a_plain_object_too_and_says_when_it_does_not_run() -> None:
    gateway = ScriptedGateway(Quirks(failures=1))
    with pytest.raises(UsageError, match="does not run"):
        gateway.send("scan:x:progress")
    gateway.start()
    with scanwatch.connect(gateway.url) as client:
        scan = client.scan("https://git.example/acme/payments").wait(30)
        assert (scan.status, scan.attempt) == ("completed", 2)
        assert gateway.scan_ids == [scan.id]
        assert gateway.targets == ["https://git.example/acme/payments"]
    gateway.stop()
    gateway.stop()
    with pytest.raises(UsageError, match="does not run"):
        gateway.cut()


def test_a_wrong_script_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text("nothing of the kind\n")
    with pytest.raises(UsageError, match="Line 1 of"):
        ScriptedGateway(wrong)
    with pytest.raises(UsageError, match="cannot be read"):
        ScriptedGateway(tmp_path / "none.jsonl")
    with pytest.raises(UsageError, match="takes Quirks"):
        ScriptedGateway({"failures": 1})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="failurs"):
        Quirks(failurs=1)  # type: ignore[call-arg]


def test_a_recordings_gateway_knows_no_other_target_than_the_recorded() -> None:
    recording = Path(__file__).parent / "client" / "recordings" / "retries--success.jsonl"
    with ScriptedGateway(recording, speed=50) as gateway, scanwatch.connect(gateway.url) as client:
        with pytest.raises(scanwatch.GatewayAnswerError, match="holds no scan of"):
            client.scan("https://git.example/acme/payments")
        assert client.scan(gateway.targets[0]).wait(30).status == "completed"
        with pytest.raises(scanwatch.GatewayAnswerError, match="no further scan"):
            client.scan(gateway.targets[0])
