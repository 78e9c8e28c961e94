"""A session asks for what is missing, believes what is proven, and shows every event once and in order.

@gxp-spec SPEC-001-003 "Client session and connection"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from scanwatch.client._actions import Changed, FetchEvents, ListScans, Read, Subscribe
from scanwatch.errors import GatewayUnreachable, NotFound, NotSupported
from scanwatch.model import EventKind, FailureCode, ScanStatus, Turn
from scanwatch.snapshot import Snapshot, apply_all
from tests.client._conversation import Conversation, greeted, in_the_field, record, subscribed
from tests.events import field, ours, ours_end
from tests.strategies import SCAN_ID, START

OTHER_ID = "11111111-c415-4eef-b3cc-841fd3bac1df"
UNREACHABLE = GatewayUnreachable("nothing answers")
NOT_FOUND = NotFound("no such scan", status=404, url="http://gateway/api/v1/scans/x")


# -- our gateways ------------------------------------------------------------------------------------------------


def test_a_watched_scan_is_subscribed_once_the_gateway_says_hello() -> None:
    conversation = Conversation()
    conversation.session.watch(SCAN_ID)
    conversation.session.joined()
    assert conversation.take(Subscribe) == []
    conversation.session.greeted()
    assert conversation.take(Subscribe) == [Subscribe((SCAN_ID,), after={SCAN_ID: 0})]


def test_after_a_reconnect_the_subscription_begins_at_the_cursor() -> None:
    conversation = subscribed()
    conversation.hear(ours(1), ours(2), ours(3))
    conversation.session.left("cut")
    conversation.session.joined()
    conversation.session.greeted()
    assert conversation.take(Subscribe) == [Subscribe((SCAN_ID,), after={SCAN_ID: 3})]


def test_the_acknowledgement_brings_what_was_missed_and_live_events_may_come_before_it() -> None:
    conversation = greeted()
    conversation.session.watch(SCAN_ID)
    [request] = conversation.take(Subscribe)
    conversation.hear(ours(4), ours(5))
    assert conversation.heard == []
    assert conversation.take(FetchEvents) == []
    replay = [ours(1), ours(2), ours(3)]
    conversation.session.acknowledged(request, [(apply_all(Snapshot(SCAN_ID), replay), replay)])
    assert conversation.snapshot.seq == 5
    assert [event.seq for event in conversation.heard] == [1, 2, 3, 4, 5]


def test_an_event_after_a_gap_is_held_back_until_the_gap_is_fetched() -> None:
    conversation = subscribed()
    conversation.hear(ours(1), ours(4, done=4))
    assert conversation.snapshot.seq == 1
    assert conversation.take(FetchEvents) == [FetchEvents(SCAN_ID, 1)]
    conversation.session.fetched(SCAN_ID, [ours(2), ours(3), ours(4, done=4)], None)
    assert conversation.snapshot.seq == 4
    assert [event.seq for event in conversation.heard] == [1, 2, 3, 4]


def test_a_gap_that_no_gateway_has_any_more_is_stepped_over() -> None:
    conversation = subscribed()
    conversation.hear(ours(1), ours(4, done=4))
    conversation.session.fetched(SCAN_ID, [ours(4, done=4)], None)
    assert conversation.snapshot.files_processed == 4
    assert [event.seq for event in conversation.heard] == [1, 4]


def test_what_is_lost_while_a_fetch_is_under_way_is_fetched_too() -> None:
    conversation = subscribed()
    conversation.hear(ours(1), ours(3))
    assert conversation.take(FetchEvents) == [FetchEvents(SCAN_ID, 1)]
    conversation.hear(ours(6))
    conversation.session.fetched(SCAN_ID, [ours(2), ours(3)], None)
    assert conversation.take(FetchEvents) == [FetchEvents(SCAN_ID, 3)]
    conversation.session.fetched(SCAN_ID, [ours(4), ours(5), ours(6)], None)
    assert [event.seq for event in conversation.heard] == [1, 2, 3, 4, 5, 6]


def test_a_fetch_that_fails_is_tried_again_a_second_later() -> None:
    conversation = subscribed()
    conversation.hear(ours(2))
    conversation.take(FetchEvents)
    conversation.session.fetch_failed(SCAN_ID, UNREACHABLE)
    asked = conversation.pass_time(1.2, FetchEvents)
    assert [moment for moment, _ in asked] == [pytest.approx(1.0, abs=0.11)]


def test_a_gateway_without_a_history_route_loses_the_gap_and_not_the_scan() -> None:
    conversation = subscribed()
    conversation.hear(ours(1), ours(5, done=5))
    conversation.session.fetch_failed(SCAN_ID, NotSupported("no such route"))
    assert conversation.snapshot.files_processed == 5


def test_an_event_merged_from_others_leaves_no_gap() -> None:
    conversation = subscribed()
    conversation.hear(ours(1), ours(6, merged_from=2))
    assert conversation.take(FetchEvents) == []
    assert conversation.snapshot.seq == 6


def test_an_end_is_shown_at_once_and_confirmed_by_one_read() -> None:
    conversation = subscribed()
    conversation.hear(ours(1), ours_end(2))
    assert conversation.snapshot.status is ScanStatus.COMPLETED
    assert [read for _, read in conversation.pass_time(1, Read)] == [Read(SCAN_ID)]
    conversation.session.read(record(ScanStatus.COMPLETED, seq=2))
    assert conversation.pass_time(60, Read) == []


def test_an_end_is_confirmed_at_the_pace_of_reads_too() -> None:
    conversation = subscribed()
    conversation.hear(ours(1))
    conversation.now += 1.0
    conversation.session.left("cut")
    conversation.session.joined()
    [(moment, _)] = conversation.pass_time(0.3, Read)
    conversation.session.read(record(ScanStatus.IN_PROGRESS, seq=1))
    conversation.hear(ours_end(2))
    assert conversation.take(Read) == [], "not half a second has passed since the last"
    [(later, _)] = conversation.pass_time(2, Read)
    assert later - moment >= 0.5


def test_the_record_has_the_last_word_about_an_end() -> None:
    conversation = subscribed()
    conversation.hear(ours(1), ours_end(2))
    conversation.session.read(record(ScanStatus.FAILED, seq=2, error="it broke", code=FailureCode.INTERNAL))
    assert (conversation.snapshot.status, conversation.snapshot.error) == (ScanStatus.FAILED, "it broke")


def test_an_ended_record_brings_its_events_before_the_end_is_shown() -> None:
    conversation = greeted()
    conversation.session.watch(SCAN_ID)
    conversation.session.read(record(ScanStatus.COMPLETED, seq=3))
    assert not conversation.snapshot.terminal
    conversation.session.subscribe_failed(conversation.take(Subscribe)[0])
    conversation.session.tick()
    assert conversation.take(FetchEvents) == [FetchEvents(SCAN_ID, 0)]
    conversation.session.fetched(SCAN_ID, [ours(1), ours(2), ours_end(3)], None)
    assert conversation.snapshot.status is ScanStatus.COMPLETED
    assert [event.seq for event in conversation.heard] == [1, 2, 3]


def test_an_ended_record_ends_the_scan_though_its_events_are_kept_no_more() -> None:
    conversation = greeted()
    conversation.session.watch(SCAN_ID)
    conversation.session.subscribe_failed(conversation.take(Subscribe)[0])
    conversation.session.read(record(ScanStatus.FAILED, seq=30, error="it broke"))
    assert conversation.take(FetchEvents) == [FetchEvents(SCAN_ID, 0)]
    conversation.session.fetched(SCAN_ID, [], None)
    assert (conversation.snapshot.status, conversation.heard) == (ScanStatus.FAILED, [])
    assert conversation.pass_time(10, FetchEvents) == []


def test_a_long_replay_is_fetched_page_by_page_while_the_picture_is_there_at_once() -> None:
    conversation = greeted()
    conversation.session.watch(SCAN_ID)
    [request] = conversation.take(Subscribe)
    history = [ours(seq, done=min(seq, 10)) for seq in range(1, 7)]
    conversation.session.acknowledged(request, [(apply_all(Snapshot(SCAN_ID), history[:5]), [])])
    conversation.hear(history[5])
    assert (conversation.snapshot.seq, conversation.heard) == (6, [])
    assert conversation.take(FetchEvents) == [FetchEvents(SCAN_ID, 0)]
    conversation.session.fetched(SCAN_ID, history[:2], 2)
    assert conversation.take(FetchEvents) == [FetchEvents(SCAN_ID, 2)]
    conversation.session.fetched(SCAN_ID, history[2:], None)
    assert (conversation.heard, conversation.snapshot.seq) == (history, 6)


def test_a_subscription_refused_for_one_scan_is_tried_for_each() -> None:
    conversation = greeted()
    conversation.session.watch(SCAN_ID)
    conversation.session.watch(OTHER_ID)
    [request] = conversation.take(Subscribe)
    conversation.session.subscribe_failed(request)
    assert [one.scan_ids for one in conversation.take(Subscribe)] == [(SCAN_ID,), (OTHER_ID,)]


def test_many_scans_are_subscribed_in_several_requests() -> None:
    conversation = greeted()
    ids = [f"{number:08d}-c415-4eef-b3cc-841fd3bac1df" for number in range(250)]
    for scan_id in ids:
        conversation.session.watch(scan_id)
    requests = conversation.take(Subscribe)
    assert [len(request.scan_ids) for request in requests] == [100, 100, 50]
    assert [scan_id for request in requests for scan_id in request.scan_ids] == ids


def test_a_subscribed_scan_is_left_in_peace() -> None:
    conversation = subscribed()
    asked = conversation.pass_time(50, Read)
    assert len(asked) <= 1


def test_watching_everything_takes_the_gateways_pictures_and_fetches_a_history_only_when_wanted() -> None:
    conversation = greeted()
    conversation.session.watch_everything()
    [request] = conversation.take(Subscribe)
    assert request.everything
    conversation.session.acknowledged(request, [(apply_all(Snapshot(SCAN_ID), [ours(1), ours(2)]), [])])
    conversation.hear(ours(3))
    assert (conversation.snapshot.seq, conversation.take(FetchEvents)) == (3, [])
    conversation.session.watch(SCAN_ID)
    assert conversation.take(FetchEvents) == [FetchEvents(SCAN_ID, 0)]
    conversation.heard.clear()
    conversation.session.fetched(SCAN_ID, [ours(1), ours(2), ours(3)], None)
    assert [event.seq for event in conversation.session.scans[SCAN_ID].events] == [1, 2, 3]
    assert [event.seq for event in conversation.heard] == [1, 2, 3]


def test_a_scan_nobody_named_appears_when_everything_is_watched() -> None:
    conversation = greeted()
    conversation.session.watch_everything()
    conversation.hear(ours(1))
    assert conversation.snapshot.seq == 1
    assert conversation.pass_time(1, Read)[0][1] == Read(SCAN_ID), "its target is in the record only"


# -- pace, connection, time ---------------------------------------------------------------------------------------


def test_reads_are_paced_fast_after_a_trigger_then_every_two_seconds() -> None:
    conversation = in_the_field()
    moments = []
    for _ in range(120):
        for moment, _read in conversation.pass_time(0.1, Read):
            moments.append(moment)
            conversation.session.read(record(ScanStatus.IN_PROGRESS))
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    assert moments[0] <= 0.3
    assert len([moment for moment in moments if moment <= 2.0]) <= 4
    assert all(pause >= 0.49 for pause in pauses)
    assert all(pause >= 1.9 for pause, at in zip(pauses, moments[1:], strict=True) if at > 4.0)


def test_reads_are_rare_while_events_flow() -> None:
    conversation = in_the_field()
    conversation.pass_time(3, Read)
    conversation.session.read(record(ScanStatus.IN_PROGRESS))
    asked = []
    for second in range(30):
        conversation.hear(field(second * 1000, 30, "Fetching 9 changed files", message=str(second)))
        asked += conversation.pass_time(1, Read)
        conversation.session.read(record(ScanStatus.IN_PROGRESS))
    assert 1 <= len(asked) <= 2


def test_reads_that_fail_become_rarer_and_never_stop() -> None:
    conversation = in_the_field()
    conversation.session.left("cut")
    moments = []
    for _ in range(1800):
        for moment, _read in conversation.pass_time(0.1, Read):
            moments.append(moment)
            conversation.session.read_failed(SCAN_ID, UNREACHABLE)
    assert moments[-1] > 120
    assert moments[-1] - moments[-2] >= 29


def test_a_reconnect_is_followed_by_a_read() -> None:
    conversation = in_the_field()
    conversation.pass_time(5, Read)
    conversation.session.read(record(ScanStatus.IN_PROGRESS))
    conversation.session.left("cut")
    conversation.session.joined()
    assert conversation.pass_time(0.7, Read)


def test_a_scan_that_is_found_no_more_is_gone() -> None:
    conversation = in_the_field()
    for _ in range(3):
        assert conversation.session.scans[SCAN_ID].live
        conversation.session.read_failed(SCAN_ID, NOT_FOUND)
    assert conversation.session.scans[SCAN_ID].gone is NOT_FOUND
    assert "knows this scan no more" in str(conversation.snapshot.message)
    assert conversation.pass_time(60, Read) == []


def test_a_scan_that_was_found_no_more_goes_on_when_it_is_heard_or_read_again() -> None:
    news = [
        lambda session: session.heard(field(60_000, 30, "Fetching")),
        lambda session: session.read(record(ScanStatus.IN_PROGRESS)),
    ]
    for come_back in news:
        conversation = in_the_field()
        for _ in range(3):
            conversation.session.read_failed(SCAN_ID, NOT_FOUND)
        come_back(conversation.session)
        assert conversation.session.scans[SCAN_ID].live
        assert conversation.pass_time(60, Read), "it is asked for again"


def test_the_connection_tells_reconnecting_from_polling_from_live() -> None:
    conversation = in_the_field()
    states = [conversation.session.connection.state]
    conversation.session.left("cut")
    states.append(conversation.session.connection.state)
    conversation.session.read(record(ScanStatus.IN_PROGRESS))
    states.append(conversation.session.connection.state)
    conversation.session.joined()
    states.append(conversation.session.connection.state)
    assert states == ["live", "reconnecting", "polling", "live"]


def test_a_refused_client_asks_nothing_any_more() -> None:
    conversation = in_the_field()
    conversation.session.refused("It asks for a token.")
    assert conversation.pass_time(60, Read) == []
    assert conversation.session.connection.reason == "It asks for a token."


def test_everything_in_the_field_is_what_the_lists_say() -> None:
    conversation = Conversation()
    conversation.session.joined()
    conversation.session.watch_everything()
    assert len(conversation.pass_time(31, ListScans)) == 3
    old = record(ScanStatus.FAILED, error="it broke", finished_at=START - timedelta(hours=1))
    conversation.session.listed([old, replace(record(ScanStatus.IN_PROGRESS), id=OTHER_ID)])
    assert conversation.snapshot.status is ScanStatus.FAILED
    asked = {read.scan_id for _, read in conversation.pass_time(3, Read)}
    assert asked == {OTHER_ID}, "a failed row this old needs no second look"


def test_a_list_does_not_overrule_what_is_known_better() -> None:
    conversation = in_the_field()
    conversation.session.read(record(ScanStatus.COMPLETED))
    conversation.session.listed([record(ScanStatus.IN_PROGRESS)])
    assert conversation.snapshot.status is ScanStatus.COMPLETED


def test_the_age_of_the_last_event_grows_and_starts_again() -> None:
    conversation = in_the_field()
    assert conversation.session.age_s(conversation.session.scans[SCAN_ID]) is None
    conversation.hear(field(0, 5, "queued"))
    conversation.now += 30
    assert conversation.session.age_s(conversation.session.scans[SCAN_ID]) == 30
    conversation.hear(field(30_000, 10, "Discovering files"))
    assert conversation.session.age_s(conversation.session.scans[SCAN_ID]) == 0


@pytest.mark.parametrize("ahead", [timedelta(hours=-1), timedelta(hours=1)], ids=["behind", "ahead"])
def test_an_event_is_as_old_as_it_is_by_its_gateways_clock(ahead: timedelta) -> None:
    conversation = greeted()
    conversation.session.dated(conversation.utc() + ahead)
    conversation.session.watch(SCAN_ID)
    [request] = conversation.take(Subscribe)
    happened = conversation.utc() + ahead - timedelta(seconds=5)
    conversation.session.acknowledged(request, [(Snapshot(SCAN_ID, updated_at=happened), [])])
    assert conversation.session.age_s(conversation.session.scans[SCAN_ID]) == 5


def test_clocks_that_are_a_second_apart_agree_and_news_of_them_is_told_once() -> None:
    conversation = greeted()
    assert conversation.session.ahead is None
    conversation.take(Changed)
    for seconds in (0.9, -0.8, 1.1):
        conversation.session.dated(conversation.utc() + timedelta(seconds=seconds))
    assert conversation.session.ahead == timedelta()
    assert len(conversation.take(Changed)) == 1


def test_a_session_without_scans_is_idle() -> None:
    conversation = subscribed()
    assert not conversation.session.idle
    conversation.hear(ours(1, turn=Turn.CANCELLING), ours_end(2, EventKind.FAILED, code=FailureCode.CANCELLED))
    assert conversation.snapshot.status is ScanStatus.CANCELLED
    conversation.pass_time(1, Read)
    conversation.session.read_failed(SCAN_ID, UNREACHABLE)
    assert conversation.session.idle, "the end was told; the read would only have confirmed it"
