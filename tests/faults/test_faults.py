"""Processes die, pause and lose their network; no event is lost, doubled or out of order, and every scan ends once.

What the guarantees are is said in ``docs/scaling.md``; ``judge`` counts every breach of them. How long things took is
printed (``-s``), and never asserted.

@gxp-spec SPEC-003-006 "Shared queue and workers"
@trace US-003-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.client._proxy import proxied
from tests.faults.chaos import chaos
from tests.faults.fleet import Fleet, fleet, wait_for
from tests.faults.judge import Verdict, Watcher, history_of, judge

pytestmark = [pytest.mark.needs("redis"), pytest.mark.timeout(400)]

FIELD_SETTINGS = ("--grace", "0s")
"""What a worker does when it is told nothing else: a lock of 10 s, a look for lost ones every 5 s."""


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


class Scene:
    """A fleet, a balancer before it, and watchers; scans that take some seconds."""

    def __init__(
        self, ending: ExitStack, folder: Path, *, gateways: int, workers: int, **options: tuple[str, ...]
    ) -> None:
        self.ending = ending
        self.fleet: Fleet = ending.enter_context(fleet(folder, gateways=gateways, workers=workers, **options))
        self.balancer = ending.enter_context(proxied(self.fleet.url()))
        self.watchers: list[Watcher] = []
        self.scans: list[str] = []
        self.watcher(self.balancer.url)

    def watcher(self, url: str) -> Watcher:
        made = Watcher(url)
        self.ending.callback(made.close)
        self.watchers.append(made)
        return made

    def scan(self, count: int, duration_s: float = 3) -> None:
        """Start so many, watched by everybody; all of them are under way when this returns, or wait for a worker."""
        for _ in range(count):
            number = len(self.scans)
            scan_id = self.watchers[0].trigger(f"sim://acme/repository-{number}?files=20&duration_s={duration_s}")
            self.scans.append(scan_id)
            for watcher in self.watchers[1:]:
                watcher.watch(scan_id)

    def under_way(self, scan_id: str | None = None) -> bool:
        heard = self.watchers[0].heard[scan_id or self.scans[0]]
        return len(heard.seqs) > 4

    def statuses(self, scan_id: str) -> list[str]:
        return [str(event.get("status")) for event in history_of(self.fleet.url(), scan_id)]

    def judge(self) -> Verdict:
        verdict = judge(self.fleet.url(), self.scans, self.watchers)
        print(verdict)
        return verdict


def count_restarts(scene: Scene) -> int:
    return sum(scene.statuses(scan_id).count("restarted") for scan_id in scene.scans)


def test_a_killed_workers_scans_are_taken_over_and_their_histories_say_so(ending: ExitStack, tmp_path: Path) -> None:
    scene = Scene(ending, tmp_path, gateways=1, workers=1)
    scene.scan(2)
    wait_for("work", scene.under_way)
    scene.fleet.lose_worker()
    scene.fleet.start(gateways=0, workers=1)
    assert scene.judge().clean
    assert count_restarts(scene) == 2


@pytest.mark.slow
def test_with_the_settings_of_the_field_a_lost_worker_is_replaced_by_another(ending: ExitStack, tmp_path: Path) -> None:
    scene = Scene(ending, tmp_path, gateways=1, workers=1, worker_options=FIELD_SETTINGS)
    scene.scan(3, duration_s=20)
    wait_for("work", lambda: all(map(scene.under_way, scene.scans)))
    scene.fleet.start(gateways=0, workers=1)
    scene.fleet.lose_worker(0)
    took = wait_for("the take-over", lambda: count_restarts(scene) == 3)
    print(f"taken over after {took:.1f} s")
    assert scene.judge().clean
    assert count_restarts(scene) == 3


@pytest.mark.slow
def test_two_crashes_in_a_row_are_two_restarts_of_one_attempt(ending: ExitStack, tmp_path: Path) -> None:
    scene = Scene(ending, tmp_path, gateways=1, workers=1)
    scene.scan(1, duration_s=6)
    for crashes in (1, 2):
        wait_for("work", lambda: history_of(scene.fleet.url(), scene.scans[0])[-1].get("phase") == "parse")
        scene.fleet.lose_worker()
        scene.fleet.start(gateways=0, workers=1)
        wait_for("the restart", lambda wanted=crashes: count_restarts(scene) == wanted)
    assert scene.judge().clean
    assert {event.get("attempt", 1) for event in history_of(scene.fleet.url(), scene.scans[0])} == {1}


@pytest.mark.slow
def test_fifty_clients_of_a_killed_gateway_go_on_at_another(ending: ExitStack, tmp_path: Path) -> None:
    scene = Scene(ending, tmp_path, gateways=2, workers=1)
    for _ in range(49):
        scene.watcher(scene.balancer.url)
    scene.scan(3, duration_s=15)
    wait_for("work", lambda: all(watcher.heard[scene.scans[0]].seqs for watcher in scene.watchers))
    scene.balancer.lead_to(scene.fleet.url(1))
    scene.fleet.lose_gateway(0)
    heard = [len(watcher.heard[scene.scans[0]].seqs) for watcher in scene.watchers]
    resumed = wait_for(
        "every client's next event",
        lambda: all(len(w.heard[scene.scans[0]].seqs) > n for w, n in zip(scene.watchers, heard, strict=True)),
    )
    print(f"all 50 resumed after {resumed:.1f} s")
    verdict = scene.judge()
    assert verdict.clean
    assert verdict.heard >= 50 * 3


@pytest.mark.slow
@pytest.mark.parametrize("down_s", [3, 25])
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_redis_that_was_away_comes_back_and_nothing_is_missing(
    ending: ExitStack, tmp_path: Path, end: str, down_s: float
) -> None:
    scene = Scene(ending, tmp_path, gateways=2, workers=2, worker_options=FIELD_SETTINGS)
    scene.watcher(scene.fleet.url(1))
    scene.scan(8, duration_s=10)
    wait_for("work", scene.under_way)
    redis = scene.fleet.redis
    (redis.stop if end == "stop" else redis.kill)()
    time.sleep(down_s)
    redis.start()
    heard = len(scene.watchers[0].heard[scene.scans[0]].seqs)
    took = wait_for("the next event", lambda: len(scene.watchers[0].heard[scene.scans[0]].seqs) > heard)
    assert scene.judge().clean
    print(f"Redis ({end}, {down_s} s): the next event {took:.1f} s after it was back; restarts {count_restarts(scene)}")


@pytest.mark.slow
def test_a_worker_that_slept_past_its_lock_is_fenced(ending: ExitStack, tmp_path: Path) -> None:
    scene = Scene(ending, tmp_path, gateways=1, workers=1)
    scene.scan(3, duration_s=8)
    wait_for("work", lambda: all(map(scene.under_way, scene.scans)))
    sleeper = scene.fleet.workers[0]
    sleeper.send(signal.SIGSTOP)
    scene.fleet.start(gateways=0, workers=1)
    wait_for("the take-over", lambda: count_restarts(scene) == 3)
    sleeper.send(signal.SIGCONT)
    assert scene.judge().clean
    assert count_restarts(scene) == 3
    assert sleeper.alive


@pytest.mark.slow
def test_a_client_that_was_cut_off_misses_nothing(ending: ExitStack, tmp_path: Path) -> None:
    scene = Scene(ending, tmp_path, gateways=1, workers=1)
    scene.scan(3, duration_s=8)
    wait_for("work", scene.under_way)
    for _ in range(3):
        scene.balancer.cut()
        time.sleep(1)
        scene.balancer.mend()
        time.sleep(1)
    assert scene.judge().clean


@pytest.mark.slow
def test_a_gateway_that_was_cut_off_from_redis_catches_up(ending: ExitStack, tmp_path: Path) -> None:
    scene = Scene(ending, tmp_path, gateways=1, workers=1)
    way = ending.enter_context(proxied(f"http://127.0.0.1:{scene.fleet.redis.port}"))
    scene.fleet.start(gateways=1, workers=0, store=way.url.replace("http://", "redis://"))
    scene.watcher(scene.fleet.url(1))
    scene.scan(3, duration_s=10)
    wait_for("work", lambda: bool(scene.watchers[1].heard[scene.scans[0]].seqs))
    way.cut()
    time.sleep(4)
    way.mend()
    assert scene.judge().clean


@pytest.mark.slow
def test_a_rolling_restart_under_load_costs_nobody_an_event(ending: ExitStack, tmp_path: Path) -> None:
    scene = Scene(ending, tmp_path, gateways=2, workers=2, worker_options=FIELD_SETTINGS)
    scene.scan(12, duration_s=4)
    restarts: list[Callable[[], None]] = [lambda: _replace_worker(scene), lambda: _replace_gateway(scene)] * 2
    for restart in restarts:
        restart()
        scene.scan(3, duration_s=3)
    assert scene.judge().clean
    assert count_restarts(scene) == 0


@pytest.mark.slow
def test_a_round_of_random_faults_breaks_no_guarantee() -> None:
    assert chaos(rounds=1, scans=15, seed=7)


def _replace_worker(scene: Scene) -> None:
    scene.fleet.start(gateways=0, workers=1)
    assert scene.fleet.workers.pop(0).stop() == 0


def _replace_gateway(scene: Scene) -> None:
    scene.fleet.start(gateways=1, workers=0)
    scene.balancer.lead_to(scene.fleet.url(1))
    assert scene.fleet.gateways.pop(0).stop() == 0
