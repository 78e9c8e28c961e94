"""What the front matter leaves out is found in the text below it, at its line, and nothing is made up.

@gxp-spec SPEC-004-003 "Repository scanner"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwatch.scanners.repository.discover import Source
from scanwatch.scanners.repository.documents import Document, read_document
from scanwatch.scanners.repository.markdown import Body, criteria_in, story_in, title_in

STORY = Source(".gxp/user_stories/US-001-001-x.md", "user_story", "0")


def read(text: str, source: Source = STORY) -> Document:
    return read_document(source, text.encode()).document


def test_a_story_in_the_text_is_read_with_its_lines():
    front = "---\ngxp_id: US-001-001\n---\n\n# US-001-001: Pay\n\n"
    document = read(front + "**As a** buyer,\n**I want to** pay by *card*,\n**So that** I need no cash.\nMore.\n")

    assert [(name, document.first(name).text, document.first(name).line) for name in ("as_a", "i_want", "so_that")] == [
        ("as_a", "buyer", 7),
        ("i_want", "pay by card", 8),
        ("so_that", "I need no cash", 9),
    ]
    assert (document.text("title"), document.first("title").line) == ("Pay", 5)


@pytest.mark.parametrize(
    "text",
    [
        "As an analyst, I want a table so that I can see.",
        "> **As** an analyst,\n> **I want** a table\n> **so that** I can see.",
        "* As an analyst\n* I want a table\n* so that I can see",
        "_As an_ analyst, _I want_ a table, _so that_ I can see.\n\nAnd so on.",
    ],
)
def test_a_story_may_be_written_in_many_ways(text):
    found = story_in(Body(text))

    assert {name: values[0].text for name, values in found.items()} == {
        "as_a": "analyst",
        "i_want": "a table",
        "so_that": "I can see",
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "As a buyer, I want to pay.",
        "I want it so that it is as a whole",
        "As a I want so that",
        "Nothing.",
        "As a " * 9,
    ],
)
def test_half_a_story_is_none(text):
    assert story_in(Body(text)) == {}


def test_what_the_front_matter_says_counts_more_than_the_text():
    text = "---\ngxp_id: US-001-001\ntitle: Front\nas_a: seller\n---\n# Text\n\nAs a buyer, I want x so that y.\n"
    document = read(text)

    assert (document.text("title"), document.text("as_a"), document.text("i_want")) == ("Front", "seller", "x")


def test_an_empty_key_is_empty_and_not_looked_for_in_the_text():
    document = read(
        "---\ngxp_id: US-001-001\ntitle:\nacceptance_criteria: []\n---\n# T\n\n## Acceptance criteria\n- a\n"
    )

    assert document.first("title") is None
    assert document.first("acceptance_criteria") is None


def test_acceptance_criteria_are_the_items_under_their_heading():
    text = "# T\n- no\n## Acceptance Criteria (testable)\n\nAll of:\n\n- [x] one\n1. two\n### Details\n* three\n"

    assert [(value.text, value.line) for value in criteria_in(Body(text, 10))] == [("one", 16), ("two", 17)]


def test_criteria_may_stand_under_headings_of_their_own():
    assert [value.text for value in criteria_in(Body("## Acceptance criteria\n### AC1\n- one\n"))] == ["one"]


def test_a_title_is_taken_without_the_id_before_it():
    assert [value.text for value in title_in(Body("text\n## REQ-001 – Pay\n"), "REQ-001")] == ["Pay"]
    assert title_in(Body("# REQ-001\n"), "REQ-001") == ()
    assert title_in(Body("no heading"), "REQ-001") == ()


def test_the_text_below_satisfies_the_rules_that_ask_for_it(repo, scan):
    front = "---\ngxp_id: REQ-001\ngxp_risk_rating: LOW\n---\n"
    repo.commit(
        {".gxp/requirements/REQ-001-pay.md": front + "# REQ-001: Pay\n\n## Acceptance criteria\n- Money arrives.\n"}
    )
    assert scan(repo.path).outcome.findings == ()

    repo.commit({".gxp/requirements/REQ-001-pay.md": front})
    assert scan(repo.path).rules == {"title-missing", "acceptance-criteria-missing"}


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["As a ", "I want ", "so that ", "\n", "\n\n", "*", "- a", "# "])).map("".join)
)
def test_any_text_leads_to_values_that_can_be_shown(text):
    values = [value for found in story_in(Body(text)).values() for value in found]
    values += [*title_in(Body(text), "REQ-001"), *criteria_in(Body(text))]

    assert all(value.text.isprintable() and 1 <= value.line <= text.count("\n") + 1 for value in values)


@pytest.mark.parametrize("part", ["As a ", "As a I want ", "I want to ", "so that ", "# ", "- [ ] ", "As " + " " * 50])
def test_no_text_is_slow(part):
    body = Body("# Acceptance criteria\n" + part * (1_000_000 // len(part)))
    began = time.perf_counter()

    story_in(body), criteria_in(body), title_in(body, "REQ-001")
    assert time.perf_counter() - began < 10  # a bound against hanging; benchmarks measure
