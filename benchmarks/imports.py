"""What importing costs: fresh interpreters, `import scanwatch` beside an empty script, and first uses that load more.

python benchmarks/imports.py            about half a minute
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

CASES = {
    "an empty script": "pass",
    "import scanwatch": "import scanwatch",
    "scanwatch.connect": "import scanwatch; scanwatch.connect",
    "scanwatch.panel.Panel": "from scanwatch.panel import Panel",
    "scanwatch.tables": "import scanwatch.tables",
    "import pandas, alone": "import pandas",
}
GOAL_MS = 150


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--repetitions", type=int, default=7, metavar="N", help="of each case, taking turns (%(default)s)"
    )
    repetitions = parser.parse_args().repetitions
    taken: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(repetitions + 1):  # the first is to warm the disk's cache
        for name, code in CASES.items():
            taken[name].append(seconds(code))
    medians = {name: statistics.median(values[1:]) * 1000 for name, values in taken.items()}
    bare = medians["an empty script"]
    print("| what | ms | ms beside an empty script |\n| --- | ---: | ---: |")
    for name, took in medians.items():
        print(f"| {name} | {took:.0f} | {took - bare:.0f} |")
    ours = medians["import scanwatch"] - bare
    print(f"\nGoal for `import scanwatch`: {GOAL_MS} ms. {'Reached' if ours < GOAL_MS else 'MISSED'}: {ours:.0f} ms.")


def seconds(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
