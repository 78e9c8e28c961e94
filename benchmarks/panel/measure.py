"""One measurement: a peer with so many rows in a notebook of its own, in JupyterLab in Chromium."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from typing import Any

from peers import Peer
from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.browser._lab import Lab, NotebookPage, open_page, write_notebook

INSTRUMENT = """(() => {
    const bench = (window.bench = { messages: 0, bytes: 0, frames: 0, longest: 0, begun: 0, first: 0, all: 0 });
    const encoder = new TextEncoder();
    window.WebSocket = class extends WebSocket {
        constructor(...options) {
            super(...options);
            if (!String(options[0]).includes("/channels")) return;
            this.addEventListener("message", ({ data }) => {
                bench.messages += 1;
                bench.bytes += typeof data === "string" ? encoder.encode(data).length : data.byteLength ?? data.size;
            });
        }
    };
    let last = performance.now();
    const frame = (now) => {
        bench.frames += 1;
        bench.longest = Math.max(bench.longest, now - last);
        last = now;
        if (bench.begun && !bench.all) look(now);
        requestAnimationFrame(frame);
    };
    const look = () => {
        const shown = bench.shown();
        // A frame's callback runs before it is painted: what is there now can be seen with the next.
        if (shown > 0 && !bench.first) setTimeout(() => { bench.first = performance.now() - bench.begun; });
        if (shown >= bench.count) setTimeout(() => { bench.all = performance.now() - bench.begun; });
    };
    requestAnimationFrame(frame);
})()"""
RUN_LAST = """([count, shown]) => {
    Object.assign(bench, { count, shown: new Function(`return ${shown}`), begun: performance.now() });
    window.jupyterapp.commands.execute("notebook:run-cell");
}"""
WATCH_S = 5.0
SETTLE_S = 5.0
READ_LIMIT_S = 60.0


@dataclass(frozen=True)
class Measured:
    """What a peer did with so many rows; ``None``: not within the limit."""

    rows: int
    first_ms: float | None
    all_ms: float | None
    reachable: int
    fps: float | None
    longest_ms: float | None
    messages_per_s: float | None
    kb_per_s: float | None
    cpu_percent: float | None
    changes_per_s: float
    stale: int | None


def measure(peer: Peer, count: int, lab: Lab, browser: Browser, limit_s: float) -> Measured:
    """Show, watch for some seconds, stop, and compare the page with the truth."""
    name = f"{peer.name.split()[-1]}-{count}-{time.monotonic_ns()}.ipynb"
    write_notebook(lab.folder / name, peer.show)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(INSTRUMENT)
    try:
        return _Run(peer, count, open_page(lab, context, name)).measure(limit_s)
    finally:
        context.close()
        lab.shut_down_kernels()


@dataclass(frozen=True)
class Made:
    """What the kernel's beat has made, and what that alone took."""

    changes: int
    cpu_s: float

    def __sub__(self, earlier: Made) -> Made:
        return Made(self.changes - earlier.changes, self.cpu_s - earlier.cpu_s)


class _Run:
    def __init__(self, peer: Peer, count: int, notebook: NotebookPage) -> None:
        self._peer = peer
        self._count = count
        self._notebook = notebook
        self._page: Page = notebook.page

    def measure(self, limit_s: float) -> Measured:
        prepared = self._notebook.execute(
            f"COUNT = {self._count}\n{self._peer.prepare}\n"
            "from benchmarks.panel.stage import Beat\nimport os, json\nbeat = Beat(COUNT, change)\nprint(os.getpid())"
        )
        pid = int(prepared)
        self._warm_up()
        self._page.evaluate(RUN_LAST, [self._count, self._peer.shown])
        shown = self._wait_until_shown(limit_s)
        if shown is None:
            return Measured(self._count, None, None, 0, None, None, None, None, None, 0.0, None)
        made, before, used = self._beat(), self._counters(), _cpu_s(pid)
        self._page.wait_for_timeout(WATCH_S * 1000)
        after, used, made = self._counters(), _cpu_s(pid) - used, self._beat() - made
        self._notebook.execute("beat.stop()")
        passed_s = (after["now"] - before["now"]) / 1000
        per_s = {key: (after[key] - before[key]) / passed_s for key in ("messages", "bytes", "frames")}
        return Measured(
            rows=self._count,
            first_ms=shown["first"],
            all_ms=shown["all"] or None,
            reachable=int(after["reachable"]),
            fps=per_s["frames"],
            longest_ms=after["longest"],
            messages_per_s=per_s["messages"],
            kb_per_s=per_s["bytes"] / 1000,
            cpu_percent=(used - made.cpu_s) / passed_s * 100,
            changes_per_s=made.changes / passed_s,
            stale=self._stale(),
        )

    def _warm_up(self) -> None:
        """Have the front end's widget code loaded, as after any widget of the session."""
        self._notebook.execute("import ipywidgets; warm = ipywidgets.Label('warm')")

    def _beat(self) -> Made:
        changes, cpu_s = self._notebook.execute("print(beat.made, making_s())").split()
        return Made(int(changes), float(cpu_s))

    def _wait_until_shown(self, limit_s: float) -> dict[str, float] | None:
        with contextlib.suppress(PlaywrightTimeout):
            self._page.wait_for_function("() => bench.all", timeout=limit_s * 1000)
        counters = self._counters()
        return counters if counters.get("first") else None

    def _counters(self) -> dict[str, float]:
        """The page's counters; nothing of a page that does not answer any more."""
        script = """() => {
            const read = { ...bench, now: performance.now(), reachable: bench.shown() };
            bench.longest = 0;
            return JSON.stringify(read);
        }"""
        try:
            answer = self._page.wait_for_function(script, timeout=20_000)
        except PlaywrightTimeout:
            return {}
        return dict(json.loads(answer.json_value()))

    def _stale(self) -> int | None:
        """How many of the rows on the page do not show what is true, once everything had time to arrive."""
        self._page.wait_for_timeout(SETTLE_S * 1000)
        truth: list[Any] = json.loads(self._notebook.execute("print(json.dumps(done()))"))
        self._page.evaluate(f"() => {{ ({self._peer.read})().then((read) => {{ window.benchRead = {{ read }}; }}); }}")
        try:
            answer = self._page.wait_for_function("() => window.benchRead", timeout=READ_LIMIT_S * 1000)
        except PlaywrightTimeout:
            return None
        read = answer.json_value()["read"]
        return sum(1 for shown, wanted in zip(read, truth, strict=False) if shown != wanted)


def _cpu_s(pid: int) -> float:
    """CPU seconds a process has used, in all its threads."""
    return time.clock_gettime((~pid << 3) | 2)
