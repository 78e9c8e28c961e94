"""What is demanded of files before anything is known of what they say."""

from __future__ import annotations

from ._rule import Rule

FILE_TOO_LARGE = Rule(
    "file-too-large",
    "error",
    "A file of the record is small enough to be read.",
    "A scan holds documents in memory, so there has to be a bound.",
    "Split the file, or move what is not part of the record elsewhere.",
)
FILE_NOT_REGULAR = Rule(
    "file-not-regular",
    "warning",
    "The record holds plain files only.",
    "A link or a submodule leads out of the commit, to contents that nobody has signed off with it.",
    "Put the file itself there: links and submodules are not followed.",
)
FILE_NAME_UNCLEAR = Rule(
    "file-name-unclear",
    "warning",
    "File names are UTF-8 without hidden characters.",
    "A name that cannot be shown as it is can pass for another.",
    "Rename the file.",
)
FILE_UNRECOGNISED = Rule(
    "file-unrecognised",
    "info",
    "Every file of the record is of a known type.",
    "A file of no known type is in no table, and may be a document with a misspelt name.",
    "Move it to the folder of its type, or name it after its id (REQ-001-title.md).",
)
FILE_ELSEWHERE = Rule(
    "file-elsewhere",
    "error",
    "The commit holds the record itself.",
    "What is in large-file storage can be lost or exchanged without a trace in the commit.",
    "Keep documents and signatures out of large-file storage (git lfs untrack): a scan sees only the pointer.",
)
TEXT_ENCODING = Rule(
    "text-encoding",
    "error",
    "Documents are UTF-8.",
    "Bytes that are no text are read differently by every reader.",
    "Save the file as UTF-8.",
)
TEXT_BYTE_ORDER_MARK = Rule(
    "text-byte-order-mark",
    "warning",
    "A document starts with its first character, not with a byte order mark.",
    "Other readers do not find the front matter behind the mark and take the document for an empty one.",
    "Save the file as UTF-8 without a byte order mark: other readers do not find the front matter behind it.",
)
TEXT_CONTROL_CHARACTERS = Rule(
    "text-control-characters",
    "warning",
    "Documents hold no control characters.",
    "A control character hides or rewrites what a terminal shows of the document.",
    "Remove the character.",
)
FRONT_MATTER_MISSING = Rule(
    "front-matter-missing",
    "error",
    "The document starts with front matter.",
    "Without front matter a document has no id, risk or status that a program could check.",
    "Start the file with a line of three dashes, the keys, and another line of three dashes.",
)
FRONT_MATTER_UNTERMINATED = Rule(
    "front-matter-unterminated",
    "error",
    "Front matter ends with a line of three dashes.",
    "Where its end is missing, the whole document would be taken for front matter, or none of it.",
    "Add a line of three dashes after the last key.",
)
FRONT_MATTER_INVALID = Rule(
    "front-matter-invalid",
    "error",
    "Front matter is a plain YAML mapping.",
    "Keys that cannot be read would otherwise count as not there, or with values nobody wrote.",
    "Correct the YAML at that line; quote a value with a colon, a hash or a bracket in it.",
)
FRONT_MATTER_DUPLICATE_KEY = Rule(
    "front-matter-duplicate-key",
    "warning",
    "Each key is given once.",
    "Readers differ in which of the two they take.",
    "Keep one of the two: the later one was used.",
)
FINDINGS_OMITTED = Rule(
    "findings-omitted",
    "info",
    "The findings of one file fit into a list that people read.",
    "The list would be longer than anybody reads, and would hide the findings of other files.",
    "Mend what is listed and scan again.",
)
