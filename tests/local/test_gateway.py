"""A local gateway is a process of its own, has one owner for each store, and ends when it should.

@gxp-spec SPEC-003-005 "Local gateway"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

import scanwatch
from scanwatch._local import LocalGateway, discover, discovery_file, home
from scanwatch._local._places import MAX_LOG_BYTES, open_log
from scanwatch.errors import ConfigurationError, GatewayUnreachable
from scanwatch.wire import paths
from tests.local.conftest import answers, in_another_process, kill, program, status_of, wait_for

IDLE_S = 2.0
"""Long enough for a client to come on a busy machine."""


def test_it_serves_those_who_know_its_token_and_no_other() -> None:
    with LocalGateway("memory:", shared=False) as gateway:
        assert status_of(gateway.url, paths.health) == 200
        assert status_of(gateway.url, paths.repositories, gateway.token) == 200
        assert status_of(gateway.url, paths.repositories) == 401
        assert urlsplit(gateway.url).hostname == "127.0.0.1"
        assert str(gateway.token) not in repr(gateway)
        seen_by_others = subprocess.run(
            ["ps", "-o", "args=", "-p", str(gateway._pid)], capture_output=True, text=True, check=True
        ).stdout
        assert "scanwatch serve" in seen_by_others
        assert str(gateway.token) not in seen_by_others
    assert not answers(gateway.url)


def test_the_second_on_a_store_joins_the_first(store: Path) -> None:
    with LocalGateway(store) as first:
        with LocalGateway(store) as second:
            assert (second.url, second.token) == (first.url, first.token)
            assert second.joined
        assert answers(first.url), "leaving a block ends only what it started"
    assert not answers(first.url)


@pytest.mark.slow
def test_two_that_start_at_once_share_one_gateway(store: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(LocalGateway, [store, store])
    assert one.url == other.url
    assert sorted([one.joined, other.joined]) == [False, True]
    one.stop()
    other.stop()
    assert not answers(one.url)


def test_a_store_owned_under_another_token_is_refused(store: Path) -> None:
    with LocalGateway(store), pytest.raises(ConfigurationError, match="another token"):
        LocalGateway(store, token="not-that-one")


def test_the_discovery_file_is_its_users_alone_and_goes_with_the_gateway(store: Path) -> None:
    with LocalGateway(store, token="a-token-of-mine") as gateway:
        discovery = discovery_file(gateway.store)
        assert discovery is not None
        assert json.loads(discovery.read_text())["token"] == "a-token-of-mine"
        assert stat.S_IMODE(discovery.stat().st_mode) == 0o600
        assert "a-token-of-mine" not in repr(discover(gateway.store))
    assert not discovery.exists()


def test_what_a_dead_owner_left_is_replaced(store: Path) -> None:
    first = LocalGateway(store)
    kill(first)
    discovery = discovery_file(first.store)
    assert discovery is not None
    assert discovery.exists()
    with LocalGateway(store) as second:
        assert not second.joined
        assert status_of(second.url, paths.repositories, second.token) == 200


def test_stopping_one_that_was_joined_ends_it_for_good(store: Path) -> None:
    with LocalGateway(store) as started:
        LocalGateway(store).stop()
        assert not answers(started.url)
        with LocalGateway(store) as next_one:
            assert not next_one.joined


def test_a_shared_one_outlives_its_process_and_is_found_by_the_next(store: Path) -> None:
    url, _pid = in_another_process("g = LocalGateway(sys.argv[1])", store)
    found = LocalGateway(store)
    assert (found.url, found.joined) == (url, True)
    found.stop()
    assert not answers(url)


@pytest.mark.slow
def test_one_that_is_not_shared_ends_with_its_process(store: Path) -> None:
    url, _pid = in_another_process("g = LocalGateway(sys.argv[1], shared=False)", store)
    assert wait_for(lambda: not answers(url))


def test_it_ends_by_itself_when_nobody_wants_anything(store: Path) -> None:
    gateway = LocalGateway(store, idle_timeout_s=0.3)
    discovery = discovery_file(gateway.store)
    assert discovery is not None
    assert wait_for(lambda: not discovery.exists()), "asking it would keep it busy; its file tells"
    gateway.stop()
    assert not answers(gateway.url)


def test_one_that_cannot_start_says_why_in_its_own_words() -> None:
    with pytest.raises(ConfigurationError, match="concurrency must be at least 1"):
        LocalGateway("memory:", concurrency=0)


def test_a_store_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        LocalGateway(tmp_path / "nowhere" / "scans.db")


def test_without_a_store_it_keeps_its_scans_in_the_users_own_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCANWATCH_HOME", str(tmp_path / "mine"))
    with LocalGateway(shared=False):
        assert (home() / "scans.db").is_file()
        assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o700


def test_a_killed_owners_scan_is_taken_up_by_the_next_and_its_history_says_so(store: Path) -> None:
    with scanwatch.connect(first := LocalGateway(store)) as before:
        scan = before.scan("sim://acme/payments?files=60&duration_s=2&seed=7")
        assert wait_for(lambda: scan.phase == "fetch")
        kill(first)
        with LocalGateway(store) as second, scanwatch.connect(second) as after:
            assert not second.joined
            assert after.attach(scan.id).wait(60).status == "completed"
            assert scan.wait(60).status == "completed", "whoever watched before has found the new owner"
            history = after.attach(scan.id).events()
    assert list(history["seq"]) == [*range(1, len(history) + 1)]
    assert sum("restarted" in message.lower() for message in history["message"].dropna()) == 1


def test_a_running_scan_keeps_it_from_ending(store: Path) -> None:
    gateway = LocalGateway(store, idle_timeout_s=IDLE_S)
    with scanwatch.connect(gateway) as client:
        client.scan("sim://acme/payments?files=30&duration_s=4&seed=7")
    discovery = discovery_file(gateway.store)
    assert discovery is not None
    assert wait_for(lambda: not discovery.exists()), "asking it would keep it busy; its file tells"
    with LocalGateway(store) as again, scanwatch.connect(again) as client:
        [status] = client.scans()["status"]
        assert status == "completed"


def test_a_connected_client_keeps_it_from_ending(store: Path) -> None:
    with LocalGateway(store, idle_timeout_s=IDLE_S) as gateway, scanwatch.connect(gateway) as client:
        threading.Event().wait(IDLE_S + 1.0)
        discovery = discovery_file(gateway.store)
        assert discovery is not None
        assert discovery.exists()
        assert client.connection.state == "live"


def test_one_that_has_ended_leaves_no_zombie(store: Path) -> None:
    gateway = LocalGateway(store, idle_timeout_s=0.3)
    assert wait_for(lambda: not psutil.pid_exists(gateway._pid))


def test_an_interrupt_at_the_terminal_does_not_reach_it(store: Path) -> None:
    code = """
import sys
from scanwatch import LocalGateway
gateway = LocalGateway(sys.argv[1])
try:
    print(gateway.url, flush=True)
    sys.stdin.read()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    started = program(code, store)
    assert started.stdout is not None
    url = started.stdout.readline().strip()
    os.killpg(started.pid, signal.SIGINT)
    output, errors = started.communicate(timeout=20)
    assert (output, errors) == ("interrupted\n", "")
    assert answers(url)


def test_it_inherits_no_socket_of_its_parent(store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours:
        ours.set_inheritable(True)
        with LocalGateway(store, shared=False) as gateway:
            listening = [
                connection.laddr.port
                for connection in psutil.Process(gateway._pid).net_connections("inet")
                if connection.status == psutil.CONN_LISTEN
            ]
            assert listening == [urlsplit(gateway.url).port]


def test_a_store_may_have_any_name(tmp_path: Path) -> None:
    name = "größe 測試 100%?#& it's.db"
    folder = tmp_path / "a folder ü"
    folder.mkdir()
    with LocalGateway(folder / name) as gateway, scanwatch.connect(gateway) as client:
        client.scan("sim://acme/payments?files=3&duration_s=0.1").wait(60)
        assert LocalGateway(folder / name).joined
    assert (folder / name).is_file()


def test_a_store_is_joined_by_whatever_name_it_is_reached(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = store.with_name("link.db")
    other.symlink_to(store)
    monkeypatch.chdir(store.parent)
    with LocalGateway(store) as gateway:
        joined = [LocalGateway(name) for name in (other, "scans.db", "sqlite:///scans.db", f"sqlite:///{store}")]
    assert {one.url for one in joined} == {gateway.url}


def test_a_home_that_cannot_be_made_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANWATCH_HOME", f"{os.devnull}/mine")
    with pytest.raises(ConfigurationError, match=r"/dev/null/mine cannot be made.*Set SCANWATCH_HOME"):
        LocalGateway()


def test_a_folder_where_its_log_cannot_be_written_is_named(store: Path) -> None:
    store.with_name("scans.db.log").mkdir()
    with pytest.raises(ConfigurationError, match=r"scans\.db\.log .*cannot be written"):
        LocalGateway(store)


def test_a_log_that_has_grown_is_put_aside_by_the_next_gateway(store: Path) -> None:
    log, aside = store.with_name("scans.db.log"), store.with_name("scans.db.log.1")
    log.write_text("x" * (MAX_LOG_BYTES + 1))
    for words in ("first", " second"):  # what is small is written on
        stream, said_before = open_log(f"sqlite:///{store}")
        with stream:
            stream.write(words)
    assert (log.read_text(), said_before) == ("first second", len("first"))
    assert aside.stat().st_size == MAX_LOG_BYTES + 1


def test_one_that_dies_at_its_start_says_why_and_where_its_log_is(
    store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text("import os, sys; sys.stderr.write('out of luck'); os._exit(7)")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    with pytest.raises(GatewayUnreachable, match=r"exit code 7.*scans\.db\.log; its last words: out of luck"):
        LocalGateway(store)
    with pytest.raises(GatewayUnreachable, match=r"exit code 7.*Its log is .*\.log") as refusal:
        LocalGateway("memory:")
    log = Path(str(refusal.value).split("Its log is ")[1].split(";")[0])
    assert "out of luck" in log.read_text()
    log.unlink()


def test_one_that_does_not_get_ready_in_time_is_ended(store: Path) -> None:
    before = psutil.Process().children()
    with pytest.raises(GatewayUnreachable, match="did not get ready in time"):
        LocalGateway(store, start_timeout_s=0.01)
    assert psutil.Process().children() == before
