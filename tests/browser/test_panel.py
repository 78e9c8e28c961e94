"""The live panel in JupyterLab in Chromium, fed by a staged feed; what a plain page shows as well is slow.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from ._lab import NotebookPage

pytestmark = pytest.mark.browser

Open = Callable[..., NotebookPage]

STAGE = """
from scanwatch.model import ConnectionState, Phase
from scanwatch.panel import Panel
from tests.panel.staged import StagedFeed
feed = StagedFeed("sim://acme/payments", "sim://acme/dose-calculator", "sim://trials/randomisation-service")
one, two, three = (scan.scan_id for scan in feed.snapshots())
feed.progress(one, Phase.FETCH, 10, 100, current_file="src/a.py")
"""
SHOW = "panel = Panel(feed)\npanel"


def test_a_bar_moves_and_reaches_100_percent_only_with_the_end(open_notebook: Open) -> None:
    notebook = open_notebook(STAGE, SHOW)
    notebook.run_all()
    row = notebook.panel.get_by_role("row").filter(has_text="acme/payments")
    bar = row.get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", "12")
    expect(row).to_contain_text("10 of 100")

    notebook.execute("feed.progress(one, Phase.PARSE, 50, 100, artifacts_found=7)")
    expect(bar).to_have_attribute("aria-valuenow", "45")
    expect(row).to_contain_text("50 of 100")
    notebook.execute("feed.progress(one, Phase.PERSIST, 100, 100)")
    expect(row).to_contain_text("99")
    notebook.execute("feed.complete(one, artifacts=7, findings=0, files=100)")

    expect(row).to_contain_text("Completed")
    expect(bar).to_have_attribute("aria-valuenow", "100")
    expect(notebook.panel).to_contain_text("1 of 3 ended")


@pytest.mark.slow
def test_a_cancel_click_asks_in_the_row_and_reaches_the_kernel(open_notebook: Open) -> None:
    notebook = open_notebook(STAGE, SHOW)
    notebook.run_all()
    row = notebook.panel.get_by_role("row").filter(has_text="acme/payments")
    row.get_by_role("button", name="Cancel scan of acme/payments").click()
    expect(row.get_by_role("button", name="Keep scan of acme/payments")).to_be_focused()
    row.get_by_role("button", name="Keep scan of acme/payments").click()
    assert notebook.execute("print(feed.wishes)") == "[]"

    row.get_by_role("button", name="Cancel scan of acme/payments").click()
    row.locator(".sw-stop").click()
    expect(row).to_contain_text("Cancelling")
    assert notebook.execute("print(feed.wishes == [('cancel', one)])") == "True"
    notebook.execute("feed.confirm_cancel(one)")
    expect(row).to_contain_text("Cancelled")


def test_a_cancel_click_reaches_the_kernel_while_a_cell_runs(open_notebook: Open) -> None:
    notebook = open_notebook(STAGE, SHOW, "import time\nfor _ in range(150): time.sleep(0.1)\nprint('cell ended')")
    notebook.start_all()
    row = notebook.panel.get_by_role("row").filter(has_text="acme/payments")
    row.get_by_role("button", name="Cancel scan of acme/payments").click()
    row.locator(".sw-stop").click()
    expect(row).to_contain_text("Cancelling")
    expect(notebook.page.get_by_text("cell ended", exact=True)).to_have_count(0)


def test_the_keyboard_moves_opens_asks_filters_and_comes_back(open_notebook: Open) -> None:
    notebook = open_notebook(STAGE, SHOW)
    notebook.run_all()
    grid = notebook.panel.get_by_role("grid")
    keyboard = notebook.page.keyboard
    grid.focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        keyboard.press(key)
    expect(notebook.panel.locator(".sw-current")).to_contain_text("acme/dose-calculator")
    expect(notebook.panel.locator(".sw-details")).to_contain_text("Last events")
    keyboard.press("Home")
    keyboard.press("c")
    keep = notebook.panel.get_by_role("button", name="Keep scan of acme/payments")
    expect(keep).to_be_focused()
    keyboard.press("Escape")
    expect(grid).to_be_focused()
    assert notebook.execute("print(feed.wishes)") == "[]"

    keyboard.press("/")
    keyboard.type("random")
    expect(notebook.panel.locator(".sw-row")).to_have_count(1)
    keyboard.press("Escape")
    expect(notebook.panel.locator(".sw-row")).to_have_count(3)
    keyboard.press("Escape")
    expect(grid).to_be_focused()
    assert notebook.page.locator(".jp-Cell").count() == 2


@pytest.mark.slow
def test_a_scan_started_in_the_panel_joins_its_list(open_notebook: Open) -> None:
    notebook = open_notebook(STAGE, SHOW)
    notebook.run_all()
    field = notebook.panel.get_by_role("combobox", name="Repository to scan")
    field.fill("sim://acme/new-one")
    field.press("Enter")
    expect(notebook.panel.locator(".sw-row").first).to_contain_text("acme/new-one")
    expect(field).to_have_value("")
    notebook.execute("feed.complain('No scanner takes xyz://; there are sim:// and https://.')")
    expect(notebook.panel.get_by_role("alert")).to_contain_text("No scanner takes xyz://")


@pytest.mark.slow
def test_rows_do_not_move_under_a_reader_who_scrolled(open_notebook: Open) -> None:
    notebook = open_notebook(STAGE, "for n in range(60): feed.add(f'sim://acme/older-{n}')", SHOW)
    notebook.run_all()
    names = notebook.panel.get_by_role("rowheader")
    notebook.panel.get_by_role("grid").evaluate("(node) => { node.scrollTop = 440; }")
    expect(names.first).to_contain_text("older-54")
    before = names.all_inner_texts()
    assert len(before) < 30

    notebook.execute("feed.add('sim://acme/newest')")
    fresh = notebook.panel.get_by_role("button", name="Show new scans")
    expect(fresh).to_have_text("1 new")
    assert names.all_inner_texts() == before
    fresh.click()
    expect(names.first).to_contain_text("acme/newest")
    expect(fresh).to_be_hidden()


@pytest.mark.slow
def test_a_hostile_name_is_shown_as_text(open_notebook: Open) -> None:
    notebook = open_notebook(
        STAGE,
        'feed.add("sim://<img src=x onerror=window.stolen=1>", scan_id="<b>evil</b>")\n'
        'feed.progress("<b>evil</b>", Phase.PARSE, 1, 2, current_file="<script>window.stolen=1</script>/a.py")',
        SHOW,
    )
    notebook.run_all()
    row = notebook.panel.get_by_role("row").filter(has_text="onerror")
    expect(row).to_contain_text("<img src=x onerror=window.stolen=1>")
    row.get_by_role("button", name="Details of").click()
    expect(notebook.panel.locator(".sw-details")).to_contain_text("<b>evil</b>")
    assert notebook.panel.locator("img, script").count() == 0
    assert notebook.page.evaluate("window.stolen") is None


def test_a_late_view_and_a_reloaded_page_show_the_last_state(open_notebook: Open) -> None:
    notebook = open_notebook(STAGE, SHOW, "panel")
    notebook.run_all()
    notebook.execute("feed.progress(two, Phase.VALIDATE, 132, 150); feed.complete(one, artifacts=41)")
    for view in (notebook.panel.first, notebook.panel.last):
        row = view.get_by_role("row").filter(has_text="acme/dose-calculator")
        expect(row).to_contain_text("132 of 150")
        expect(view.get_by_role("row").filter(has_text="acme/payments")).to_contain_text("Completed")

    notebook.reload()
    for view in (notebook.panel.first, notebook.panel.last):
        expect(view.get_by_role("row").filter(has_text="acme/payments")).to_contain_text("Completed", timeout=20_000)
    notebook.execute("feed.progress(two, Phase.PERSIST, 1, 4)")
    expect(notebook.panel.first.get_by_role("row").filter(has_text="acme/dose-calculator")).to_contain_text("1 of 4")


@pytest.mark.parametrize("command", ["shutdown", pytest.param("restartKernel", marks=pytest.mark.slow)])
def test_without_its_kernel_a_panel_says_so_and_keeps_the_last_state(open_notebook: Open, command: str) -> None:
    notebook = open_notebook(STAGE, SHOW)
    notebook.run_all()
    row = notebook.panel.get_by_role("row").filter(has_text="acme/payments")
    expect(row).to_contain_text("10 of 100")
    notebook.page.evaluate(f"() => window.jupyterapp.shell.currentWidget.sessionContext.{command}().then(() => null)")
    expect(notebook.panel).to_contain_text("Not live: the kernel is gone.")
    expect(row).to_contain_text("10 of 100")
    expect(row.get_by_role("button", name="Cancel scan of acme/payments")).to_have_count(0)
