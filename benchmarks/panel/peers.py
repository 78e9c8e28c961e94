"""Who is compared: what each shows of the same rows, as code of a notebook's cells, and how to read it off the page."""

from __future__ import annotations

from dataclasses import dataclass

from tests.browser._lab import READ_PANEL

_PROGRESS_BARS = "document.querySelectorAll('.jp-OutputArea .widget-hprogress').length"


@dataclass(frozen=True)
class Peer:
    """One way to show rows."""

    name: str
    prepare: str
    """Before the clock starts: imports, the data; defines ``change(row)`` and ``done()`` for ``COUNT`` rows, and
    ``making_s()``, the CPU seconds that making the changes took, which showing them is not charged with."""
    show: str
    """The cell whose output is waited for."""
    shown: str
    """JavaScript: how many rows are on the page or a scroll away."""
    read: str
    """JavaScript: the number of files done, of every row on the page, in the rows' order."""


PANEL = Peer(
    name="scanwatch panel",
    prepare="""
from scanwatch.panel import Panel
from benchmarks.panel.stage import BenchFeed
feed = BenchFeed(COUNT)
change, done = feed.change, feed.done
making_s = lambda: beat.cpu_s - feed.telling_s
""",
    show="panel = Panel(feed)\npanel",
    shown="document.querySelector('.sw-row') && document.querySelector('.sw-list').getAttribute('aria-rowcount') - 1",
    read=READ_PANEL,
)

WIDGETS = Peer(
    name="one ipywidget per row",
    prepare="""
import ipywidgets
from benchmarks.panel.stage import TOTAL, done_after
counts = [0] * COUNT
rows = []
def change(row):
    counts[row] += 1
    if row < len(rows):
        name, bar, text, button = rows[row].children
        bar.value = done_after(counts[row])
        text.value = f"{done_after(counts[row])} of {TOTAL}"
done = lambda: [done_after(count) for count in counts]
making_s = lambda: 0.0
""",
    show="""
for number in range(COUNT):
    rows.append(ipywidgets.HBox([
        ipywidgets.Label(f"acme/service-{number}"),
        ipywidgets.IntProgress(max=TOTAL),
        ipywidgets.HTML(),
        ipywidgets.Button(description="Cancel"),
    ]))
ipywidgets.VBox(rows)
""",
    shown=_PROGRESS_BARS,
    read="""async () => [...document.querySelectorAll(".jp-OutputArea .widget-html .widget-html-content")]
        .map((node) => Number(node.textContent.split(" ")[0]))""",
)

TQDM = Peer(
    name="tqdm.notebook",
    prepare="""
from tqdm.notebook import tqdm
from benchmarks.panel.stage import TOTAL
bars = []
def change(row):
    if row < len(bars):
        if bars[row].n + 1 == TOTAL:
            bars[row].reset()
        bars[row].update(1)
done = lambda: [bar.n for bar in bars]
making_s = lambda: 0.0
""",
    show="for number in range(COUNT): bars.append(tqdm(total=TOTAL, desc=f'acme/service-{number}'))",
    shown=_PROGRESS_BARS,
    read="""async () => [...document.querySelectorAll(".jp-OutputArea .widget-hbox")]
        .map((node) => Number(node.lastElementChild.textContent.match(/(\\d+)\\//)?.[1]))""",
)

PEERS = (PANEL, WIDGETS, TQDM)
