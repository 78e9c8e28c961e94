"""The panel for everybody: what axe finds, what a screen reader is told, the keyboard.

Looked at in Chromium on a plain page, through its accessibility tree and with axe.

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

from scanwatch.model import ConnectionState, Phase, Repository
from tests.panel.staged import StagedFeed

from ._cast import gallery, three
from ._stage import THEMES, Stage

pytestmark = pytest.mark.browser

Put = Callable[..., Stage]
NOW = datetime.now(UTC)


def one(name: str) -> StagedFeed:
    """A feed of one scan of the gallery."""
    feed = gallery()
    for scan in feed.snapshots():
        if name not in (scan.target or ""):
            feed.remove(scan.scan_id)
    return feed


def connected(state: ConnectionState, reason: str, **more: object) -> StagedFeed:
    feed = three()
    feed.connect(state, reason, since=NOW, **more)
    return feed


# -- axe ------------------------------------------------------------------------------------------------------


def every_state(put: Put, theme: str) -> Stage:
    """One page with a panel in each state there is, each under a name of its own."""
    first = put(theme=theme, title="In use")
    first.open_details("acme/retried")
    first.row("acme/quiet").locator(".sw-name").click()
    first.row("acme/dose-calculator").get_by_role("button", name="Cancel scan of").click()
    first.set(problem={"words": "The panel's Python side failed.", "details": "Traceback"})
    again = {"retry_at": NOW + timedelta(hours=1), "tries": 3}
    feeds = {
        "Empty": StagedFeed(),
        "Refused": connected(ConnectionState.REFUSED, "The token has expired (401)."),
        "Reconnecting": connected(ConnectionState.RECONNECTING, "The connection was lost.", **again),
        "Polling": connected(ConnectionState.POLLING, "Events do not pass."),
        "Nothing matches": three(),
        "Paused": three(),
        "Completing": three(),
        "Not live": gallery(),
    }
    panels = {title: put(feed, beside=first, title=title) for title, feed in feeds.items()}
    put(gallery(), beside=first, title="Compact", compact=True)
    put(gallery(), beside=first, title="To be read", read_only=True)
    for name in ("retried", "randomisation", "etmf"):
        put(one(name), beside=first, single=True).panel.get_by_role("button", name="Details").click()
    panels["Nothing matches"].panel.get_by_role("searchbox").fill("xyz")
    panels["Paused"].panel.get_by_role("button", name="Pause display").click()
    panels["Completing"].set(repositories=[{"target": "sim://acme/payments", "name": "acme/payments"}])
    panels["Completing"].panel.get_by_role("combobox", name="Repository to scan").press("ArrowDown")
    panels["Not live"].say_kernel("dead")
    expect(panels["Completing"].panel.locator(".sw-known li")).to_be_visible()
    return first


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_wrong_in_any_state(stage: Put, theme: str) -> None:
    found = Axe().run(every_state(stage, theme).page).response
    wrong = [f"{rule['id']}: {node['html'][:200]}" for rule in found["violations"] for node in rule["nodes"]]
    assert wrong == []
    assert len(found["passes"]) > 30


@pytest.mark.parametrize("width", [360, 1012])
def test_axe_finds_nothing_wrong_in_a_panel_narrow_or_wide(stage: Put, width: int) -> None:
    put = stage(page={"viewport": {"width": width, "height": 900}})
    put.open_details("acme/retried") if width > 640 else put.row("acme/retried").get_by_text("acme/retried").click()
    found = Axe().run(put.page).response
    assert [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in found["violations"]] == []


# -- what is told ---------------------------------------------------------------------------------------------


def test_the_accessibility_tree_says_what_the_panel_shows(stage: Put) -> None:
    put = stage(three())
    expect(put.page.get_by_role("region", name="Scans")).to_match_aria_snapshot(
        """
        - region "Scans":
          - combobox "Repository to scan"
          - button "Options"
          - button "Scan"
          - status: "Connection: Live"
          - group "Show by state":
            - button "All 3" [pressed]
            - button "In progress 3"
          - searchbox "Filter by text"
          - combobox "Order"
          - grid "Scans":
            - row "Details Status Scan Progress Artifacts Time Last event Action"
            - rowgroup:
              - row:
                - gridcell:
                  - button "Details of acme/payments"
                - gridcell "In progress"
                - rowheader "acme/payments"
                - gridcell:
                  - progressbar "Progress of acme/payments"
        """
    )
    bar = put.row("acme/payments").get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuetext", "In progress, Parse, 96 of 240 files, 42 percent")
    expect(bar).to_have_attribute("aria-valuenow", "42")
    expect(put.panel.get_by_role("grid")).to_have_attribute("aria-rowcount", "4")
    expect(put.row("acme/ledger")).to_have_attribute("aria-rowindex", "3")
    expect(put.row("acme/payments").get_by_role("button", name="Cancel scan of acme/payments")).to_be_visible()


def test_a_bar_whose_share_is_not_known_claims_no_number(stage: Put) -> None:
    bar = stage().row("acme/payments").get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuetext", "In progress, Discovery, 1872 so far")
    assert bar.get_attribute("aria-valuenow") is None


def test_only_ends_are_spoken_and_one_sentence_at_a_time(stage: Put) -> None:
    put = stage(three())
    speech = put.panel.locator("[aria-live=polite]")
    one, two, last = (scan.scan_id for scan in put.feed.snapshots())
    put.feed.progress(one, Phase.VALIDATE, 1, 2)
    put.tell()
    expect(put.row("acme/payments")).to_contain_text("Validate")
    assert speech.inner_text() == ""
    put.feed.complete(one)
    put.feed.fail(two, "no such branch")
    put.tell()
    expect(speech).to_have_text("1 scan completed, 1 failed: acme/ledger")
    put.feed.complete(last)
    put.tell()
    expect(put.row("trials/")).to_contain_text("Completed")
    expect(speech).to_have_text("1 scan completed, 1 failed: acme/ledger")


def test_a_refusal_is_an_alert_and_any_other_connection_a_status(stage: Put) -> None:
    refused = stage(connected(ConnectionState.REFUSED, "The token has expired (401)."))
    expect(refused.panel.get_by_role("alert")).to_contain_text("The token has expired (401).")
    again = stage(connected(ConnectionState.RECONNECTING, "lost", retry_at=NOW + timedelta(hours=1), tries=3))
    expect(again.panel.get_by_role("status")).to_have_text("Connection:Reconnecting")
    expect(again.panel.get_by_role("alert")).to_have_count(0)


# -- keyboard -------------------------------------------------------------------------------------------------


def current(put: Stage) -> Locator:
    return put.panel.locator(".sw-current .sw-name")


def press(put: Stage, *keys: str) -> None:
    for key in keys:
        put.page.keyboard.press(key)


def test_the_grid_is_one_tab_stop_between_the_filters_and_the_foot(stage: Put) -> None:
    put = stage(three())
    put.panel.get_by_role("combobox", name="Repository to scan").focus()
    stops = []
    for _ in range(14):
        press(put, "Tab")
        stops.append(put.page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.innerText"))
    order = ["Options", "Scan", "All\n3", "Filter by text", "Order", "Scans", "Pause display"]
    assert [stop for stop in stops if stop in order] == order
    assert not any(
        "Details of" in stop or "Cancel" in stop for stop in stops if stop.startswith(("Details", "Cancel s"))
    )


def test_arrows_home_end_and_pages_move_the_current_row(stage: Put) -> None:
    feed = StagedFeed(*(f"sim://acme/number-{number}" for number in range(60)))
    put = stage(feed, max_height=400)
    grid = put.panel.get_by_role("grid")
    grid.focus()
    for keys, name in (
        ("ArrowDown", "number-0"),
        ("ArrowDown ArrowDown", "number-2"),
        ("ArrowUp", "number-1"),
        ("End", "number-59"),
        ("Home", "number-0"),
        ("PageDown", "number-8"),
        ("PageUp", "number-0"),
    ):
        press(put, *keys.split())
        expect(current(put)).to_contain_text(f"acme/{name}")
        expect(current(put)).to_be_in_viewport()
        row_id = put.panel.locator(".sw-current").get_attribute("id")
        expect(grid).to_have_attribute("aria-activedescendant", str(row_id))


def test_enter_and_right_open_left_closes(stage: Put) -> None:
    put = stage(three())
    put.panel.get_by_role("grid").focus()
    details = put.panel.locator(".sw-details")
    press(put, "ArrowDown", "Enter")
    expect(details).to_be_visible()
    expect(put.row("acme/payments").get_by_role("button", name="Details")).to_have_attribute("aria-expanded", "true")
    press(put, "Enter")
    expect(details).to_have_count(0)
    press(put, "ArrowRight", "ArrowRight")
    expect(details).to_be_visible()
    press(put, "ArrowLeft")
    expect(details).to_have_count(0)


def test_space_shift_arrows_and_control_a_select(stage: Put) -> None:
    put = stage(three())
    put.panel.get_by_role("grid").focus()
    ids = [scan.scan_id for scan in put.feed.snapshots()]
    press(put, "ArrowDown", " ")
    expect(put.row("acme/payments")).to_have_attribute("aria-selected", "true")
    assert put.chosen("selected") == ids[:1]
    press(put, "Shift+ArrowDown")
    assert put.chosen("selected") == ids[:2]
    press(put, "Shift+ArrowUp")
    assert put.chosen("selected") == ids[:1]
    press(put, "Control+a")
    assert put.chosen("selected") == ids
    press(put, "Escape")
    assert put.chosen("selected") == []
    expect(put.panel.locator("[aria-selected=true]")).to_have_count(0)


def test_c_asks_with_the_focus_on_keep_and_escape_answers_no(stage: Put) -> None:
    put = stage(three())
    grid = put.panel.get_by_role("grid")
    grid.focus()
    press(put, "ArrowDown", "c")
    expect(put.panel.get_by_role("alertdialog", name="Cancel this scan?")).to_be_visible()
    expect(put.panel.get_by_role("button", name="Keep scan of acme/payments")).to_be_focused()
    press(put, "Escape")
    expect(grid).to_be_focused()
    press(put, "c", "Enter")
    expect(grid).to_be_focused()
    assert put.wished("cancel") == []
    press(put, "c", "Shift+Tab", "Enter")
    assert put.wished("cancel") == [put.feed.snapshots()[0].scan_id]


def test_r_scans_again_slash_filters_p_pauses(stage: Put) -> None:
    put = stage(three())
    put.feed.fail(put.feed.snapshots()[0].scan_id, "no such branch")
    put.tell()
    expect(put.row("acme/payments")).to_contain_text("Failed")
    grid = put.panel.get_by_role("grid")
    grid.focus()
    press(put, "ArrowDown", "r")
    assert put.wished("retry") == [put.feed.snapshots()[0].scan_id]
    press(put, "p")
    expect(put.panel.locator(".sw-foot")).to_contain_text("Display paused")
    press(put, "p", "/")
    expect(put.panel.get_by_role("searchbox")).to_be_focused()
    put.page.keyboard.type("led")
    expect(put.panel.locator(".sw-row")).to_have_count(1)
    press(put, "Escape")
    expect(put.panel.locator(".sw-row")).to_have_count(3)
    press(put, "Escape")
    expect(grid).to_be_focused()


def test_keys_are_the_panels_only_while_it_has_the_focus(stage: Put) -> None:
    put = stage(three())
    press(put, "p", "c", "/")
    expect(put.panel.locator(".sw-foot")).not_to_contain_text("paused")
    assert put.page.evaluate("document.activeElement === document.body")
    for part in (put.panel.get_by_role("grid"), put.panel.locator("form")):
        expect(part).to_have_attribute("data-lm-suppress-shortcuts", "true")


def test_a_known_repository_is_an_option_with_its_last_scan(stage: Put) -> None:
    feed = three()
    known = Repository("1", "acme/payments", "sim://acme/payments", NOW, NOW)
    feed.known = (known,)
    put = stage(feed)
    field = put.panel.get_by_role("combobox", name="Repository to scan")
    field.fill("pay")
    choices = put.panel.get_by_role("listbox", name="Known repositories").get_by_role("option")
    expect(choices).to_have_text("acme/paymentsnever scanned")
    press(put, "ArrowDown")
    expect(choices).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", str(choices.get_attribute("id")))
    press(put, "Enter")
    expect(field).to_have_value("sim://acme/payments")
    expect(field).to_have_attribute("aria-expanded", "false")
