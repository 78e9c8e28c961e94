"""A panel in a notebook that is executed without a front end: what it stores is the same in every run.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from traitlets.config import Config

ROOT = Path(__file__).parents[2]
STAGE = """
import threading
from scanwatch.model import Phase
from scanwatch.panel import Panel
from tests.panel.staged import StagedFeed
feed = StagedFeed("sim://acme/payments", "sim://acme/ledger")
for scan in feed.snapshots():
    feed.progress(scan.scan_id, Phase.PARSE, 1, 2)
def end():
    for scan in feed.snapshots():
        feed.complete(scan.scan_id, artifacts=7)
threading.Timer(0.4, end).start()
"""
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


async def executed(cells: Sequence[str], **environment: str) -> NotebookNode:
    """A notebook of these cells after it has run, with its widgets' state as executors keep it."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    client = NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}})
    await client.async_execute(env={**os.environ, **environment})
    return notebook


async def outputs(cells: Sequence[str], **environment: str) -> list[dict[str, Any]]:
    """The mime bundles of the last cell's output."""
    return [output["data"] for output in (await executed(cells, **environment)).cells[-1].outputs]


def converted(notebook: NotebookNode, **settings: Any) -> str:
    """The body of the page ``jupyter nbconvert --to html`` makes."""
    page, _ = HTMLExporter(config=Config(settings)).from_notebook_node(notebook)
    return str(page)[str(page).index("<body") :]


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SCANWATCH_BLOCK", "SCANWATCH_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))


@pytest.mark.usefixtures("no_settings")
async def test_blocking_stores_the_finished_table_and_live_the_names() -> None:
    blocked, live, nothing = await asyncio.gather(
        outputs([STAGE, "Panel(feed)"], SCANWATCH_BLOCK="1"),
        outputs([STAGE, "panel = Panel(feed)", "panel"]),
        outputs([STAGE, "Panel(feed)"], SCANWATCH_DISPLAY="none"),
    )
    [table] = blocked
    assert VIEW not in table
    assert table["text/plain"].splitlines()[1:] == [
        "acme/payments  Completed     100 %          7",
        "acme/ledger    Completed     100 %          7",
    ]
    [shown] = live
    assert VIEW in shown
    assert shown["text/plain"] == "<Panel of 2 scans>"
    assert "Parse" not in shown["text/html"]
    assert "acme/ledger" in shown["text/html"]
    assert nothing == []


@pytest.mark.usefixtures("no_settings")
async def test_converted_to_html_a_live_panel_is_its_names_not_a_blank() -> None:
    notebook = await executed([STAGE, "Panel(feed)"])
    assert notebook.metadata.widgets, "executors keep the widgets' state"
    # With that state the page would load the widgets' code from the network: offline it needs this option.
    page = converted(notebook, ClearMetadataPreprocessor={"enabled": True})
    assert "<td>" in page.replace(' style="text-align: left"', "")
    assert "acme/payments" in page
    assert VIEW not in page
    del notebook.metadata["widgets"]  # as front ends save a notebook unless told otherwise
    assert "acme/payments" in converted(notebook)
    assert VIEW not in converted(notebook)


@pytest.mark.usefixtures("no_settings")
async def test_converted_to_html_a_blocking_panel_holds_the_final_state() -> None:
    page = converted(await executed([STAGE, "Panel(feed)"], SCANWATCH_BLOCK="1"))
    assert page.count(">Completed</td>") == 2
    assert page.count(">100 %</td>") == 2
    assert VIEW not in page


@pytest.mark.usefixtures("no_settings")
async def test_a_cell_that_waits_for_the_scans_ends_after_the_panel_has_told_their_end() -> None:
    told_just_before = "feed.progress(feed.snapshots()[0].scan_id, Phase.VALIDATE, 1, 2); threading.Event().wait(0.05)"
    stage = STAGE.replace("threading.Timer(0.4, end).start()", "")
    notebook = await executed([stage, "panel = Panel(feed)\npanel", f"{told_just_before}; end()"])
    [shown] = notebook.cells[1].outputs
    model = notebook.metadata.widgets[STATE]["state"][shown.data[VIEW]["model_id"]]["state"]
    [[_positions, rows]] = model["snapshot"]["groups"]
    assert (rows["status"], rows["percent"]) == (["completed"], [100])
