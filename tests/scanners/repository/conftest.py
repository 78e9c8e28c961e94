"""Real git repositories to scan: good ones, broken ones and hostile ones, built by git itself."""

from __future__ import annotations

import base64
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scanwatch.model import Finding, Progress, ScanOutcome
from scanwatch.scanners import Task
from scanwatch.scanners.repository import RepositoryScanner
from tests.scanners.repository import signing

IDENTITY = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgSign=false")

GOOD_RECORD: Mapping[str, str] = {
    ".gxp/system_context.md": """---
id: 3f2b8c1e-7a54-4c1e-9d53-0a8f6b2f5e11
project_name: Payments
version: 1.4.0
gxp_risk_rating: HIGH
validation_status: draft
intended_use: Takes payments.
---
""",
    ".gxp/requirements/REQ-001-pay.md": """---
gxp_id: REQ-001
title: Pay
gxp_risk_rating: LOW
acceptance_criteria:
  - Money arrives.
validation_status: draft
---
""",
    ".gxp/user_stories/US-001-001-pay-by-card.md": """---
gxp_id: US-001-001
title: Pay by card
parent_id: REQ-001
acceptance_criteria: [A card is taken.]
---

**As a** buyer, **I want** to pay by card **so that** I need no cash.
""",
    ".gxp/specs/SPEC-001-001-card-terminal.md": """---
gxp_id: SPEC-001-001
title: Card terminal
parent_id: US-001-001
verification_tier: OQ
source_files:
  - src/card.py
test_files:
  - tests
---
""",
    ".gxp/adr/ADR-001-one-terminal.md": """# ADR-001: One terminal

## Status

Accepted

## Context

Two were too many.

## Decision

One.

## Consequences

A queue.
""",
    ".gxp/risk_assessment.log": """## RISK-001: Wrong amount

- Date: 2026-01-02
- Component: REQ-001
- Risk Level: LOW
- Status: open
""",
    ".gxp/README.md": "About this record.\n",
    ".gxp/evidence/EV-SPEC-001-001.jws": signing.signed(signing.result()),
    "src/card.py": "CARD = 1\n",
    "tests/test_card.py": "def test_card(): ...\n",
}
"""A small record about which no rule has anything to say."""


@dataclass
class Repo:
    """A working tree in which tests write and commit."""

    path: Path

    def git(self, *arguments: str, **options: Any) -> str:
        """What a git command says."""
        command = ["git", *IDENTITY, "-C", str(self.path), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout.strip()

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        """Write files; ``None`` deletes one."""
        for name, contents in files.items():
            file = self.path / name
            if contents is None:
                file.unlink()
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(contents.encode() if isinstance(contents, str) else contents)

    def commit(self, files: Mapping[str, str | bytes | None] | None = None) -> str:
        """Commit everything, ``files`` included, and return the commit's id."""
        self.write(files or {})
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "--message", "State")
        return self.git("rev-parse", "HEAD")


@dataclass
class Scanned:
    """An outcome and what was reported on the way to it."""

    outcome: ScanOutcome
    reports: list[Progress] = field(default_factory=list)

    def findings(self, rule: str) -> list[Finding]:
        return [finding for finding in self.outcome.findings if finding.rule == rule]

    @property
    def rules(self) -> set[str]:
        return {finding.rule for finding in self.outcome.findings}


def scan(target: object, **options: Any) -> Scanned:
    """Scan in this process."""
    reports: list[Progress] = []
    outcome = RepositoryScanner().scan(Task("scan-1", str(target), options), reports.append)
    return Scanned(outcome, reports)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("SCANWATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(name="scan")
def _scan() -> Callable[..., Scanned]:
    return scan


@pytest.fixture
def good_record() -> dict[str, str]:
    return dict(GOOD_RECORD)


@pytest.fixture
def empty_repo(tmp_path: Path) -> Repo:
    """A repository without a commit."""
    repo = Repo(tmp_path / "repo")
    repo.path.mkdir()
    repo.git("init", "--quiet", "--initial-branch=main")
    return repo


@pytest.fixture
def repo(empty_repo: Repo) -> Repo:
    """A repository with one commit that holds the good record."""
    empty_repo.commit(GOOD_RECORD)
    return empty_repo


class _GitOverHttp(BaseHTTPRequestHandler):
    """Git's own HTTP back-end behind a server, with one user if there is a ``password``."""

    def __init__(self, root: Path, password: str | None, *arguments: Any) -> None:
        self._root, self._password = root, password
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *_: Any) -> None: ...

    def _serve(self, body: bytes) -> None:
        expected = f"Basic {base64.b64encode(f'reader:{self._password}'.encode()).decode()}"
        if self._password and self.headers.get("Authorization") != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        answer = subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            check=True,
            env={
                "GIT_PROJECT_ROOT": str(self._root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            },
        ).stdout
        self._answer(answer)

    def _answer(self, answer: bytes) -> None:
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self._send(content)

    def _send(self, content: bytes) -> None:
        self.wfile.write(content)


@dataclass
class Stall:
    """Holds back the second half of every long answer, once it is closed, until it is opened."""

    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)


class _SlowGitOverHttp(_GitOverHttp):
    def __init__(self, stall: Stall, root: Path, *arguments: Any) -> None:
        self._stall = stall
        super().__init__(root, None, *arguments)

    def _send(self, content: bytes) -> None:
        half = len(content) // 2 if len(content) > 100_000 else len(content)
        with suppress(OSError):  # who asked may be gone
            self.wfile.write(content[:half])
            self.wfile.flush()
            if half < len(content):
                self._stall.reached.set()
                self._stall.opened.wait(30)
                self.wfile.write(content[half:])


@contextmanager
def _serve(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def serve() -> Callable[[Callable[..., BaseHTTPRequestHandler]], AbstractContextManager[str]]:
    """Serve with any handler on a free port of the loopback interface; gives the URL."""
    return _serve


@pytest.fixture
def git_host(tmp_path: Path) -> Iterator[str]:
    """A host from which every repository of the test can be cloned."""
    with _serve(partial(_GitOverHttp, tmp_path, None)) as url:
        yield url


@pytest.fixture
def guarded_git_host(tmp_path: Path) -> Iterator[str]:
    """The same for the user ``reader`` with the password ``s3cret`` only."""
    with _serve(partial(_GitOverHttp, tmp_path, "s3cret")) as url:
        yield url


@pytest.fixture
def slow_git_host(tmp_path: Path) -> Iterator[tuple[str, Stall]]:
    """A host that stops in the middle of a pack."""
    stall = Stall()
    with _serve(partial(_SlowGitOverHttp, stall, tmp_path)) as url:
        try:
            yield url, stall
        finally:
            stall.opened.set()
