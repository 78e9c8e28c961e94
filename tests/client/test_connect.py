"""``connect()`` finds the gateway that is meant, and says what is wrong with an address or a target.

@gxp-spec SPEC-001-005 "Scan handle, sync and async clients"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import scanwatch
from scanwatch._local import default_store, discover
from scanwatch._local._discovery import is_alive
from scanwatch.client._address import parse_address
from scanwatch.client._target import NAME_LENGTH, repository_name, wanted_scan
from scanwatch.errors import ConfigurationError
from scanwatch.testing import RunningGateway, run_gateway
from tests.client.test_live import TIMEOUT_S, until


def test_the_environment_names_the_gateway_and_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with run_gateway(token="right") as gateway:
        monkeypatch.setenv("SCANWATCH_URL", gateway.url)
        monkeypatch.setenv("SCANWATCH_TOKEN", "right")
        with scanwatch.connect() as client:
            assert client.url == f"{gateway.url}/"
            assert client.repositories().empty


def test_a_gateway_object_is_connected_to_with_its_own_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANWATCH_TOKEN", "for-another-gateway")
    with run_gateway(token="right") as gateway, scanwatch.connect(gateway) as client:  # type: ignore[arg-type]
        assert client.connection.state == "live"


def test_without_anything_given_a_local_gateway_is_started_and_joined_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SCANWATCH_URL", raising=False)
    monkeypatch.setenv("SCANWATCH_HOME", str(tmp_path))
    local = scanwatch.LocalGateway()
    try:
        with scanwatch.connect() as first:
            scan_id = first.scan("sim://acme/payments?files=5&duration_s=0.1").wait(20).id
        with scanwatch.connect() as second:
            assert second.url.rstrip("/") == local.url.rstrip("/")
            assert second.attach(scan_id).done()
    finally:
        local.stop()


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A home of its own, whose gateway is ended last: a client that still lived would start it again."""
    monkeypatch.delenv("SCANWATCH_URL", raising=False)
    monkeypatch.setenv("SCANWATCH_HOME", str(tmp_path))
    yield tmp_path
    scanwatch.LocalGateway().stop()


def kill_gateway_of(store: str) -> None:
    found = discover(store)
    assert found is not None
    os.kill(found.pid, signal.SIGKILL)
    until(lambda: not is_alive(found.pid))


def test_a_killed_gateway_is_found_again_where_the_next_client_has_started_it(home: Path) -> None:
    with scanwatch.connect() as first:
        scan = first.scan("sim://acme/payments?files=20&duration_s=3")
        kill_gateway_of(default_store())
        with scanwatch.connect() as second:
            assert scan.wait(60).status == "completed"
            assert first.url == second.url
            assert first.connection.state == "live"


def test_a_client_that_nothing_was_given_starts_its_killed_gateway_again(home: Path) -> None:
    with scanwatch.connect() as client:
        scan = client.scan("sim://acme/payments?files=20&duration_s=1")
        kill_gateway_of(default_store())
        assert scan.wait(60).status == "completed"


def test_a_gateway_that_is_not_there_is_said_in_a_sentence_and_not_in_a_page_of_the_libraries_frames() -> None:
    with pytest.raises(scanwatch.GatewayUnreachable, match=r"Nothing answers at .* \(connection refused\)") as caught:
        scanwatch.connect("http://127.0.0.1:1")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert {Path(entry.path).name for entry in caught.traceback} == {"test_connect.py", "_connect.py", "_waiting.py"}


def test_scans_in_the_memory_of_a_killed_gateway_are_not_waited_for() -> None:
    with scanwatch.LocalGateway("memory:", shared=False) as local, scanwatch.connect(local) as client:
        scan = client.scan("sim://acme/payments?files=20&duration_s=60")
        local.stop()
        with pytest.raises(scanwatch.GatewayRefused, match="kept in memory"):
            scan.wait(60)
        assert client.connection.state == "refused"


def test_a_gateway_that_was_given_is_found_again_but_not_started(tmp_path: Path) -> None:
    local = scanwatch.LocalGateway(tmp_path / "scans.db", shared=False)
    with scanwatch.connect(local) as client:
        local.stop()
        until(lambda: client.connection.tries >= 2)
        assert discover(local.store) is None
        with scanwatch.LocalGateway(tmp_path / "scans.db", shared=False) as again:
            until(lambda: client.connection.state == "live")
            assert client.url.rstrip("/") == again.url.rstrip("/")


def test_time_that_runs_out_without_a_connection_is_not_said_to_be_the_scans(tmp_path: Path) -> None:
    local = scanwatch.LocalGateway(tmp_path / "scans.db", shared=False)
    with scanwatch.connect(local) as client:
        scan = client.scan("sim://acme/payments?files=20&duration_s=60")
        local.stop()
        until(lambda: client.connection.state == "reconnecting")
        assert not str(client.connection.reason).startswith("Reconnecting")
        for wait in (lambda: scan.wait(0.01), lambda: list(scanwatch.as_completed([scan], timeout=0.01))):
            with pytest.raises(TimeoutError, match=r"no word from .*reconnecting since \d\d:\d\d:\d\d.*not known"):
                wait()


def test_something_else_than_a_gateway_is_refused(gateway: RunningGateway) -> None:
    with pytest.raises(scanwatch.UsageError, match="LocalGateway"):
        scanwatch.connect(8700)  # type: ignore[arg-type]
    with pytest.raises(scanwatch.GatewayError):
        scanwatch.connect(f"{gateway.url}/no/gateway/here")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("127.0.0.1:8700", "http://127.0.0.1:8700"),
        ("htp://host:1", "did you mean http://"),
        ("http://", "no host"),
        ("http://host:99999", "cannot be read"),
        ("http://host:0/", "no host and port"),
        ("http://ada:secret@host/", "token="),
        ("http://host/?token=secret", "token="),
        ("ws://host/", "http://"),
        ("", "http://HOST:PORT"),
        ("http://gate way:80", "no address has"),
        ("http://gate\nway:80", "no address has"),
        ("http://\u202eyawetag:80", "no address has"),
    ],
)
def test_a_wrong_address_is_named_with_the_remedy_and_no_secret(url: str, words: str) -> None:
    with pytest.raises(scanwatch.UsageError) as refused:
        parse_address(url)
    assert words in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("target", ["https://ada:s3cret@host/x", "https://s3cret@host/x", "ada:s3cret@host:x"])
def test_a_target_with_a_secret_is_refused_before_anything_is_sent(gateway: RunningGateway, target: str) -> None:
    with scanwatch.connect(gateway.url) as client:
        with pytest.raises(scanwatch.UsageError, match="credential helper") as refused:
            client.scan(target)
        assert "s3cret" not in str(refused.value)
        assert client.repositories().empty


def test_an_address_keeps_its_path_and_hides_its_token() -> None:
    address = parse_address(" https://hub.example/user/ada/proxy/8700 ", "s3cret")
    assert (address.url, address.prefix) == ("https://hub.example/user/ada/proxy/8700/", "user/ada/proxy/8700")
    assert address.origin == "https://hub.example"
    assert not address.on_this_host
    assert "s3cret" not in repr(address)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:1", "[::1]:1"])
def test_this_hosts_own_addresses_are_known(host: str) -> None:
    assert parse_address(f"http://{host}").on_this_host


def test_a_token_that_cannot_be_sent_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(scanwatch.UsageError, match="copy it anew"):
        scanwatch.Client("http://127.0.0.1:9", token="two\nlines")

    def fails() -> str:
        raise KeyError("vault")

    with pytest.raises(ConfigurationError, match="vault"):
        scanwatch.Client("http://127.0.0.1:9", token=fails)
    for token in (5, b"s3cret", lambda: 5):
        with pytest.raises(scanwatch.UsageError, match="A token is text") as refused:
            scanwatch.Client("http://127.0.0.1:9", token=token)  # type: ignore[arg-type]
        assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("target", "bare", "name", "options"),
    [
        ("sim://acme/payments?files=150&seed=7", "sim://acme/payments", "acme/payments", {"files": "150", "seed": "7"}),
        ("sim://acme/payments", "sim://acme/payments", "acme/payments", {}),
        ("https://host/acme/payments.git", "https://host/acme/payments.git", "acme/payments", {}),
        ("https://host/r?ref=x", "https://host/r?ref=x", "r", {}),
        ("git@host.example:acme/payments.git", "git@host.example:acme/payments.git", "acme/payments", {}),
        ("file:///srv/checkouts/payments", "file:///srv/checkouts/payments", "payments", {}),
    ],
)
def test_a_target_is_taken_apart(target: str, bare: str, name: str, options: dict[str, str]) -> None:
    wanted = wanted_scan(target, {})
    assert (wanted.target, wanted.name, wanted.options) == (bare, name, options)


def test_a_local_path_becomes_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = tmp_path / "my checkout"
    checkout.mkdir()
    monkeypatch.chdir(tmp_path)
    wanted = wanted_scan("./my checkout", {})
    assert (wanted.target, wanted.name) == (checkout.as_uri(), "my checkout")
    assert wanted_scan(checkout, {}) == wanted
    with pytest.raises(scanwatch.UsageError, match="neither a URL nor a path"):
        wanted_scan("./another", {})
    with pytest.raises(scanwatch.UsageError, match="not 7"):
        wanted_scan(7, {})  # type: ignore[arg-type]


def test_options_are_text_and_those_not_given_are_left_out() -> None:
    assert wanted_scan("sim://a/b", {"files": 3, "quick": True, "ref": None}).options == {"files": "3", "quick": "true"}


@pytest.mark.parametrize("value", [b"x", ["a"], {"a": 1}, object()])
def test_an_option_that_is_no_plain_value_is_named(value: object) -> None:
    with pytest.raises(scanwatch.UsageError, match="option 'ref' is"):
        wanted_scan("sim://a/b", {"ref": value})


def test_paths_and_the_numbers_of_a_table_are_options(tmp_path: Path) -> None:
    given = {"at": tmp_path, "files": np.int64(3), "duration_s": np.float64(0.5)}
    assert wanted_scan("sim://a/b", given).options == {"at": str(tmp_path), "files": "3", "duration_s": "0.5"}


def test_what_is_no_unicode_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(scanwatch.UsageError, match=r"The target is .*not text in UTF-8"):
        wanted_scan("sim://acme/\udcff", {})
    with pytest.raises(scanwatch.UsageError, match=r"option 'ref' is .*not text in UTF-8"):
        wanted_scan("sim://acme/payments", {"ref": "\udcff"})


@pytest.mark.parametrize("target", [None, b"x", 7, ["sim://a/b"]])
def test_what_is_no_target_is_refused(target: object) -> None:
    with pytest.raises(scanwatch.UsageError, match="target"):
        wanted_scan(target, {})  # type: ignore[arg-type]


def test_a_name_is_never_empty() -> None:
    assert [repository_name(target) for target in ("x", "sim://a", "/")] == ["x", "a", "/"]


def test_a_name_that_is_too_long_is_cut_in_the_middle(tmp_path: Path) -> None:
    name = repository_name(f"sim://acme/{'a' * 200}{'z' * 100}")
    assert len(name) == NAME_LENGTH
    assert (name[:6], name[-3:]) == ("acme/a", "zzz")
    assert "…" in name
    folder = tmp_path / ("d" * 240)
    folder.mkdir()
    assert len(wanted_scan(folder, {}).name) == NAME_LENGTH


def test_a_checkout_named_by_its_git_folder_is_called_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "日本" / ".git").mkdir(parents=True)
    assert wanted_scan(tmp_path / "日本" / ".git", {}).name == "日本"


def test_a_gateway_takes_targets_with_long_names(client: scanwatch.Client) -> None:
    scan = client.scan(f"sim://acme/{'a' * 300}", files=2, duration_s=0.05)
    assert scan.wait(TIMEOUT_S).status == "completed"
