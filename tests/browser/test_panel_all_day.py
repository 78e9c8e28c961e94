"""A panel that is kept open all day: rows come, change, end and go under the eyes, the pointer and the keyboard.

In Chromium on a plain page, fed by a staged feed.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from scanwatch.model import ConnectionState, Phase, Turn
from tests.panel.staged import StagedFeed

from ._stage import Stage

pytestmark = pytest.mark.browser

Put = Callable[..., Stage]
MARK = """(node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
}"""

OUTSIDE = """(sw) => [...sw.querySelectorAll(".sw-connection > *, .sw-trigger, .sw-card-head *")]
    .filter((node) => node.checkVisibility())
    .filter((node) => node.getBoundingClientRect().right > sw.getBoundingClientRect().right)
    .map((node) => node.outerHTML.slice(0, 120))"""


def parsing(*targets: str) -> StagedFeed:
    feed = StagedFeed(*targets)
    for scan in feed.snapshots():
        feed.progress(scan.scan_id, Phase.PARSE, 1, 100)
    return feed


def ids(put: Stage) -> list[str]:
    return [scan.scan_id for scan in put.feed.snapshots()]


def press(put: Stage, *keys: str) -> None:
    for key in keys:
        put.page.keyboard.press(key)


# -- what a filter hides --------------------------------------------------------------------------------------


def test_nothing_is_done_to_selected_scans_that_a_filter_hides(stage: Put) -> None:
    put = stage(parsing("sim://acme/payments", "sim://acme/ledger", "sim://trials/randomisation"))
    chosen = put.panel.get_by_role("group", name="Selected scans")
    put.panel.get_by_role("grid").focus()
    press(put, "Control+a")
    put.panel.get_by_role("searchbox").fill("acme/")
    expect(chosen).to_contain_text("3 selected, 1 hidden")
    put.row("acme/ledger").get_by_role("button", name="Cancel scan of").click()
    put.panel.get_by_role("button", name="Cancel 2 scans", exact=True).click()
    assert put.wished("cancel") == ids(put)[:2]

    put.panel.get_by_role("searchbox").fill("no such name")
    expect(chosen).to_contain_text("3 selected, 3 hidden")
    expect(chosen.get_by_role("button", name="Cancel")).to_have_count(0)
    put.panel.get_by_role("searchbox").fill("")
    expect(put.panel.get_by_role("button", name="Cancel 3, selected")).to_be_visible()


def test_a_filtered_list_lets_go_of_rows_that_end_but_not_under_the_pointer(stage: Put) -> None:
    put = stage(parsing(*(f"sim://acme/number-{number}" for number in range(30))), max_height=300)
    put.panel.get_by_role("button", name="In progress 30").click()
    first, second, *_ = ids(put)
    put.row("acme/number-1").first.hover()
    put.feed.complete(first)
    put.tell()
    expect(put.panel.get_by_role("button", name="In progress 29")).to_be_visible()
    assert put.names()[:2] == ["acme/number-0", "acme/number-1"]
    put.page.mouse.move(5, 5)
    put.feed.complete(second)
    put.tell()
    expect(put.row("acme/number-0")).to_have_count(0)
    assert put.names()[0] == "acme/number-2"


# -- what was typed -------------------------------------------------------------------------------------------


def test_a_target_that_was_refused_is_in_the_field_again_to_be_put_right(stage: Put) -> None:
    put = stage(parsing("sim://acme/payments"))
    field = put.panel.get_by_role("combobox", name="Repository to scan")
    field.fill("smi://acme/ledger")
    field.press("Enter")
    expect(field).to_have_value("")
    put.feed.complain("No scanner takes smi://; there are sim:// and https://.")
    put.tell()
    expect(field).to_have_value("smi://acme/ledger")
    field.fill("sim://acme/ledger")
    field.press("Enter")
    put.feed.complain(None)
    put.tell()
    expect(put.panel.get_by_role("alert")).to_have_count(0)
    expect(field).to_have_value("")


# -- where the focus stays ------------------------------------------------------------------------------------


def focus_in_question(put: Stage) -> None:
    put.panel.get_by_role("grid").focus()
    press(put, "ArrowDown", "c")


def focus_on_action(put: Stage) -> None:
    put.row("acme/payments").get_by_role("button", name="Cancel scan of").focus()


def focus_in_selection(put: Stage) -> None:
    put.panel.get_by_role("grid").focus()
    press(put, "ArrowDown", " ")
    put.panel.get_by_role("button", name="Cancel 1, selected").focus()


@pytest.mark.parametrize("place", [focus_in_question, focus_on_action, focus_in_selection])
def test_when_a_scan_ends_under_the_focus_the_list_takes_it(stage: Put, place: Callable[[Stage], None]) -> None:
    put = stage(parsing("sim://acme/payments", "sim://acme/ledger"))
    place(put)
    put.feed.complete(ids(put)[0])
    put.tell()
    expect(put.row("acme/payments")).to_contain_text("Completed")
    expect(put.panel.get_by_role("grid")).to_be_focused()


def test_a_button_that_goes_with_its_click_leaves_the_focus_in_the_panel(stage: Put) -> None:
    put = stage(parsing("sim://acme/payments", "sim://acme/ledger"))
    grid = put.panel.get_by_role("grid")
    grid.focus()
    press(put, "Control+a")
    put.panel.get_by_role("button", name="Clear the selection").click()
    expect(grid).to_be_focused()
    put.panel.get_by_role("searchbox").fill("no such name")
    put.panel.get_by_role("button", name="Clear filter").click()
    expect(grid).to_be_focused()
    put.feed.complain("No scanner takes xyz://.")
    put.tell()
    put.panel.get_by_role("button", name="Put this message away").click()
    expect(grid).to_be_focused()


def test_a_row_that_scrolls_away_with_the_focus_leaves_it_to_the_list(stage: Put) -> None:
    put = stage(parsing(*(f"sim://acme/number-{number}" for number in range(100))), max_height=300)
    grid = put.panel.get_by_role("grid")
    put.row("acme/number-1").first.get_by_role("button", name="Details of").focus()
    grid.evaluate("(node) => { node.scrollTop = 3000; }")
    expect(put.row("acme/number-70")).to_be_visible()
    expect(grid).to_be_focused()


def test_escape_lets_go_of_a_selection_in_the_compact_form_too(stage: Put) -> None:
    put = stage(parsing("sim://acme/payments"), compact=True)
    put.panel.get_by_role("grid").focus()
    press(put, "ArrowDown", " ", "Escape")
    assert put.chosen("selected") == []


# -- what was marked to be copied -----------------------------------------------------------------------------


def expect_marked_words_to_stay(put: Stage, words: Locator, scan_id: str) -> None:
    words.evaluate(MARK)
    marked = put.page.evaluate("getSelection().toString()")
    assert marked
    put.feed.progress(scan_id, Phase.PARSE, 97, 240, attempt=2, artifacts_found=41)
    put.tell()
    put.page.clock.run_for(3000)
    assert put.page.evaluate("getSelection().toString()") == marked


def test_marked_words_of_the_details_stay_marked_while_the_scan_goes_on(stage: Put) -> None:
    put = stage()
    put.page.clock.install()
    put.open_details("acme/retried")
    retried = next(scan.scan_id for scan in put.feed.snapshots() if scan.target == "sim://acme/retried")
    expect_marked_words_to_stay(put, put.panel.get_by_role("log").locator("bdi").nth(3), retried)
    expect_marked_words_to_stay(put, put.panel.locator(".sw-attempts bdi").first, retried)


def test_marked_facts_of_a_card_stay_marked_while_the_scan_goes_on(stage: Put) -> None:
    feed = StagedFeed("sim://acme/payments")
    scan_id = feed.snapshots()[0].scan_id
    feed.progress(scan_id, Phase.PARSE, 96, 240, attempt=2, artifacts_found=41)
    put = stage(feed, single=True)
    put.page.clock.install()
    expect_marked_words_to_stay(put, put.panel.locator("dd", has_text="41"), scan_id)


# -- a thousand rows ------------------------------------------------------------------------------------------

SHOWN = """(rows) => rows.map((row) => [
    row.querySelector(".sw-name").getAttribute("aria-label"),
    Number(row.getAttribute("aria-rowindex")),
    row.querySelector(".sw-progress .sw-line2").innerText.trim(),
])"""


def test_what_is_in_sight_is_true_after_a_thousand_rows_changed_while_scrolled(stage: Put) -> None:
    put = stage(parsing(*(f"sim://acme/number-{number}" for number in range(1000))), max_height=480)
    grid = put.panel.get_by_role("grid")
    for done, top in enumerate([30_000, 43_000, 7, 39_000, 20_500], start=2):
        grid.evaluate("(node, top) => { node.scrollTop = top; }", top)
        for scan_id in ids(put)[done::7]:
            put.feed.progress(scan_id, Phase.PARSE, done, 100)
        put.feed.add(f"sim://acme/newer-{done}")
        put.tell()
    put.page.wait_for_timeout(1200)  # words change once a second
    # Newer scans wait above until they are wanted, so places are those of the list as it was.
    truth = {
        (scan.target or "").removeprefix("sim://"): (place, f"{scan.files_processed} of 100")
        for place, scan in enumerate([scan for scan in put.feed.snapshots() if "newer" not in str(scan.target)])
    }
    shown = put.panel.locator(".sw-row").evaluate_all(SHOWN)
    assert 10 < len(shown) < 40
    for name, index, files in shown:
        assert (index - 2, files.split("\n")[-1]) == truth[name]
    expect(put.panel.get_by_role("button", name="Show new scans")).to_have_text("5 new")


def test_a_row_follows_its_scan_also_while_the_connection_is_away(stage: Put) -> None:
    """Rows are shown as of the moment of the loss then, but what is still learned of a scan is told."""
    feed = parsing("sim://acme/payments")
    feed.connect(ConnectionState.RECONNECTING, "lost", since=datetime.now(UTC) - timedelta(minutes=1), tries=3)
    put = stage(feed)
    expect(put.row("acme/payments")).to_contain_text("1 of 100")
    feed.progress(ids(put)[0], Phase.PARSE, 70, 100)
    put.tell()
    expect(put.row("acme/payments")).to_contain_text("70 of 100", timeout=30_000)


def test_hundreds_of_attempts_leave_the_details_their_size(stage: Put) -> None:
    feed = StagedFeed("sim://acme/payments")
    scan_id = feed.snapshots()[0].scan_id
    for attempt in range(1, 302):
        feed.progress(scan_id, Phase.PARSE, 5, 10, attempt=attempt)
        again = {"attempt": attempt + 1, "max_attempts": 400, "error": f"worker {attempt} was lost"}
        feed.happen(scan_id, turn=Turn.RETRYING, phase=Phase.QUEUED, **again)
    put = stage(feed)
    put.open_details("acme/payments")
    details = put.panel.locator(".sw-details")
    expect(details).to_contain_text("the last 8 of 301")
    expect(details.locator(".sw-attempts li")).to_have_count(8)
    expect(details.locator(".sw-attempts")).to_contain_text("worker 301 was lost")
    expect(details.locator(".sw-lanes")).to_contain_text("301st")
    assert details.evaluate("(node) => node.offsetHeight") < 500


def test_the_pie_of_a_row_shows_the_percent_after_any_other_icon(stage: Put) -> None:
    put = stage(parsing("sim://acme/payments", "sim://acme/ledger"))
    put.feed.complete(ids(put)[1])
    put.tell()
    field = put.panel.get_by_role("searchbox")
    for name in ("payments", "ledger", "payments"):  # the one row in sight shows them one after the other
        field.fill(name)
        expect(put.panel.locator(".sw-row")).to_have_count(1)
        expect(put.row(f"acme/{name}")).to_be_visible()
    row = put.row("acme/payments")
    percent = row.get_by_role("progressbar").get_attribute("aria-valuenow")
    expect(row.locator(".sw-status svg circle").nth(1)).to_have_attribute("stroke-dasharray", f"{percent} 100")


def test_a_long_text_to_filter_by_does_not_widen_the_panel(stage: Put) -> None:
    put = stage(parsing("sim://acme/payments"))
    put.panel.get_by_role("searchbox").fill("q" * 2000)
    expect(put.panel.locator(".sw-no-match")).to_contain_text("1 is hidden.")
    assert put.panel.evaluate("(node) => node.scrollWidth - node.clientWidth") <= 0


def test_several_panels_of_a_page_are_regions_that_can_be_told_apart(stage: Put) -> None:
    first = stage(parsing("sim://acme/payments"))
    second = stage(parsing("sim://acme/ledger"), beside=first, single=True)
    second.panel.get_by_role("button", name="Details").click()
    first.open_details("acme/payments")
    names = first.page.get_by_role("region").evaluate_all("(all) => all.map((one) => one.ariaLabel)")
    assert names == ["Scans", "Scans 2"]
    assert [f"{rule['id']}" for rule in Axe().run(first.page).response["violations"]] == []


def test_details_opened_in_a_narrow_panel_leave_no_gap_in_a_wide_one(stage: Put) -> None:
    put = stage()
    put.open_details("acme/retried")
    place = put.row("acme/lims-connector").evaluate("(row) => row.style.transform")
    put.page.set_viewport_size({"width": 700, "height": 900})
    expect(put.row("acme/lims-connector")).not_to_have_attribute("style", f"transform: {place};")
    put.page.set_viewport_size({"width": 1012, "height": 900})
    expect(put.row("acme/lims-connector")).to_have_attribute("style", f"transform: {place};")


@pytest.mark.parametrize("width", [360, 880])
def test_a_long_reason_of_the_connection_gives_way_to_the_field_and_the_name(stage: Put, width: int) -> None:
    feed = parsing("sim://acme/payments")
    feed.connect(ConnectionState.RECONNECTING, f"Cannot connect ({'to the host, ' * 30})", tries=3)
    put = stage(feed, page={"viewport": {"width": width, "height": 900}})
    card = stage(feed, beside=put, single=True)
    for panel in (put.panel, card.panel):
        assert panel.evaluate(OUTSIDE) == []
        expect(panel.get_by_role("button", name="Connect now")).to_be_visible()
    field = put.panel.get_by_role("combobox", name="Repository to scan")
    assert field.evaluate("(node) => node.offsetWidth") > 200
    assert card.panel.locator(".sw-card-name").evaluate("(node) => node.scrollWidth <= node.clientWidth")
