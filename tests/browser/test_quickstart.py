"""The quickstart, opened and run in JupyterLab by somebody who has just installed it.

@gxp-spec SPEC-001-007 "Notebooks"
@trace US-001-001
@test-type PQ
@gxp-risk HIGH
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from ._lab import ROOT, NotebookPage

pytestmark = pytest.mark.browser

QUICKSTART = ROOT / "notebooks" / "01-quickstart.ipynb"
RUN_S = 60


def test_the_bars_move_and_every_scan_ends_completed(
    open_notebook: Callable[..., NotebookPage], tmp_path: Path
) -> None:
    notebook = open_notebook(path=QUICKSTART)
    notebook.start_all()
    panel = notebook.panel.first
    row = panel.get_by_role("row").filter(has_text="acme/payments")
    expect(row).to_be_visible(timeout=RUN_S * 1000)
    row.scroll_into_view_if_needed()

    shares = shares_until_completed(row)
    (tmp_path / "quickstart.png").write_bytes(notebook.page.screenshot())

    assert len(shares) >= 5, "the bar moves"
    assert shares == sorted(shares), "and never back"
    assert 100 not in shares[:-1], "to 100 only with the end"
    for name in ("acme/payments", "acme/etmf-archive", "acme/dose-calculator"):
        expect(panel.get_by_role("row").filter(has_text=name)).to_contain_text("Completed", timeout=RUN_S * 1000)


def shares_until_completed(row: Locator) -> list[int]:
    """The percents that a scan's bar goes through, each once, until the scan has completed."""
    bar = row.get_by_role("progressbar")
    shares: list[int] = []
    until = time.monotonic() + RUN_S
    while "Completed" not in row.inner_text() and time.monotonic() < until:
        share = bar.get_attribute("aria-valuenow")
        if share is not None and int(share) not in shares:
            shares.append(int(share))
        time.sleep(0.05)
    return shares
