"""The panel beside one widget per row and beside tqdm.notebook, in JupyterLab in Chromium, in one run.

    python benchmarks/panel/run.py [--rows 50 200 1000 5000] [--limit 30] [--only panel] [--keep] [--docs]

Needs Chromium. The report goes to ``build/bench/panel.md``, every value to ``panel.json`` beside it; ``--docs`` also
puts the table into ``docs/performance.md``. ``benchmarks/README.md`` says how to read it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # the browser's and the server's handling is that of the tests

import report  # noqa: E402
from measure import Measured, measure  # noqa: E402
from peers import PEERS  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser._lab import CHROMIUM, CHROMIUM_FLAGS, start_lab  # noqa: E402

BUILD = ROOT / "build" / "bench"


def main() -> None:
    """Measure every peer with every number of rows, then report."""
    options = _options()
    peers = [peer for peer in PEERS if options.only in peer.name]
    values = (_earlier() if options.keep else {}) | {peer.name: [] for peer in peers}
    with tempfile.TemporaryDirectory() as home, start_lab(Path(home)) as lab, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        for peer in peers:
            for count in sorted(options.rows):
                print(f"{peer.name}, {count} rows ...", flush=True)
                measured = measure(peer, count, lab, browser, options.limit)
                values[peer.name].append(measured)
                setting = report.Setting(browser.version, options.limit)
                _write(report.markdown(values, setting), values, options.docs)  # what there is, should it be stopped
                if measured.first_ms is None:  # nor would it show more
                    break
        browser.close()
    print((BUILD / "panel.md").read_text(encoding="utf-8"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[50, 200, 1000, 5000])
    parser.add_argument("--limit", type=float, default=30.0, help="seconds after which rows count as not shown")
    parser.add_argument("--only", default="", help="a part of the name of those to measure")
    parser.add_argument("--keep", action="store_true", help="keep what the last run has measured of the others")
    parser.add_argument("--docs", action="store_true", help="put the table into docs/performance.md")
    return parser.parse_args()


def _earlier() -> dict[str, list[Measured]]:
    """What the last run has measured of each peer."""
    kept = json.loads((BUILD / "panel.json").read_text(encoding="utf-8"))
    return {name: [Measured(**one) for one in of] for name, of in kept.items()}


def _write(markdown: str, values: dict[str, list[Measured]], into_docs: bool) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "panel.md").write_text(markdown, encoding="utf-8")
    everything = {name: [asdict(one) for one in of] for name, of in values.items()}
    (BUILD / "panel.json").write_text(json.dumps(everything, indent=1), encoding="utf-8")
    if into_docs:
        report.put_into_docs(markdown)


if __name__ == "__main__":
    main()
