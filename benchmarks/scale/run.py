"""What an installation of two gateways and two workers carries on this machine, and how its cost grows.

    python benchmarks/scale/run.py [--quick] [--no-docs]

Redis, gateways, workers and the load clients share the machine's cores: the rates are those of the machine, the CPU
seconds are each process's own. Needs a C compiler for the load client. Writes ``build/bench/scale.json``, and puts the
tables and the plot into ``docs/scaling.md``.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from installation import SETTLE_S, Costs, Installation, ask, installed, machine, waited, watched

WATCHERS = (100, 1_000, 5_000)
SCANS = (10, 50, 150)
HISTORY = (0, 1_000, 5_000)
PACE_S = 0.1


def fan(watchers: int, *, events: int, paced: int) -> dict[str, float]:
    """One scan and its watchers, half of them at each gateway."""
    with installed(scans=1) as made, watched(made, watchers) as loads:
        _warm_up(made, loads, watchers)
        before, begun = made.costs(), made.emit(events)
        burst = waited(made, loads, watchers, 2)
        made.emitted()
        cost = _since(made, before)
        for load in loads:
            load.reset()
        made.emit(paced, interval_s=PACE_S)
        pace = waited(made, loads, watchers, 3)
        made.emitted()
    return {
        "watchers": watchers,
        "delivered_per_s": burst["events"] / (burst["last_ns"] - begun) * 1e9,
        "gateway_cpu_us_per_delivery": cost.gateway / burst["events"] * 1e6,
        "p50_ms": pace["p50_ms"],
        "p99_ms": pace["p99_ms"],
    }


def many(scans: int, *, events: int) -> dict[str, float]:
    """Many scans at once, one watcher each: events from the scanners' reports to the sockets."""
    with installed(scans=scans) as made, watched(made, scans) as loads:
        _warm_up(made, loads, scans)
        before, begun = made.costs(), made.emit(events)
        counts = waited(made, loads, scans, 2)
        made.emitted()
        cost = _since(made, before)
    total = scans * events
    return {
        "scans": scans,
        "events_per_s": total / (counts["last_ns"] - begun) * 1e9,
        "gateway_cpu_us": cost.gateway / total * 1e6,
        "worker_cpu_us": cost.worker / total * 1e6,
        "redis_cpu_us": cost.redis / total * 1e6,
    }


def history(ended: int, *, scans: int) -> dict[str, float]:
    """Scans from the trigger to the end, with so many that have ended before; what a list then costs."""
    with installed(scans=0, concurrency=50) as made:
        repository = ask(made.ports[0], "POST", "/api/v1/repositories", _sim("bench"))["id"]
        if ended:
            _run(made, repository, ended)
        memory = _redis_memory(made)
        before, begun = made.costs(), time.monotonic()
        _run(made, repository, scans)
        took = time.monotonic() - begun
        cost = _since(made, before)
        grown = _redis_memory(made) - memory
        lists = sorted(_timed(made.ports[0], "/api/v1/scans?limit=100") for _ in range(9))
    return {
        "ended_before": ended,
        "scans_per_s": scans / took,
        "gateway_cpu_ms": cost.gateway / scans * 1e3,
        "worker_cpu_ms": cost.worker / scans * 1e3,
        "redis_cpu_ms": cost.redis / scans * 1e3,
        "redis_kb": grown / scans / 1024,
        "list_ms": lists[len(lists) // 2] * 1e3,
    }


def _run(made: Installation, repository: str, scans: int) -> None:
    """Trigger so many scans and wait until all have ended."""
    path = f"/api/v1/repositories/{repository}/scan"
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: ask(made.ports[n % len(made.ports)], "POST", path, {}), range(scans)))
    unfinished = "/api/v1/scans?limit=1&status=pending,queued,in_progress"
    while ask(made.ports[0], "GET", unfinished)["pagination"]["total"]:
        time.sleep(0.05)


def _sim(name: str) -> dict[str, str]:
    return {"name": name, "gitUrl": f"sim://{name}/scans?files=5&duration_s=0"}


def _timed(port: int, path: str) -> float:
    begun = time.monotonic()
    ask(port, "GET", path)
    return time.monotonic() - begun


def _redis_memory(made: Installation) -> int:
    import redis

    with redis.Redis(port=made.redis.port) as client:
        return int(client.info("memory")["used_memory"])


def _since(made: Installation, before: Costs) -> Costs:
    now = made.costs()
    return Costs(now.gateway - before.gateway, now.worker - before.worker, now.redis - before.redis)


def _warm_up(made: Installation, loads: list[Any], marks: int) -> None:
    time.sleep(SETTLE_S)
    made.emit(3)
    waited(made, loads, marks, 1)
    made.emitted()
    for load in loads:
        load.reset()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="a rough picture, docs left alone")
    options.add_argument("--no-docs", action="store_true", help="leave docs/scaling.md as it is")
    options.add_argument("--only", choices=("watchers", "scans", "history"), help="one part, docs left alone")
    chosen = options.parse_args()
    machine.compile_load()
    less = 4 if chosen.quick else 1
    parts = {
        "watchers": lambda: (fan(n, events=max(50, 200_000 // n) // less, paced=40 // less) for n in WATCHERS),
        "scans": lambda: (many(n, events=6_000 // n // less) for n in SCANS),
        "history": lambda: (history(n // less, scans=200 // less) for n in HISTORY),
    }
    wanted = [chosen.only] if chosen.only else list(parts)
    file = machine.BUILD / "scale.json"
    results = json.loads(file.read_text(encoding="utf-8")) if chosen.only and file.exists() else {}
    for part in wanted:
        results[part] = []
        for row in parts[part]():
            results[part].append(row)
            print(part, {name: round(value, 2) for name, value in row.items()}, flush=True)
    results["machine"] = f"{len(machine.CORES)} cores of {machine.model()}, load {machine.load_average():.1f}"
    file.write_text(json.dumps(results, indent=2), encoding="utf-8")
    if not (chosen.quick or chosen.no_docs or chosen.only):
        from report import write

        write(results)


if __name__ == "__main__":
    main()
