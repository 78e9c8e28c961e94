"""What a panel tells its browser side: numbered patches of what changed, and snapshots that heal.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from scanwatch.model import ConnectionState, Phase
from scanwatch.panel._outbox import DUTY, MAX_REST_S, PATCH_EVERY_S, ROWS_AT_FIRST, ROWS_PER_S, Outbox

from .staged import StagedFeed
from .told import Told


def staged(*targets: str) -> tuple[StagedFeed, Outbox, Told]:
    feed = StagedFeed(*(targets or ("sim://acme/payments", "sim://acme/ledger")))
    outbox = Outbox(feed, wall=lambda: 1_800_000_000.0)
    return feed, outbox, Told(outbox.first())


def take_patch(outbox: Outbox, now: float = 0.1, **more: Any) -> dict[str, Any]:
    patch = outbox.take(now, **more).patch
    assert patch is not None
    return patch


def take_snapshot(outbox: Outbox, now: float) -> dict[str, Any]:
    snapshot = outbox.take(now).snapshot
    assert snapshot is not None
    return snapshot


def calm(outbox: Outbox) -> None:
    """Let the snapshot that the next change owes be a recent one."""
    outbox._snapshot_at = 0.0


def test_the_first_snapshot_has_every_row_newest_first() -> None:
    feed = StagedFeed("sim://acme/payments", "sim://acme/ledger")
    first = Outbox(feed, wall=lambda: 1_800_000_000.0).first()
    assert [row["name"] for row in Told(first).rows.values()] == ["acme/payments", "acme/ledger"]
    assert (first["number"], first["at"]) == (0, 1_800_000_000_000)
    assert first["connection"]["state"] == "live"


def test_a_large_panel_opens_with_its_first_rows_in_full_and_the_others_once_it_is_seen() -> None:
    targets = [f"sim://acme/{number}" for number in range(ROWS_AT_FIRST + 2)]
    outbox = Outbox(StagedFeed(*targets))
    told = Told(outbox.first(8.0))
    named = [row.get("target") for row in told.rows.values()]
    assert named == [*targets[:ROWS_AT_FIRST], None, None]
    assert told.rows[told.order[-1]] == {"status": "pending"}
    assert outbox.ready_at == 8.0 + PATCH_EVERY_S, "the first paint has the processor for itself"
    outbox.seen()
    assert outbox.ready_at < 8.0
    told.take(take_snapshot(outbox, 8.0))
    assert [row["target"] for row in told.rows.values()] == targets


def test_a_view_that_comes_later_does_not_shorten_a_rest() -> None:
    _, outbox, _ = staged()
    outbox.take(3.0)
    outbox.worked(0.02)
    outbox.seen()
    assert outbox.ready_at == 3.0 + 0.02 / DUTY


def test_a_patch_has_changed_fields_of_changed_rows_only() -> None:
    feed, outbox, told = staged()
    calm(outbox)
    changed = told.order[1]
    feed.progress(changed, Phase.FETCH, 10, 100)
    told.apply(take_patch(outbox))
    feed.progress(changed, Phase.FETCH, 20, 100)
    patch = take_patch(outbox, 0.2)
    assert patch["patch"] == 2
    assert set(patch) == {"patch", "at", "groups"}
    fields = told.apply(patch)
    assert set(fields) == {changed}
    assert fields[changed].keys() <= {"percent", "done", "seq", "updated", "heard"}
    assert fields[changed]["done"] == 20


def test_nothing_is_told_when_nothing_changed() -> None:
    _, outbox, _ = staged()
    outgoing = outbox.take(5.0)
    assert (outgoing.patch, outgoing.snapshot, outbox.due()) == (None, None, None)


def test_a_field_that_is_gone_is_told_as_null() -> None:
    feed, outbox, told = staged()
    calm(outbox)
    scan_id = told.order[0]
    feed.progress(scan_id, Phase.FETCH, 1, 9, current_file="src/a.py")
    told.apply(take_patch(outbox))
    feed.progress(scan_id, Phase.FETCH, 2, 9)
    assert told.apply(take_patch(outbox))[scan_id]["file"] is None
    assert "file" not in told.rows[scan_id]


def test_many_changes_between_two_flushes_are_one_message() -> None:
    feed, outbox, told = staged()
    calm(outbox)
    scan_id = told.order[0]
    for done in range(1, 51):
        feed.progress(scan_id, Phase.FETCH, done, 100)
    assert told.apply(take_patch(outbox))[scan_id]["done"] == 50
    assert outbox.take(0.2).patch is None


def test_ten_patches_a_second_at_most_are_asked_for() -> None:
    feed, outbox, told = staged()
    feed.progress(told.order[0], Phase.FETCH, 1, 9)
    outbox.take(3.0)
    assert outbox.ready_at == 3.0 + PATCH_EVERY_S


def test_a_costly_flush_is_followed_by_a_rest_in_proportion() -> None:
    _, outbox, _ = staged()
    outbox.take(3.0)
    outbox.worked(0.02)
    assert outbox.ready_at == 3.0 + 0.02 / DUTY


def test_however_costly_a_flush_was_the_next_comes_soon_enough() -> None:
    _, outbox, _ = staged()
    outbox.take(3.0)
    outbox.worked(60.0)
    assert outbox.ready_at == 3.0 + MAX_REST_S


def test_the_more_rows_change_the_less_often_each_is_told() -> None:
    feed, outbox, told = staged(*(f"sim://acme/{number}" for number in range(1000)))
    calm(outbox)
    for scan_id in told.order:
        feed.progress(scan_id, Phase.FETCH, 1, 9)
    outbox.take(1.0)
    assert outbox.ready_at == 1.0 + 1000 / ROWS_PER_S


def test_rows_that_change_alike_are_told_in_one_group() -> None:
    feed, outbox, told = staged(*(f"sim://acme/{number}" for number in range(100)))
    calm(outbox)
    for scan_id in told.order:
        feed.progress(scan_id, Phase.FETCH, 1, artifacts_found=0)
    told.apply(take_patch(outbox))
    for found, scan_id in enumerate(told.order, 1):
        feed.progress(scan_id, Phase.FETCH, 2, artifacts_found=found)
    patch = take_patch(outbox)
    [[positions, columns]] = patch["groups"]
    assert positions is None
    assert (columns["done"], len(columns["artifacts"])) == ([2], 100)
    told.apply(patch)
    assert [told.rows[scan_id]["artifacts"] for scan_id in told.order] == list(range(1, 101))


def test_a_snapshot_follows_the_last_change_within_a_second() -> None:
    feed, outbox, told = staged()
    calm(outbox)
    feed.progress(told.order[0], Phase.FETCH, 1, 9)
    assert outbox.take(0.3).patch is not None
    assert outbox.due() == 1.0
    assert take_snapshot(outbox, 1.0)["number"] == 1
    assert outbox.due() is None


def test_the_end_of_the_last_scan_is_told_as_a_snapshot_at_once() -> None:
    feed, outbox, told = staged("sim://acme/payments")
    calm(outbox)
    scan_id = told.order[0]
    feed.progress(scan_id, Phase.PERSIST, 9, 9)
    outbox.take(0.1)
    feed.complete(scan_id, artifacts=3)
    snapshot = take_snapshot(outbox, 0.2)
    assert (snapshot["number"], Told(snapshot).rows[scan_id]["status"]) == (2, "completed")


def test_with_many_rows_snapshots_come_less_often() -> None:
    feed, outbox, told = staged(*(f"sim://acme/{number}" for number in range(1000)))
    calm(outbox)
    feed.progress(told.order[0], Phase.FETCH, 1, 9)
    assert outbox.take(1.5).patch is not None
    assert outbox.due() == 4.0


def test_among_thousands_an_end_brings_no_snapshot_of_its_own() -> None:
    feed, outbox, told = staged(*(f"sim://acme/{number}" for number in range(1000)))
    calm(outbox)
    feed.complete(told.order[0], artifacts=3)
    assert told.apply(take_patch(outbox, 0.5))[told.order[0]]["status"] == "completed"
    assert outbox.due() == 4.0


def test_a_view_that_missed_a_patch_gets_a_snapshot_soon_and_the_events_again() -> None:
    feed, outbox, told = staged(*(f"sim://acme/{number}" for number in range(1000)))
    calm(outbox)
    feed.progress(told.order[0], Phase.FETCH, 1, 9)
    assert "events" in take_patch(outbox, opened=told.order[:1])
    outbox.want_snapshot()
    assert outbox.due() == 0.4
    assert "events" in take_patch(outbox, 0.4, opened=told.order[:1])
    assert outbox.take(0.5, told.order[:1]).snapshot is not None


def test_details_opened_in_another_view_bring_the_events_again() -> None:
    feed, outbox, told = staged()
    calm(outbox)
    feed.progress(told.order[0], Phase.PARSE, 1, 2)
    assert "events" in take_patch(outbox, opened=told.order[:1])
    outbox.forget_events(told.order[0])
    assert "events" in take_patch(outbox, opened=told.order[:1])


def test_a_new_scan_is_put_first_and_a_gone_one_is_dropped() -> None:
    feed, outbox, told = staged()
    calm(outbox)
    new = feed.add("sim://acme/new")
    patch = take_patch(outbox)
    assert patch["first"] == [new]
    assert told.apply(patch)[new]["name"] == "acme/new"
    feed.remove(told.order[1])
    feed.progress(told.order[2], Phase.PARSE, 1, 2)
    patch = take_patch(outbox)
    assert patch["gone"] == [told.order[1]]
    assert set(told.apply(patch)) == {told.order[1]}
    assert told.rows[told.order[1]]["phase"] == "parse"


def test_connection_and_trouble_are_told_when_they_change() -> None:
    feed, outbox, _ = staged()
    calm(outbox)
    feed.connect(ConnectionState.REFUSED, "the token has expired (401)")
    feed.complain("no such repository")
    patch = take_patch(outbox)
    assert patch["connection"]["reason"] == "the token has expired (401)"
    assert patch["trouble"] == "no such repository"
    feed.complain(None)
    assert take_patch(outbox)["trouble"] is None


def test_the_same_trouble_is_told_again_after_another_wish() -> None:
    feed, outbox, _ = staged()
    calm(outbox)
    feed.complain("no such repository")
    take_patch(outbox)
    outbox.forget_trouble()
    feed.complain(None)
    feed.complain("no such repository")
    assert take_patch(outbox)["trouble"] == "no such repository"


def test_events_are_told_of_opened_scans_only_and_once() -> None:
    feed, outbox, told = staged()
    calm(outbox)
    scan_id = told.order[0]
    feed.progress(scan_id, Phase.PARSE, 1, 2, artifacts_found=4)
    assert "events" not in take_patch(outbox)
    [[seq, _, words]] = take_patch(outbox, opened=[scan_id])["events"][scan_id]
    assert (seq, words) == (1, "parse 1 of 2, 4 artifacts")
    assert outbox.take(0.3, [scan_id]).patch is None


def test_where_the_clocks_difference_is_known_a_scan_is_as_old_as_it_is_from_the_start() -> None:
    feed = StagedFeed("sim://acme/payments", now=lambda: datetime.fromtimestamp(1_800_000_000 - 3600, UTC))
    feed.ahead_s = -3600.0
    feed.progress(feed.snapshots()[0].scan_id, Phase.FETCH, 1, 9, ago_s=7)
    [row] = Told(Outbox(feed, wall=lambda: 1_800_000_000.0).first()).rows.values()
    assert row["heard"] == 1_800_000_000_000 - 7000


def test_an_event_of_a_gateway_whose_clock_is_off_is_as_old_as_its_arrival() -> None:
    feed, outbox, told = staged()  # its events are of the machine's time, far from the outbox's wall clock
    calm(outbox)
    scan_id = told.order[0]
    feed.progress(scan_id, Phase.FETCH, 1, 9)
    assert told.apply(take_patch(outbox))[scan_id]["heard"] == 1_800_000_000_000


def test_no_message_has_the_key_some_kernels_keep_for_ever() -> None:
    feed, outbox, _ = staged()
    calm(outbox)
    feed.add("sim://acme/new")
    assert "id" not in outbox._snapshot()
    assert "id" not in take_patch(outbox)
