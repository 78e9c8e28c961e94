"""Take the pictures of the panel that the README and the documentation show: a real gateway, real scans, Chromium.

``make screenshots`` writes ``docs/images/panel-light.png`` and ``docs/images/panel-dark.png``.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, sync_playwright

import scanwatch
from scanwatch.testing import run_gateway

IMAGES = Path(__file__).parent / "images"
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
ENDED = ("sim://trials/randomisation-service?files=204&duration_s=1&seed=5", "sim://acme/lims-connector?duration_s=1")
FAILED = "sim://acme/etmf-archive?files=212&duration_s=2&fail=parse&seed=9"
MOVING = (
    "sim://infusion/pump-firmware?files=126&duration_s=8&stall=fetch",
    "sim://validation-platform/regulatory-exchange-middleware?files=150&duration_s=26&seed=2",
    "sim://acme/dose-calculator?files=240&duration_s=22&seed=3&fail=parse:1",
    "sim://biostat/adam-derivations?files=1204&duration_s=60&seed=4",
    "sim://acme/payments?files=1872&duration_s=90&seed=7",
    "sim://acme/clinical-data-pipeline?duration_s=30",
)


def main() -> None:
    """Run the scans and take one picture for each colour scheme."""
    IMAGES.mkdir(exist_ok=True)
    with run_gateway(backoff_s=2, concurrency=5) as gateway, scanwatch.connect(gateway.url) as client:
        scanwatch.wait([client.scan(target) for target in ENDED], timeout=60)
        client.scan(FAILED).wait(timeout=60)
        for target in MOVING:
            client.scan(target)
        with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
            browser = playwright.chromium.launch_persistent_context(
                profile, executable_path=shutil.which("chromium"), args=FLAGS, device_scale_factor=2
            )
            page = browser.new_page()
            for scheme in SCHEMES:
                take(page, gateway.url, scheme)
            browser.close()


def take(page: Page, url: str, scheme: Scheme) -> None:
    """One picture of the panel once its retried scan is well under way."""
    page.set_viewport_size({"width": 1120, "height": 1000})
    page.emulate_media(color_scheme=scheme)
    page.goto(url)
    panel = page.locator(".sw")
    panel.get_by_text("attempt 2").first.wait_for(timeout=60_000)
    panel.screenshot(path=IMAGES / f"panel-{scheme}.png")


if __name__ == "__main__":
    main()
