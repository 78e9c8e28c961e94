"""Many targets are scanned so many at a time; one that cannot be scanned, or a gateway that is away, loses no other.

@gxp-spec SPEC-001-005 "Scan handle, sync and async clients"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ipywidgets import Widget

import scanwatch
from scanwatch import ScanStatus
from scanwatch.client import FIRST_COMPLETED, FIRST_EXCEPTION, AsyncBatch, AsyncScan, Batch
from scanwatch.client._target import Wanted
from scanwatch.model import ConnectionState
from scanwatch.testing import Quirks, RunningGateway, ScriptedGateway
from tests.client._proxy import proxied
from tests.client.test_live import ENDLESS, TIMEOUT_S, until

QUICK = "sim://acme/batch-{}?files=5&duration_s=0.1&seed=7"
FAILING = "sim://acme/broken?files=5&duration_s=0.1&fail=fetch&seed=1"


@pytest.fixture(autouse=True)
def no_panel_stays_open() -> Iterator[None]:
    yield
    Widget.close_all()


def quick(count: int) -> list[str]:
    return [QUICK.format(number) for number in range(count)]


def ids_of(client: scanwatch.Client, targets: str) -> set[str]:
    """The scans the gateway has on record of targets that begin so."""
    rows = client.scans()
    return set(rows.index[rows.target.str.startswith(targets)])


def most_at_once(client: scanwatch.Client, batch: Batch) -> int:
    """How many of a batch's scans were under way at the same time, by the gateway's own records."""
    rows = client.scans().loc[[scan.id for scan in batch.scans]]
    return max(
        sum(one.created_at <= other.created_at < one.finished_at for one in rows.itertuples())
        for other in rows.itertuples()
    )


def test_so_many_run_at_once_and_the_next_starts_when_one_has_ended(client: scanwatch.Client) -> None:
    batch = client.scan_many([f"sim://acme/batch-{number}" for number in range(6)], max_in_flight=3, duration_s=0.6)
    assert batch.wait(TIMEOUT_S) is batch
    assert [scan.status for scan in batch.scans] == [ScanStatus.COMPLETED] * 6
    assert [scan.target for scan in batch.scans] == [f"sim://acme/batch-{number}" for number in range(6)]
    assert most_at_once(client, batch) == 3
    assert (batch.done(), batch.errors, batch.not_started) == (True, [], [])


def test_its_scans_can_be_iterated_as_they_start(client: scanwatch.Client) -> None:
    batch = client.scan_many([ENDLESS, *quick(3)], max_in_flight=1)
    scans = iter(batch)
    first = next(scans)
    assert (batch.scans, batch.not_started) == ([first], quick(3)), "it returned before they were started"
    first.cancel()
    assert [first, *scans] == batch.scans
    assert list(batch) == batch.scans, "and again"
    batch.wait(TIMEOUT_S)


def test_a_target_that_cannot_be_scanned_stops_no_other(client: scanwatch.Client) -> None:
    good = quick(2)
    batch = client.scan_many([good[0], "nothing://here", "./no/such/checkout", FAILING, good[1]]).wait(TIMEOUT_S)
    assert [str(scan.status) for scan in batch.scans] == ["completed", "failed", "completed"]
    assert [target for target, _ in batch.errors] == ["nothing://here", "./no/such/checkout"]
    assert all(isinstance(error, scanwatch.ScanwatchError) for _, error in batch.errors)
    assert "no/such/checkout" in str(batch.errors[1].error)


def test_as_completed_gives_those_that_were_not_started_yet_too(client: scanwatch.Client) -> None:
    batch = client.scan_many([*quick(5), "nothing://here"], max_in_flight=2)
    ended = list(scanwatch.as_completed(batch, timeout=TIMEOUT_S))
    assert sorted(scan.id for scan in ended) == sorted(scan.id for scan in batch.scans)
    assert len(ended) == 5


def test_waiting_for_a_batch_returns_when_it_is_told_to(client: scanwatch.Client) -> None:
    batch = client.scan_many([FAILING, *quick(4)], max_in_flight=1)
    assert scanwatch.wait(batch, TIMEOUT_S, return_when=FIRST_EXCEPTION).done == {batch.scans[0]}
    assert scanwatch.wait(batch, TIMEOUT_S, return_when=FIRST_COMPLETED).done
    assert scanwatch.wait(batch, TIMEOUT_S) == (set(batch.scans), set())
    assert len(batch.scans) == 5


def test_a_panel_of_a_batch_shows_each_scan_once_it_started(client: scanwatch.Client) -> None:
    batch = client.scan_many([ENDLESS, *quick(2)], max_in_flight=1)
    (first,) = [next(iter(batch))]
    panel = client.watch(batch)
    assert repr(panel) == "<Panel of 1 scan>"
    first.cancel()
    batch.wait(TIMEOUT_S)
    until(lambda: repr(panel) == "<Panel of 3 scans>")
    assert repr(client.watch(batch, batch.scans[0])) == "<Panel of 3 scans>"
    assert repr(client.watch(client.scan_many([]))) == "<Panel of 0 scans>"


def test_cancelling_it_starts_no_more_and_cancels_those_that_run(client: scanwatch.Client) -> None:
    batch = client.scan_many([ENDLESS] * 6, max_in_flight=2)
    until(lambda: len(batch.scans) == 2)
    batch.cancel()
    batch.cancel()
    batch.wait(TIMEOUT_S)
    assert [scan.status for scan in batch.scans] == [ScanStatus.CANCELLED] * 2
    assert batch.not_started == [ENDLESS] * 4


def test_closing_it_starts_no_more_and_leaves_those_that_run(client: scanwatch.Client) -> None:
    batch = client.scan_many([ENDLESS] * 3, max_in_flight=1)
    (scan,) = [next(iter(batch))]
    batch.close()
    batch.close()
    assert list(batch) == [scan]
    assert scan.refresh().done() is False
    batch.cancel()
    assert batch.wait(TIMEOUT_S).done()
    batch.close()


def test_time_that_runs_out_says_how_many_have_not_ended(client: scanwatch.Client) -> None:
    batch = client.scan_many([ENDLESS] * 3, max_in_flight=1)
    for wait in (lambda: batch.wait(0.05), lambda: list(scanwatch.as_completed(batch, timeout=0.05))):
        with pytest.raises(TimeoutError, match="3 of 3 scans have not ended within"):
            wait()
    batch.cancel()
    batch.wait(TIMEOUT_S)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ("sim://acme/payments", "client.scan"),
        (b"sim://acme/payments", "client.scan"),
        (Path(), "client.scan"),
        (None, "list of targets"),
        (7, "list of targets"),
        ({"sim://acme/payments": 1}, "list of targets"),
        (["sim://acme/payments", None], "not None"),
    ],
)
async def test_what_is_no_list_of_targets_is_refused_by_both_faces(
    gateway: RunningGateway, client: scanwatch.Client, targets: Any, words: str
) -> None:
    with pytest.raises(scanwatch.UsageError, match=words):
        client.scan_many(targets)
    async with scanwatch.AsyncClient(gateway.url) as other:
        with pytest.raises(scanwatch.UsageError, match=words):
            await other.scan_many(targets)


def test_wrong_options_are_refused_before_anything_starts(client: scanwatch.Client) -> None:
    for wrong in (0, -1, 2.5, "3", True, None):
        with pytest.raises(scanwatch.UsageError, match="max_in_flight is"):
            client.scan_many(quick(1), max_in_flight=wrong)  # type: ignore[arg-type]
    with pytest.raises(scanwatch.UsageError, match="option 'files'"):
        client.scan_many(quick(1), files=object())


def test_no_target_a_generator_and_the_same_target_twice_are_fine(client: scanwatch.Client) -> None:
    nothing = client.scan_many([])
    assert nothing.wait(0).done()
    assert (list(nothing), list(scanwatch.as_completed(nothing)), scanwatch.wait(nothing)) == ([], [], (set(), set()))
    one, other = client.scan_many((QUICK.format("same") for _ in range(2)), max_in_flight=2).wait(TIMEOUT_S).scans
    assert one.id != other.id
    assert one.target == other.target
    assert client.scan_many(["sim://acme/few"], files=3, duration_s=0.1).wait(TIMEOUT_S).scans[0].result().files == 3


def test_a_closed_client_ends_the_waiting_with_a_reason(gateway: RunningGateway) -> None:
    client = scanwatch.connect(gateway.url)
    batch = client.scan_many(quick(20), max_in_flight=1)
    until(lambda: bool(batch.scans))
    client.close()
    for wait in (batch.wait, lambda: list(batch), lambda: client.scan_many(quick(1))):
        with pytest.raises(scanwatch.ConnectionClosed):
            wait()
    batch.close()
    assert batch.not_started, "what was left out is there to be scanned by another client"


def test_a_gateway_that_is_away_for_a_while_costs_no_target(gateway: RunningGateway) -> None:
    with proxied(gateway.url) as proxy, scanwatch.connect(proxy.url) as client:
        targets = [QUICK.replace("batch", "away").format(number % 4) for number in range(8)]
        batch = client.scan_many(targets, max_in_flight=2)
        until(lambda: any(scan.done() for scan in batch.scans))
        proxy.cut()
        until(lambda: client.connection.state is ConnectionState.RECONNECTING)
        proxy.mend()
        batch.wait(TIMEOUT_S)
        assert batch.errors == []
        assert [scan.status for scan in batch.scans] == [ScanStatus.COMPLETED] * 8
        assert ids_of(client, "sim://acme/away-") == {scan.id for scan in batch.scans}, (
            "a request that was sent again started no second scan"
        )


def test_a_trigger_whose_answer_was_lost_is_sent_again_and_starts_one_scan(gateway: RunningGateway) -> None:
    with proxied(gateway.url) as proxy, scanwatch.connect(proxy.url) as client:
        client.scan(QUICK.format("before")).wait(TIMEOUT_S)
        proxy.cut_at_the_answer_to(b"/scan HTTP/1.1")
        batch = client.scan_many([QUICK.format(f"lost-{number}") for number in range(3)], max_in_flight=1)
        until(lambda: proxy.is_cut)
        proxy.mend()
        batch.wait(TIMEOUT_S)
        assert batch.errors == []
        assert {scan.id for scan in batch.scans} == ids_of(client, "sim://acme/batch-lost-")
        assert [scan.status for scan in batch.scans] == [ScanStatus.COMPLETED] * 3


def test_where_a_trigger_cannot_be_sent_again_only_the_one_without_an_answer_is_given_up() -> None:
    targets = [f"https://git.example/acme/{number}" for number in range(4)]
    with ScriptedGateway(Quirks()) as gateway, proxied(gateway.url) as proxy, scanwatch.connect(proxy.url) as client:
        client.scan_many(targets[:1]).wait(TIMEOUT_S)
        proxy.cut_at_the_answer_to(b"/scan HTTP/1.1")
        batch = client.scan_many(targets, max_in_flight=2)
        until(lambda: client.connection.state is ConnectionState.RECONNECTING)
        proxy.mend()
        batch.wait(TIMEOUT_S)
        assert [error.target for error in batch.errors] == targets[:1]
        assert [scan.target for scan in batch.scans] == targets[1:]


@pytest.mark.parametrize(("times", "lost"), [(2, 0), (99, 1)])
def test_a_gateway_that_is_away_before_a_scan_was_asked_for_is_asked_again_for_a_while(
    client: scanwatch.Client, monkeypatch: pytest.MonkeyPatch, times: int, lost: int
) -> None:
    monkeypatch.setattr("scanwatch.client._pace.LONGEST_PAUSE_S", 0.01)
    find, [first, *others] = client._core._registered.id_of, quick(3)
    away = iter([first] * times)

    async def find_unless_away(wanted: Wanted) -> str:
        if wanted.target in first and next(away, None):
            raise scanwatch.GatewayUnreachable("It is away.")
        return await find(wanted)

    monkeypatch.setattr(client._core._registered, "id_of", find_unless_away)
    batch = client.scan_many([first, *others]).wait(TIMEOUT_S)
    assert (len(batch.scans), [error.target for error in batch.errors]) == (3 - lost, [first] * lost)


def test_a_gateway_that_was_asked_too_often_is_asked_again_later() -> None:
    with ScriptedGateway(Quirks(busy=1)) as gateway, scanwatch.connect(gateway.url) as client:
        batch = client.scan_many(["https://git.example/acme/payments"] * 2).wait(TIMEOUT_S)
        assert [scan.status for scan in batch.scans] == [ScanStatus.COMPLETED] * 2
        assert batch.errors == []


def test_a_batch_cannot_be_pickled_and_has_a_plain_name(client: scanwatch.Client) -> None:
    batch = client.scan_many(quick(2))
    for way in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match=r"client\.attach"):
            way(batch)
    assert (repr(batch), repr(client.scan_many(quick(1)))) == ("<Batch of 2 targets>", "<Batch of 1 target>")
    batch.wait(TIMEOUT_S)


def test_a_batch_that_has_ended_listens_to_nothing(client: scanwatch.Client) -> None:
    batch = client.scan_many(quick(3), max_in_flight=2)
    assert len(list(scanwatch.as_completed(batch, timeout=TIMEOUT_S))) == 3
    batch.wait(TIMEOUT_S)
    half_way = scanwatch.as_completed(batch)
    assert next(half_way).done()
    del half_way
    gc.collect()
    listeners = client._core.listeners
    until(lambda: not (listeners._any or listeners._by_scan or listeners._taps))
    assert not batch._told._any


async def test_the_awaiting_batch_does_the_same(gateway: RunningGateway) -> None:
    async with scanwatch.AsyncClient(gateway.url) as client:
        batch = await client.scan_many([*quick(4), "nothing://here"], max_in_flight=2)
        assert isinstance(batch, AsyncBatch)
        started = [scan async for scan in batch]
        assert all(isinstance(scan, AsyncScan) for scan in started)
        ended = [scan async for scan in scanwatch.as_completed(batch, timeout=TIMEOUT_S)]
        assert set(ended) == set(started)
        assert await batch.wait(TIMEOUT_S) is batch
        assert (len(batch.scans), len(batch.errors)) == (4, 1)
        assert repr(await client.watch(batch)) == "<Panel of 4 scans>"
        endless = await client.scan_many([ENDLESS] * 3, max_in_flight=1)
        async for scan in endless:
            await endless.cancel()
            assert (await scan.wait(TIMEOUT_S)).status is ScanStatus.CANCELLED
        assert len((await endless.wait(TIMEOUT_S)).not_started) == 2
        another = await client.scan_many([ENDLESS])
        with pytest.raises(TimeoutError):
            await another.wait(0.05)
        await another.cancel()
