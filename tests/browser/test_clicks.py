"""Cancel clicked in JupyterLab while a cell blocks: it cancels where the kernel can hear it; else the panel says so.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from scanwatch.testing import RunningGateway, run_gateway
from tests.kernels._environments import LATEST, spec_name

from ._lab import NotebookPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Open = Callable[..., NotebookPage]

WATCH = """
import scanwatch
client = scanwatch.connect({url!r})
scan = client.scan("sim://acme/payments?files=3000&duration_s=90&seed=7")
client.watch(scan)
"""
BLOCK = """
import pathlib, time
while not pathlib.Path({end!r}).exists(): time.sleep(0.05)
print("cell ended")
"""
AWAIT = BLOCK.replace("import pathlib", "import asyncio, pathlib").replace("time.sleep", "await asyncio.sleep")
BUSY = "The kernel is busy; this runs after the cell."


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    with run_gateway() as running:
        yield running


def cancel_during(notebook: NotebookPage) -> Any:
    """Run the notebook, and cancel its scan while the last cell runs; the scan's row."""
    notebook.start_all()
    row = notebook.panel.get_by_role("row").filter(has_text="acme/payments")
    expect(row).to_contain_text("Fetch", timeout=30_000)
    row.get_by_role("button", name="Cancel scan of acme/payments").click()
    row.locator(".sw-stop").click()
    return row


def ended(notebook: NotebookPage) -> Any:
    return notebook.page.locator(".jp-OutputArea-output").filter(has_text="cell ended")


@pytest.mark.parametrize("version", ["7.3", LATEST])
def test_it_cancels_while_the_cell_blocks(
    open_notebook: Open, gateway: RunningGateway, tmp_path: Path, version: str
) -> None:
    end = tmp_path / "end"
    cells = WATCH.format(url=gateway.url), BLOCK.format(end=str(end))
    notebook = open_notebook(*cells, kernel=spec_name(version))
    expect(cancel_during(notebook)).to_contain_text("Cancelled", timeout=15_000)
    expect(ended(notebook)).to_have_count(0)
    end.touch()
    expect(ended(notebook)).to_have_count(1)


def test_it_cancels_while_the_cell_awaits_on_a_kernel_without_subshells(
    open_notebook: Open, gateway: RunningGateway, tmp_path: Path
) -> None:
    end = tmp_path / "end"
    cells = WATCH.format(url=gateway.url), AWAIT.format(end=str(end))
    notebook = open_notebook(*cells, kernel=spec_name("6.31"))
    expect(cancel_during(notebook)).to_contain_text("Cancelled", timeout=15_000)
    expect(ended(notebook)).to_have_count(0)
    end.touch()
    expect(ended(notebook)).to_have_count(1)


def test_where_it_waits_for_the_cell_the_panel_says_so_while_rows_go_on(
    open_notebook: Open, gateway: RunningGateway, tmp_path: Path
) -> None:
    end = tmp_path / "end"
    cells = WATCH.format(url=gateway.url), BLOCK.format(end=str(end))
    notebook = open_notebook(*cells, kernel=spec_name("6.31"))
    row = cancel_during(notebook)
    expect(notebook.panel).to_contain_text(BUSY)
    percent = row.get_by_role("progressbar").get_attribute("aria-valuenow")
    expect(row.get_by_role("progressbar")).not_to_have_attribute("aria-valuenow", str(percent), timeout=15_000)
    expect(notebook.panel).to_contain_text(BUSY)
    expect(row).not_to_contain_text("Cancelled")
    end.touch()
    expect(row).to_contain_text("Cancelled", timeout=15_000)
    expect(notebook.panel).not_to_contain_text(BUSY)
