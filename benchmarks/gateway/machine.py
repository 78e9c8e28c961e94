"""Where the benchmark runs: cores, processes and what they cost."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "bench"
NEST = HERE / "nest"
NEST_PROGRAM = NEST / "node_modules" / ".bench" / "main.js"
LOAD_PROGRAM = BUILD / "load"

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]


def cpu_s(pid: int) -> float:
    """CPU seconds a process has used, in all its threads: the clock behind ``/proc/PID/stat``, in nanoseconds."""
    return time.clock_gettime((~pid << 3) | 2)


def rss_kb(pid: int) -> int:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None, f"process {pid} has ended"
    return int(found[1])


def load_average() -> float:
    """What else runs on this machine: processes wanting a core, over the last minute."""
    return os.getloadavg()[0]


def model() -> str:
    """The processor, in words."""
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return found[1].strip() if found else platform.machine()


def prepare() -> None:
    """Compile and install what is not there yet, or older than its source."""
    if missing := [program for program in ("cc", "node", "npm") if shutil.which(program) is None]:
        raise SystemExit(f"The gateway benchmark needs {', '.join(missing)}; install build-essential, nodejs and npm.")
    compile_load()
    if _older(NEST_PROGRAM, NEST / "main.ts", NEST / "package.json", NEST / "tsconfig.json"):
        print("Installing NestJS and socket.io ...", flush=True)
        quiet = ["--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(["npm", "install", *quiet], cwd=NEST, check=True)
        subprocess.run(["node", "node_modules/typescript/bin/tsc"], cwd=NEST, check=True)


def compile_load() -> None:
    """Compile the load client if it is older than its source."""
    if _older(LOAD_PROGRAM, HERE / "load.c"):
        BUILD.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", LOAD_PROGRAM, HERE / "load.c"], check=True)


def _older(program: Path, *sources: Path) -> bool:
    return not program.exists() or program.stat().st_mtime < max(source.stat().st_mtime for source in sources)


def versions() -> dict[str, str]:
    """What was compared, by name."""
    packages = ("aiohttp", "python-socketio", "python-engineio")
    found = {"Python": platform.python_version(), **{package: version(package) for package in packages}}
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    found["Node.js"] = node.stdout.strip().removeprefix("v")
    for package in ("@nestjs/core", "socket.io"):
        described = (NEST / "node_modules" / package / "package.json").read_text(encoding="utf-8")
        found[package] = re.search(r'"version": "(.+?)"', described)[1]  # type: ignore[index]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    found["scanwatch"] = f"{version('scanwatch')} ({commit.stdout.strip() or 'no checkout'})"
    return found
