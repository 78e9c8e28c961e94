"""A panel's life in JupyterLab: shown twice, laid out among others, cleared, saved, reopened, and many rows.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from ._lab import NotebookPage
from .test_panel import SHOW, STAGE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Open = Callable[..., NotebookPage]

COUNT_WHAT_THE_PANEL_HOLDS = """(() => {
    const held = (window.held = { timers: new Set(), frames: new Set(), observers: new Set(), listeners: 0 });
    // A widget's script is loaded from a blob; everything else on the page is the front end's.
    const ours = () => new Error().stack.includes("blob:");
    const { setInterval, clearInterval, requestAnimationFrame, cancelAnimationFrame, ResizeObserver } = window;
    window.setInterval = (...of) => { const id = setInterval(...of); if (ours()) held.timers.add(id); return id; };
    window.clearInterval = (id) => { held.timers.delete(id); clearInterval(id); };
    window.requestAnimationFrame = (call) => {
        const id = requestAnimationFrame((now) => { held.frames.delete(id); call(now); });
        if (ours()) held.frames.add(id);
        return id;
    };
    window.cancelAnimationFrame = (id) => { held.frames.delete(id); cancelAnimationFrame(id); };
    window.ResizeObserver = class extends ResizeObserver {
        observe(...of) { if (ours()) held.observers.add(this); super.observe(...of); }
        disconnect() { held.observers.delete(this); super.disconnect(); }
    };
    for (const target of [window, document]) {
        const { addEventListener, removeEventListener } = target;
        const counted = (call, step) => (...of) => { if (ours()) held.listeners += step; call.apply(target, of); };
        target.addEventListener = counted(addEventListener, 1);
        target.removeEventListener = counted(removeEventListener, -1);
    }
})()"""
HELD = "() => [held.timers.size, held.observers.size, held.frames.size, held.listeners]"
NOTHING = "() => held.timers.size + held.observers.size + held.frames.size + held.listeners === 0"
FREE = "from scanwatch.panel._flusher import shared\nprint(feed.listened, shared.running)"


def wait_until_free(notebook: NotebookPage) -> None:
    """The kernel hears nothing any more and its flusher has ended."""
    for _ in range(100):
        if notebook.execute(FREE) == "0 False":
            return
        notebook.page.wait_for_timeout(50)
    raise AssertionError(f"listeners, flusher running: {notebook.execute(FREE)}")


@pytest.mark.parametrize("end", ["notebook:clear-cell-output", "notebook:delete-cell"])
def test_an_output_that_is_gone_frees_everything_in_browser_and_kernel(open_notebook: Open, end: str) -> None:
    notebook = open_notebook(STAGE, SHOW, init_script=COUNT_WHAT_THE_PANEL_HOLDS)
    notebook.run_all()
    expect(notebook.panel).to_contain_text("acme/payments")
    timers, observers, *_ = notebook.page.evaluate(HELD)
    assert (timers, observers) >= (1, 1)
    assert notebook.execute("print(feed.listened)") == "1"

    notebook.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1; }")
    notebook.command(end)

    expect(notebook.page.locator(".sw")).to_have_count(0)
    notebook.page.wait_for_function(NOTHING)
    wait_until_free(notebook)


def test_a_closed_notebook_frees_the_page_and_goes_on_when_it_is_opened_again(open_notebook: Open) -> None:
    notebook = open_notebook(STAGE, SHOW, init_script=COUNT_WHAT_THE_PANEL_HOLDS)
    notebook.run_all()
    expect(notebook.panel).to_contain_text("acme/payments")
    notebook.command("docmanager:save")
    path = notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")
    notebook.command("application:close")
    expect(notebook.page.locator(".sw")).to_have_count(0)
    notebook.page.wait_for_function(NOTHING)

    notebook.command("docmanager:open", path=path)
    notebook.wait_for_kernel()
    row = notebook.panel.get_by_role("row").filter(has_text="acme/payments")
    expect(row).to_contain_text("10 of 100", timeout=20_000)
    notebook.execute("feed.progress(one, Phase.FETCH, 60, 100)")
    expect(row).to_contain_text("60 of 100")


def test_a_panel_shown_again_after_its_output_was_cleared_goes_on(open_notebook: Open) -> None:
    notebook = open_notebook(STAGE, SHOW, "")
    notebook.run_all()
    expect(notebook.panel).to_contain_text("10 of 100")
    notebook.command("notebook:clear-all-cell-outputs")
    expect(notebook.panel).to_have_count(0)
    wait_until_free(notebook)
    notebook.execute("feed.progress(one, Phase.FETCH, 60, 100)")

    notebook.page.evaluate(
        """() => {
            const { content } = window.jupyterapp.shell.currentWidget;
            content.activeCellIndex = 2;
            content.activeCell.model.sharedModel.setSource("panel");
        }"""
    )
    notebook.command("notebook:run-cell")
    row = notebook.panel.get_by_role("row").filter(has_text="acme/payments")
    expect(row).to_contain_text("60 of 100")
    notebook.execute("feed.progress(one, Phase.FETCH, 61, 100)")
    expect(row).to_contain_text("61 of 100")


def test_two_panels_of_one_feed_and_a_panel_among_others_in_a_box_all_move(open_notebook: Open) -> None:
    notebook = open_notebook(
        STAGE,
        SHOW,
        "import ipywidgets\n"
        "other = Panel(feed, compact=True)\n"
        "ipywidgets.VBox([ipywidgets.HBox([other]), ipywidgets.Label('below the panel')])",
    )
    notebook.run_all()
    expect(notebook.panel).to_have_count(2)
    notebook.execute("feed.complete(one, artifacts=7)")
    expect(notebook.panel.first.get_by_role("row").filter(has_text="acme/payments")).to_contain_text("Completed")
    expect(notebook.panel.last.get_by_role("row").filter(has_text="acme/payments")).to_contain_text("100")
    below = notebook.page.get_by_text("below the panel", exact=True).first
    expect(below).to_be_visible()
    assert below.bounding_box()["y"] >= notebook.panel.last.bounding_box()["y"]
    assert notebook.panel.last.bounding_box()["width"] > 300


def test_a_notebook_saved_with_its_widgets_shows_the_last_state_as_not_live(open_notebook: Open) -> None:
    notebook = open_notebook(STAGE, SHOW)
    notebook.run_all()
    row = notebook.panel.get_by_role("row").filter(has_text="acme/payments")
    notebook.execute("feed.progress(one, Phase.FETCH, 60, 100)")
    expect(row).to_contain_text("60 of 100")
    wait_until_stored(notebook, "60")
    notebook.command("@jupyter-widgets/jupyterlab-manager:saveWidgetState")
    notebook.command("docmanager:save")
    notebook.lab.shut_down_kernels()

    reopen(notebook)
    expect(row).to_contain_text("60 of 100")
    expect(notebook.panel).to_contain_text("Not live")
    expect(row.get_by_role("button", name="Cancel scan of acme/payments")).to_have_count(0)


def reopen(notebook: NotebookPage) -> None:
    """Load a saved notebook anew.

    JupyterLab looks for its widgets in the kernel and in the file at the same time, and where the kernel is asked
    first, says that there is no such widget and stays with that: then the page is loaded once more, as a user would.
    """
    missing = notebook.page.get_by_text("Error displaying widget: model not found")
    for _ in range(5):
        notebook.page.reload()
        notebook.wait_for_kernel()
        expect(notebook.panel.or_(missing).first).to_be_visible(timeout=20_000)
        if notebook.panel.count():
            return
    raise AssertionError("the notebook's widgets were not found in five attempts")


def wait_until_stored(notebook: NotebookPage, done: str) -> None:
    """The panel's synced snapshot, which is what a notebook is saved with, has come up to the rows."""
    code = f"import json; print('\"done\": [{done}]' in json.dumps(panel.snapshot))"
    for _ in range(100):
        if notebook.execute(code) == "True":
            return
        notebook.page.wait_for_timeout(50)
    raise AssertionError("the snapshot did not follow")


def test_after_thousands_of_changes_no_row_is_stale(open_notebook: Open) -> None:
    notebook = open_notebook(
        "from benchmarks.panel.stage import Beat, BenchFeed\nfrom scanwatch.panel import Panel\n"
        "feed = BenchFeed(1000)\nbeat = Beat(1000, feed.change)",
        SHOW,
    )
    notebook.run_all()
    expect(notebook.panel.get_by_role("row")).not_to_have_count(0)
    notebook.read_panel()  # scrolls through all rows while they change
    notebook.execute("beat.stop()")
    truth = json.loads(notebook.execute("import json; print(json.dumps(feed.done()))"))
    assert sum(truth) > 5000

    # The newest changes are told, and shown, within a few seconds.
    for _ in range(10):
        shown = notebook.read_panel()
        if shown == truth:
            break
    assert shown == truth
