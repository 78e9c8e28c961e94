"""At a prompt: everything public completes, has a signature and says what it is; what a cell shows is stable.

@gxp-spec SPEC-005-004 "Interactive use"
@trace US-005-002
@test-type OQ
@gxp-risk LOW
"""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import scanwatch
from scanwatch.testing import RunningGateway, run_gateway

ROOMS = [
    "scanwatch",
    "scanwatch.client",
    "scanwatch.panel",
    "scanwatch.scanners",
    "scanwatch.tables",
    "scanwatch.testing",
]
"""Modules whose names people type."""

AT_THE_PROMPT = """
import json, scanwatch
from IPython.core.completer import provisionalcompleter
shell = get_ipython()
client = scanwatch.connect({url!r})
scan = client.scan("sim://acme/payments?files=3&duration_s=0.1&seed=7").wait(timeout=60)
said = {{}}
for name in ("scanwatch", "client", "scan"):
    with provisionalcompleter():
        found = shell.Completer.completions(f"{{name}}.", len(name) + 1)
        said[name] = [one.text.removeprefix(".") for one in found if not one.text.startswith("_")]
said["scan?"] = shell.object_inspect_text("scan")
said["client.scan?"] = shell.object_inspect_text("client.scan")
client.close()
print(json.dumps(said))
"""


def public_things() -> Iterator[tuple[str, object]]:
    for room in ROOMS:
        module = importlib.import_module(room)
        for name in module.__all__:
            thing = getattr(module, name)
            if not isinstance(thing, str):
                yield f"{room}.{name}", thing


def members(thing: object) -> Iterator[tuple[str, object]]:
    """The public methods and properties that a class of ours defines."""
    for base in inspect.getmro(thing) if inspect.isclass(thing) else ():
        if base.__module__.startswith("scanwatch"):
            yield from ((name, value) for name, value in vars(base).items() if not name.startswith("_"))


def has_signature(thing: object) -> bool:
    """Exceptions that add nothing to the built-in ones take its arguments, whatever they are."""
    if inspect.isclass(thing) and issubclass(thing, BaseException):
        return True
    try:
        inspect.signature(thing)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def test_everything_public_says_what_it_is_in_a_sentence() -> None:
    silent = [name for name, thing in public_things() if not _is_sentence(inspect.getdoc(thing))]
    silent += [
        f"{name}.{member}"
        for name, thing in public_things()
        for member, value in members(thing)
        if (callable(value) or isinstance(value, property)) and not _is_sentence(inspect.getdoc(value))
    ]
    assert silent == []


def _is_sentence(words: str | None) -> bool:
    first = (words or "").split("\n\n")[0].strip()
    return len(first.split()) > 1 and (first[0].isupper() or not first[0].isalpha())


def test_everything_public_that_can_be_called_has_a_signature() -> None:
    called = [(name, thing) for name, thing in public_things() if callable(thing)]
    called += [
        (f"{name}.{member}", value) for name, thing in called for member, value in members(thing) if callable(value)
    ]
    assert [name for name, thing in called if not has_signature(thing)] == []
    assert len(called) > 60


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    with run_gateway() as running:
        yield running


def test_ipython_completes_every_public_name_and_its_question_mark_helps(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    code = AT_THE_PROMPT.format(url=gateway.url)
    command = [sys.executable, "-m", "IPython", "--quick", "--no-banner", f"--ipython-dir={tmp_path}", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, cwd=tmp_path)
    said = json.loads(done.stdout.splitlines()[-1])
    assert set(said["scanwatch"]) == {name for name in scanwatch.__all__ if not name.startswith("_")}
    assert set(said["client"]) == {name for name in dir(scanwatch.Client) if not name.startswith("_")}
    assert set(said["scan"]) == {name for name in dir(scanwatch.Scan) if not name.startswith("_")}
    assert "scan.wait(timeout=60)" in said["scan?"]
    assert "target" in said["client.scan?"]
    assert "Raises" in said["client.scan?"]


def test_what_a_cell_shows_has_no_address_id_or_time_in_it(gateway: RunningGateway) -> None:
    with scanwatch.connect(gateway.url) as client:
        scan = client.scan("sim://acme/payments?files=3&duration_s=0.1&seed=7").wait(timeout=60)
        batch = client.scan_many(["sim://acme/ledger?files=3&duration_s=0.1"])
        scanwatch.wait(batch, timeout=60)
        assert repr(scan) == "<Scan acme/payments>"
        assert repr(client) == f"<Client {gateway.url}/>"
        panel = client.watch()
        assert " at 0x" not in "".join(map(repr, (batch, panel, client.connection, scan.result())))
        panel.close()
