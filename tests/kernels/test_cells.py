"""A cell that is busy, waits or awaits: it can be interrupted, and what is watched goes on meanwhile.

@gxp-spec SPEC-001-005 "Scan handle, sync and async clients"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from pathlib import Path

import pytest

import scanwatch
from scanwatch import ScanStatus
from tests.kernels._kernel import Kernel, parent_of, until


@pytest.mark.parametrize("busy", ["while True: pass", "scan.wait()", "await scan"])
def test_an_interrupt_ends_the_cell_and_neither_kernel_nor_scan(
    kernel: Kernel, scan: scanwatch.Scan, busy: str
) -> None:
    cell = kernel.begin(busy)
    until(lambda: scan.snapshot.seq > 3)
    assert kernel.interrupt(cell) in {"KeyboardInterrupt", "CancelledError"}
    seen = int(kernel.run("print(scan.snapshot.seq)"))
    later = kernel.run(f"while scan.snapshot.seq < {seen + 3}: pass\nprint(scan.status, scan.connection)")
    assert later == "in_progress live"
    assert scan.refresh().status is ScanStatus.IN_PROGRESS


def test_while_a_cell_blocks_the_client_receives_and_its_panel_is_told(
    kernel: Kernel, scan: scanwatch.Scan, tmp_path: Path
) -> None:
    model = kernel.run("panel = client.watch(scan); print(panel.model_id)")
    enough = tmp_path / "enough"
    blocking = f"""
import pathlib, time
before = scan.snapshot.seq
while not pathlib.Path({str(enough)!r}).exists(): time.sleep(0.05)
print("seen", scan.snapshot.seq - before)
"""
    cell = kernel.begin(blocking)
    kernel.heard.clear()  # what was told before it began was told as output of the cell before
    kernel.hear(lambda _: len(kernel.news_of(model)) > 9)
    news = kernel.news_of(model)
    enough.touch()
    assert kernel.reply(cell)["status"] == "ok"
    said = kernel.hear(lambda message: message["content"].get("text", "").startswith("seen"))
    assert int(said["content"]["text"].split()[1]) > 5
    assert {parent_of(message) for message in news} <= {cell, None}, "told as output of another cell"
    kernel.run("panel.close()")
