"""A client gets through to its gateway, comes back to it, or says for good why it does not get in, and what to do.

@gxp-spec SPEC-001-003 "Client session and connection"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import socketio
from aiohttp import web

import scanwatch
from scanwatch.client._address import parse_address
from scanwatch.client._pace import Backoff
from scanwatch.errors import ConfigurationError
from scanwatch.model import ConnectionState
from scanwatch.testing import Quirks, ScriptedGateway, run_gateway
from scanwatch.testing._thread import Served
from tests.client._certificates import self_signed
from tests.client._forward_proxy import ForwardProxy
from tests.client._proxy import proxied
from tests.client.test_live import TIMEOUT_S, until

TARGET = "https://git.example/acme/payments"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ws_proxy", "wss_proxy")
UNRESOLVED = "gateway.example"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class WebServer(Served):
    """An ordinary web server: whatever is asked, it answers alike. With ``sio``, Socket.IO of somebody else."""

    def __init__(
        self,
        status: int,
        text: str,
        kind: str = "text/html",
        sio: socketio.AsyncServer | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__("web-server")
        self._answer = (status, text, kind)
        self._sio = sio
        self._headers = headers
        self.status = status

    async def _serve(self, stop: asyncio.Event) -> None:
        app = web.Application()
        if self._sio is not None:
            self._sio.attach(app)
        app.router.add_route("*", "/{rest:.*}", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._listens(f"http://127.0.0.1:{runner.addresses[0][1]}")
        await stop.wait()
        if self._sio is not None:
            await self._sio.shutdown()
        await runner.cleanup()

    async def _handle(self, _request: web.Request) -> web.Response:
        _, text, kind = self._answer
        return web.Response(status=self.status, text=text, content_type=kind, headers=self._headers)


@contextmanager
def refused_client(url: str, **options: Any) -> Iterator[scanwatch.Client]:
    """A client that is refused for good."""
    with scanwatch.Client(url, **options) as client:
        until(lambda: client.connection.state is ConnectionState.REFUSED)
        yield client


@contextmanager
def greeting(words: bytes) -> Iterator[str]:
    """The URL of a server that greets whoever comes, as those of other protocols do."""

    class Greeter(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1)
            self.request.sendall(words)

    with socketserver.TCPServer(("127.0.0.1", 0), Greeter) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


# -- refusals ------------------------------------------------------------------------------------------------------


def test_a_missing_or_wrong_token_is_a_final_refusal_with_the_remedy() -> None:
    for gateway in (ScriptedGateway(token="right"), run_gateway(token="right")):
        with gateway as running:
            for token in (None, "wrong"):
                with refused_client(running.url, token=token) as client:
                    assert "token" in str(client.connection.reason)
                    assert "SCANWATCH_TOKEN" in str(client.connection.reason)
                    assert client.connection.retry_at is None
                    with pytest.raises(scanwatch.GatewayRefused, match="SCANWATCH_TOKEN"):
                        client.scan(TARGET)


def test_an_answer_of_403_is_a_final_refusal() -> None:
    with WebServer(403, '{"message": "Forbidden resource", "statusCode": 403}', "application/json") as server:
        with refused_client(server.url) as client:
            assert "its token does not allow that" in str(client.connection.reason)
        with pytest.raises(scanwatch.GatewayRefused, match="its token does not allow that"):
            scanwatch.connect(server.url)


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (200, "<h1>It works!</h1>", "text/html"),
        (404, "<h1>Not Found</h1>", "text/html"),
        (200, '{"hello": "world"}', "application/json"),
        (404, '{"message": "Cannot GET /", "statusCode": 404}', "application/json"),
    ],
)
def test_an_ordinary_web_server_is_no_gateway_and_is_told_so_at_once(status: int, text: str, kind: str) -> None:
    with WebServer(status, text, kind) as server, refused_client(server.url) as client:
        assert "is no gateway" in str(client.connection.reason)
        assert "Check the URL" in str(client.connection.reason)
    with WebServer(status, text, kind) as server, pytest.raises(scanwatch.GatewayRefused, match="is no gateway"):
        scanwatch.connect(server.url)


@pytest.mark.parametrize("text", ["[" * 200_000, "{" + '"a":{' * 200_000], ids=["lists", "objects"])
def test_an_answer_that_is_nested_without_end_is_no_gateways(text: str) -> None:
    no_gateway = pytest.raises(scanwatch.GatewayRefused, match="is no gateway")
    with WebServer(200, text, "application/json") as server, no_gateway:
        scanwatch.connect(server.url)


def test_of_an_answer_that_never_ends_no_more_is_kept_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanwatch.client._live._rest.LONGEST_ANSWER_BYTES", 1000)
    too_long = pytest.raises(scanwatch.GatewayRefused, match="more than 1000 bytes")
    with WebServer(200, " " * 2000, "application/json") as server, too_long:
        scanwatch.connect(server.url)


@pytest.mark.parametrize("where", ["/in/circles", "file:///etc/passwd"])
def test_what_sends_us_elsewhere_is_told_from_nothing(where: str) -> None:
    elsewhere = pytest.raises(scanwatch.GatewayUnreachable, match="sends us elsewhere")
    with WebServer(302, "", headers={"Location": where}) as server, elsewhere:
        scanwatch.connect(server.url)


def test_a_gateways_own_words_for_a_refusal_reach_who_was_refused() -> None:
    with run_gateway() as gateway, pytest.raises(scanwatch.GatewayRefused, match="by a loopback name only"):
        scanwatch.connect(gateway.url.replace("127.0.0.1", "0.0.0.0"))


def test_what_speaks_no_tls_or_no_http_is_told_from_a_wrong_certificate_and_from_nothing() -> None:
    with run_gateway() as gateway, pytest.raises(scanwatch.GatewayRefused, match=r"does not speak TLS.*http://"):
        scanwatch.connect(gateway.url.replace("http://", "https://"))
    speaks_no_http = pytest.raises(scanwatch.GatewayUnreachable, match="does not speak HTTP")
    with greeting(b"SSH-2.0-OpenSSH_9.9\r\n") as url, speaks_no_http:
        scanwatch.connect(url)


def test_a_server_in_trouble_is_tried_again() -> None:
    with WebServer(503, "busy") as server, scanwatch.Client(server.url) as client:
        until(lambda: client.connection.tries >= 2)
        assert client.connection.state is ConnectionState.RECONNECTING


def test_another_socketio_server_has_no_such_namespace_and_is_told_so() -> None:
    sio = socketio.AsyncServer(async_mode="aiohttp")
    sio.on("connect", lambda *_: None)
    with WebServer(404, "no", sio=sio) as server, refused_client(server.url) as client:
        assert "is no gateway that scanwatch understands" in str(client.connection.reason)


def test_where_a_gateway_once_was_a_stranger_is_taken_for_passing_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanwatch.client._pace.FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr("scanwatch.client._pace.LONGEST_PAUSE_S", 0.1)
    with (
        ScriptedGateway() as gateway,
        WebServer(404, "starting") as stranger,
        proxied(gateway.url) as proxy,
        scanwatch.connect(proxy.url) as client,
    ):
        proxy.lead_to(stranger.url)
        proxy.cut()
        proxy.mend()
        until(lambda: client.connection.tries >= 3)
        assert client.connection.state is not ConnectionState.REFUSED
        proxy.lead_to(gateway.url)
        until(lambda: client.connection.state is ConnectionState.LIVE)


# -- coming back ---------------------------------------------------------------------------------------------------


def test_attempts_never_end_and_their_pauses_stay_below_the_limit() -> None:
    backoff = Backoff()
    pauses = [backoff.next_pause_s() for _ in range(10_000)]
    assert max(pauses) <= 30
    assert min(pauses[10:]) >= 15
    assert len(set(pauses[100:])) > 9_000, "spread, so that a crowd does not come at once"


def test_a_connection_that_breaks_again_and_again_is_made_again_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanwatch.client._pace.FIRST_PAUSE_S", 0.01)
    with ScriptedGateway(Quirks(stuck_at=1)) as gateway, scanwatch.connect(gateway.url) as client:
        states: list[ConnectionState] = []
        client._core.listeners.on_any_change(lambda _: states.append(client.connection.state))
        for number in range(1, 6):
            gateway.cut()
            until(lambda: states.count(ConnectionState.RECONNECTING) >= number)  # noqa: B023 asked at once
            until(lambda: client.connection.state is ConnectionState.LIVE)
        assert client.connection.tries == 0


def test_a_token_is_asked_for_again_at_each_reconnect() -> None:
    tokens = ["first"]
    with (
        ScriptedGateway(token="first") as gateway,
        scanwatch.connect(gateway.url, token=lambda: tokens[-1]) as client,
    ):
        gateway.token = "second"
        tokens.append("second")
        gateway.cut()
        until(lambda: client.connection.state is not ConnectionState.LIVE)
        until(lambda: client.connection.state is ConnectionState.LIVE)
        assert client.scan(TARGET).wait(TIMEOUT_S).status == "completed"
        gateway.token = "third"
        gateway.cut()
        until(lambda: client.connection.state is ConnectionState.REFUSED)


def test_the_state_of_the_connection_is_told_apart_from_the_scans() -> None:
    with ScriptedGateway(Quirks(stuck_at=3)) as gateway, proxied(gateway.url) as proxy:
        with scanwatch.connect(proxy.url) as client:
            scan = client.scan(TARGET)
            until(lambda: scan.progress_percent == 20)
            seen = [(str(client.connection.state), str(scan.status))]
            proxy.cut()
            until(lambda: client.connection.state is ConnectionState.RECONNECTING)
            seen.append((str(client.connection.state), str(scan.status)))
        seen.append((str(client.connection.state), str(scan.status)))
    assert seen == [("live", "in_progress"), ("reconnecting", "in_progress"), ("closed", "in_progress")]


# -- TLS -----------------------------------------------------------------------------------------------------------


def test_a_certificate_nobody_vouches_for_is_refused_with_the_remedy(tmp_path: Path) -> None:
    context, _ = self_signed(tmp_path)
    with ScriptedGateway(ssl=context) as gateway:
        with refused_client(gateway.url) as client:
            assert "certificate" in str(client.connection.reason)
            assert "verify=" in str(client.connection.reason)
        with pytest.raises(scanwatch.GatewayRefused, match="SSL_CERT_FILE"):
            scanwatch.connect(gateway.url)


def test_a_certificate_that_is_vouched_for_lets_records_and_events_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, file = self_signed(tmp_path)
    trusting = ssl.create_default_context(cafile=file)
    with ScriptedGateway(ssl=context) as gateway:
        for verify in (file, str(file), trusting):
            with scanwatch.connect(gateway.url, verify=verify) as client:
                assert client.scan(TARGET).wait(TIMEOUT_S).status == "completed"
                assert client.connection.state is ConnectionState.LIVE
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        with scanwatch.connect(gateway.url) as client:
            assert client.connection.state is ConnectionState.LIVE


async def test_the_awaiting_client_takes_certificates_too(tmp_path: Path) -> None:
    context, file = self_signed(tmp_path)
    with ScriptedGateway(ssl=context) as gateway:
        async with scanwatch.AsyncClient(gateway.url, verify=file) as client:
            scan = await client.scan(TARGET)
            assert (await scan.wait(TIMEOUT_S)).status == "completed"


@pytest.mark.parametrize("verify", [False, True, 7, "/no/such/file.pem", __file__])
def test_what_is_no_certificate_is_named(verify: object) -> None:
    with pytest.raises(scanwatch.UsageError, match="verify"):
        parse_address("https://gateway.example/", verify=verify)  # type: ignore[arg-type]


# -- proxies -------------------------------------------------------------------------------------------------------


def elsewhere(url: str) -> str:
    """The same gateway by a name that only a proxy can resolve."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{UNRESOLVED}:{parts.port}{parts.path}"


def test_the_environments_proxy_carries_records_and_events(monkeypatch: pytest.MonkeyPatch) -> None:
    with ForwardProxy() as proxy, ScriptedGateway() as gateway:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with scanwatch.connect(elsewhere(gateway.url)) as client:
            scan = client.scan(TARGET).wait(TIMEOUT_S)
            assert client.connection.state is ConnectionState.LIVE
            assert len(scan.events()) == 13
            until(lambda: client._core.driver.transport._push._sio.transport() == "websocket")
        asked = " ".join(proxy.asked)
        assert "/api/v1/repositories" in asked
        assert "transport=websocket" in asked


def test_a_proxy_tunnels_to_a_gateway_behind_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = self_signed(tmp_path, UNRESOLVED)
    with ForwardProxy() as proxy, ScriptedGateway(ssl=context) as gateway:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with scanwatch.connect(elsewhere(gateway.url), verify=file) as client:
            assert client.scan(TARGET).wait(TIMEOUT_S).status == "completed"
            assert client.connection.state is ConnectionState.LIVE
        assert set(proxy.asked) == {f"CONNECT {UNRESOLVED}:{urlsplit(gateway.url).port}"}


def test_a_proxy_that_lets_nothing_through_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with ForwardProxy(refuse=True) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(scanwatch.GatewayUnreachable, match="HTTPS_PROXY"):
            scanwatch.connect(f"https://{UNRESOLVED}:8700/")


def test_this_computer_is_reached_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with ForwardProxy() as proxy, ScriptedGateway() as gateway:
        for name in ("HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for url in (gateway.url, gateway.url.replace("127.0.0.1", "localhost")):
            with scanwatch.connect(url) as client:
                assert client.connection.state is ConnectionState.LIVE
        assert proxy.asked == []


def test_hosts_that_need_no_proxy_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "intern.example,other.example:8700")
    assert parse_address("https://gateway.example/").proxy == "http://proxy.example:3128"
    assert parse_address("https://gateway.intern.example/").proxy is None
    assert parse_address("https://other.example:8700/").proxy is None
    assert parse_address("http://gateway.example/").proxy is None
    monkeypatch.setenv("ALL_PROXY", "socks5://proxy.example:1080")
    with pytest.raises(ConfigurationError, match=r"HTTP_PROXY to http://HOST:PORT, or NO_PROXY to gateway\.example"):
        _ = parse_address("http://gateway.example/").proxy
