"""What people do with the panel: start, narrow, choose, cancel, scan again, read; what it says when things go wrong.

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
from playwright.sync_api import expect

from scanwatch.model import ConnectionState, Phase, Repository, ScanStatus
from tests.panel.staged import StagedFeed

from ._stage import Stage

pytestmark = pytest.mark.browser

Put = Callable[..., Stage]
NOW = datetime.now(UTC)
HOSTILE = (
    "<img src=x onerror=window.stolen=1>",
    "javascript:window.stolen=1",
    "\u202egnp.exe\u2066",
    "nul\0bell\a",
    "💥👩‍🔬",
    '"><svg onload=window.stolen=1>',
    "a" * 10_000,
)


def three() -> StagedFeed:
    feed = StagedFeed("sim://acme/payments", "sim://acme/ledger", "sim://trials/randomisation-service")
    for scan in feed.snapshots():
        feed.progress(scan.scan_id, Phase.PARSE, 96, 240)
    return feed


def ids(put: Stage) -> list[str]:
    return [scan.scan_id for scan in put.feed.snapshots()]


# -- starting -------------------------------------------------------------------------------------------------


def test_a_target_is_completed_from_known_repositories_and_scanned_with_options(stage: Put) -> None:
    feed = three()
    feed.known = tuple(
        Repository(
            str(at), name, f"sim://{name}", NOW, NOW, last_scan_status=status, last_scan_at=NOW if status else None
        )
        for at, (name, status) in enumerate([("acme/never", None), ("acme/payments", ScanStatus.COMPLETED)])
    )
    put = stage(feed)
    field = put.panel.get_by_role("combobox", name="Repository to scan")
    field.press_sequentially("acme/")
    assert {"do": "look_up"} in put.wishes
    choices = put.panel.get_by_role("listbox", name="Known repositories").get_by_role("option")
    expect(choices.first).to_have_text("acme/nevernever scanned")
    expect(choices.last).to_contain_text("completed")
    choices.last.click()
    expect(field).to_have_value("sim://acme/payments")
    put.panel.get_by_role("button", name="Options").click()
    options = put.panel.get_by_role("textbox", name="Options of the scan")
    options.fill("ref=main path")
    options.press("Enter")
    expect(put.panel.get_by_role("alert")).to_contain_text('"path" is none')
    options.fill("ref=main path=docs")
    options.press("Enter")
    expect(put.panel.get_by_role("alert")).to_have_count(0)
    wanted = {"do": "trigger", "target": "sim://acme/payments", "options": {"ref": "main", "path": "docs"}}
    assert put.wishes[-1] == wanted


def test_without_scans_the_panel_teaches_the_first_call(stage: Put) -> None:
    put = stage(StagedFeed())
    expect(put.panel).to_contain_text("No scans yet")
    expect(put.panel).to_contain_text('client.scan("sim://acme/payments?files=150&duration_s=8")')
    expect(put.panel.get_by_role("button", name="Copy scan")).to_be_visible()
    expect(put.panel.get_by_role("grid")).to_have_count(0)


# -- narrowing ------------------------------------------------------------------------------------------------


def test_counts_filter_on_click_and_again_show_all(stage: Put) -> None:
    put = stage()
    failed = put.panel.get_by_role("button", name="Failed 1")
    failed.click()
    expect(failed).to_have_attribute("aria-pressed", "true")
    assert put.names() == ["acme/etmf-archive"]
    assert put.chosen("filters")["state"] == "failed"
    failed.click()
    expect(put.panel.locator(".sw-row")).to_have_count(16)
    put.panel.get_by_role("button", name="Stalled 1").click()
    assert put.names() == ["infusion/pump-firmware"]


def test_text_and_order_narrow_and_sort_and_clear_again(stage: Put) -> None:
    put = stage(three())
    put.panel.get_by_role("combobox", name="Order").select_option("By name")
    assert put.names() == ["acme/ledger", "acme/payments", "trials/randomisation-service"]
    put.panel.get_by_role("combobox", name="Order").select_option("Oldest first")
    assert put.names()[0] == "trials/randomisation-service"
    put.panel.get_by_role("searchbox").fill("xyz")
    expect(put.panel.locator(".sw-no-match")).to_contain_text('No scan matches "xyz". 3 are hidden.')
    put.panel.get_by_role("button", name="Clear filter").click()
    expect(put.panel.locator(".sw-row")).to_have_count(3)


def test_only_mine_shows_what_carries_my_name(stage: Put) -> None:
    feed = three()
    expect(stage(feed).panel.get_by_role("button", name="Mine")).to_have_count(0)
    feed.name = "ada"
    feed.add("sim://acme/of-ada", requested_by="ada")
    put = stage(feed)
    put.panel.get_by_role("button", name="Mine 1").click()
    assert put.names() == ["acme/of-ada"]


def test_filters_set_in_python_and_in_another_view_hold_in_all(stage: Put) -> None:
    put = stage(three())
    put.handle.evaluate("(stage) => { stage.show(); }")
    put.set(filters={"state": "all", "text": "ledger", "mine": False, "order": "newest"})
    views = put.page.locator(".sw")
    for view in (views.first, views.last):
        expect(view.locator(".sw-row")).to_have_count(1)
        expect(view.get_by_role("searchbox")).to_have_value("ledger")
    views.last.get_by_role("searchbox").fill("trials")
    expect(views.first.locator(".sw-row")).to_contain_text("trials/")


def test_the_echo_of_an_older_filter_does_not_take_back_what_was_typed_since(stage: Put) -> None:
    put = stage(three())
    field = put.panel.get_by_role("searchbox")
    field.fill("led")
    older = put.chosen("filters")
    field.fill("ledger")
    put.set(filters=older)
    expect(field).to_have_value("ledger")


# -- choosing, cancelling, scanning again ---------------------------------------------------------------------


def test_clicks_select_alone_one_more_and_ranges(stage: Put) -> None:
    put = stage(three())
    one, two, last = ids(put)
    put.row("acme/payments").locator(".sw-name").click()
    assert put.chosen("selected") == [one]
    put.row("trials/").locator(".sw-name").click(modifiers=["Shift"])
    assert put.chosen("selected") == [one, two, last]
    put.row("acme/ledger").locator(".sw-name").click(modifiers=["Control"])
    assert put.chosen("selected") == [one, last]
    expect(put.panel.get_by_role("group", name="Selected scans")).to_contain_text("2 selected")
    put.panel.get_by_role("button", name="Clear the selection").click()
    assert put.chosen("selected") == []


def test_a_selection_is_cancelled_after_a_question_in_its_row(stage: Put) -> None:
    put = stage(three())
    put.feed.complete(ids(put)[2])
    put.tell()
    put.panel.get_by_role("grid").focus()
    put.page.keyboard.press("Control+a")
    put.panel.get_by_role("button", name="Cancel 2, selected").click()
    question = put.row("acme/payments").get_by_role("alertdialog", name="Cancel 2 scans?")
    expect(question.get_by_role("button", name="Keep 2 scans")).to_be_focused()
    question.get_by_role("button", name="Keep 2 scans").click()
    assert put.wished("cancel") == []
    put.row("acme/ledger").get_by_role("button", name="Cancel scan of").click()
    put.row("acme/ledger").get_by_role("button", name="Cancel 2 scans", exact=True).click()
    assert put.wished("cancel") == ids(put)[:2]


def test_a_failed_selection_is_scanned_again_after_a_question(stage: Put) -> None:
    put = stage(three())
    for scan_id in ids(put)[:2]:
        put.feed.fail(scan_id, "no such branch")
    put.tell()
    put.panel.get_by_role("grid").focus()
    put.page.keyboard.press("Control+a")
    put.panel.get_by_role("button", name="Scan 2 again, selected").click()
    put.panel.get_by_role("button", name="Scan 2 again", exact=True).click()
    assert put.wished("retry") == ids(put)[:2]


def test_a_cancel_is_not_shown_as_done_before_it_is_confirmed_and_then_says_by_whom(stage: Put) -> None:
    put = stage(three())
    row = put.row("acme/payments")
    row.get_by_role("button", name="Cancel scan of").click()
    row.locator(".sw-stop").click()
    put.feed.cancel(ids(put)[0])
    put.tell()
    expect(row).to_contain_text("Cancelling")
    expect(row).to_contain_text("Waits for the worker to confirm")
    put.feed.confirm_cancel(ids(put)[0])
    put.tell()
    expect(row).to_contain_text("Cancelledby you")
    expect(row).to_contain_text("Stopped in parse, nothing was stored")


def test_a_panel_to_be_read_has_no_button_that_changes_anything(stage: Put) -> None:
    put = stage(read_only=True)
    for name in ("Cancel scan of", "Scan again", "Options"):
        expect(put.panel.get_by_role("button", name=name)).to_have_count(0)
    expect(put.panel.get_by_role("button", name="Scan", exact=True)).to_have_count(0)
    put.panel.get_by_role("grid").focus()
    for key in ("Control+a", "c", "r"):
        put.page.keyboard.press(key)
    assert put.wished("cancel") == put.wished("retry") == []


# -- reading --------------------------------------------------------------------------------------------------


def test_a_waiting_scan_says_its_place_where_all_are_known(stage: Put) -> None:
    feed = StagedFeed("sim://acme/second", "sim://acme/first")
    expect(stage(feed).row("acme/first")).to_contain_text("1 of 2 queued")
    feed.everything = False
    expect(stage(feed).row("acme/first")).not_to_contain_text("of 2 queued")


def test_a_waiting_scan_of_a_gateway_that_says_so_has_its_position_and_knows_that_all_are_busy(stage: Put) -> None:
    feed = StagedFeed("sim://acme/second", "sim://acme/first", "sim://acme/running")
    feed.progress(feed.snapshots()[-1].scan_id, Phase.FETCH, 1, 9)
    feed.slots = 1
    put = stage(feed)
    expect(put.row("acme/second")).to_contain_text("position 2 of 2")
    expect(put.row("acme/first")).to_contain_text("Waits for a worker, the only one is busy")
    put.set(workers=2)
    expect(put.row("acme/first")).not_to_contain_text("busy")


def test_an_opened_row_tells_phases_attempts_events_and_the_next_calls(stage: Put) -> None:
    put = stage()
    put.open_details("acme/retried")
    details = put.panel.locator(".sw-details")
    expect(details.locator(".sw-attempts")).to_contain_text("Parse: worker ran out of memory (exit 137)")
    expect(details.get_by_role("log")).to_contain_text("attempt 2 begins")
    assert details.locator(".sw-span-stopped").count() == 1
    put.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    details.get_by_role("button", name="Copy scan.findings()").click()
    assert put.page.evaluate("navigator.clipboard.readText()") == "scan.findings()"


def test_a_paused_display_stands_still_and_says_how_much_waits(stage: Put) -> None:
    put = stage(three())
    put.panel.get_by_role("button", name="Pause display").click()
    put.feed.progress(ids(put)[0], Phase.VALIDATE, 1, 2)
    put.feed.add("sim://acme/newer")
    put.tell()
    expect(put.panel.locator(".sw-foot")).to_contain_text("changes wait")
    expect(put.row("acme/payments")).to_contain_text("96 of 240")
    put.panel.get_by_role("button", name="Resume display").click()
    expect(put.row("acme/payments")).to_contain_text("1 of 2")
    expect(put.panel.locator(".sw-row")).to_have_count(4)


def test_one_scan_is_a_card_and_compact_is_a_line_each(stage: Put) -> None:
    feed = StagedFeed("sim://acme/payments")
    feed.progress(ids(stage(feed, single=True))[0], Phase.PARSE, 96, 240)
    card = stage(feed, single=True).panel
    expect(card.get_by_role("progressbar", name="Progress of acme/payments")).to_be_visible()
    expect(card).to_contain_text("96 of 240 files")
    expect(card.get_by_role("button", name="Cancel scan of acme/payments")).to_be_visible()
    compact = stage(compact=True).panel
    assert compact.locator(".sw-row").first.evaluate("(row) => row.getBoundingClientRect().height") == 22
    expect(compact).to_contain_text("parse 96/240, try 2 of 3")


# -- when things go wrong -------------------------------------------------------------------------------------


def test_a_lost_connection_says_when_it_tries_again_and_can_be_hurried(stage: Put) -> None:
    feed = three()
    feed.connect(
        ConnectionState.RECONNECTING, "lost", since=NOW, retry_at=datetime.now(UTC) + timedelta(minutes=9), tries=3
    )
    put = stage(feed)
    expect(put.panel.locator(".sw-connection")).to_contain_text("try 3, lost")
    put.panel.get_by_role("button", name="Connect now").click()
    assert put.wishes[-1] == {"do": "reconnect"}
    feed.connect(ConnectionState.REFUSED, "The token has expired (401).", since=NOW)
    put.tell()
    expect(put.panel.get_by_role("alert")).to_contain_text("SCANWATCH_TOKEN")
    put.panel.get_by_role("button", name="Try again").click()
    assert put.wishes[-1] == {"do": "reconnect"}
    expect(put.row("acme/payments").get_by_role("button", name="Cancel")).to_have_count(0)


def test_what_the_gateway_would_not_do_is_said_below_the_rows(stage: Put) -> None:
    put = stage(three())
    put.feed.complain("No scanner takes xyz://; there are sim:// and https://.")
    put.tell()
    alert = put.panel.get_by_role("alert")
    expect(alert).to_contain_text("No scanner takes xyz://")
    assert alert.evaluate("(e) => e.compareDocumentPosition(document.querySelector('.sw-foot'))") == 2
    expect(put.panel.locator(".sw-row")).to_have_count(3)
    put.panel.get_by_role("button", name="Put this message away").click()
    expect(alert).to_have_count(0)


def test_a_refusal_is_said_again_when_the_next_wish_meets_the_same(stage: Put) -> None:
    put = stage(three())
    alert = put.panel.get_by_role("alert")
    for _ in range(2):
        put.panel.get_by_role("combobox", name="Repository to scan").fill("xyz://acme")
        put.page.keyboard.press("Enter")
        expect(alert).to_have_count(0)
        put.refuse("No scanner takes xyz://; there are sim:// and https://.")
        expect(alert).to_contain_text("No scanner takes xyz://")


def test_an_error_of_python_is_shown_in_words_and_its_details_can_be_copied(stage: Put) -> None:
    put = stage(three())
    put.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    put.set(problem={"words": "The panel's Python side failed (x).", "details": "Traceback: x"})
    expect(put.panel.get_by_role("alert")).to_contain_text("The panel's Python side failed (x).")
    put.panel.get_by_role("button", name="Copy details").click()
    assert put.page.evaluate("navigator.clipboard.readText()") == "Traceback: x"


def test_an_error_of_javascript_is_shown_in_words_and_the_rows_stay(stage: Put) -> None:
    put = stage(three())
    put.handle.evaluate(
        "(stage) => { Object.defineProperty(stage.el.querySelector('.sw-list'), 'scrollTop', "
        "{ get() { throw new Error('the moon is full'); } }); }"
    )
    put.feed.progress(ids(put)[0], Phase.VALIDATE, 1, 2)
    put.tell()
    expect(put.panel.get_by_role("alert")).to_contain_text("the moon is full")
    expect(put.panel.get_by_role("button", name="Copy details")).to_be_visible()
    expect(put.panel.locator(".sw-row")).to_have_count(3)


def test_a_click_while_the_kernel_is_busy_says_that_it_waits(stage: Put) -> None:
    put = stage(three())
    put.say_kernel("busy")
    put.page.clock.install()
    row = put.row("acme/payments")
    row.get_by_role("button", name="Cancel scan of").click()
    row.locator(".sw-stop").click()
    put.page.clock.run_for(3000)
    expect(put.panel.locator(".sw-note")).to_contain_text("The kernel is busy; this runs after the cell.")


def test_old_rows_are_not_shown_as_live(stage: Put) -> None:
    put = stage()
    put.say_kernel("dead")
    expect(put.panel.locator(".sw-note")).to_contain_text("Not live: the kernel is gone. Last state of")
    for name in ("acme/quiet", "acme/lims-connector", "acme/payments", "infusion/pump-firmware"):
        expect(put.row(name)).not_to_contain_text("ago")
    expect(put.panel.locator(".sw-breathing")).to_have_count(0)
    expect(put.panel.get_by_role("button", name="Cancel scan of")).to_have_count(0)


# -- words from the wire --------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", HOSTILE, ids=["img", "link", "direction", "control", "emoji", "attribute", "long"])
def test_words_from_the_wire_are_text_in_every_place(stage: Put, words: str) -> None:
    feed = StagedFeed()
    feed.name = words
    feed.known = (Repository("1", words, f"sim://{words}", NOW, NOW),)
    scan = feed.add(f"sim://acme/{words}", scan_id=words, requested_by=words)
    feed.happen(scan, phase=Phase.PARSE, files_processed=1, total_files=2, current_file=words, message=words)
    feed.connect(ConnectionState.POLLING, words)
    put = stage(feed)
    feed.complain(words)
    put.tell()
    put.open_details("Parse")
    put.panel.get_by_role("combobox", name="Repository to scan").press("ArrowDown")
    put.panel.get_by_role("searchbox").fill("zzz-" + words)
    put.panel.get_by_role("button", name="Clear filter").click()
    feed.fail(scan, words)
    put.tell()
    put.tell(scan)
    expect(put.row("Failed")).to_be_visible()
    made = "img, script, iframe, object, embed, a, [onerror], [onload], svg svg, b b"
    assert put.panel.locator(made).count() == 0
    assert put.page.evaluate("window.stolen") is None
    assert put.panel.evaluate("(e) => e.scrollWidth - e.clientWidth") <= 0
    assert words.replace("\0", "\N{REPLACEMENT CHARACTER}")[:40] in put.row("Failed").get_by_role("rowheader").evaluate(
        "(e) => e.querySelector('.sw-line1').title.replaceAll('\\0', '\\ufffd')"
    )
