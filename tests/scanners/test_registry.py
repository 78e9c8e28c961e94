"""A target's scheme picks its scanner, ours or a stranger's; what nobody takes is refused with what is known.

@gxp-spec SPEC-004-001 "Scanner contract"
@trace US-004-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from scanwatch.errors import ScannerError, UnknownTarget
from scanwatch.scanners import Task, options_of, scanner_for, scheme_of, split_target
from scanwatch.scanners._registry import GROUP, Registry, load_registry
from scanwatch.scanners._simulated import SimulatedScanner
from tests.scanners.blocking import Steady


def registered(**values: str) -> Registry:
    return load_registry(EntryPoint(name, value, GROUP) for name, value in values.items())


OURS = {"simulated": "scanwatch.scanners._simulated:SimulatedScanner"}
STRANGER = {"stranger": "tests.scanners.blocking:Steady"}


def test_the_installed_scanners_take_simulated_targets_paths_and_urls(tmp_path: Path) -> None:
    assert scanner_for("sim://acme/payments?files=3") is SimulatedScanner
    assert scanner_for(str(tmp_path)) is scanner_for("https://example.org/acme/payments.git")


@pytest.mark.parametrize(
    ("target", "scheme"),
    [
        ("sim://acme/payments", "sim"),
        ("SIM://acme/payments", "sim"),
        ("https://example.org/a.git", "https"),
        ("git+ssh://example.org/a", "git+ssh"),
        ("git@example.org:acme/payments.git", "ssh"),
        ("/srv/repositories/a", "path"),
        ("~/a", "path"),
        ("./a", "path"),
        ("C:\\code\\a", "path"),
        ("c:/code/a", "path"),
        ("C://code/a", "path"),
        ("\\\\server\\share", "path"),
    ],
)
def test_a_target_has_a_scheme(target: str, scheme: str) -> None:
    assert scheme_of(target) == scheme


def test_a_strangers_scanner_is_found_by_its_scheme() -> None:
    assert registered(**OURS, **STRANGER).scanner_for("block://x") is Steady


def test_a_near_miss_names_the_close_match_and_all_that_is_known() -> None:
    with pytest.raises(UnknownTarget, match=r"sims:// targets .* Did you mean sim://\? Known schemes: block, sim\."):
        registered(**OURS, **STRANGER).scanner_for("sims://acme/payments")


def test_a_broken_scanner_harms_no_other_and_is_named_when_a_scheme_is_missing() -> None:
    registry = registered(**OURS, broken="no.such.module:Scanner", half="tests.scanners.blocking:Nobody")
    assert registry.scanner_for("sim://x") is SimulatedScanner
    with pytest.raises(UnknownTarget, match=r"'broken' could not be loaded: ModuleNotFoundError: .*'half'"):
        registry.scanner_for("svn://x")


@pytest.mark.parametrize("value", ["tests.scanners.pretender:Letters", "tests.scanners.pretender:Idle", "json:dumps"])
def test_a_class_that_is_no_scanner_is_noted_as_broken(value: str) -> None:
    registry = registered(odd=value)
    assert (list(registry.by_scheme), list(registry.broken)) == ([], ["odd"])


def test_a_stranger_cannot_take_over_our_schemes() -> None:
    registry = registered(aaa="tests.scanners.pretender:Pretender", **OURS)
    assert registry.scanner_for("sim://x") is SimulatedScanner
    assert registry.scanner_for("pretend://x") is not SimulatedScanner


@pytest.mark.parametrize("target", ["", "no-such-folder/here", "nul\0byte"])
def test_what_is_neither_url_nor_path_is_refused_with_the_remedy(target: str) -> None:
    with pytest.raises(UnknownTarget, match=r"neither a URL nor an existing path.*\./name"):
        scanner_for(target)


@pytest.mark.parametrize("target", ["/no/such/place", "~/nowhere", "./nowhere", "../nowhere", "C:\\nowhere", "."])
def test_what_is_written_as_a_path_is_one_whether_it_exists_or_not(target: str) -> None:
    registry = Registry({"path": Steady}, {})
    assert registry.scanner_for(target) is Steady


def test_the_query_of_a_url_is_options_and_that_of_a_path_is_part_of_its_name() -> None:
    assert split_target("sim://a/b?files=3&fail=fetch%3A1&empty=") == (
        "sim://a/b",
        {"files": "3", "fail": "fetch:1", "empty": ""},
    )
    assert split_target("./what?now=1") == ("./what?now=1", {})


def test_an_option_given_twice_is_refused() -> None:
    with pytest.raises(ScannerError, match="'files' is given twice") as caught:
        split_target("sim://a/b?files=3&files=4")
    assert (caught.value.code, caught.value.retryable) == ("invalid", False)


def test_the_requests_options_override_the_querys() -> None:
    assert options_of(Task("s1", "sim://a/b?files=3&seed=1", {"files": 9})) == ("sim://a/b", {"files": 9, "seed": "1"})
