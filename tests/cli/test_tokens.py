"""Tokens on the command line: made, listed and revoked, whether a gateway serves the store or none does.

@gxp-spec SPEC-001-006 "Command line"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from scanwatch import GatewayRefused, connect
from scanwatch.cli import main
from scanwatch.model import ConnectionState
from scanwatch.testing import run_gateway

OWN = "the-gateways-own-token-0123456789"
TARGET = "sim://acme/one?files=5&duration_s=0.05"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The store of nobody yet, and an environment without this machine's gateways."""
    for name in ("SCANWATCH_URL", "SCANWATCH_TOKEN", "SCANWATCH_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SCANWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "160")
    return f"sqlite:///{tmp_path / 'scans.db'}"


def test_a_token_made_in_a_store_opens_the_gateway_that_serves_it(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["token", "create", "--name", "ada", "--role", "operator", "--expires", "30d", "--store", store]) == 0
    made, told = capsys.readouterr()
    assert made.startswith("swk_")
    assert "not shown again" in told
    with run_gateway(store=store, token=OWN) as gateway, connect(gateway.url, token=made.strip()) as client:
        assert client.scan(TARGET).wait().done()


def test_a_running_gateway_is_asked_and_a_revoked_token_opens_nothing(
    store: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCANWATCH_TOKEN", OWN)
    with run_gateway(store=store, token=OWN) as gateway:
        asked = ["--gateway", gateway.url, "--json"]
        assert main(["token", "create", "--name", "bo", "--repository", "sim://acme/**", *asked]) == 0
        made = json.loads(capsys.readouterr().out)
        assert (made["role"], made["repositories"]) == ("viewer", ["sim://acme/**"])
        assert main(["token", "list", *asked]) == 0
        (listed,) = map(json.loads, capsys.readouterr().out.splitlines())
        assert (listed["id"], "token" in listed) == (made["id"], False)
        with connect(gateway.url, token=made["token"]) as client:
            assert client.scans().empty
        assert main(["token", "revoke", made["id"], "--gateway", gateway.url]) == 0
        with pytest.raises(GatewayRefused, match="revoked"):
            connect(gateway.url, token=made["token"])


def test_tokens_are_listed_for_people_and_revoked_in_a_store(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["token", "create", "--name", "ada", "--json", "--store", store])
    made = json.loads(capsys.readouterr().out)
    assert main(["token", "revoke", made["id"], "--store", store]) == 0
    assert main(["token", "list", "--store", store]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in (made["id"], "ada", "viewer", "revoked"))
    assert made["token"] not in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["revoke", "nonsense"], "is not the id of a token"),
        (["revoke", "9cc8ac9e-c415-4eef-b3cc-841fd3bac1df"], "no API key"),
        (["create", "--name", " "], "name"),
        (["create", "--name", "x", "--repository", "*"], "names no repository"),
        (["list", "--gateway", "ftp://x"], "http://"),
    ],
)
def test_what_makes_no_sense_is_told_without_a_traceback(
    store: str, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert main(["token", *words, "--store", store]) == 2
    assert says in capsys.readouterr().err


def test_a_key_that_is_no_admins_may_make_none(
    store: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["token", "create", "--name", "ada", "--role", "operator", "--store", store])
    monkeypatch.setenv("SCANWATCH_TOKEN", capsys.readouterr().out.strip())
    with run_gateway(store=store, token=OWN) as gateway:
        assert main(["token", "list", "--gateway", gateway.url]) != 0
        assert "admin" in capsys.readouterr().err


def test_a_client_whose_token_is_revoked_while_it_watches_shows_that_it_is_refused(
    store: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCANWATCH_TOKEN", OWN)
    with run_gateway(store=store, token=OWN) as gateway:
        main(["token", "create", "--name", "bo", "--role", "operator", "--gateway", gateway.url, "--json"])
        made = json.loads(capsys.readouterr().out)
        with connect(gateway.url, token=made["token"]) as client:
            client.scan("sim://acme/long?files=50&duration_s=60")
            main(["token", "revoke", made["id"], "--gateway", gateway.url])
            deadline = time.monotonic() + 20
            while client.connection.state is not ConnectionState.REFUSED and time.monotonic() < deadline:
                time.sleep(0.02)
            assert client.connection.state is ConnectionState.REFUSED
            assert "revoked" in str(client.connection.reason)
