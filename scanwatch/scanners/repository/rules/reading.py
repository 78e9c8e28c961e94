"""What is demanded of files before anything is known of what they say."""

from __future__ import annotations

from ._rule import Rule

FILE_TOO_LARGE = Rule(
    "file-too-large",
    "error",
    "A file of the record is small enough to be read.",
    "Split the file, or move what is not part of the record elsewhere.",
)
FILE_NOT_REGULAR = Rule(
    "file-not-regular",
    "warning",
    "The record holds plain files only.",
    "Put the file itself there: links and submodules are not followed.",
)
FILE_NAME_UNCLEAR = Rule(
    "file-name-unclear",
    "warning",
    "File names are UTF-8 without hidden characters.",
    "Rename the file.",
)
FILE_UNRECOGNISED = Rule(
    "file-unrecognised",
    "info",
    "Every file of the record is of a known type.",
    "Move it to the folder of its type, or name it after its id (REQ-001-title.md).",
)
FILE_ELSEWHERE = Rule(
    "file-elsewhere",
    "error",
    "The commit holds the record itself.",
    "Keep documents and signatures out of large-file storage (git lfs untrack): a scan sees only the pointer.",
)
TEXT_ENCODING = Rule(
    "text-encoding",
    "error",
    "Documents are UTF-8.",
    "Save the file as UTF-8.",
)
TEXT_BYTE_ORDER_MARK = Rule(
    "text-byte-order-mark",
    "warning",
    "A document starts with its first character, not with a byte order mark.",
    "Save the file as UTF-8 without a byte order mark: other readers do not find the front matter behind it.",
)
TEXT_CONTROL_CHARACTERS = Rule(
    "text-control-characters",
    "warning",
    "Documents hold no control characters.",
    "Remove the character.",
)
FRONT_MATTER_MISSING = Rule(
    "front-matter-missing",
    "error",
    "The document starts with front matter.",
    "Start the file with a line of three dashes, the keys, and another line of three dashes.",
)
FRONT_MATTER_UNTERMINATED = Rule(
    "front-matter-unterminated",
    "error",
    "Front matter ends with a line of three dashes.",
    "Add a line of three dashes after the last key.",
)
FRONT_MATTER_INVALID = Rule(
    "front-matter-invalid",
    "error",
    "Front matter is a plain YAML mapping.",
    "Correct the YAML at that line; quote a value with a colon, a hash or a bracket in it.",
)
FRONT_MATTER_DUPLICATE_KEY = Rule(
    "front-matter-duplicate-key",
    "warning",
    "Each key is given once.",
    "Keep one of the two: the later one was used.",
)
DIALECT_UNSUPPORTED = Rule(
    "dialect-unsupported",
    "warning",
    "The record is written in a dialect that is read.",
    "Keep the record in .gxp, as draft 02, draft 03 or GxP.MD has it; tags of ROSIE 1.1 are read in source files.",
)
FINDINGS_OMITTED = Rule(
    "findings-omitted",
    "info",
    "The findings of one file fit into a list that people read.",
    "Mend what is listed and scan again.",
)
