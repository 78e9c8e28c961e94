"""Rounds of random faults over many scans, with a report: ``make chaos``.

python -m tests.faults.chaos --rounds 20 --scans 300 --seed 1
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.client._proxy import proxied
from tests.faults.fleet import QUICK, fleet
from tests.faults.judge import Verdict, Watcher, judge

WATCHERS = 4
FAULTS = 3
"""In each round at least."""
SCAN_S = 3.0


class Round:
    """One round: scans are triggered all along while one fault after the other is done to the fleet."""

    def __init__(self, folder: Path, chance: random.Random, scans: int) -> None:
        self._folder = folder
        self._chance = chance
        self._scans = scans
        self.accepted: list[str] = []
        self.faults: list[str] = []
        self.recovered_s = 0.0

    def run(self) -> Verdict:
        with ExitStack() as ending:
            self._fleet = ending.enter_context(fleet(self._folder, gateways=2, workers=2, worker_options=QUICK))
            self._balancer = ending.enter_context(proxied(self._fleet.url(0)))
            watchers = [Watcher(self._balancer.url) for _ in range(WATCHERS)]
            for watcher in watchers:
                ending.callback(watcher.close)
            trigger = threading.Thread(target=self._trigger, args=(watchers,), name="trigger")
            trigger.start()
            while trigger.is_alive() or len(self.faults) < FAULTS:
                self._do_something()
                trigger.join(self._chance.uniform(0.5, 1.5))
            begun = time.monotonic()
            verdict = judge(self._fleet.url(0), self.accepted, watchers)
            self.recovered_s = time.monotonic() - begun
        return verdict

    def _trigger(self, watchers: list[Watcher]) -> None:
        for number in range(self._scans):
            fails = "&fail=fetch:1" if number % 5 == 0 else ""
            target = f"sim://acme/repository-{number}?files=20&duration_s={SCAN_S}{fails}"
            scan_id = self._chance.choice(watchers).trigger(target)
            self.accepted.append(scan_id)
            for watcher in watchers:
                if scan_id not in watcher.heard:
                    watcher.watch(scan_id)
            time.sleep(SCAN_S / 10)

    def _do_something(self) -> None:
        faults: list[Callable[[], None]] = [
            *(self._kill_a_worker, self._kill_a_gateway, self._pause_a_worker, self._restart_redis),
            *(self._kill_redis, self._hang_redis, self._cut_the_network),
            *(self._replace_a_worker, self._replace_a_gateway),
        ]
        fault = self._chance.choice(faults)
        fault()
        self.faults.append(fault.__name__.strip("_").replace("_", " "))

    def _kill_a_worker(self) -> None:
        self._fleet.lose_worker(self._chance.randrange(2))
        self._fleet.start(gateways=0, workers=1)

    def _kill_a_gateway(self) -> None:
        self._fleet.lose_gateway(0)
        self._balancer.lead_to(self._fleet.url(0))
        self._fleet.start(gateways=1, workers=0)

    def _pause_a_worker(self) -> None:
        worker = self._chance.choice(self._fleet.workers)
        worker.send(signal.SIGSTOP)
        time.sleep(self._chance.uniform(2.5, 4))
        worker.send(signal.SIGCONT)

    def _restart_redis(self) -> None:
        self._fleet.redis.stop()
        time.sleep(self._chance.uniform(0.2, 2.5))
        self._fleet.redis.start()

    def _kill_redis(self) -> None:
        self._fleet.redis.kill()
        time.sleep(self._chance.uniform(0.2, 2.5))
        self._fleet.redis.start()

    def _hang_redis(self) -> None:
        os.kill(self._fleet.redis.pid, signal.SIGSTOP)
        time.sleep(self._chance.uniform(1, 7))
        os.kill(self._fleet.redis.pid, signal.SIGCONT)

    def _cut_the_network(self) -> None:
        self._balancer.cut()
        time.sleep(self._chance.uniform(0.2, 2))
        self._balancer.mend()

    def _replace_a_worker(self) -> None:
        self._fleet.start(gateways=0, workers=1)
        self._fleet.workers.pop(0).stop()

    def _replace_a_gateway(self) -> None:
        self._fleet.start(gateways=1, workers=0)
        self._balancer.lead_to(self._fleet.url(1))
        self._fleet.gateways.pop(0).stop()


def chaos(rounds: int, scans: int, seed: int) -> bool:
    """Run the rounds and print the report; true if no guarantee was broken."""
    total, recovered, faults = Verdict(), [], Counter[str]()
    for number in range(rounds):
        per_round = scans * (number + 1) // rounds - scans * number // rounds
        with tempfile.TemporaryDirectory() as folder:
            this = Round(Path(folder), random.Random(f"{seed}/{number}"), per_round)
            verdict = this.run()
        total += verdict
        faults.update(this.faults)
        recovered.append(this.recovered_s)
        judged = "clean" if verdict.clean else f"BROKEN {verdict}"
        print(f"round {number + 1}: {judged}; {verdict.events} events; {', '.join(this.faults)}", flush=True)
    recovered.sort()
    print(f"rounds {rounds}, faults {faults.total()}, seed {seed}, {WATCHERS} watchers")
    print("faults done: " + ", ".join(f"{fault} {count}" for fault, count in faults.most_common()))
    print(f"scans {total.scans}, events logged {total.events}, events heard {total.heard}")
    print(f"scans without an end {total.unfinished}, ends missing or repeated {total.ends_missing_or_repeated}")
    print(f"events lost {total.lost}, duplicated {total.duplicated}, histories out of order {total.disordered}")
    median, longest = recovered[len(recovered) // 2], recovered[-1]
    print(
        f"after the last fault everything had ended and was heard within: median {median:.1f} s, most {longest:.1f} s"
    )
    return total.clean


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--scans", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    return 0 if chaos(given.rounds, given.scans, given.seed) else 1


if __name__ == "__main__":
    sys.exit(main())
