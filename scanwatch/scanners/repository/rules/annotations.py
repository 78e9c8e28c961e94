"""What is demanded of the tags in source files, and of the files they stand in."""

from __future__ import annotations

from ._rule import Rule

ANNOTATION_UNRESOLVED = Rule(
    "annotation-unresolved",
    "error",
    "An id in a tag is that of a document, or is declared by another tag.",
    "The code claims to belong to something that is not there, so that the trace ends.",
    "Correct the id, or add the document it names.",
)
ANNOTATION_ID_MISSING = Rule(
    "annotation-id-missing",
    "warning",
    "A tag that names an artifact gives its id.",
    "The tag says that something is traced and not what.",
    "Write the id behind the tag, as in @gxp-spec SPEC-001-001.",
)
ANNOTATION_TAG_UNKNOWN = Rule(
    "annotation-tag-unknown",
    "warning",
    "A tag that starts with @gxp- is one of the known.",
    "A misspelt tag is passed over by every tool without a word.",
    "Correct the tag's name; nothing is read from it as it is.",
)
ANNOTATION_RISK_UNKNOWN = Rule(
    "annotation-risk-unknown",
    "warning",
    "The risk in a tag is LOW, MEDIUM or HIGH.",
    "The risk decides how the code has to be tested.",
    "Write @gxp-risk LOW, MEDIUM or HIGH.",
)
ANNOTATION_RISK_DIFFERS = Rule(
    "annotation-risk-differs",
    "warning",
    "A spec is tagged with the same risk everywhere.",
    "One of the two places was tested for another risk than the spec has.",
    "Use the risk of the spec's requirement in each of its tags.",
)
TEST_BLOCK_INCOMPLETE = Rule(
    "test-block-incomplete",
    "warning",
    "A test says what it traces to, its type and its risk.",
    "A test counts as evidence of a tier and a story only if it says of which.",
    "Add the missing tags beside it: @trace US-001-001, @test-type OQ, @gxp-risk HIGH.",
)
TEST_TYPE_UNKNOWN = Rule(
    "test-type-unknown",
    "warning",
    "A test's type is IQ, OQ or PQ.",
    "The type is the tier that the test's result is evidence of.",
    "Write @test-type IQ, OQ or PQ; unit and integration tests are OQ, end-to-end tests PQ.",
)
SOURCE_TOO_LARGE = Rule(
    "source-too-large",
    "warning",
    "Source files are small enough to be read.",
    "Parsing takes memory and time in proportion, and files of this size are seldom written by hand.",
    "Split the file, or exclude it if it is generated.",
)
SOURCE_TAGS_OMITTED = Rule(
    "source-tags-omitted",
    "warning",
    "A source file holds no more tags than are read.",
    "Rows beyond the bound would not fit into what a scan keeps.",
    "Split the file, or exclude it if it is generated.",
)
SOURCE_TOO_SLOW = Rule(
    "source-too-slow",
    "warning",
    "A source file can be parsed in seconds.",
    "One file must not hold up the scan of all others.",
    "Exclude the file if it is generated; otherwise mend its syntax or split it.",
)
SOURCE_LANGUAGE_UNREAD = Rule(
    "source-language-unread",
    "warning",
    "Tags stand in files of a language whose comments can be read.",
    "Without its grammar a comment cannot be told from a string, and a guess might be wrong.",
    "Install scanwatch[languages] where the scan runs, or move the tags to a file of a language that is read.",
)
SOURCE_EXCLUDED = Rule(
    "source-excluded",
    "info",
    "Generated and vendored files are left out.",
    "Tags in generated or foreign code are not this project's claims.",
    "Nothing, if nobody tags those files by hand.",
)
SOURCE_BINARY = Rule(
    "source-binary",
    "info",
    "Binary files hold no comments.",
    "What is no text has no comments.",
    "Nothing.",
)
SOURCE_SUBMODULE = Rule(
    "source-submodule",
    "info",
    "The commit holds its sources itself.",
    "Its files are another repository's, at a commit that this one only names.",
    "Scan the submodule's repository on its own, if it has a record.",
)
SOURCE_ELSEWHERE = Rule(
    "source-elsewhere",
    "info",
    "The commit holds the contents of its source files.",
    "A pointer says nothing of the tags in the file it stands for.",
    "Keep source files out of large-file storage: a scan sees only the pointer.",
)
