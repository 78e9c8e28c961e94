"""What a kernel started for itself outlives its interrupts and its restart; what a notebook ends with is stored in it.

@gxp-spec SPEC-003-005 "Local gateway"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from scanwatch._local import LocalGateway
from tests.kernels._environments import BUILD, spec_name
from tests.kernels._kernel import Kernel
from tests.kernels.conftest import ENDLESS, environment

CONNECT = "import scanwatch; gateway = scanwatch.LocalGateway({store!r}); client = scanwatch.connect(gateway)"
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """A store whose gateway is ended after the test, whoever started it."""
    path = tmp_path / "scans.db"
    yield path
    LocalGateway(path).stop()


def test_a_kernel_that_was_restarted_finds_its_gateway_and_its_scan_again(kernel: Kernel, store: Path) -> None:
    connect = CONNECT.format(store=str(store))
    url, scan_id = kernel.run(f"{connect}; scan = client.scan({ENDLESS!r}); print(gateway.url, scan.id)").split()
    cell = kernel.begin("while True: pass")
    assert kernel.interrupt(cell) == "KeyboardInterrupt"
    kernel.restart()
    assert "NameError" in kernel.reply(kernel.begin("scan"))["ename"]
    again = f"{connect}; scan = client.attach({scan_id!r}); print(gateway.url, gateway.joined, scan.status)"
    assert kernel.run(again) == f"{url} True in_progress"
    kernel.run("seen = scan.snapshot.seq\nwhile scan.snapshot.seq < seen + 3: pass")
    kernel.run("scan.cancel(); scan.wait(60); numbers = list(scan.events()['seq'])")
    assert kernel.run("print(scan.status, numbers == [*range(1, len(numbers) + 1)])") == "cancelled True"
    kernel.run("client.close()")


def notebook() -> nbformat.NotebookNode:
    cells = [
        CONNECT.format(store="memory:"),
        "scan = client.scan('sim://acme/payments?files=40&duration_s=1.5&seed=7')",
        "panel = client.watch(scan)\npanel",
        "scan.wait(timeout=60)",
        "gateway.stop()",
    ]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])


async def executed(version: str, home: Path, **settings: str) -> nbformat.NotebookNode:
    """The notebook after a run by ``nbclient``, which is what ``jupyter execute`` and papermill use."""
    made = notebook()
    client = NotebookClient(made, kernel_name=spec_name(version), timeout=90)
    await client.async_execute(env={**environment(home), **settings})
    return made


@pytest.fixture(autouse=True)
def _kernels_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(BUILD))


async def test_a_notebook_is_stored_with_the_last_state_of_its_panel(version: str, tmp_path: Path) -> None:
    made = await executed(version, tmp_path)
    [shown] = made.cells[2].outputs
    model: dict[str, Any] = made.metadata.widgets[STATE]["state"][shown.data[VIEW]["model_id"]]
    [[_positions, row]] = model["state"]["snapshot"]["groups"]
    assert (row["status"], row["percent"]) == (["completed"], [100])


async def test_a_notebook_that_blocks_is_stored_with_the_final_table(version: str, tmp_path: Path) -> None:
    made = await executed(version, tmp_path, SCANWATCH_BLOCK="1")
    [shown] = made.cells[2].outputs
    assert VIEW not in shown.data
    assert shown.data["text/plain"].splitlines()[1].split()[:4] == ["acme/payments", "Completed", "100", "%"]
    assert "Completed" in shown.data["text/html"]
