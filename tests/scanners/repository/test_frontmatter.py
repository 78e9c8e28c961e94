"""Front matter of any text becomes fields with lines, or one error with its line.

@gxp-spec SPEC-004-003 "Repository scanner"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scanwatch.model import Finding
from scanwatch.scanners.repository import frontmatter
from scanwatch.scanners.repository.discover import Source
from scanwatch.scanners.repository.documents import artifact, read_document
from scanwatch.scanners.repository.frontmatter import FrontMatterError, Scalar, read_front_matter

KINDS = ("system_context", "requirement", "user_story", "spec", "adr", "vendor_assessment")
SNIPPETS = [
    *(
        "---\n",
        "---",
        "\n",
        "gxp_id: REQ-001\n",
        "title: ",
        "&a ",
        "*a",
        "[",
        "]",
        "{",
        "}",
        "- ",
        ": ",
        "!!python/object:os.system ",
        "? ",
    ),
    *(
        "|\n  ",
        '"',
        "'",
        "\\ud800",
        '"\\U00110000"',
        "\x00",
        "\x1b",
        "\u202e",
        "\ufeff",
        "\r\n",
        "\t",
        "#",
        "%YAML 9.9\n",
        "...\n",
        "<<: ",
    ),
]


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def _each_parser(request, monkeypatch):
    monkeypatch.setattr(frontmatter, "_LOADER", getattr(yaml, request.param))


def front(text: str) -> frontmatter.Mapping:
    return read_front_matter(f"---\n{text}\n---\nBody\n").root


def test_values_keep_their_text_and_their_line():
    root = front("version: 1.10\nwhen: 2026-01-01\nflag: yes\n\nlist:\n  - one\n  - two")

    assert root.entries["version"] == Scalar("1.10", 2)
    assert root.entries["when"] == Scalar("2026-01-01", 3)
    assert root.entries["flag"] == Scalar("yes", 4)
    assert root.entries["list"].items == [Scalar("one", 7), Scalar("two", 8)]


def test_empty_and_null_values_are_none_and_quoted_ones_are_text():
    root = front("a:\nb: ~\nc: null\nd: 'null'\ne: ''")

    assert [node.text for node in root.entries.values()] == [None, None, None, "null", ""]


def test_windows_line_ends_change_nothing():
    assert read_front_matter("---\r\nid: x\r\n---\r\nBody\r\n").root.entries["id"] == Scalar("x", 2)


def test_the_body_starts_after_the_second_fence():
    read = read_front_matter("---\nid: x\n---\nBody\n---\nmore")

    assert (read.body, read.body_line) == ("Body\n---\nmore", 4)


def test_a_repeated_key_is_noted_with_its_line():
    assert front("a: 1\nb: 2\na: 3").repeated == [("a", 4)]


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("title: a: b", "", 2),
        ("id: x\ntitle: [1, 2", "", 4),
        ("id: x\n- y", "", 3),
        ("- a\n- b", "not a mapping", 2),
        ("just words", "not a mapping", 2),
        ("a: *b", "refers to nothing", 2),
        ("a: &a [*a]", "refers to nothing", 2),
        ("id: x\na: !!python/object/apply:os.system [ls]", "not plain YAML", 3),
        ("a: b\n--- c", "second YAML document", 3),
        ("? [a]\n: b", "a key is a list", 2),
        ("a: " + "[" * 40 + "]" * 40, "levels deep", 2),
        ("a: &x y\nb: [" + "*x, " * 60 + "]", "aliases", 3),
        ("a: [" + "1, " * 6000 + "]", "values", 2),
        ("a: " + "x" * 70_000, "longer than", 1),
        ("a: \x1b", "", 1),
    ],
)
def test_what_is_not_plain_yaml_is_an_error_with_a_line(text, reason, line):
    with pytest.raises(FrontMatterError) as raised:
        front(text)
    assert reason in raised.value.reason
    assert abs(raised.value.line - line) <= 1  # the two parsers place the end of an open list differently


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", frontmatter.MissingFrontMatter),
        ("# Title\n", frontmatter.MissingFrontMatter),
        (" ---\nid: x\n---\n", frontmatter.MissingFrontMatter),
        ("---\nid: x\n", frontmatter.UnterminatedFrontMatter),
    ],
)
def test_missing_and_unterminated_front_matter_are_told_apart(text, error):
    with pytest.raises(error):
        read_front_matter(text)


def test_an_alias_bomb_is_cheap():
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 4))
    began = time.perf_counter()

    assert set(front(f"l0: &l0 lol\n{levels}").entries) == {"l0", "l1", "l2", "l3"}
    with pytest.raises(FrontMatterError, match="aliases"):
        front("l0: &l0 lol\n" + "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30)))
    assert time.perf_counter() - began < 10  # a bound against hanging; benchmarks measure


def _read(kind: str, contents: bytes) -> None:
    reading = read_document(Source(f".gxp/x/{kind}.md", kind, "0" * 40), contents)
    assert all(isinstance(finding, Finding) and finding.line and finding.line >= 1 for finding in reading.findings)
    row = artifact(reading.document)
    assert row.artifact_id
    for text in (row.artifact_id, row.title, row.status, row.parent_id, *(found.message for found in reading.findings)):
        assert text is None or (text.isprintable() and text.encode("utf-8"))
    assert reading.document.readable or reading.findings


@given(kind=st.sampled_from(KINDS), contents=st.binary(max_size=300))
def test_any_bytes_give_a_document_or_findings(kind, contents):
    _read(kind, contents)


@given(kind=st.sampled_from(KINDS), pieces=st.lists(st.sampled_from(SNIPPETS) | st.text(max_size=8), max_size=30))
def test_any_mixture_of_yaml_gives_a_document_or_findings(kind, pieces):
    text = "---\n" + "".join(pieces) + "\n---\n"
    _read(kind, text.encode("utf-8", "surrogatepass"))


@given(
    st.dictionaries(st.from_regex(r"[a-z_]{1,12}", fullmatch=True), st.text(st.characters(codec="utf-8"), max_size=40))
)
def test_what_a_yaml_writer_writes_is_read_back(fields):
    text = yaml.safe_dump(fields, allow_unicode=False, default_style='"', width=1_000_000)

    read = front(text.rstrip("\n") if fields else "{}").entries

    assert {key: node.text for key, node in read.items()} == fields
