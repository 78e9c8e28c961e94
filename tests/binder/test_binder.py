"""Binder, emulated: its files in its order, in a fresh environment, with old and new kernels, and then used.

@gxp-spec SPEC-005-005 "Binder and the launcher"
@trace US-005-002
@test-type PQ
@gxp-risk LOW
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import requires
from pathlib import Path
from urllib.parse import quote

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser._lab import CHROMIUM, CHROMIUM_FLAGS, KERNEL_READY

ROOT = Path(__file__).parents[2]
BINDER = ROOT / "binder"
OLD_IMAGE = ("ipykernel==7.0.1", "ipywidgets==8.1.7")
"""What older images of the hubs bring, where an image has the last word."""
BASE = "/user/ada/"
OPENED = "lab/tree/notebooks/01-quickstart.ipynb"
ALL_RAN = """() => {
    const cells = window.jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model);
    return cells.every((cell) => cell.type !== "code" || cell.executionCount !== null);
}"""
LONG_S = 900
START_S = 90


def test_the_files_are_what_binder_reads_and_nothing_hides_them() -> None:
    assert re.fullmatch(r"python-3\.\d\d\n", (BINDER / "runtime.txt").read_text()), "else it is quietly Python 3.10"
    assert not (ROOT / ".binder").exists()
    pins = [line for line in (BINDER / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\d.]+", pin)] == []
    for script in ("postBuild", "start"):
        assert os.access(BINDER / script, os.X_OK)
        assert "\nset -e\n" in (BINDER / script).read_text()
    assert (BINDER / "start").read_text().rstrip().endswith('exec "$@"')


def test_the_pins_are_versions_that_the_package_takes() -> None:
    pins = dict(line.split("==") for line in (BINDER / "requirements.txt").read_text().splitlines() if "==" in line)
    known = {name.lower(): version for name, version in pins.items()}
    wanted = [Requirement(one) for one in requires("scanwatch") or []]
    needed = [one for one in wanted if one.marker is None]
    assert {one.name.lower() for one in needed} - set(known) == set()
    assert [one.name for one in needed if Version(known[one.name.lower()]) not in one.specifier] == []


def test_links_to_where_it_is_published_follow_the_package_and_the_badge_opens_the_quickstart() -> None:
    published = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "CITATION.cff"]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    repository = published.removeprefix("https://github.com/")
    badges = set(re.findall(r"https://mybinder\.org/v2/gh/[^)\s]+", text))
    assert badges == {f"https://mybinder.org/v2/gh/{repository}/main?urlpath={quote(OPENED, safe='')}"}
    assert (ROOT / OPENED.removeprefix("lab/tree/")).is_file()
    assert f"repository-code: {published}\n" in text
    assert set(re.findall(r"https://github\.com/[\w.-]+/scanwatch\b", text)) == {published}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What repo2docker would build: the requirements, then a clone of the repository, then postBuild."""
    home = tmp_path_factory.mktemp("binder")
    subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True)
    run(home, "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(BINDER / "requirements.txt"))
    clone(home / "repository")
    run(home, "bash", "binder/postBuild")
    return home


def clone(target: Path) -> None:
    """The files as they are, as one commit: what is tested is what was written, committed yet or not."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((ROOT / name).read_bytes())
            (target / name).chmod((ROOT / name).stat().st_mode)
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-C", str(target)]
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "All of it"]):
        subprocess.run([*git, *words], check=True)


def environment(home: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "SCANWATCH", "PYTHON"))
    }
    return {**kept, "HOME": str(home), "PATH": os.pathsep.join([str(home / "venv" / "bin"), os.environ["PATH"]])}


def run(home: Path, *command: str) -> str:
    folder = home / "repository" if (home / "repository").exists() else home
    done = subprocess.run(
        command, cwd=folder, env=environment(home), capture_output=True, text=True, timeout=LONG_S, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@contextmanager
def session(home: Path) -> Iterator[str]:
    """JupyterLab as a hub starts it: through `start`, below a base URL; gives its address, with its token."""
    token = secrets.token_hex(16)
    options = {
        "ServerApp.base_url": BASE,
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": 0,
        "ServerApp.allow_root": True,
        "IdentityProvider.token": token,
        "LabApp.extension_manager": "readonly",
    }
    command = ["bash", "binder/start", "jupyter", "lab", "--no-browser", "--expose-app-in-browser"]
    command += [f"--{name}={value}" for name, value in options.items()]
    where = environment(home) | {"JUPYTER_RUNTIME_DIR": str(home / token)}
    with (
        (home / "log").open("wb") as log,
        subprocess.Popen(command, cwd=home / "repository", env=where, stdout=log, stderr=log) as server,
    ):
        try:
            yield f"{wait_for_url(home / token, server)}%s?token={token}"
        finally:
            server.terminate()
            stop_gateway(home)


def wait_for_url(runtime: Path, server: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + START_S
    while time.monotonic() < until and server.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            return str(json.loads(file.read_text())["url"])
        time.sleep(0.2)
    raise AssertionError("JupyterLab did not start")


def stop_gateway(home: Path) -> None:
    code = "from scanwatch._local import discover, default_store; import scanwatch; "
    code += "discover(default_store()) and scanwatch.LocalGateway().stop()"
    where = environment(home) | {"SCANWATCH_HOME": str(home / ".scanwatch")}
    subprocess.run([home / "venv" / "bin" / "python", "-c", code], env=where, check=True, timeout=60)


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(START_S * 1000)
        yield page
        browser.close()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("pins", [(), OLD_IMAGE], ids=["pinned", "old image"])
def test_the_badge_leads_to_a_moving_bar_and_the_launcher_to_the_gateways_page(
    image: Path, page: Page, pins: tuple[str, ...], tmp_path: Path
) -> None:
    if pins:
        run(image, "pip", "install", "--quiet", "--disable-pip-version-check", *pins)
    with session(image) as address:
        run_the_quickstart(page, address)
        (tmp_path / "quickstart.png").write_bytes(page.screenshot())
        see_the_launcher(page, address)
        page.goto(address % "scanwatch/")
        expect(page.locator(".sw")).to_be_visible(timeout=START_S * 1000)
        trigger = page.get_by_role("combobox", name="Repository to scan")
        trigger.fill("sim://acme/payments?files=20&duration_s=1&seed=7")
        trigger.press("Enter")
        expect(page.locator(".sw-row").first).to_contain_text("Completed", timeout=START_S * 1000)
        (tmp_path / "page.png").write_bytes(page.screenshot())
        assert re.search(rf"{BASE}proxy/\d+/$", page.url), "and the token is out of the address"


def run_the_quickstart(page: Page, address: str) -> None:
    page.goto(address.replace("?", "?reset&") % OPENED)
    page.wait_for_function(KERNEL_READY)
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    row = page.locator(".jp-OutputArea-output .sw").first.get_by_role("row").filter(has_text="acme/payments")
    expect(row.get_by_role("progressbar")).to_be_visible(timeout=START_S * 1000)
    expect(row).to_contain_text("Completed", timeout=START_S * 1000)
    page.wait_for_function(ALL_RAN)
    expect(page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]')).to_have_count(0)


def see_the_launcher(page: Page, address: str) -> None:
    page.evaluate("() => { window.jupyterapp.commands.execute('launcher:create'); }")
    expect(page.locator(".jp-LauncherCard", has_text="Scans").first).to_be_visible(timeout=START_S * 1000)
