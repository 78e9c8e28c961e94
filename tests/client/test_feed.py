"""What a client's panel can ask for, at a real gateway: handles, names, repositories, options, a connection now.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import pytest

import scanwatch
from scanwatch.client._pace import Backoff
from scanwatch.model import ConnectionState
from scanwatch.testing import RunningGateway, run_gateway
from tests.client._proxy import proxied
from tests.client.test_live import QUICK, until

TOKEN = "a-long-secret-token"


def test_selected_scans_are_handles_and_the_table_is_what_is_listed(gateway: RunningGateway) -> None:
    with scanwatch.connect(gateway.url) as client:
        scan = client.scan(QUICK).wait(20)
        other = client.scan("sim://acme/other?files=3&duration_s=0.1").wait(20)
        panel = client.watch()
        panel.selected = [scan.id]
        assert panel.selection == [scan]
        assert isinstance(panel.selection[0], scanwatch.Scan)
        panel.filters = {"text": "OTHER"}
        table = panel.scans()
        assert list(table.index) == [other.id]
        assert list(table.columns) == list(client.scans().columns)
        panel.close()


def test_the_gateway_says_the_name_that_a_callers_scans_carry() -> None:
    with run_gateway(token=TOKEN, user="ada") as gateway, scanwatch.connect(gateway.url, token=TOKEN) as client:
        feed = client.feed()
        scan = client.scan(QUICK).wait(20)
        until(lambda: feed.caller() is not None)
        assert feed.caller() == scan.snapshot.requested_by == "ada"


def test_the_gateway_says_how_many_scans_it_runs_at_once_and_what_time_it_is() -> None:
    with run_gateway(concurrency=2) as gateway, scanwatch.connect(gateway.url) as client:
        feed = client.feed()
        until(lambda: feed.workers() == 2)
        assert feed.clock_ahead_s() == 0.0


def test_repositories_are_looked_up_and_options_go_with_a_target(gateway: RunningGateway) -> None:
    with scanwatch.connect(gateway.url) as client:
        feed = client.feed()
        feed.trigger("sim://acme/payments", {"files": "3", "duration_s": "0.1"})
        until(lambda: any(one.terminal for one in feed.snapshots()))
        assert feed.repositories() == ()
        feed.look_up()
        until(lambda: "sim://acme/payments" in {one.target for one in feed.repositories()})
        assert feed.trouble() is None


def test_a_pause_before_the_next_attempt_can_be_cut_short(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backoff, "next_pause_s", lambda _self: 3600.0)
    with proxied(gateway.url) as proxy, scanwatch.connect(proxy.url) as client:
        feed = client.feed()
        proxy.cut()
        until(lambda: client.connection.retry_at is not None)
        proxy.mend()
        feed.reconnect()
        until(lambda: client.connection.state is ConnectionState.LIVE)


def test_after_a_refusal_a_new_token_lets_the_client_in_when_it_is_asked_to_try_again() -> None:
    tokens = [TOKEN]
    with run_gateway(token=TOKEN) as gateway:
        port = int(gateway.url.rpartition(":")[2])
        client = scanwatch.connect(gateway.url, token=lambda: tokens[0])
        feed = client.feed()
    with client, run_gateway(port=port, token="another-long-secret"):
        until(lambda: client.connection.state is ConnectionState.REFUSED)
        tokens[0] = "another-long-secret"
        feed.reconnect()
        until(lambda: client.connection.state is ConnectionState.LIVE)
