"""Take the pictures of the README and the documentation: the panel in JupyterLab, and the gateway's page, in Chromium.

``make screenshots`` writes ``docs/images/*.png``, each light and dark. The notebook's pictures show a staged moment
(``docs/scene.py``) and are the same every time but for a second here and there; the page shows seeded scans of a real
gateway.
"""

from __future__ import annotations

import io
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Locator, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the browser's and the server's handling is that of the tests

import scanwatch  # noqa: E402
from scanwatch.testing import run_gateway  # noqa: E402
from tests.browser._lab import CHROMIUM, CHROMIUM_FLAGS, Lab, open_page, start_lab, write_notebook  # noqa: E402

IMAGES = Path(__file__).parent / "images"
LIMIT_KB = 200
Scheme = Literal["light", "dark"]
THEMES: dict[Scheme, str] = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
ENDED = ("sim://trials/randomisation-service?files=204&duration_s=1&seed=5", "sim://acme/lims-connector?duration_s=1")
FAILED = "sim://acme/etmf-archive?files=212&duration_s=2&fail=parse&seed=9"
MOVING = (
    "sim://infusion/pump-firmware?files=126&duration_s=8&stall=fetch",
    "sim://acme/dose-calculator?files=240&duration_s=22&seed=3&fail=parse:1",
    "sim://biostat/adam-derivations?files=1204&duration_s=60&seed=4",
    "sim://acme/payments?files=1872&duration_s=90&seed=7",
    "sim://acme/clinical-data-pipeline?duration_s=30",
)


@dataclass(frozen=True)
class Picture:
    """A cell of a notebook, and what must be seen before its picture is taken."""

    name: str
    stage: str
    cell: str
    wait_for: str


PICTURES = (
    Picture("panel", "client = Client()", "client.watch()", "3 of 9 ended"),
    Picture("compact", "client = Client()", "client.watch(compact=True)", "acme/payments"),
    Picture("card", "client = one_scan(); scan = client.watch(single=True)", "scan", "acme/dose-calculator"),
)


def main() -> None:
    """Take every picture in every scheme."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, start_lab(Path(home)) as lab, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        for picture in PICTURES:
            take_in_lab(lab, browser, picture)
        take_of_the_page(browser)
        browser.close()


def take_in_lab(lab: Lab, browser: Browser, picture: Picture) -> None:
    """A picture of one cell with its panel, in every theme of JupyterLab."""
    name = f"{picture.name}.ipynb"
    write_notebook(lab.folder / name, f"from docs.scene import *\n{picture.stage}", picture.cell)
    context = browser.new_context(
        viewport={"width": 1160, "height": 1100}, device_scale_factor=2, reduced_motion="reduce", timezone_id="UTC"
    )
    notebook = open_page(lab, context, name, query="reset&mode=single-document")
    notebook.command("application:toggle-left-area")
    notebook.page.add_style_tag(content=".jp-cell-toolbar, .jp-Collapser { visibility: hidden; }")
    notebook.run_all()
    for scheme, theme in THEMES.items():
        notebook.command("apputils:change-theme", theme=theme)
        notebook.panel.get_by_text(picture.wait_for).first.wait_for()
        notebook.page.wait_for_timeout(1500)  # the theme's style sheet, and the words that change once a second
        notebook.execute("client.stand_still()")
        notebook.page.wait_for_timeout(300)
        save(notebook.page.locator(".jp-Cell").nth(1), f"{picture.name}-{scheme}")
    context.close()
    lab.shut_down_kernels()


def take_of_the_page(browser: Browser) -> None:
    """Pictures of a gateway's page once its retried scan is well under way."""
    with run_gateway(backoff_s=2, concurrency=5) as gateway, scanwatch.connect(gateway.url) as client:
        scanwatch.wait([client.scan(target) for target in ENDED], timeout=60)
        client.scan(FAILED).wait(timeout=60)
        for target in MOVING:
            client.scan(target)
        context = browser.new_context(
            viewport={"width": 1160, "height": 720}, device_scale_factor=2, reduced_motion="reduce", timezone_id="UTC"
        )
        page = context.new_page()
        for scheme in THEMES:
            page.emulate_media(color_scheme=scheme)
            page.goto(gateway.url)
            page.locator(".sw").get_by_text("attempt 2").first.wait_for(timeout=60_000)
            save(page.locator("body"), f"page-{scheme}")
        context.close()


def save(what: Locator, name: str) -> None:
    """Write a picture with a palette of its own: a quarter of the bytes, and no difference to the eye."""
    picture = Image.open(io.BytesIO(what.screenshot())).convert("RGB")
    file = IMAGES / f"{name}.png"
    picture.quantize(colors=256, dither=Image.Dither.NONE).save(file, optimize=True)
    if file.stat().st_size > LIMIT_KB * 1000:
        raise SystemExit(f"{file} has {file.stat().st_size // 1000} KB; at most {LIMIT_KB} are meant.")


if __name__ == "__main__":
    main()
