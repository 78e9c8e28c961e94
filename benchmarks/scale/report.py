"""The tables and the plot of the scale benchmark, put into ``docs/scaling.md`` between its marks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from installation import ROOT, machine

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PAGE = ROOT / "docs" / "scaling.md"
PLOT = ROOT / "docs" / "images" / "scaling.png"

Rows = list[dict[str, float]]

_TABLES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "watchers": (
        ("watchers", "watchers of one scan", ",.0f"),
        ("delivered_per_s", "delivered/s", ",.0f"),
        ("gateway_cpu_us_per_delivery", "gateway CPU, us a delivery", ",.1f"),
        ("p50_ms", "worker to client p50, ms", ",.1f"),
        ("p99_ms", "p99, ms", ",.1f"),
    ),
    "scans": (
        ("scans", "scans at once", ",.0f"),
        ("events_per_s", "events/s, report to socket", ",.0f"),
        ("worker_cpu_us", "worker CPU, us an event", ",.0f"),
        ("gateway_cpu_us", "both gateways' CPU, us", ",.0f"),
        ("redis_cpu_us", "Redis CPU, us", ",.0f"),
    ),
    "history": (
        ("ended_before", "scans ended before", ",.0f"),
        ("scans_per_s", "scans/s, trigger to end", ",.1f"),
        ("worker_cpu_ms", "worker CPU, ms a scan", ",.1f"),
        ("gateway_cpu_ms", "both gateways' CPU, ms", ",.1f"),
        ("redis_cpu_ms", "Redis CPU, ms", ",.1f"),
        ("redis_kb", "Redis memory, KB a scan", ",.1f"),
        ("list_ms", "list of 100, ms", ",.1f"),
    ),
}


def write(results: dict[str, Any]) -> None:
    """Put the results into the page, and the plot beside it."""
    parts = [f"Measured on {results['machine']}, with everything on it: two gateways, two workers, Redis, the clients."]
    parts += [_table(part, results[part]) for part in _TABLES if part in results]
    parts.append("![How cost grows with watchers, scans and history](images/scaling.png)")
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}{after}", encoding="utf-8")
    _plot(results)


def _table(part: str, rows: Rows) -> str:
    columns = _TABLES[part]
    lines = ["| " + " | ".join(words for _, words, _ in columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(format(row[name], shown) for name, _, shown in columns) + " |" for row in rows]
    return "\n".join(lines)


def _plot(results: dict[str, Any]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.3 * sum(part in results for part in _TABLES), 3), layout="constrained")
    FigureCanvasAgg(figure)
    shown = (
        ("watchers", "watchers", {"p50_ms": "p50, ms", "p99_ms": "p99, ms"}),
        ("scans", "scans", {"worker_cpu_us": "worker", "gateway_cpu_us": "gateways", "redis_cpu_us": "Redis"}),
        ("history", "ended_before", {"worker_cpu_ms": "worker", "gateway_cpu_ms": "gateways", "redis_cpu_ms": "Redis"}),
    )
    titles = ("delay by watchers of a scan", "CPU us an event, by scans at once", "CPU ms a scan, by scans kept")
    there = [(title, *one) for title, one in zip(titles, shown, strict=True) if one[0] in results]
    for number, (title, part, across, lines) in enumerate(there, 1):
        axes = figure.add_subplot(1, len(there), number)
        rows: Rows = results[part]
        for name, words in lines.items():
            axes.plot([row[across] for row in rows], [row[name] for row in rows], marker="o", label=words)
        axes.set_title(title, fontsize=9)
        axes.set_xscale("symlog")
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=7, frameon=False)
        axes.tick_params(labelsize=7)
    figure.savefig(PLOT, dpi=120)


if __name__ == "__main__":
    write(json.loads((machine.BUILD / "scale.json").read_text(encoding="utf-8")))
    assert Path(PLOT).exists()
