"""A click in the panel does what it says while a cell runs, wherever the kernel can be made to listen.

JupyterLab sends the messages of widgets to a subshell where the kernel has them; other front ends send them as they
send cells. Both are tried.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from pathlib import Path

import pytest

import scanwatch
from scanwatch import ScanStatus
from tests.kernels._environments import INSTALLED, LATEST
from tests.kernels._kernel import Kernel, until

WITHOUT_SUBSHELLS = {"6.31"}
DEAF_WITHOUT_SUBSHELL = {"7.0", "7.1", "7.3"}
AWAITING = "import asyncio, pathlib\nwhile not pathlib.Path({end!r}).exists(): await asyncio.sleep(0.05)"
BLOCKING = "import time, pathlib\nwhile not pathlib.Path({end!r}).exists(): time.sleep(0.05)"


@pytest.fixture
def model(kernel: Kernel, scan: scanwatch.Scan) -> str:
    """The model of a panel of the scan."""
    return kernel.run("panel = client.watch(scan); print(panel.model_id)")


@pytest.fixture
def subshell(kernel: Kernel) -> str | None:
    """Where JupyterLab sends a panel's messages."""
    subshell = kernel.new_subshell()
    assert (subshell is None) == (kernel.version in WITHOUT_SUBSHELLS)
    return subshell


def test_a_cancel_clicked_while_a_cell_awaits_cancels_at_once(
    kernel: Kernel, scan: scanwatch.Scan, model: str, subshell: str | None, tmp_path: Path
) -> None:
    end = tmp_path / "end"
    cell = kernel.begin(AWAITING.format(end=str(end)))
    click = kernel.click(model, "cancel", scan.id, subshell)
    until(lambda: scan.status is ScanStatus.CANCELLED)
    assert not kernel.has_ended(cell), "not after the cell, but while it awaits"
    kernel.hear_both_states_of(click)
    end.touch()
    assert kernel.reply(cell)["status"] == "ok"


def test_a_front_end_that_uses_no_subshell_is_heard_while_a_cell_awaits_but_by_some_kernels(
    kernel: Kernel, scan: scanwatch.Scan, model: str, tmp_path: Path
) -> None:
    end = tmp_path / "end"
    cell = kernel.begin(AWAITING.format(end=str(end)))
    kernel.click(model, "cancel", scan.id)
    if kernel.version in DEAF_WITHOUT_SUBSHELL:
        seen = scan.snapshot.seq
        until(lambda: scan.snapshot.seq > seen + 5)
        assert scan.status is ScanStatus.IN_PROGRESS, "docs/kernels.md says so"
    else:
        until(lambda: scan.status is ScanStatus.CANCELLED)
        assert not kernel.has_ended(cell)
    end.touch()
    assert kernel.reply(cell)["status"] == "ok"
    until(lambda: scan.status is ScanStatus.CANCELLED)


def test_a_cancel_clicked_while_a_cell_awaits_its_scan_ends_both(
    kernel: Kernel, scan: scanwatch.Scan, model: str, subshell: str | None
) -> None:
    cell = kernel.begin("await scan")
    kernel.click(model, "cancel", scan.id, subshell)
    assert kernel.reply(cell)["ename"] == "ScanCancelled"


def test_a_cancel_clicked_while_a_cell_blocks_cancels_at_once_where_the_kernel_has_subshells(
    kernel: Kernel, scan: scanwatch.Scan, model: str, subshell: str | None, tmp_path: Path
) -> None:
    end = tmp_path / "end"
    cell = kernel.begin(BLOCKING.format(end=str(end)))
    kernel.click(model, "cancel", scan.id, subshell)
    if subshell is not None:
        until(lambda: scan.status is ScanStatus.CANCELLED)
        assert not kernel.has_ended(cell)
    else:
        seen = scan.snapshot.seq
        until(lambda: scan.snapshot.seq > seen + 5)
        assert scan.status is ScanStatus.IN_PROGRESS, "it waits for the cell"
    end.touch()
    assert kernel.reply(cell)["status"] == "ok"
    until(lambda: scan.status is ScanStatus.CANCELLED)


@pytest.mark.parametrize("version", [INSTALLED, pytest.param(LATEST, marks=pytest.mark.slow)], indirect=True)
def test_the_private_name_that_lets_clicks_pass_a_blocking_cell_is_still_there(
    kernel: Kernel, scan: scanwatch.Scan, model: str
) -> None:
    """When this fails, ask how ipykernel routes ``comm_msg`` now, and whether ``panel`` still has to step in."""
    routed = kernel.run("print(panel.comm._reply_subshell_for({'content': {}}, 'the front end chose this'))")
    assert routed == "the front end chose this"
    assert kernel.run("print('_reply_subshell_for' in dir(type(panel.comm)))") == "True"
