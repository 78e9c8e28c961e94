"""What a client received can be recorded and shown again without any gateway: the same scans, tables and panel.

@gxp-spec SPEC-001-003 "Client session and connection"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import scanwatch
from scanwatch import ScanStatus
from scanwatch.client import Recording
from scanwatch.client._recorder import redacted
from scanwatch.model import ConnectionState
from scanwatch.panel._rows import encode as encode_row
from scanwatch.testing import Quirks, RunningGateway, ScriptedGateway, run_gateway
from scanwatch.wire import RecordedEvent, RecordedSocket
from tests.client._proxy import proxied
from tests.client.test_live import ENDLESS, QUICK, TIMEOUT_S, until
from tests.client.test_recordings import RECORDINGS, TRUTHS

RETRIED = "sim://acme/flaky?files=20&duration_s=0.3&fail=fetch:1&seed=7"
FIELD_TARGET = "https://git.example/acme/payments"


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rows(client: scanwatch.Client) -> list[dict[str, Any]]:
    """A panel's rows, without what depends on the moment of looking."""
    feed = client.feed()
    return [encode_row(snapshot) for snapshot in feed.snapshots()]


# -- there and back ------------------------------------------------------------------------------------------------


def test_a_recorded_session_with_a_retry_shows_the_same_tables_and_rows_again(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    path = tmp_path / "session.jsonl"
    with run_gateway() as own, scanwatch.connect(own.url) as client, client.record(path) as recording:
        scans = [client.scan(RETRIED).wait(TIMEOUT_S), client.scan(QUICK).wait(TIMEOUT_S)]
        tables = [(scan.events(), scan.artifacts(), scan.findings()) for scan in scans]
        snapshots = [scan.snapshot for scan in scans]
        history, panel = client.scans(), rows(client)
        recording.stop()
    with scanwatch.replay(path, speed=math.inf) as again:
        assert [again.attach(scan.id).snapshot for scan in scans] == snapshots
        for scan, before in zip(scans, tables, strict=True):
            handle = again.attach(scan.id)
            for table, recorded in zip((handle.events(), handle.artifacts(), handle.findings()), before, strict=True):
                pd.testing.assert_frame_equal(table, recorded)
        pd.testing.assert_frame_equal(again.scans(), history)
        assert rows(again) == panel
        assert again.attach(scans[0].id).attempt == 2
        assert again.connection.state is ConnectionState.CLOSED
        assert "ends here" in str(again.connection.reason)


def test_a_recorded_session_with_a_gateway_in_the_field_shows_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "field.jsonl"
    # One read after the failure, one after the end: a read that outruns the last events shows another picture.
    monkeypatch.setattr("scanwatch.client._pace.HURRY_S", 0.0)
    with (
        ScriptedGateway(Quirks(failures=1, retry_s=1.0)) as field,
        scanwatch.connect(field.url) as client,
        client.record(path),
    ):
        scan = client.scan(FIELD_TARGET).wait(TIMEOUT_S)
        events, snapshot, panel = scan.events(), scan.snapshot, rows(client)
    with scanwatch.replay(path, speed=math.inf) as again:
        handle = again.attach(scan.id)
        assert handle.snapshot == snapshot
        pd.testing.assert_frame_equal(handle.events(), events)
        assert rows(again) == panel


def test_a_recording_that_begins_in_the_middle_holds_what_was_known(tmp_path: Path) -> None:
    path = tmp_path / "late.jsonl"
    with ScriptedGateway(Quirks(failures=1)) as field, run_gateway() as own:
        for url, target in ((field.url, FIELD_TARGET), (own.url, RETRIED)):
            with scanwatch.connect(url) as client:
                scan = client.scan(target).wait(TIMEOUT_S)
                events = scan.events()
                with client.record(path):
                    pass
            with scanwatch.replay(path, speed=math.inf) as again:
                handle = again.attach(scan.id)
                assert handle.snapshot == scan.snapshot
                pd.testing.assert_frame_equal(handle.events(), events)


def test_a_recording_through_a_cut_connection_replays_to_the_same_history(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    path = tmp_path / "cut.jsonl"
    with proxied(gateway.url) as proxy, scanwatch.connect(proxy.url) as client, client.record(path):
        scan = client.scan("sim://acme/cut?files=60&duration_s=1&seed=7")
        until(lambda: scan.snapshot.seq > 5)
        proxy.cut()
        until(lambda: scan.connection is ConnectionState.RECONNECTING)
        proxy.mend()
        events = scan.wait(TIMEOUT_S).events()
    assert [line["what"] for line in lines_of(path) if line["kind"] == "socket"][:3] == [
        "connect",
        "disconnect",
        "connect",
    ]
    with scanwatch.replay(path, speed=math.inf) as again:
        pd.testing.assert_frame_equal(again.attach(scan.id).events(), events)


@pytest.mark.parametrize("target", [RETRIED, FIELD_TARGET])
def test_a_recording_can_be_played_by_a_scripted_gateway_too(target: str, tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    with run_gateway() as own, ScriptedGateway(Quirks(failures=1)) as field:
        url = own.url if target == RETRIED else field.url
        with scanwatch.connect(url) as client, client.record(path):
            snapshot = client.scan(target).wait(TIMEOUT_S).snapshot
    with ScriptedGateway(path, speed=5) as gateway, scanwatch.connect(gateway.url) as client:
        [recorded] = gateway.targets
        scan = client.scan(recorded).wait(TIMEOUT_S)
        assert (scan.id, scan.status, scan.snapshot.failures) == (snapshot.scan_id, "completed", snapshot.failures)


@pytest.mark.parametrize("name", sorted(TRUTHS))
def test_recordings_of_the_field_are_replayed_to_their_truth_without_a_gateway(name: str) -> None:
    with scanwatch.replay(RECORDINGS / f"{name}.jsonl", speed=math.inf) as client:
        ids = {scan_id[:8]: scan_id for scan_id in client.scans().index}
        for truth in TRUTHS[name]:
            scan = client.attach(ids[truth.scan])
            if truth.final:
                assert scan.wait(TIMEOUT_S).status == truth.status
            else:
                with pytest.raises(scanwatch.ConnectionClosed, match="ends here"):
                    scan.wait(TIMEOUT_S)
            assert scan.attempt == truth.attempts
            assert str(scan.target).startswith("https://github.com/acme/")


def test_a_replay_runs_at_the_pace_that_is_asked_for() -> None:
    with scanwatch.replay(RECORDINGS / "retries--success-slow-github.jsonl", speed=8) as client:
        feed, seen = client.feed(), set()
        until(lambda: bool(feed.snapshots()))
        scan = client.attach(feed.snapshots()[0].scan_id)
        scan.on_event(lambda event: seen.add((event.progress_percent, scan.done())))
        assert scan.wait(TIMEOUT_S).status is ScanStatus.COMPLETED
        assert scan.elapsed_s is not None
        until(lambda: len(seen) >= 12)
        assert client.connection.gateway == "recording:retries--success-slow-github.jsonl"


def test_a_scan_that_comes_later_in_a_recording_is_waited_for() -> None:
    scan_id = "b957526d-dfec-4a37-b935-69d14f6bfce2"
    with scanwatch.replay(RECORDINGS / "retries--success-slow-github.jsonl", speed=20) as client:
        assert client.attach(scan_id).wait(TIMEOUT_S).status is ScanStatus.COMPLETED
        with pytest.raises(scanwatch.NotFound, match="holds nothing"):
            client.attach("00000000-0000-4000-8000-000000000000")


def test_who_waits_for_a_later_scan_is_told_when_the_replay_is_closed(gateway: RunningGateway) -> None:
    told: list[BaseException] = []
    with scanwatch.connect(gateway.url):  # keeps the background loop going
        client = scanwatch.replay(RECORDINGS / "retries--success.jsonl", speed=0.001)

        def attach() -> None:
            try:
                client.attach("9cc8ac9e-c415-4eef-b3cc-841fd3bac1df")
            except scanwatch.ConnectionClosed as error:
                told.append(error)

        waiting = threading.Thread(target=attach)
        waiting.start()
        until(lambda: len(client._core.driver.transport._moved._waiters) > 0)
        client.close()
        waiting.join(TIMEOUT_S)
        assert len(told) == 1


def test_nothing_can_be_changed_in_a_replay() -> None:
    with scanwatch.replay(RECORDINGS / "retries--success.jsonl", speed=math.inf) as client:
        scan = client.attach(client.scans().index[0])
        for change in (lambda: client.scan(FIELD_TARGET), scan.cancel, scan.retry):
            with pytest.raises(scanwatch.NotSupported, match="replay of a recording"):
                change()
        with pytest.raises(scanwatch.NotSupported, match="was not asked for at the time"):
            scan.artifacts()


# -- files that are none -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b'{"kind":"socket","t_ms":1,"what":"connect"}\n{"kind":"ev', "Line 2 .* cut off; delete that line"),
        (b'{"kind":"socket","t_ms":1,"what":"connect"}\n\nhello\n', "Line 3 "),
        (b'{"kind":"rumour","t_ms":1}\n', "Line 1 .*rumour"),
        (b'{"kind":"event","t_ms":1}\n', "Line 1 .*name"),
        (b"\xff\xfe\n", "Line 1 "),
    ],
)
def test_a_file_that_is_no_recording_is_refused_with_the_line(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_bytes(content)
    with pytest.raises(scanwatch.UsageError, match=words):
        scanwatch.replay(path)


def test_a_recording_that_is_not_there_and_a_wrong_speed_are_named(tmp_path: Path) -> None:
    with pytest.raises(scanwatch.UsageError, match="cannot be read"):
        scanwatch.replay(tmp_path / "none.jsonl")
    for nothing in (None, 5, b"session.jsonl", "a\0b"):
        with pytest.raises(scanwatch.UsageError, match="named by its path"):
            scanwatch.replay(nothing)  # type: ignore[arg-type]
    for speed in (0, -1, math.nan, "fast", True):
        with pytest.raises(scanwatch.UsageError, match="speed is"):
            scanwatch.replay(RECORDINGS / "retries--success.jsonl", speed=speed)  # type: ignore[arg-type]


@pytest.mark.parametrize("speed", [1e8, 1e300, 10**400])
def test_at_any_speed_a_replay_comes_to_its_end(speed: float) -> None:
    with scanwatch.replay(RECORDINGS / "retries--success.jsonl", speed=speed) as client:
        until(lambda: client.connection.state is ConnectionState.CLOSED)
        assert list(client.scans()["status"]) == [ScanStatus.COMPLETED]


def test_times_that_no_calendar_has_do_not_keep_a_recording_from_being_read(tmp_path: Path) -> None:
    lines = (RECORDINGS / "retries--success.jsonl").read_text().splitlines()
    moved = [re.sub(r'"t_ms":\s*[\d.]+', f'"t_ms":1e{index}', line) for index, line in enumerate(lines)]
    path = tmp_path / "far.jsonl"
    path.write_text("\n".join(moved) + "\n")
    with scanwatch.replay(path, speed=math.inf) as client:
        assert client.connection.state is ConnectionState.CLOSED
        assert list(client.scans()["status"]) == [ScanStatus.COMPLETED]


# -- the writer ----------------------------------------------------------------------------------------------------


def test_a_recording_holds_no_token_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    with (
        run_gateway(token="s3cret-t0ken") as gateway,
        scanwatch.connect(gateway.url, token=lambda: "s3cret-t0ken") as client,
        client.record(path),
    ):
        client.scan(QUICK).wait(TIMEOUT_S)
        for sink in client._core.driver.transport.received._sinks:
            sink(RecordedEvent(t_ms=0, name="leak", args=["the token is s3cret-t0ken", {"token": "another"}]))
    text = path.read_text(encoding="utf-8")
    assert "complete" in text
    assert "s3cret-t0ken" not in text
    assert "another" not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ('{"gitUrl":"https://ghp_abc@github.com/a/b"}', '{"gitUrl":"https://***@github.com/a/b"}'),
        ('{"gitUrl":"https://ada:pw@host/a"}', '{"gitUrl":"https://***@host/a"}'),
        ('{"gitUrl":"ssh://git@host/a"}', '{"gitUrl":"ssh://git@host/a"}'),
        ('{"gitUrl":"ssh://git:pw@host/a"}', '{"gitUrl":"ssh://git:***@host/a"}'),
        ('{"u":"http://h/?access_token=abc&x=1"}', '{"u":"http://h/?access_token=***&x=1"}'),
        ('{"apiKey":"a\\"b","x":1}', '{"apiKey":"***","x":1}'),
        ('{"m":"sent Bearer abc.def"}', '{"m":"sent Bearer ***"}'),
        ('{"m":"the to\\"ken"}', '{"m":"the ***"}'),
    ],
)
def test_secrets_are_left_out_of_what_is_written(text: str, hidden: str) -> None:
    assert redacted(text, frozenset({'to"ken'})) == hidden


def test_a_full_disk_ends_the_recording_with_one_word_and_the_client_goes_on(
    gateway: RunningGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path, write, written = tmp_path / "full.jsonl", os.write, [0]

    def full(file: int, data: bytes) -> int:
        if threading.current_thread().name != "scanwatch-recorder":
            return write(file, data)
        written[0] += 1
        if written[0] > 8:
            write(file, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data)

    monkeypatch.setattr(os, "write", full)
    with scanwatch.connect(gateway.url) as client, client.record(path) as recording:
        assert client.scan(QUICK).wait(TIMEOUT_S).status is ScanStatus.COMPLETED
        until(lambda: recording.problem is not None)
    assert "No space left" in str(recording.problem)
    assert caplog.text.count("goes no further") == 1
    assert len(lines_of(path)) == 8, "whole lines only"


def test_a_recording_ends_itself_at_its_limit(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "small.jsonl", max_bytes=400)
    for number in range(100):
        recording.take(RecordedEvent(t_ms=0, name=f"event {number}"))
    recording.stop()
    recording.stop()
    assert "limit of 400 bytes" in str(recording.problem)
    assert 0 < (tmp_path / "small.jsonl").stat().st_size <= 400


def test_a_read_that_says_the_same_is_written_once(tmp_path: Path) -> None:
    with (
        ScriptedGateway(Quirks(stuck_at=2)) as field,
        scanwatch.connect(field.url) as client,
        client.record(tmp_path / "stuck.jsonl"),
    ):
        scan = client.scan(FIELD_TARGET)
        until(lambda: scan.progress_percent == 10)
        for _ in range(5):
            scan.refresh()
    reads = [line for line in lines_of(tmp_path / "stuck.jsonl") if line.get("path", "").endswith(scan.id)]
    assert len(reads) <= 3


def test_lines_that_cannot_wait_are_counted_in_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanwatch.client._recorder.MAX_WAITING", 3)
    go = threading.Event()
    encode: Callable[[Any], bytes] = scanwatch.wire.encode_recorded  # type: ignore[attr-defined]

    def slow(line: Any) -> bytes:
        go.wait(10)
        return encode(line)

    monkeypatch.setattr("scanwatch.wire.encode_recorded", slow)
    recording = Recording(tmp_path / "slow.jsonl")
    for _ in range(20):
        recording.take(RecordedSocket(t_ms=0, what="connect"))
    go.set()
    until(lambda: recording._lines.empty())
    recording.take(RecordedSocket(t_ms=0, what="connect"))
    recording.stop()
    assert any("missing here" in line["what"] for line in lines_of(tmp_path / "slow.jsonl"))


def test_a_recording_that_cannot_be_begun_is_refused(client: scanwatch.Client, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "such" / "folder.jsonl"):
        with pytest.raises(scanwatch.UsageError, match="cannot be written"):
            client.record(path)
    with pytest.raises(scanwatch.UsageError, match="named by its path"):
        client.record(None)  # type: ignore[arg-type]


def test_a_recording_ends_with_its_client(gateway: RunningGateway, tmp_path: Path) -> None:
    client = scanwatch.connect(gateway.url)
    recording = client.record(tmp_path / "session.jsonl")
    client.close()
    assert not recording.going
    assert lines_of(tmp_path / "session.jsonl")[0]["what"] == "connect"


async def test_the_awaiting_client_records_too(gateway: RunningGateway, tmp_path: Path) -> None:
    async with scanwatch.AsyncClient(gateway.url) as client:
        async with await client.record(tmp_path / "session.jsonl") as recording:
            scan = await client.scan(QUICK)
            await scan
        assert not recording.going
        handle = await client.scan(ENDLESS)
        await handle.cancel()
    assert any(line.get("name", "").endswith(":complete") for line in lines_of(recording.path))
