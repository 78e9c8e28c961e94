"""The gateway's own page in Chromium: watch, start and stop scans, log in, behind prefixes, cut off and back.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from scanwatch import wire
from scanwatch.testing import RunningGateway, run_gateway
from tests.browser._proxies import stripping_proxy
from tests.client._proxy import proxied

from ._lab import Lab

pytestmark = pytest.mark.browser

TOKEN = "a-long-secret-token"
Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """A function that opens a page; whatever breaks in it, or against its own policy, fails the test."""
    contexts = []
    wrong: list[str] = []

    def note(message: Any) -> None:
        if "Content Security Policy" in message.text or "Trusted" in message.text:
            wrong.append(message.text)

    def open_one(url: str, **context: Any) -> Page:
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context}))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", note)
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def gateway() -> Iterator[RunningGateway]:
    with run_gateway() as running:
        yield running


def ask(gateway: RunningGateway, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
    headers = {"Content-Type": "application/json"}
    if gateway.token is not None:
        headers["Authorization"] = f"Bearer {gateway.token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{gateway.url}/{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or b"null")


def start_scan(gateway: RunningGateway, target: str, **options: Any) -> str:
    repository = ask(gateway, wire.paths.repositories, {"name": "one", "gitUrl": target})
    return str(ask(gateway, wire.paths.trigger(repository["id"]), {"options": options})["scanId"])


def row_of(page: Page, name: str) -> Locator:
    return page.locator(".sw-row").filter(has_text=name)


def type_scan(page: Page, target: str) -> None:
    field = page.get_by_role("combobox", name="Repository to scan")
    field.fill(target)
    field.press("Enter")


def test_a_scan_typed_into_the_page_moves_and_completes(gateway: RunningGateway, open_page: Open) -> None:
    page = open_page(gateway.url)
    expect(page.locator(".sw-empty")).to_contain_text("No scans yet")
    expect(page.locator("#login")).to_be_hidden()
    expect(page.locator(".sw-connection")).to_contain_text("Live")

    type_scan(page, "sim://acme/payments?files=40&duration_s=1.5")
    row = row_of(page, "acme/payments")
    expect(row).to_contain_text("In progress")
    expect(row).to_contain_text("Parse")
    expect(row).to_contain_text("Completed")
    expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")
    expect(page.locator(".sw-foot")).to_contain_text("1 of 1 ended")


def test_a_scan_started_elsewhere_appears_and_its_history_opens(gateway: RunningGateway, open_page: Open) -> None:
    page = open_page(gateway.url)
    expect(page.locator(".sw-empty")).to_be_visible()
    start_scan(gateway, "sim://acme/ledger", files=10, duration_s=0.3, fail="parse:1")
    row = row_of(page, "acme/ledger")
    expect(row).to_contain_text("Completed")
    expect(row).to_contain_text("attempt 2")
    row.get_by_role("button", name="Details of acme/ledger").click()
    log = page.get_by_role("log")
    expect(log).to_contain_text("completed")
    expect(page.locator(".sw-attempts")).to_contain_text("failed")

    page.reload()
    expect(row_of(page, "acme/ledger")).to_contain_text("Completed")


def test_waiting_scans_say_their_place_on_the_page(open_page: Open) -> None:
    with run_gateway(concurrency=1) as gateway:
        for name in ("running", "next", "last"):
            start_scan(gateway, f"sim://acme/{name}", files=50, duration_s=60)
        page = open_page(gateway.url)
        expect(row_of(page, "acme/next")).to_contain_text("position 1 of 2")
        expect(row_of(page, "acme/last")).to_contain_text("position 2 of 2")
        expect(row_of(page, "acme/last")).to_contain_text("the only one is busy")


def test_cancel_asks_in_the_row_and_retry_starts_a_new_scan(gateway: RunningGateway, open_page: Open) -> None:
    start_scan(gateway, "sim://acme/slow", files=50, duration_s=60)
    page = open_page(gateway.url)
    row = row_of(page, "acme/slow")
    row.get_by_role("button", name="Cancel scan of acme/slow").click()
    row.locator(".sw-stop").click()
    expect(row).to_contain_text("Cancelled")
    page.locator("h1").click()
    row.get_by_role("button", name="Scan again: acme/slow").click()
    page.locator("h1").hover()
    expect(page.locator(".sw-chips")).to_contain_text("All2")
    assert len(ask(gateway, wire.paths.scans)["data"]) == 2


def test_what_the_gateway_refuses_is_said_in_its_words(gateway: RunningGateway, open_page: Open) -> None:
    page = open_page(gateway.url)
    type_scan(page, "xyz://acme/payments")
    expect(page.get_by_role("alert").filter(has_text="xyz")).to_contain_text("sim")
    type_scan(page, "sim://acme/payments?files=5&duration_s=0.1")
    expect(row_of(page, "acme/payments")).to_contain_text("Completed")
    expect(page.get_by_role("alert").filter(has_text="xyz")).to_have_count(0)


def test_a_hostile_name_is_shown_as_text(gateway: RunningGateway, open_page: Open) -> None:
    start_scan(gateway, "sim://<img src=x onerror=window.stolen=1>/<b>evil", files=5, duration_s=0.1)
    page = open_page(gateway.url)
    row = row_of(page, "onerror")
    expect(row).to_contain_text("<img src=x onerror=window.stolen=1>/<b>evil")
    row.get_by_role("button", name="Details of").click()
    expect(page.locator(".sw-details")).to_be_visible()
    assert page.locator("#panel :is(img, script, b b)").count() == 0
    assert page.evaluate("window.stolen") is None


def test_with_a_token_the_page_asks_for_it_and_keeps_it_in_the_tab(open_page: Open) -> None:
    with run_gateway(token=TOKEN) as gateway:
        page = open_page(gateway.url)
        field = page.get_by_label("Token", exact=True)
        expect(field).to_be_focused()
        expect(page.locator("#reason")).to_be_empty()
        assert page.locator(".sw").count() == 0

        field.fill("a wrong one")
        field.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("token")
        field.fill(TOKEN)
        field.press("Enter")
        expect(page.locator(".sw-connection")).to_contain_text("Live")
        type_scan(page, "sim://acme/payments?files=5&duration_s=0.1")
        expect(row_of(page, "acme/payments")).to_contain_text("Completed")
        assert TOKEN not in page.url

        page.reload()
        expect(row_of(page, "acme/payments")).to_contain_text("Completed")
        page.get_by_role("button", name="Forget the token").click()
        expect(field).to_be_visible()
        assert page.locator(".sw").count() == 0
        page.reload()
        expect(field).to_be_visible()
        assert page.evaluate("sessionStorage.length + localStorage.length") == 0
        assert page.context.cookies() == []


def test_when_the_token_holds_no_longer_the_form_is_back_with_the_reason(open_page: Open) -> None:
    with run_gateway(token=TOKEN) as gateway:
        page = open_page(f"{gateway.url}/#token={TOKEN}")
        expect(page.locator(".sw-connection")).to_contain_text("Live")
        port = urlsplit(gateway.url).port
    expect(page.locator(".sw-connection")).to_contain_text("Reconnecting")
    with run_gateway(port=port, token="another-long-secret"):
        expect(page.get_by_role("alert")).to_contain_text("not valid", timeout=20_000)
        assert page.locator(".sw").count() == 0
        assert page.evaluate("sessionStorage.length") == 0


def test_a_viewer_sees_and_may_not_start_and_loses_sight_when_the_key_is_revoked(open_page: Open) -> None:
    with run_gateway(token=TOKEN) as gateway:
        key = ask(gateway, wire.paths.tokens, {"name": "ada", "role": "viewer"})
        page = open_page(f"{gateway.url}/#token={key['token']}")
        expect(page.locator(".sw-connection")).to_contain_text("Live")
        start_scan(gateway, "sim://acme/payments", files=10, duration_s=0.2)
        expect(row_of(page, "acme/payments")).to_contain_text("Completed")
        type_scan(page, "sim://acme/other")
        expect(page.get_by_role("alert").filter(has_text="operator")).to_contain_text("viewer")

        ask(gateway, wire.paths.token(key["id"]), method="DELETE")
        expect(page.get_by_label("Token", exact=True)).to_be_visible(timeout=20_000)
        expect(page.locator("#reason")).to_contain_text("revoked")
        assert page.locator(".sw").count() == 0


def test_more_scans_than_one_answer_holds_are_all_shown(
    gateway: RunningGateway, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"acme/number-{number}" for number in range(7)]
    for name in names:
        start_scan(gateway, f"sim://{name}", files=5, duration_s=0.05)
    monkeypatch.setattr("scanwatch.gateway._socket.ACKNOWLEDGEMENT_BYTES", 4000)
    page = open_page(gateway.url)
    for name in names:
        expect(row_of(page, name)).to_contain_text("Completed")


def test_a_token_in_the_fragment_is_taken_out_of_the_address_and_never_sent_in_one(open_page: Open) -> None:
    with run_gateway(token=TOKEN) as gateway:
        page = open_page("about:blank")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url))
        page.goto(f"{gateway.url}/#token={TOKEN}")
        expect(page.locator(".sw-connection")).to_contain_text("Live")
        assert page.url == f"{gateway.url}/"
        sent = [url for url in asked if TOKEN in url.partition("#")[0]]
        assert sent == []
        assert {urlsplit(url).netloc for url in asked} == {urlsplit(gateway.url).netloc}

        page.go_back()
        page.go_forward()
        expect(page.locator(".sw-connection")).to_contain_text("Live")
        assert page.url == f"{gateway.url}/"


def test_a_page_that_was_cut_off_says_so_and_is_right_again(gateway: RunningGateway, open_page: Open) -> None:
    with proxied(gateway.url) as proxy:
        page = open_page(proxy.url)
        scan_id = start_scan(gateway, "sim://acme/payments", files=40, duration_s=1)
        row = row_of(page, "acme/payments")
        expect(row).to_contain_text("In progress")
        proxy.cut()
        expect(page.locator(".sw-connection")).to_contain_text("Reconnecting")
        while ask(gateway, wire.paths.scan(scan_id))["status"] != "completed":
            page.wait_for_timeout(50)
        start_scan(gateway, "sim://acme/later", files=5, duration_s=0.1)
        proxy.mend()
        expect(page.locator(".sw-connection")).to_contain_text("Live", timeout=20_000)
        expect(row).to_contain_text("Completed")
        expect(row_of(page, "acme/later")).to_contain_text("Completed")


@contextmanager
def behind_jupyter(gateway: RunningGateway, lab: Lab) -> Iterator[str]:
    yield f"{lab.url}proxy/{urlsplit(gateway.url).port}/?token={lab.token}"


@contextmanager
def behind_a_plain_proxy(gateway: RunningGateway, _lab: Lab) -> Iterator[str]:
    with stripping_proxy(gateway.url) as proxy:
        yield proxy.url


@contextmanager
def behind_a_renaming_proxy(gateway: RunningGateway, _lab: Lab) -> Iterator[str]:
    with stripping_proxy(gateway.url, keeps_host=False) as proxy:
        yield proxy.url


@pytest.mark.parametrize(
    ("behind", "token"),
    [
        (behind_jupyter, None),
        (behind_jupyter, TOKEN),
        (behind_a_plain_proxy, None),
        (behind_a_plain_proxy, TOKEN),
        (behind_a_renaming_proxy, TOKEN),
    ],
)
def test_it_works_below_a_prefix(lab: Lab, open_page: Open, behind: Any, token: str | None) -> None:
    with run_gateway(token=token) as gateway, behind(gateway, lab) as url:
        page = open_page(url if token is None else f"{url}#token={token}")
        prefix = urlsplit(page.url).path
        assert len(prefix) > 1
        expect(page.locator(".sw-connection")).to_contain_text("Live", timeout=20_000)
        sockets: list[str] = []
        page.on("websocket", lambda socket: sockets.append(urlsplit(socket.url).path))
        page.reload()
        type_scan(page, "sim://acme/payments?files=20&duration_s=0.5")
        row = row_of(page, "acme/payments")
        expect(row).to_contain_text("Completed")
        row.get_by_role("button", name="Details of acme/payments").click()
        expect(page.get_by_role("log")).to_contain_text("completed")
        assert sockets == [f"{prefix}socket.io/"]


def test_the_page_follows_light_and_dark(gateway: RunningGateway, open_page: Open) -> None:
    def brightness(scheme: str) -> int:
        page = open_page(gateway.url, color_scheme=scheme)
        expect(page.locator(".sw")).to_be_visible()
        shown = [page.locator(part).evaluate("(e) => getComputedStyle(e).backgroundColor") for part in ("body", ".sw")]
        values = [[int(number) for number in colour.strip("rgb()").split(",")] for colour in shown]
        return max(map(max, values)) if scheme == "dark" else min(map(min, values))

    assert brightness("light") > 240
    assert brightness("dark") < 40


@pytest.mark.parametrize("width", [320, 390, 800])
def test_a_narrow_page_does_not_scroll_sideways(gateway: RunningGateway, open_page: Open, width: int) -> None:
    start_scan(gateway, "sim://acme/a-rather-long-name-of-a-repository-for-so-narrow-a-page", files=5, duration_s=0.1)
    page = open_page(gateway.url, viewport={"width": width, "height": 700})
    expect(row_of(page, "a-rather-long")).to_contain_text("Completed")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
