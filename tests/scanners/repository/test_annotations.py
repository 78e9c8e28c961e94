"""The annotations of a commit: which files are read for them, which of their ids resolve, and the rules about them.

@gxp-spec SPEC-004-004 "Annotations in source files"
@trace US-004-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import pytest

from scanwatch.scanners.repository.source import comments, selection
from scanwatch.scanners.repository.source.reading import read_source
from scanwatch.scanners.repository.source.selection import EXCLUDED, Exclusions

TEST = "# @gxp-spec {}\n# @trace US-001-001\n# @test-type OQ\n# @gxp-risk HIGH\n"


def rows(scanned):
    return [(one.file, one.line, one.artifact_id, one.resolved) for one in scanned.outcome.annotations]


def test_annotations_are_found_in_the_order_of_files_and_resolve_to_documents(repo, scan):
    repo.commit({"tests/test_card.py": TEST.format("SPEC-001-001"), "src/card.py": "# @gxp-req REQ-001\n"})

    scanned = scan(repo.path)

    assert rows(scanned) == [
        ("src/card.py", 1, "REQ-001", True),
        ("tests/test_card.py", 1, "SPEC-001-001", True),
        ("tests/test_card.py", 2, "US-001-001", True),
    ]
    assert scanned.outcome.findings == ()


def test_an_id_that_nothing_declares_is_an_error_at_its_line(repo, scan):
    repo.commit({"tests/test_card.py": TEST.format("SPEC-009-001")})

    scanned = scan(repo.path)

    (finding,) = scanned.findings("annotation-unresolved")
    assert (finding.level, finding.file, finding.line) == ("error", "tests/test_card.py", 1)
    assert "SPEC-009-001" in finding.message
    assert rows(scanned)[0][3] is False


def test_without_documents_of_a_kind_a_titled_tag_in_the_sources_declares(empty_repo, good_record, scan):
    record = {name: text for name, text in good_record.items() if "/specs/" not in name}
    source = '# @gxp-spec SPEC-001-001 "Card terminal"\n# @gxp-spec SPEC-001-002\n'
    empty_repo.commit({**record, "src/card.py": source, "tests/test_card.py": TEST.format("SPEC-001-001")})

    scanned = scan(empty_repo.path)

    assert [(row[2], row[3]) for row in rows(scanned)] == [
        ("SPEC-001-001", True),
        ("SPEC-001-002", False),
        ("SPEC-001-001", True),
        ("US-001-001", True),
    ]


def test_beside_documents_of_its_kind_a_title_declares_nothing(repo, scan):
    repo.commit({"src/card.py": '# @gxp-spec SPEC-007-001 "Made up"\n'})

    assert [finding.artifact_id for finding in scan(repo.path).findings("annotation-unresolved")] == ["SPEC-007-001"]


def test_a_test_that_leaves_something_out_is_told_what(repo, scan):
    repo.commit({"tests/test_card.py": "# @gxp-spec SPEC-001-001\n# @test-type OQ\n"})

    (finding,) = scan(repo.path).findings("test-block-incomplete")
    assert finding.message == "The test of SPEC-001-001 says no trace and no risk."


@pytest.mark.parametrize(("written", "words"), [("unit", "as OQ"), ("e2e", "as PQ"), ("smoke", "not known")])
def test_a_test_type_that_is_no_tier_is_found_with_the_tier_it_is_taken_as(repo, scan, written, words):
    repo.commit({"tests/test_card.py": TEST.format("SPEC-001-001").replace("OQ", written)})

    (finding,) = scan(repo.path).findings("test-type-unknown")
    assert words in finding.message


def test_one_spec_with_two_risks_is_found_where_it_differs(repo, scan):
    low = TEST.format("SPEC-001-001").replace("HIGH", "L")
    repo.commit({"tests/test_a.py": TEST.format("SPEC-001-001"), "tests/test_b.py": low})

    (finding,) = scan(repo.path).findings("annotation-risk-differs")
    assert (finding.file, finding.message) == (
        "tests/test_b.py",
        "SPEC-001-001 is LOW here and HIGH at tests/test_a.py:1.",
    )


def test_generated_and_vendored_files_are_left_out_and_counted(repo, scan):
    tag = "// @gxp-spec SPEC-404\n"
    repo.commit(
        {
            "web/node_modules/a/index.js": tag,
            "web/node_modules/b/index.js": tag,
            "web/app.min.js": tag,
            "api/types_pb2.py": "# @gxp-spec SPEC-404\n",
        }
    )

    scanned = scan(repo.path)

    assert rows(scanned) == []
    (finding,) = scanned.findings("source-excluded")
    assert finding.message == (
        "4 files are generated or vendored and were not read: web/node_modules/ (2), api/types_pb2.py, web/app.min.js."
    )


@pytest.mark.parametrize(
    ("pattern", "file", "covered"),
    [
        ("vendor/", "a/vendor/b/c.go", True),
        ("vendor/", "a/vendor.go", False),
        ("*.min.js", "a/b.min.js", True),
        ("legacy/*.js", "legacy/a/b.js", True),
        ("legacy/*.js", "x/legacy/b.js", False),
        ("/gen/old/", "gen/old/a.py", True),
        ("/gen/old/", "other/gen/old/a.py", False),
    ],
)
def test_patterns_cover_folders_files_and_paths(pattern, file, covered):
    assert (Exclusions([pattern]).place(file) is not None) == covered


def test_folders_nested_ever_so_deeply_are_asked_without_a_crash():
    assert Exclusions(EXCLUDED).place("a/" * 5000 + "b.py") is None


def test_what_could_not_be_read_is_told_once_for_each_reason(repo, scan, monkeypatch):
    monkeypatch.setattr(selection, "MAX_SOURCE_BYTES", 1000)
    repo.commit(
        {
            "src/big.py": "#" * 1001,
            "src/a.kt": "// @gxp-spec SPEC-001-001\n",
            "src/b.kt": "// @gxp-spec SPEC-001-001\n",
            "src/blob.x": b"\0\1",
            "src/model.y": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        }
    )

    scanned = scan(repo.path)

    assert [(finding.rule, finding.message) for finding in scanned.outcome.findings] == [
        ("source-too-large", "src/big.py has more than 1048576 bytes and was not read."),
        (
            "source-language-unread",
            "2 files are with tags in a language that is not read and were not read: .kt (2).",
        ),
        ("source-binary", "1 file is binary and was not read: src/blob.x."),
        ("source-elsewhere", "1 file is kept in large-file storage and was not read: src/model.y."),
    ]


def test_a_file_with_more_tags_than_are_read_says_so(repo, scan):
    repo.commit({"src/flood.py": "# @gxp-spec SPEC-001-001\n" * 2500})

    scanned = scan(repo.path)

    assert len(scanned.outcome.annotations) == 2000
    (finding,) = scanned.findings("source-tags-omitted")
    assert (finding.file, finding.message) == ("src/flood.py", "It holds 2500 tags; the first 2000 were read.")


@pytest.mark.parametrize(
    ("block", "rows", "said"),
    [
        ("@gxp-specs SPEC-001-001\n" * 4000, 0, "It holds 4000 tags; the first 2000 were read."),
        ("@gxp-spec " + "SPEC-001-001," * 3000, 2000, "Its tags name 3000 ids; the first 2000 were taken."),
        (
            f"@gxp-spec SPEC-001-001\n@trace {' '.join(f'US-{number}' for number in range(101))}\n",
            102,
            "Tags beside each other trace to 101 ids; the first 100 were taken for each.",
        ),
    ],
    ids=["unknown tags", "ids", "traces"],
)
def test_one_comment_cannot_make_rows_without_number_or_measure(block, rows, said):
    reading = read_source("src/flood.ts", f"/* {block} */".encode())

    assert len(reading.references) == rows
    assert max((len(one.annotation.traces) for one in reading.references), default=0) <= 100
    assert [one.message for one in reading.findings if one.rule == "source-tags-omitted"] == [said]
    assert len(reading.findings) <= 2001


def test_a_file_that_takes_too_long_is_told_and_read_another_time(repo, scan, monkeypatch):
    repo.commit({"src/card.py": "A = 1\n" * 50_000 + "# @gxp-req REQ-001\n"})
    with monkeypatch.context() as patch:
        patch.setattr(comments, "PARSE_TIMEOUT_S", 0.0)
        scanned = scan(repo.path)

    assert [one.file for one in scanned.findings("source-too-slow")] == ["src/card.py"]
    assert scanned.outcome.annotations == ()
    assert [one.artifact_id for one in scan(repo.path).outcome.annotations] == ["REQ-001"]
