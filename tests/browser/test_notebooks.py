"""Every notebook, opened and run in JupyterLab, and the dashboard as an app in Voila.

@gxp-spec SPEC-001-007 "Notebooks"
@trace US-001-001
@test-type PQ
@gxp-risk HIGH
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from scanwatch.testing import RunningGateway, run_gateway

from ._lab import ROOT, NotebookPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Open = Callable[..., NotebookPage]
NOTEBOOKS = ROOT / "notebooks"
TAUGHT = sorted(NOTEBOOKS.glob("0*.ipynb"))
RUN_MS = 150_000
UNRUN = """() => {
    const cells = window.jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model);
    return cells.filter((cell) => cell.type === "code" && cell.executionCount === null).length;
}"""


@pytest.mark.parametrize("path", TAUGHT, ids=lambda path: path.stem)
def test_it_runs_in_jupyterlab_and_ends_with_something_to_look_at(
    path: Path, open_notebook: Open, tmp_path: Path
) -> None:
    notebook = open_notebook(path=path)
    page = notebook.page
    page.set_default_timeout(RUN_MS)
    notebook.run_all()
    assert page.evaluate(UNRUN) == 0
    errors = page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]')
    assert errors.all_inner_texts() == []
    last = page.locator(".jp-Cell:has(.jp-OutputArea-output)").last
    last.scroll_into_view_if_needed()
    (tmp_path / f"{path.stem}.png").write_bytes(page.screenshot())
    looked_at = last.locator("img, table, .sw, pre").first
    expect(looked_at).to_be_visible()


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningGateway]:
    with run_gateway() as running:
        yield running


def test_the_dashboard_is_an_app_in_voila(open_notebook: Open, gateway: RunningGateway, tmp_path: Path) -> None:
    path = tmp_path / "dashboard.ipynb"
    source = (NOTEBOOKS / "dashboard.ipynb").read_text(encoding="utf-8")
    path.write_text(source.replace("scanwatch.connect()", f"scanwatch.connect('{gateway.url}')"), encoding="utf-8")
    page = open_notebook(path=path, front_end="voila", query="theme=light").page
    trigger_and_see_it_complete(page)
    page.locator(".sw-row").first.click()
    page.get_by_role("tab", name="Artifacts").click()
    expect(page.get_by_role("cell", name="REQ-001").first).to_be_visible(timeout=20_000)
    (tmp_path / "dashboard.png").write_bytes(page.screenshot(full_page=True))
    expect(page.locator("body")).not_to_contain_text("import scanwatch")
    page.get_by_role("tab", name="History").click()
    expect(page.get_by_role("row").filter(has_text="completed").first).to_be_visible()


def trigger_and_see_it_complete(page: Page) -> None:
    field = page.locator(".sw").get_by_role("combobox", name="Repository to scan")
    field.fill("sim://acme/payments?files=20&duration_s=1&seed=7")
    field.press("Enter")
    expect(page.locator(".sw-row").first).to_contain_text("Completed", timeout=RUN_MS)
