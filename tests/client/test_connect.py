"""``connect()`` finds the gateway that is meant, and says what is wrong with an address or a target.

@gxp-spec SPEC-001-005 "Scan handle, sync and async clients"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from pathlib import Path

import pytest

import scanwatch
from scanwatch.client._address import parse_address
from scanwatch.client._target import name_of, wanted_scan
from scanwatch.errors import ConfigurationError
from scanwatch.testing import RunningGateway, run_gateway


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
    ],
)
def test_a_wrong_address_is_named_with_the_remedy_and_no_secret(url: str, words: str) -> None:
    with pytest.raises(scanwatch.UsageError) as refused:
        parse_address(url)
    assert words in str(refused.value)
    assert "secret" not in str(refused.value)


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


@pytest.mark.parametrize(
    ("target", "bare", "name", "options"),
    [
        ("sim://acme/payments?files=150&seed=7", "sim://acme/payments", "acme/payments", {"files": "150", "seed": "7"}),
        ("sim://acme/payments", "sim://acme/payments", "acme/payments", {}),
        ("https://host/acme/payments.git", "https://host/acme/payments.git", "acme/payments", {}),
        ("https://host/r?ref=x", "https://host/r?ref=x", "host/r", {}),
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


def test_a_name_is_never_empty() -> None:
    assert [name_of(target) for target in ("x", "sim://a", "/")] == ["x", "a", "/"]
