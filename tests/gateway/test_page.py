"""The page at the gateway's root: what is served, to whom, and under which rules for the browser.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import re
import subprocess
from importlib.resources import files
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import pytest
from yarl import URL

from scanwatch.gateway import Gateway, GatewayConfig
from scanwatch.panel._static import MODULES
from tests.gateway._peers import Rest

PACKAGE = Path(str(files("scanwatch")))
OURS = PACKAGE / "gateway" / "static"
PANEL = PACKAGE / "panel" / "static"
SCRIPTS = sorted(OURS.glob("*.js"))


async def test_the_root_is_the_page_and_names_only_files_that_are_served(gateway: Gateway, rest: Rest) -> None:
    seen: set[str] = set()
    waiting = [f"{gateway.url}/"]
    while waiting:
        url = waiting.pop()
        async with rest.session.get(url) as answer:
            assert answer.status == 200, url
            text = await answer.text()
        seen.add(url.removeprefix(gateway.url))
        named = re.findall(r'(?:src|href)="([^"]+)"', text) if url.endswith("/") else []
        if url.endswith(".js") and "/vendor/" not in url:
            named = re.findall(r'from "([^"]+)"', text)
        waiting += [there for name in named if (there := urljoin(url, name)).removeprefix(gateway.url) not in seen]
    assert {"/", "/static/page.js", "/static/panel/view.js", "/static/panel/panel.css"} <= seen
    assert "/static/vendor/socket.io.esm.min.js" in seen


async def test_the_panel_is_served_as_the_notebook_has_it(gateway: Gateway, rest: Rest) -> None:
    for name in (*MODULES, "panel.css"):
        async with rest.session.get(f"{gateway.url}/static/panel/{name}") as answer:
            assert await answer.text() == (PANEL / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("", "text/html"),
        ("static/page.js", "text/javascript"),
        ("static/page.css", "text/css"),
        ("static/icon.svg", "image/svg+xml"),
        ("static/vendor/socket.io.LICENSE.txt", "text/plain"),
    ],
)
async def test_every_file_has_its_type_and_the_strict_rules(gateway: Gateway, rest: Rest, path: str, kind: str) -> None:
    async with rest.session.get(f"{gateway.url}/{path}") as answer:
        assert answer.content_type == kind
        headers = answer.headers
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["style-src"] == "'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/static/page.js"])
async def test_a_monitor_that_asks_for_the_head_alone_gets_it(gateway: Gateway, rest: Rest, path: str) -> None:
    async with rest.session.head(gateway.url + path) as head, rest.session.get(gateway.url + path) as whole:
        assert head.status == 200
        assert await head.read() == b""
        assert head.headers["Content-Length"] == str(len(await whole.read()))


async def test_a_file_that_did_not_change_is_not_sent_again(gateway: Gateway, rest: Rest) -> None:
    url = f"{gateway.url}/static/page.js"
    async with rest.session.get(url) as first:
        tag = first.headers["ETag"]
        assert first.headers["Cache-Control"] == "no-cache"
    async with rest.session.get(url, headers={"If-None-Match": tag}) as again:
        assert (again.status, await again.read()) == (304, b"")
    async with rest.session.get(url, headers={"If-None-Match": '"another"'}) as changed:
        assert changed.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "static/",
        "static/none.js",
        "static/panel/",
        "static/__init__.py",
        "static/../_page.py",
        "static/%2e%2e/_page.py",
        "static/panel/..%2f_panel.py",
        "static//etc/passwd",
    ],
)
async def test_nothing_but_the_pages_own_files_is_served(gateway: Gateway, rest: Rest, path: str) -> None:
    async with rest.session.get(URL(f"{gateway.url}/{path}", encoded=True)) as answer:
        assert answer.status in {401, 404}
        assert "import" not in await answer.text()


async def test_the_page_needs_no_token_and_tells_nothing() -> None:
    async with (
        Gateway(GatewayConfig(port=0, store="memory:", token="a-long-secret-token")) as gateway,
        aiohttp.ClientSession() as session,
    ):
        for path in ("", "static/page.js"):
            async with session.get(f"{gateway.url}/{path}") as answer:
                assert answer.status == 200
                assert "a-long-secret-token" not in await answer.text()
        status, _ = await Rest(session, gateway.url).ask("GET", "api/v1/scans")
        assert status == 401


async def test_without_a_token_the_page_is_for_this_machines_names_only(gateway: Gateway, rest: Rest) -> None:
    status, answer = await rest.ask("GET", "", headers={"Host": "evil.example"})
    assert status == 403
    assert "token" in answer["message"]


@pytest.mark.needs("node")
def test_the_pages_feed_passes_its_own_tests() -> None:
    suite = Path(__file__).with_name("page_feed.test.mjs")
    run = subprocess.run(["node", "--test", suite], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_html_runs_text_or_names_another_host(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://"):
        assert forbidden not in text, forbidden


def test_the_page_has_no_script_or_style_of_its_own_within() -> None:
    page = (OURS / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]* src=)", page) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", page) == []
    assert re.findall(r'(?:src|href)="(?:/|https?:)', page) == [], "every URL is relative"


def test_the_vendored_client_has_its_licence_and_its_version_beside_it() -> None:
    vendor = OURS / "vendor"
    head = (vendor / "socket.io.esm.min.js").read_text(encoding="utf-8")[:200]
    version = re.search(r"Socket\.IO v(\d+\.\d+\.\d+)", head)
    assert version is not None
    assert f" {version[1]}," in (vendor / "README.md").read_text(encoding="utf-8")
    assert "MIT" in (vendor / "socket.io.LICENSE.txt").read_text(encoding="utf-8")
