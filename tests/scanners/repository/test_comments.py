"""A tag counts where it stands in a comment or a docstring, and nowhere else, in every language that is read.

@gxp-spec SPEC-004-004 "Annotations in source files"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwatch.scanners.repository.source import comments
from scanwatch.scanners.repository.source.languages import LANGUAGES, language_of
from scanwatch.scanners.repository.source.reading import State, read_source

TYPESCRIPT = r"""
/** @gxp-spec TRUE-1 */
export const text = "/** @gxp-spec FALSE-1 */", other = '// @gxp-spec FALSE-2';
const template = `// @gxp-spec FALSE-3 ${ inner /* @gxp-spec TRUE-2 */ } /* @gxp-spec FALSE-4 */`;
if (text) /\/\* @gxp-spec FALSE-5 \*\//.test(other);
const globs = ["src/**/*.ts", "test/**/ @gxp-spec FALSE-6 */*.ts"];
const bracket = text ? /[/*] @gxp-spec FALSE-7 / : 1;
const quotient = 8 / 2; // @gxp-spec TRUE-3
function quote() { return /'/; } // @gxp-spec TRUE-4 it's
const nested = `${`${"}"}` /* @gxp-spec TRUE-5 */}`;
"""
JSX = "const view = <p title='// @gxp-spec FALSE-8'>/* @gxp-spec FALSE-9 */ {/* @gxp-spec TRUE-6 */}</p>;\n"
PYTHON = r'''
"""A module.

@gxp-spec TRUE-1
"""
TEXT = "# @gxp-spec FALSE-1"  # @gxp-spec TRUE-2
LONG = """
# @gxp-spec FALSE-2
"""
def one(default="# @gxp-spec FALSE-3"):
    r"""@gxp-spec TRUE-3"""
    """@gxp-spec FALSE-4"""
class Two:
    # A comment first.
    "@gxp-spec TRUE-4"
    def three(self): f"""@gxp-spec FALSE-5"""
def four():
    return """@gxp-spec FALSE-6"""
pattern = rf"# @gxp-spec FALSE-7 {TEXT}"
'''
JAVA = r'''
/** @gxp-spec TRUE-1 */
class A { // @gxp-spec TRUE-2
  String a = "// @gxp-spec FALSE-1", b = "\" /* @gxp-spec FALSE-2 */";
  String c = """
    // @gxp-spec FALSE-3
    """;
  char d = '"'; /* @gxp-spec TRUE-3 */ char e = '\''; // @gxp-spec TRUE-4
}
'''
GO = """
// @gxp-spec TRUE-1
package a
var b = "// @gxp-spec FALSE-1"
var c = `
// @gxp-spec FALSE-2
/* @gxp-spec FALSE-3 */`
var d = '"' /* @gxp-spec TRUE-2 */
var e = '`' // @gxp-spec TRUE-3
"""
SHELL = """#!/bin/sh
# @gxp-spec TRUE-1
echo "# @gxp-spec FALSE-1" '# @gxp-spec FALSE-2' a#@gxp-spec FALSE-3
cat <<EOF
# @gxp-spec FALSE-4
EOF
echo ${a#@gxp-spec FALSE-5} # @gxp-spec TRUE-2
"""
C = '/* @gxp-spec TRUE-1 */ char *a = "/* @gxp-spec FALSE-1 */"; // @gxp-spec TRUE-2\n'
CSHARP = '/// @gxp-spec TRUE-1\nclass A { string a = @"// @gxp-spec FALSE-1"; /* @gxp-spec TRUE-2 */ }\n'
HCL = '# @gxp-spec TRUE-1\na = "# @gxp-spec FALSE-1" // @gxp-spec TRUE-2\nb = <<E\n# @gxp-spec FALSE-2\nE\n'
RUBY = "# @gxp-spec TRUE-1\na = '# @gxp-spec FALSE-1' # @gxp-spec TRUE-2\nb = %q(# @gxp-spec FALSE-2)\n"
RUST = '/// @gxp-spec TRUE-1\nfn a() { let b = r#"// @gxp-spec FALSE-1"#; /* /* */ @gxp-spec TRUE-2 */ }\n'
YAML = "# @gxp-spec TRUE-1\na: '# @gxp-spec FALSE-1' # @gxp-spec TRUE-2\nb: |\n  # @gxp-spec FALSE-2\n"
SOURCES = {
    "a.ts": TYPESCRIPT,
    "a.tsx": TYPESCRIPT + JSX,
    "a.js": TYPESCRIPT + JSX,
    "a.py": PYTHON,
    "A.java": JAVA,
    "a.go": GO,
    "a.sh": SHELL,
    "a.c": C,
    "A.cs": CSHARP,
    "a.tf": HCL,
    "a.rb": RUBY,
    "a.rs": RUST,
    "a.yaml": YAML,
}


def ids(file: str, text: str) -> list[str]:
    reading = read_source(file, text.encode())
    assert reading.state is State.READ
    return [reference.annotation.artifact_id for reference in reading.references]


@pytest.mark.parametrize("file", SOURCES)
def test_every_true_tag_is_found_and_no_false_one(file: str) -> None:
    text = SOURCES[file]
    assert text.count("FALSE") >= 1, "the example has something to be wrong about"
    assert sorted(ids(file, text)) == [f"TRUE-{number}" for number in range(1, text.count("TRUE-") + 1)]


def test_there_is_an_example_for_every_language() -> None:
    assert {language_of(file, b"") for file in SOURCES} == set(LANGUAGES)


@pytest.mark.parametrize(
    ("first_line", "name"),
    [
        ("#!/bin/bash", "shell"),
        ("#!/usr/bin/env python3", "Python"),
        ("#!/usr/bin/env -S python3.12 -u", "Python"),
        ("#! /usr/bin/node", "JavaScript"),
        ("#!/usr/bin/perl", None),
        ("hello", None),
    ],
)
def test_a_file_without_a_suffix_is_of_its_interpreters_language(first_line: str, name: str | None) -> None:
    language = language_of("bin/tool", first_line.encode())
    assert (language.name if language else None) == name


def test_line_comments_on_following_lines_are_one_block_and_others_are_not() -> None:
    text = "# @gxp-spec A-1\n# words\n#\n# @gxp-risk HIGH\n\n# @gxp-spec A-2\nx = 1  # @gxp-spec A-3\n# @gxp-risk LOW\n"
    references = read_source("a.py", text.encode()).references
    assert [(one.annotation.artifact_id, one.annotation.line, one.annotation.risk) for one in references] == [
        ("A-1", 1, "HIGH"),
        ("A-2", 6, None),
        ("A-3", 7, None),
    ]


def test_files_that_cannot_be_read_say_which_way() -> None:
    assert read_source("a.kt", b"// @gxp-spec A-1").state is State.NO_LANGUAGE
    assert read_source("a.py", b"# @gxp-spec A-1\0").state is State.BINARY
    assert read_source("a.bin2", b"\0\1\2").state is State.BINARY
    assert read_source("a.py", b"version https://git-lfs.github.com/spec/v1\noid x\n").state is State.LFS_POINTER
    assert read_source("a.kt", b"// nothing").state is State.READ


def test_a_language_without_its_grammar_is_not_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comments, "_grammar", lambda language: None)
    assert read_source("a.py", b"# @gxp-spec A-1").state is State.NO_LANGUAGE


def test_a_file_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comments, "PARSE_TIMEOUT_S", -1.0)
    assert read_source("a.py", b"# @gxp-spec A-1\n" * 100).state is State.TOO_SLOW


LINES = {file: [*text.split("\n"), "", "x = 1", "}", "def f():", "  pass", "(", ")"] for file, text in SOURCES.items()}


@given(st.data(), st.sampled_from(sorted(SOURCES)))
def test_reading_the_beginning_alone_finds_what_reading_everything_finds(data: st.DataObject, file: str) -> None:
    head = "\n".join(data.draw(st.lists(st.sampled_from(LINES[file]), max_size=8)))
    tail = "\n".join(data.draw(st.lists(st.sampled_from(LINES[file]), max_size=4))).replace("@", "")
    text = f"{SOURCES[file]}\n{head}\n{tail}\n" + "\n" * 3 * (len(SOURCES[file]) + len(head) + len(tail))
    quick = read_source(file, text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comments, "_end_of_comment", lambda contents, *_: len(contents))
        assert read_source(file, text.encode()) == quick


def test_a_tag_at_the_top_spares_parsing_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []
    real = comments._parse
    monkeypatch.setattr(comments, "_parse", lambda raw, language: (parsed.append(len(raw)), real(raw, language))[1])
    assert ids("a.py", '"""@gxp-spec TRUE-1"""\n' + "x = 1\n" * 99) == ["TRUE-1"]
    assert ids("a.ts", "/**\n * @gxp-spec TRUE-1\n */\n" + "let x = 1;\n" * 99) == ["TRUE-1"]
    assert parsed == [23, 28]


@pytest.mark.parametrize("opening", ["(", "x=[", "if x:\n ", '"', "`${", "<a>", "({", "/*", "$(", "<<A\n"])
@pytest.mark.parametrize("file", ["a.py", "a.tsx", "a.sh"])
def test_what_is_opened_a_thousand_times_and_never_closed_is_read_to_the_end(file: str, opening: str) -> None:
    mark = "//" if file == "a.tsx" else "#"
    reading = read_source(file, f"{mark} @gxp-spec A-1\n{opening * 1000}\n".encode())
    assert [reference.annotation.artifact_id for reference in reading.references] == ["A-1"]


@given(
    st.sampled_from(sorted(SOURCES)),
    st.binary(max_size=200),
    st.sampled_from(["", "# ", "// ", "/* ", '"', "'''", "`"]),
)
def test_any_bytes_lead_to_a_reading(file: str, noise: bytes, before: str) -> None:
    reading = read_source(file, noise + before.encode() + b"@gxp-spec SPEC-001 \n" + noise)
    assert isinstance(reading.state, State)
