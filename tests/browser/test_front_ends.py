"""The panel with a real gateway in JupyterLab, Notebook 7 and Voila: it moves, takes clicks and follows the theme.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type PQ
@gxp-risk HIGH
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from ._lab import NotebookPage

pytestmark = pytest.mark.browser

Open = Callable[..., NotebookPage]

RUN = """
import scanwatch
client = scanwatch.connect(scanwatch.LocalGateway(store="memory:", shared=False))
scan = client.scan("sim://acme/payments?files=15000&duration_s=600&seed=7")
client.watch()
"""
START_MS = 60_000
LUMINANCE = """(panel) => {
    const luminance = (colour) => {
        const [red, green, blue] = colour.match(/[\\d.]+/g).map(Number);
        return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
    };
    const style = getComputedStyle(panel);
    return [luminance(style.backgroundColor), luminance(style.color)];
}"""


def test_in_jupyterlab_it_moves_takes_clicks_and_follows_the_theme(open_notebook: Open) -> None:
    see_it_work(open_notebook(RUN))


@pytest.mark.slow
def test_in_notebook_7_it_moves_takes_clicks_and_follows_the_theme(open_notebook: Open) -> None:
    see_it_work(open_notebook(RUN, front_end="notebook"))


@pytest.mark.slow
def test_in_voila_it_moves_takes_clicks_and_has_the_theme(open_notebook: Open) -> None:
    panel = open_notebook(RUN, front_end="voila", query="theme=light").page.locator(".sw")
    see_it_move_and_click(panel)
    assert_light(panel)
    dark = open_notebook(RUN, front_end="voila", query="theme=dark").page.locator(".sw")
    expect(dark).to_contain_text("acme/payments", timeout=START_MS)
    assert_dark(dark)


def see_it_work(notebook: NotebookPage) -> None:
    notebook.start_all()
    see_it_move_and_click(notebook.panel)
    assert_light(notebook.panel)
    for theme, check in (("JupyterLab Dark", assert_dark), ("JupyterLab Light", assert_light)):
        notebook.command("apputils:change-theme", theme=theme)
        check(notebook.panel)


def see_it_move_and_click(panel: Locator) -> None:
    """Progress arrives; a cancelled scan ends as cancelled; scanning again brings a row, not under the pointer."""
    rows = panel.locator(".sw-row")
    expect(rows).to_have_count(1, timeout=START_MS)
    bar = rows.get_by_role("progressbar")
    expect(rows).to_contain_text("In progress")
    first = bar.get_attribute("aria-valuetext")
    expect(bar).not_to_have_attribute("aria-valuetext", first or "", timeout=20_000)

    rows.get_by_role("button", name="Cancel scan of acme/payments").click()
    rows.locator(".sw-stop").click()
    expect(rows).to_contain_text("Cancelled", timeout=20_000)
    rows.get_by_role("button", name="Scan again: acme/payments").click()
    fresh = panel.get_by_role("button", name="Show new scans")
    expect(fresh).to_have_text("1 new", timeout=20_000)
    fresh.click()
    expect(rows).to_have_count(2, timeout=20_000)
    expect(rows.first).to_contain_text("In progress", timeout=20_000)


def assert_light(panel: Locator) -> None:
    surface, text = settled_luminances(panel, light=True)
    assert surface > 0.9
    assert text < 0.3


def assert_dark(panel: Locator) -> None:
    surface, text = settled_luminances(panel, light=False)
    assert surface < 0.2
    assert text > 0.7


def settled_luminances(panel: Locator, *, light: bool) -> tuple[float, float]:
    """Those of surface and text, once a theme that is being loaded has come."""
    for _ in range(100):
        surface, text = panel.evaluate(LUMINANCE)
        if (surface > text) is light:
            break
        panel.page.wait_for_timeout(50)
    return surface, text
