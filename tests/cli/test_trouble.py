"""Trouble with the machine ends a command with a sentence and its exit code, and is no fault of scanwatch.

@gxp-spec SPEC-001-006 "Command line"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scanwatch.cli._missing import missing

TOO_LONG = "x" * 300
INTERRUPTED_WHILE_LOADING = """
import sys
import scanwatch.cli

class Interrupt:
    def find_spec(self, name, *_):
        if name == "scanwatch.cli._main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
sys.exit(scanwatch.cli.main(["scan", "sim://a/b"]))
"""


def run(*words: str, home: Path | str, stdout: str | None = None) -> tuple[int, str]:
    """The exit code of a command, and what it complains of; it may be the words of Python itself."""
    command = [*words] if words[0] == "-c" else ["-m", "scanwatch", *words]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCANWATCH")}
    with open(stdout or os.devnull, "w") as out:
        done = subprocess.run(
            [sys.executable, *command],
            env={**kept, "SCANWATCH_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert "Traceback" not in done.stderr
    assert "fault of scanwatch" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", [("serve", "--port", "0"), ("scan", "sim://a/b"), ("token", "list"), ("watch",)])
def test_a_home_that_is_a_file_ends_with_2_and_is_named(tmp_path: Path, words: tuple[str, ...]) -> None:
    home = tmp_path / "home"
    home.write_text("")
    code, said = run(*words, home=home)
    assert (code, str(home) in said) == (2, True)


@pytest.mark.parametrize("words", [("serve", "--port", "0"), ("scan", "sim://a/b")])
def test_a_home_that_cannot_be_made_ends_with_2_and_the_remedy(words: tuple[str, ...]) -> None:
    code, said = run(*words, home="/proc/nowhere")
    assert code == 2
    assert "SCANWATCH_HOME" in said


@pytest.mark.parametrize(
    "words",
    [
        ("scan", TOO_LONG),
        ("serve", "--port", "0", "--config", TOO_LONG),
        ("serve", "--port", "0", "--token-file", TOO_LONG),
        ("serve", "--port", "0", "--store", f"sqlite:///{TOO_LONG}"),
        ("serve", "--port", "0", "--store", f"sqlite:///{TOO_LONG}/scans.db"),
        ("token", "list", "--store", f"sqlite:///{TOO_LONG}"),
        ("demo", "--checkout", TOO_LONG),
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_a_path_that_is_too_long_ends_with_2_and_is_named(home: Path, words: tuple[str, ...]) -> None:
    code, said = run(*words, home=home)
    assert (code, TOO_LONG in said) == (2, True)


@pytest.mark.parametrize("words", [("token", "list"), ("serve", "--port", "0", "--store", "memory:")])
def test_output_that_cannot_be_written_ends_with_2_and_says_so(tmp_path: Path, words: tuple[str, ...]) -> None:
    code, said = run(*words, home=tmp_path, stdout="/dev/full")
    assert (code, "output cannot be written" in said) == (2, True)


def test_an_interrupt_while_the_command_is_loaded_ends_with_130(tmp_path: Path) -> None:
    assert run("-c", INTERRUPTED_WHILE_LOADING, home=tmp_path) == (130, "scanwatch: interrupted.\n")


@pytest.mark.parametrize("module", ["msgspec", "packaging"])
def test_a_package_that_is_not_installed_ends_with_2_its_name_and_the_remedy(tmp_path: Path, module: str) -> None:
    without = f"import sys; sys.modules[{module!r}] = None; from scanwatch.cli import main; sys.exit(main(['doctor']))"
    code, said = run("-c", without, home=tmp_path)
    assert (code, module in said, "-m pip install scanwatch\n" in said) == (2, True, True)


def test_all_packages_that_are_missing_are_named_at_once_and_those_of_extras_are_not() -> None:
    declared = [
        "no-such-one>=1",
        "pytest>=1",
        "no-such-other[fast]>=2",
        "third; extra == 'excel'",
    ]
    assert missing(declared) == ["no-such-one", "no-such-other"]
