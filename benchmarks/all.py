"""Runs every benchmark, one after the other: `make bench`. One that fails stops no other.

python benchmarks/all.py                 about half an hour
python benchmarks/all.py tables panel    those whose name has one of these words in it
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def main(words: list[str]) -> int:
    scripts = sorted({*HERE.glob("*.py"), *HERE.glob("*/run.py")} - {Path(__file__)})
    chosen = [one for one in scripts if not words or any(word in str(one.relative_to(HERE)) for word in words)]
    failed = [name for name in map(run, chosen) if name]
    print(
        f"\n{len(chosen) - len(failed)} of {len(chosen)} benchmarks ran."
        + (f" Failed: {', '.join(failed)}" if failed else "")
    )
    return 1 if failed or not chosen else 0


def run(script: Path) -> str | None:
    """Run one; its name if it failed."""
    name = str(script.relative_to(HERE))
    print(f"\n== {name}", flush=True)
    began = time.monotonic()
    ended = subprocess.run([sys.executable, script], check=False)
    print(f"== {name}: {time.monotonic() - began:.0f} s", flush=True)
    return name if ended.returncode else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
