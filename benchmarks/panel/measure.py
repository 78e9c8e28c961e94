"""One measurement: a peer with so many rows in a notebook of its own, in JupyterLab in Chromium."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass, replace
from typing import Any

from kernel import Kernel, NoAnswer, connected
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
READ = """(read) => {
    window.benchReading ??= eval(read)().then((rows) => { window.benchRead = { rows }; });
    return window.benchRead;
}"""
WATCH_S = 20.0
"""As long as the panel's rarest message, the snapshot of 5 000 rows, takes to come again."""
SETTLE_S = 5.0
PAGE_LIMIT_S = 60.0
STALE_TOLD = 5
"""Of so many stale rows the report says what they show."""


@dataclass(frozen=True)
class Measured:
    """What a peer did with so many rows; ``None``: not within the limit, of which ``remark`` says more."""

    rows: int
    first_ms: float | None = None
    all_ms: float | None = None
    reachable: int | None = None
    fps: float | None = None
    longest_ms: float | None = None
    messages_per_s: float | None = None
    kb_per_s: float | None = None
    cpu_percent: float | None = None
    making_percent: float | None = None
    """CPU that making the changes took, which ``cpu_percent`` is without."""
    changes_per_s: float | None = None
    stale: int | None = None
    remark: str = ""


def measure(peer: Peer, count: int, lab: Lab, browser: Browser, limit_s: float) -> Measured:
    """Show, watch for some seconds, stop, and compare the page with the truth."""
    name = f"{peer.name.split()[-1]}-{count}-{time.monotonic_ns()}.ipynb"
    write_notebook(lab.folder / name, peer.show)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(INSTRUMENT)
    try:
        notebook = open_page(lab, context, name)
        with connected(lab.connection_file(notebook.kernel_id)) as kernel:
            return _Run(peer, count, notebook, kernel).measure(limit_s)
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
    def __init__(self, peer: Peer, count: int, notebook: NotebookPage, kernel: Kernel) -> None:
        self._peer = peer
        self._count = count
        self._notebook = notebook
        self._page: Page = notebook.page
        self._kernel = kernel

    def measure(self, limit_s: float) -> Measured:
        self._prepare()
        self._page.evaluate(RUN_LAST, [self._count, self._peer.shown])
        measured = Measured(self._count)
        try:
            measured = self._wait_until_shown(limit_s)
            measured = self._watch(measured)
            stale = self._stale()
            return replace(measured, stale=len(stale), remark="; ".join(stale[:STALE_TOLD]))
        except NoAnswer as none:
            return replace(measured, remark=str(none))

    def _prepare(self) -> None:
        """Make the data and let it change; have the front end's widget code loaded, as after any such widget."""
        self._notebook.execute(
            f"COUNT = {self._count}\n{self._peer.prepare}\n"
            "from benchmarks.panel.stage import Beat\nimport os\nbeat = Beat(COUNT, change)"
        )
        self._notebook.execute("import ipywidgets; warm = ipywidgets.Label('warm')")

    def _wait_until_shown(self, limit_s: float) -> Measured:
        with contextlib.suppress(PlaywrightTimeout):
            self._page.wait_for_function("() => bench.all", timeout=limit_s * 1000)
        shown = self._counters()
        if not shown["first"]:
            raise NoAnswer(f"nothing was shown after {limit_s:.0f} s")
        return Measured(self._count, shown["first"], shown["all"] or None, int(shown["reachable"]))

    def _watch(self, measured: Measured) -> Measured:
        # What is told but once, when the rows have just been shown, is no part of what a panel costs all day.
        self._page.wait_for_timeout(SETTLE_S * 1000)
        pid = self._kernel.ask("os.getpid()")
        made, before, used = self._beat(), self._counters(), _cpu_s(pid)
        self._page.wait_for_timeout(WATCH_S * 1000)
        after, used, made = self._counters(), _cpu_s(pid) - used, self._beat() - made
        passed_s = (after["now"] - before["now"]) / 1000
        per_s = {key: (after[key] - before[key]) / passed_s for key in ("messages", "bytes", "frames")}
        return replace(
            measured,
            reachable=int(after["reachable"]),
            fps=per_s["frames"],
            longest_ms=after["longest"],
            messages_per_s=per_s["messages"],
            kb_per_s=per_s["bytes"] / 1000,
            cpu_percent=(used - made.cpu_s) / passed_s * 100,
            making_percent=made.cpu_s / passed_s * 100,
            changes_per_s=made.changes / passed_s,
        )

    def _beat(self) -> Made:
        return Made(*self._kernel.ask("(beat.made, making_s())"))

    def _counters(self) -> dict[str, float]:
        """The page's counters."""
        return dict(
            json.loads(
                self._answer_of(
                    """() => {
                        const read = { ...bench, now: performance.now(), reachable: bench.shown() };
                        bench.longest = 0;
                        return JSON.stringify(read);
                    }"""
                )
            )
        )

    def _stale(self) -> list[str]:
        """Which of the rows on the page do not show what is true, once everything had time to arrive."""
        self._kernel.ask("None", "beat.stop()")
        self._page.wait_for_timeout(SETTLE_S * 1000)
        truth: list[Any] = self._kernel.ask("done()")
        read: list[Any] = self._answer_of(READ, f"({self._peer.read})")["rows"]
        wrong = [
            f"row {row:,} shows {shown} where {wanted} is true"
            for row, (shown, wanted) in enumerate(zip(read, truth, strict=False))
            if shown != wanted
        ]
        missing = range(len(read), int(self._counters()["reachable"]))
        return wrong + [f"row {row:,} was not found" for row in missing]

    def _answer_of(self, script: str, argument: object = None) -> Any:
        """What the page says as soon as it says anything; one that is busy says nothing."""
        try:
            return self._page.wait_for_function(script, arg=argument, timeout=PAGE_LIMIT_S * 1000).json_value()
        except PlaywrightTimeout:
            raise NoAnswer(f"the page did not answer for {PAGE_LIMIT_S:.0f} s") from None


def _cpu_s(pid: int) -> float:
    """CPU seconds a process has used, in all its threads."""
    return time.clock_gettime((~pid << 3) | 2)
