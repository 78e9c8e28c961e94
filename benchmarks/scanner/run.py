"""Scans a generated repository and sets the times beside `git grep`, which only looks for the tags' bytes.

    python benchmarks/scanner/run.py                  50 000 files, 20 000 annotations
    python benchmarks/scanner/run.py --files 5000     a smaller one

Every way runs in a process of its own, so that its memory is its own; processor time is that of it and of the git it
runs, which a busy machine changes less than the time on the clock. What the scanner finds is held against what was
generated: the number of annotations, and that none of the decoys (tags in strings) is among them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

RECORD = {
    ".gxp/system_context.md": "---\nid: 3f2b8c1e-7a54-4c1e-9d53-0a8f6b2f5e11\nproject_name: Large\nversion: 1.0.0\n"
    "gxp_risk_rating: LOW\nvalidation_status: draft\nintended_use: Measures.\n---\n",
    ".gxp/requirements/REQ-001-a.md": "---\ngxp_id: REQ-001\ntitle: A\nrisk: LOW\nacceptance_criteria: [a]\n---\n",
    ".gxp/user_stories/US-001-001-a.md": "---\ngxp_id: US-001-001\ntitle: A\nparent_id: REQ-001\n---\n",
    ".gxp/specs/SPEC-001-001-a.md": "---\ngxp_id: SPEC-001-001\ntitle: A\nparent_id: US-001-001\n---\n",
}
PYTHON = '''"""Module {n}.

@gxp-spec SPEC-001-001
@trace US-001-001
@test-type OQ
@gxp-risk LOW
"""

DECOY = "@gxp-spec SPEC-404 in a string"
'''
TYPESCRIPT = """/**
 * Module {n}.
 * @gxp-spec SPEC-001-001
 * @trace US-001-001
 * @test-type OQ
 * @gxp-risk LOW
 */
export const decoy = "/* @gxp-spec SPEC-404 */";
"""
PYTHON_BODY = """def part_{m}(value: int) -> int:
    total = value * {m}  # grows
    return total if total > {n} else -total

"""
TYPESCRIPT_BODY = """export function part{m}(value: number) {{
  const total = value * {m} / 2; // grows
  return `${{total}}`;
}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--annotations", type=int, default=20_000)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--repository", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        print(json.dumps(WAYS[asked.way](asked.repository)))
        return
    with tempfile.TemporaryDirectory() as folder:
        repository = f"{folder}/repository"
        generate(repository, asked.files, asked.annotations)
        report(asked, repository, {**os.environ, "SCANWATCH_CACHE": f"{folder}/cache"})


def generate(repository: str, files: int, annotations: int) -> None:
    """A commit, and a second in which ten files changed; two annotations in each file that has any."""
    subprocess.run(["git", "init", "--quiet", "--bare", repository], check=True)
    feed = subprocess.Popen(["git", "-C", repository, "fast-import", "--quiet"], stdin=subprocess.PIPE)
    assert feed.stdin is not None
    commit = b"commit refs/heads/%s\ncommitter B <b@example.org> %d +0000\ndata 1\nx\n"
    feed.stdin.write(commit % (b"main", 1767225600))
    for name, text in [*RECORD.items(), *sources(files, annotations // 2)]:
        write(feed.stdin, name, text)
    feed.stdin.write(commit % (b"next", 1767225601) + b"from refs/heads/main\n")
    for name, text in list(sources(20, 20))[::2]:
        write(feed.stdin, name, text + "# changed\n")
    feed.stdin.close()
    assert feed.wait() == 0
    subprocess.run(["git", "-C", repository, "symbolic-ref", "HEAD", "refs/heads/main"], check=True)
    subprocess.run(["git", "-C", repository, "repack", "-adq"], check=True)


def sources(files: int, tagged: int) -> Iterator[tuple[str, str]]:
    for n in range(files):
        python = n % 2 == 0
        head, body, suffix = (PYTHON, PYTHON_BODY, "py") if python else (TYPESCRIPT, TYPESCRIPT_BODY, "ts")
        parts = "".join(body.format(n=n, m=m) for m in range(1 + n % 30))
        yield f"src/part{n // 500:03}/module_{n:05}.{suffix}", (head.format(n=n) if n < tagged else "") + parts


def write(feed: object, name: str, text: str) -> None:
    raw = text.encode()
    feed.write(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(raw), raw))  # type: ignore[attr-defined]


def git_grep(repository: str) -> int:
    """The files that hold the bytes of a tag; the floor."""
    words = ["git", "-C", repository, "grep", "-laF", "-e", "@gxp", "-e", "@trace", "-e", "@test-type", "main"]
    return len(subprocess.run(words, capture_output=True, check=True).stdout.splitlines())


def plain_walk(repository: str) -> int:
    """Every file read in Python and searched with a regular expression: finds the decoys too."""
    listing = subprocess.run(["git", "-C", repository, "ls-tree", "-r", "main"], capture_output=True, check=True).stdout
    oids = [line.split()[2] for line in listing.splitlines()]
    with tempfile.TemporaryFile() as asked:
        asked.writelines(oid + b"\n" for oid in oids)
        asked.seek(0)
        command = ["git", "-C", repository, "cat-file", "--batch"]
        with subprocess.Popen(command, stdin=asked, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            tag = re.compile(r"@(?:gxp-spec|trace)\s+([A-Z]+(?:-\d+)+)")
            found = 0
            for _ in oids:
                size = int(process.stdout.readline().split()[2])
                found += len(tag.findall(process.stdout.read(size + 1).decode("utf-8", "replace")))
    return found


def scan(**options: object) -> Callable[[str], int]:
    def way(repository: str) -> int:
        from scanwatch.scanners import Task
        from scanwatch.scanners.repository import RepositoryScanner

        outcome = RepositoryScanner().scan(Task("bench", repository, options), lambda progress: None)
        assert all(one.artifact_id != "SPEC-404" for one in outcome.annotations), "a decoy was taken for a tag"
        return len(outcome.annotations)

    return way


WAYS: dict[str, Callable[[str], int]] = {
    "git grep": git_grep,
    "plain walk": plain_walk,
    "full scan": scan(incremental=False),
    "first scan": scan(),
    "unchanged rescan": scan(),
    "ten files changed": scan(ref="next"),
}


def report(asked: argparse.Namespace, repository: str, environment: dict[str, str]) -> None:
    print(f"{asked.files} files, {asked.annotations} annotations\n")
    print("| way | seconds | CPU, s | CPU beside git grep | peak memory, MB | found |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    git_grep(repository)  # the files are in the disk's cache for everybody
    floor = None
    for way in WAYS:
        seconds, cpu_s, megabytes, found = measured(way, repository, environment)
        floor = floor or cpu_s
        row = f"| {way} | {seconds:.2f} | {cpu_s:.2f} | {cpu_s / floor:.1f} | {megabytes:.0f} | {found} |"
        print(row, flush=True)
        if "scan" in way or "changed" in way:
            assert found == asked.annotations or way == "ten files changed", (found, asked.annotations)


def measured(way: str, repository: str, environment: dict[str, str]) -> tuple[float, float, float, int]:
    command = [sys.executable, str(Path(__file__)), "--way", way, "--repository", repository]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    found = int(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, way
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, found


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
