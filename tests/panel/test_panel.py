"""The widget's kernel side: what it sends, what clicks do, what it stores in a notebook.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import anywidget
import ipywidgets
import pytest

from scanwatch.errors import UsageError
from scanwatch.model import Phase, Repository, ScanStatus
from scanwatch.panel import Panel
from scanwatch.panel._flusher import shared
from scanwatch.panel._text import table_text

from .conftest import Sent
from .staged import StagedFeed
from .told import Told

Eventually = Callable[[Callable[[], object]], None]
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def feed() -> StagedFeed:
    return StagedFeed("sim://acme/payments", "sim://acme/ledger")


@pytest.fixture
def panel(feed: StagedFeed, sent: Sent) -> Iterator[Panel]:
    panel = Panel(feed)
    yield panel
    panel.close()


def click(panel: Panel, **content: Any) -> None:
    panel.comm.handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})


def patches(sent: Sent) -> list[dict[str, Any]]:
    return [data["content"] for _, data in sent if data.get("method") == "custom"]


def forms(panel: Panel) -> dict[str, Any]:
    bundle = panel._repr_mimebundle_()
    return dict(bundle[0] if isinstance(bundle, tuple) else bundle)


def end_all(feed: StagedFeed) -> None:
    for scan in feed.snapshots():
        feed.complete(scan.scan_id, artifacts=7)


def test_a_panel_opens_with_every_row(panel: Panel, sent: Sent) -> None:
    [state] = [data["state"] for kind, data in sent if kind == "comm_open" and "snapshot" in data["state"]]
    assert [row["name"] for row in Told(state["snapshot"]).rows.values()] == ["acme/payments", "acme/ledger"]


def test_a_change_is_sent_by_the_flusher(panel: Panel, feed: StagedFeed, sent: Sent, eventually: Eventually) -> None:
    scan_id = feed.snapshots()[0].scan_id
    feed.progress(scan_id, Phase.FETCH, 10, 100)
    eventually(lambda: Told(panel.snapshot).rows[scan_id].get("done") == 10 or patches(sent))


def test_the_end_is_in_the_snapshot_promptly(panel: Panel, feed: StagedFeed, eventually: Eventually) -> None:
    end_all(feed)
    eventually(lambda: [row["status"] for row in Told(panel.snapshot).rows.values()] == ["completed", "completed"])


def test_clicks_are_handed_to_the_feed(panel: Panel, feed: StagedFeed) -> None:
    scan_id = feed.snapshots()[0].scan_id
    click(panel, do="cancel", scan_id=scan_id)
    click(panel, do="retry", scan_id=scan_id)
    click(panel, do="trigger", target="  sim://acme/new ")
    assert feed.wishes == [("cancel", scan_id), ("retry", scan_id), ("trigger", "sim://acme/new")]


@pytest.mark.parametrize(
    "content", [{}, {"do": "cancel"}, {"do": "cancel", "scan_id": 7}, {"do": "trigger", "target": " "}, {"do": "x"}]
)
def test_messages_that_make_no_sense_do_nothing(panel: Panel, feed: StagedFeed, content: dict[str, Any]) -> None:
    click(panel, **content)
    assert feed.wishes == []


def test_options_typed_beside_a_target_reach_the_feed(panel: Panel, feed: StagedFeed) -> None:
    click(panel, do="trigger", target="https://host/acme/payments", options={"ref": "main", "depth": 3})
    assert feed.options == {"ref": "main", "depth": "3"}


def test_what_is_selected_in_the_browser_comes_back_as_handles(
    panel: Panel, feed: StagedFeed, eventually: Eventually
) -> None:
    first, second = (scan.scan_id for scan in feed.snapshots())
    click(panel, do="choose", name="selected", value=[second, first, "gone", 7])
    eventually(lambda: panel.selected == [second, first, "gone"])
    assert panel.selection == [f"handle of {first}", f"handle of {second}"]


def test_a_selection_made_in_python_is_told_to_the_browser(panel: Panel, feed: StagedFeed, sent: Sent) -> None:
    chosen = [feed.snapshots()[1].scan_id]
    panel.selected = chosen
    assert any(data.get("state", {}).get("selected") == chosen for _, data in sent)


def test_the_table_holds_what_the_panel_lists_in_its_order(
    panel: Panel, feed: StagedFeed, eventually: Eventually
) -> None:
    feed.fail(feed.snapshots()[0].scan_id, "no such branch")
    feed.add("sim://acme/unknown", ago_s=None)
    assert list(panel.scans()["target"]) == ["sim://acme/payments", "sim://acme/ledger"]
    click(panel, do="choose", name="filters", value={"text": "acme", "order": "name"})
    eventually(lambda: panel.filters["order"] == "name")
    assert list(panel.scans()["target"]) == ["sim://acme/ledger", "sim://acme/payments"]
    panel.filters = {"state": "failed"}
    assert list(panel.scans()["error"]) == ["no such branch"]


def test_filters_can_be_observed_and_a_misspelt_one_is_refused_with_the_close_one(panel: Panel) -> None:
    seen: list[str] = []
    panel.observe(lambda change: seen.append(change["new"]["state"]), "filters")
    panel.filters = {"state": "stalled"}
    assert seen == ["stalled"]
    with pytest.raises(UsageError, match="no state 'fialed'; did you mean 'failed'"):
        panel.filters = {"state": "fialed"}
    with pytest.raises(UsageError, match="no filter 'txt'; did you mean 'text'"):
        panel.filters = {"txt": "x"}


def test_repositories_and_the_callers_name_are_told_when_they_are_known(
    panel: Panel, feed: StagedFeed, eventually: Eventually
) -> None:
    click(panel, do="look_up")
    click(panel, do="reconnect")
    assert feed.wishes == [("look_up", ""), ("reconnect", "")]
    now = datetime(2026, 3, 1, tzinfo=UTC)
    feed.known = (Repository("1", "acme/new", "sim://acme/new", now, now, last_scan_status=ScanStatus.FAILED),)
    feed.name = "ada"
    feed.complain(None)
    eventually(lambda: panel.caller == "ada")
    assert panel.repositories == [{"target": "sim://acme/new", "name": "acme/new", "status": "failed", "at": None}]


def test_an_error_of_the_python_side_is_told_in_words_with_details(
    panel: Panel, feed: StagedFeed, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_scan_id: str) -> None:
        raise ValueError("the moon is full")

    monkeypatch.setattr(feed, "cancel", broken)
    click(panel, do="cancel", scan_id=feed.snapshots()[0].scan_id)
    eventually(lambda: panel.problem)
    assert "the moon is full" in panel.problem["words"]
    assert "Traceback" in panel.problem["details"]


def test_an_error_while_rows_are_told_is_told_too(
    panel: Panel, feed: StagedFeed, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ValueError("no snapshots today")

    monkeypatch.setattr(feed, "snapshots", broken)
    feed.complain("x")
    eventually(lambda: panel.problem)
    assert "no snapshots today" in panel.problem["words"]


def test_opened_details_bring_the_events(panel: Panel, feed: StagedFeed, sent: Sent, eventually: Eventually) -> None:
    scan_id = feed.snapshots()[0].scan_id
    feed.progress(scan_id, Phase.PARSE, 1, 2)
    click(panel, do="open", scan_id=scan_id)
    eventually(lambda: any(scan_id in patch.get("events", {}) for patch in patches(sent)))


def test_a_wish_that_meets_the_same_trouble_again_is_answered_again(
    panel: Panel, feed: StagedFeed, sent: Sent, eventually: Eventually
) -> None:
    for number in (1, 2):
        click(panel, do="retry", scan_id=feed.snapshots()[0].scan_id)
        feed.complain("The gateway is away.")
        eventually(lambda expected=number: len([told for told in told_of(sent) if told.get("trouble")]) == expected)


def told_of(sent: Sent) -> list[dict[str, Any]]:
    """All patches and snapshots that were sent."""
    states = [data["state"]["snapshot"] for _, data in sent if "snapshot" in data.get("state", {})]
    return [*patches(sent), *states[1:]]


def test_a_read_only_panel_takes_no_wishes(feed: StagedFeed, sent: Sent) -> None:
    panel = Panel(feed, read_only=True)
    click(panel, do="cancel", scan_id=feed.snapshots()[0].scan_id)
    panel.close()
    assert feed.wishes == []


def look(panel: Panel, views: int) -> None:
    """Have the front end count so many views."""
    state = {"method": "update", "state": {"_view_count": views}, "buffer_paths": []}
    panel.comm.handle_msg({"content": {"data": state}, "buffers": []})


def test_a_panel_whose_last_view_is_gone_hears_and_sends_nothing(
    panel: Panel, feed: StagedFeed, sent: Sent, eventually: Eventually
) -> None:
    look(panel, 2)
    look(panel, 1)
    assert feed.listened == 1
    look(panel, 0)
    assert feed.listened == 0
    eventually(lambda: not shared.running)
    before = len(sent)
    end_all(feed)
    assert len(sent) == before


def test_a_panel_shown_again_catches_up(panel: Panel, feed: StagedFeed, eventually: Eventually) -> None:
    look(panel, 1)
    look(panel, 0)
    end_all(feed)
    forms(panel)
    look(panel, 1)
    assert feed.listened == 1
    eventually(lambda: {row["status"] for row in Told(panel.snapshot).rows.values()} == {"completed"})


def test_a_front_end_that_does_not_count_views_is_served_all_the_same(
    panel: Panel, feed: StagedFeed, eventually: Eventually
) -> None:
    forms(panel)
    end_all(feed)
    eventually(lambda: {row["status"] for row in Told(panel.snapshot).rows.values()} == {"completed"})


def test_two_panels_of_one_feed_are_told_alike_and_end_apart(
    panel: Panel, feed: StagedFeed, eventually: Eventually
) -> None:
    other = Panel(feed)
    assert feed.listened == 2
    other.close()
    assert feed.listened == 1
    end_all(feed)
    eventually(lambda: {row["status"] for row in Told(panel.snapshot).rows.values()} == {"completed"})


def test_a_panel_is_a_widget_of_its_own_that_can_be_observed_and_laid_out(
    panel: Panel, feed: StagedFeed, eventually: Eventually
) -> None:
    numbers: list[int] = []
    panel.observe(lambda change: numbers.append(change.new["number"]), names="snapshot")
    end_all(feed)
    eventually(lambda: numbers)
    assert ipywidgets.VBox([panel]).children == (panel,)
    assert isinstance(panel, anywidget.AnyWidget)


def test_a_closed_panel_stops_listening_and_is_free(feed: StagedFeed, sent: Sent) -> None:
    panel = Panel(feed)
    reference = weakref.ref(panel)
    panel.close()
    assert feed.listened == 0
    del panel
    gc.collect()
    assert reference() is None


def test_a_misspelt_option_is_refused_with_the_close_one(feed: StagedFeed) -> None:
    with pytest.raises(UsageError, match="'compat'; did you mean 'compact'"):
        Panel(feed, compat=True)
    with pytest.raises(UsageError, match="it has compact, single"):
        Panel(feed, zzz=True)


@pytest.mark.parametrize(("name", "value"), [("SCANWATCH_DISPLAY", "ascii"), ("SCANWATCH_BLOCK", "soon")])
def test_a_wrong_environment_is_refused_at_once(
    feed: StagedFeed, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=f"{name} is '{value}'"):
        Panel(feed)
    assert feed.listened == 0


def test_the_forms_beside_a_live_view_do_not_depend_on_the_moment(panel: Panel, feed: StagedFeed) -> None:
    before = forms(panel)
    feed.progress(feed.snapshots()[0].scan_id, Phase.FETCH, 10, 100)
    after = forms(panel)
    assert before["text/plain"] == after["text/plain"] == "<Panel of 2 scans>"
    assert before["text/html"] == after["text/html"]
    assert VIEW in after


def test_printing_a_panel_shows_the_table_and_its_repr_does_not(panel: Panel, feed: StagedFeed) -> None:
    assert str(panel) == table_text(feed.snapshots())
    assert "acme/payments" in str(panel)
    assert repr(panel) == "<Panel of 2 scans>"


def test_ended_scans_are_stored_as_their_table(panel: Panel, feed: StagedFeed) -> None:
    end_all(feed)
    assert forms(panel)["text/html"].count("Completed") == 2


@pytest.mark.parametrize(("mode", "kinds"), [("html", {"text/plain", "text/html"}), ("text", {"text/plain"})])
def test_a_still_form_can_be_asked_for(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, mode: str, kinds: set[str]
) -> None:
    monkeypatch.setenv("SCANWATCH_DISPLAY", mode)
    assert set(forms(panel)) == kinds
    assert "acme/payments" in forms(panel)["text/plain"]


def test_nothing_is_shown_when_none_is_asked_for(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotImplementedError):
        panel._ipython_display_()
    monkeypatch.setenv("SCANWATCH_DISPLAY", "none")
    assert panel._ipython_display_() is None


def test_a_blocking_display_publishes_the_finished_table(
    panel: Panel, feed: StagedFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCANWATCH_BLOCK", "1")
    end_all(feed)
    shown = forms(panel)
    assert set(shown) == {"text/plain", "text/html"}
    assert shown["text/plain"].count("100 %") == 2
