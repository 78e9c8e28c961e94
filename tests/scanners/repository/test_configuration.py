"""A repository says how it wants to be scanned; what it accepts is listed with the reason, never hidden.

@gxp-spec SPEC-004-003 "Repository scanner"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwatch.errors import ScannerError
from scanwatch.model import FINDING_LEVELS
from scanwatch.scanners.repository.configuration import read_configuration

UNTITLED = {
    ".gxp/requirements/REQ-001-pay.md": "---\ngxp_id: REQ-001\ngxp_risk_rating: LOW\nacceptance_criteria: [a]\n---\n"
}
FILE = ".scanwatch.toml"


def test_a_suppressed_finding_is_listed_with_its_reason(repo, scan):
    settings = '[[suppress]]\nrule = "title-missing"\nartifact = "REQ-*"\nreason = "Titles come later."\n'
    repo.commit({**UNTITLED, FILE: settings})

    (finding,) = scan(repo.path).outcome.findings

    assert (finding.rule, finding.suppressed) == ("title-missing", True)
    assert finding.message == "REQ-001 has no title. Accepted: Titles come later."


@pytest.mark.parametrize("narrowed", ['artifact = "REQ-002"', 'file = "src/*"', 'rule = "status-unknown"'])
def test_a_suppression_that_covers_nothing_is_told_and_covers_nothing(repo, scan, narrowed):
    rule = "" if narrowed.startswith("rule") else 'rule = "title-missing"\n'
    repo.commit({**UNTITLED, FILE: f'[[suppress]]\n{rule}{narrowed}\nreason = "x"\n'})

    findings = scan(repo.path).outcome.findings

    assert [(finding.rule, finding.suppressed) for finding in findings] == [
        ("title-missing", False),
        ("suppression-unused", False),
    ]


def test_levels_are_set_by_the_repository_and_over_it_by_an_option(repo, scan):
    repo.commit({**UNTITLED, FILE: '[rules]\ntitle-missing = "info"\n'})

    assert [finding.level for finding in scan(repo.path).outcome.findings] == ["info"]
    assert [one.level for one in scan(repo.path, levels={"title-missing": "error"}).outcome.findings] == ["error"]


def test_a_strict_scan_takes_warnings_for_errors(repo, scan):
    repo.commit(UNTITLED)
    assert [finding.level for finding in scan(repo.path).outcome.findings] == ["warning"]
    assert [finding.level for finding in scan(repo.path, strict="true").outcome.findings] == ["error"]

    repo.commit({FILE: "strict = true\n"})
    assert [finding.level for finding in scan(repo.path).outcome.findings] == ["error"]
    assert [finding.level for finding in scan(repo.path, strict=False).outcome.findings] == ["warning"]


def test_what_is_read_is_configured_by_patterns(repo, scan):
    tag = "# @gxp-req REQ-001\n"
    repo.commit({"vendor/a.py": tag, "legacy/b.py": tag, "old/c.py": tag})
    assert {one.file for one in scan(repo.path).outcome.annotations} == {"legacy/b.py", "old/c.py"}

    repo.commit({FILE: '[sources]\nexclude = ["legacy/"]\ninclude = ["vendor/"]\n'})
    assert {one.file for one in scan(repo.path).outcome.annotations} == {"vendor/a.py", "old/c.py"}
    assert {one.file for one in scan(repo.path, exclude="old/").outcome.annotations} == {"vendor/a.py"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("strict = ", "cannot be read"),
        ("strict = 1", "strict is no setting"),
        ("[source]\nexclude = []", "Is sources meant?"),
        ("[sources]\nexclud = []", "Is exclude meant?"),
        ('[sources]\nexclude = "vendor/"', "no list of texts"),
        ('[rules]\ntitle-mising = "info"', "Is title-missing meant?"),
        ('[rules]\ntitle-missing = "off"', "not error, warning or info"),
        ('[[suppress]]\nrule = "title-missing"', "a rule and a reason"),
        ('[[suppress]]\nrule = "title-missing"\nreason = " "', "a rule and a reason"),
        ('[[suppress]]\nrule = "x"\nreason = "y"', "There is no rule x"),
    ],
)
def test_a_setting_that_makes_no_sense_is_an_error_and_counts_as_not_set(repo, scan, text, words):
    repo.commit({FILE: text})

    (finding,) = scan(repo.path).findings("configuration-invalid")
    assert (finding.level, finding.file) == ("error", FILE)
    assert words in finding.message


@given(st.binary(max_size=200))
def test_any_bytes_are_a_configuration(raw):
    read = read_configuration(raw)
    assert set(read.levels.values()) <= set(FINDING_LEVELS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strict": "maybe"}, "neither true nor false"),
        ({"exclude": 7}, "no list of patterns"),
        ({"exclude": ["a", 7]}, "no list of patterns"),
        ({"levels": "error"}, "maps no rules"),
        ({"levels": {"title-missing": "off"}}, "no rule and level"),
        ({"key": ""}, "no text of public keys"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_in_words(repo, scan, options, words):
    with pytest.raises(ScannerError, match=words) as raised:
        scan(repo.path, **options)
    assert not raised.value.retryable
