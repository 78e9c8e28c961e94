"""The rules: what each one demands, how much it matters, and what to do about it. One place, so that more slot in.

A rule's id is kebab-case and never changes its meaning. Checks say *where* a rule is broken; the rule says the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...model import Finding
from .text import legible

Level = Literal["error", "warning", "info"]

MAX_MESSAGE = 500
"""Characters of a finding's message."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One demand on a validation record: ``sentence`` says what should be so, ``remedy`` what to do where it is not."""

    id: str
    level: Level
    sentence: str
    remedy: str

    def finding(
        self, message: str, *, file: str | None = None, line: int | None = None, artifact_id: str | None = None
    ) -> Finding:
        """This rule, broken at a place; ``line`` counts from 1."""
        return Finding(
            rule=self.id,
            level=self.level,
            message=legible(message, MAX_MESSAGE),
            artifact_id=artifact_id,
            file=file,
            line=line,
            remedy=self.remedy,
        )


# Reading files

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
FINDINGS_OMITTED = Rule(
    "findings-omitted",
    "info",
    "The findings of one file fit into a list that people read.",
    "Mend what is listed and scan again.",
)

# The system context

SYSTEM_CONTEXT_MISSING = Rule(
    "system-context-missing",
    "error",
    "The record has a system context.",
    "Add .gxp/system_context.md with id, project_name, version, gxp_risk_rating, validation_status and intended_use.",
)
SYSTEM_CONTEXT_KEY_MISSING = Rule(
    "system-context-key-missing",
    "error",
    "The system context has all keys it must have.",
    "Add the key to the front matter.",
)
SYSTEM_CONTEXT_ID = Rule(
    "system-context-id",
    "error",
    "The system's id is a UUID.",
    "Generate a UUID once and keep it for the life of the system.",
)
SYSTEM_CONTEXT_VERSION = Rule(
    "system-context-version",
    "error",
    "The system's version is a semantic version.",
    "Write the version as MAJOR.MINOR.PATCH, for example 1.4.0.",
)
SYSTEM_CONTEXT_RISK = Rule(
    "system-context-risk",
    "error",
    "The system's risk is LOW, MEDIUM or HIGH.",
    "Write gxp_risk_rating as LOW, MEDIUM or HIGH.",
)

# Documents on their own

ID_MISSING = Rule(
    "id-missing",
    "error",
    "Every document names its id.",
    "Add gxp_id to the front matter.",
)
ID_PATTERN = Rule(
    "id-pattern",
    "warning",
    "An id follows the pattern of its type.",
    "Use REQ-001, US-001-001, SPEC-001-001, ADR-001 or RISK-001.",
)
ID_DUPLICATE = Rule(
    "id-duplicate",
    "error",
    "An id belongs to one artifact.",
    "Give one of the two another id.",
)
TITLE_MISSING = Rule(
    "title-missing",
    "warning",
    "Every document has a title.",
    "Add a title.",
)
STATUS_UNKNOWN = Rule(
    "status-unknown",
    "warning",
    "A status is one of the known words.",
    "Use draft, in_review, validated or retired.",
)
STATUS_OLDER_DRAFT = Rule(
    "status-older-draft",
    "info",
    "The status is a word of draft 03.",
    "Use draft, in_review, validated or retired when the document is next changed.",
)
RISK_UNKNOWN = Rule(
    "risk-unknown",
    "warning",
    "A requirement's risk is LOW, MEDIUM or HIGH.",
    "Write gxp_risk_rating as LOW, MEDIUM or HIGH.",
)
ACCEPTANCE_CRITERIA_MISSING = Rule(
    "acceptance-criteria-missing",
    "warning",
    "Requirements and stories say when they are met.",
    "Add acceptance_criteria, a list of sentences.",
)
TIER_UNKNOWN = Rule(
    "tier-unknown",
    "warning",
    "A spec's verification tier is IQ, OQ or PQ.",
    "Write verification_tier as IQ, OQ or PQ.",
)
SPEC_WITHOUT_TESTS = Rule(
    "spec-without-tests",
    "warning",
    "A spec names the tests that verify it.",
    "Add test_files, a list of paths in the repository.",
)
NAMED_FILE_MISSING = Rule(
    "named-file-missing",
    "warning",
    "The files a spec names exist at the commit that was scanned.",
    "Correct the path (from the top of the repository), or commit the file.",
)
ADR_MISSING = Rule(
    "adr-missing",
    "warning",
    "The record has decision records.",
    "Add .gxp/adr/ADR-001-title.md with the sections Status, Context, Decision and Consequences.",
)
ADR_SECTION_MISSING = Rule(
    "adr-section-missing",
    "warning",
    "A decision record has the sections Status, Context, Decision and Consequences.",
    "Add the section as a heading.",
)
ADR_STATUS = Rule(
    "adr-status",
    "warning",
    "A decision's status is Proposed, Accepted, Deprecated or Superseded.",
    "Write one of the four words under the heading Status.",
)
VENDOR_EXPIRED = Rule(
    "vendor-expired",
    "warning",
    "A vendor assessment has not expired.",
    "Assess the vendor again and record the new expiry_date.",
)
VENDOR_EXPIRY_UNKNOWN = Rule(
    "vendor-expiry-unknown",
    "warning",
    "A vendor assessment says when it expires.",
    "Write expiry_date as YYYY-MM-DD.",
)

# Links between artifacts

PARENT_MISSING = Rule(
    "parent-missing",
    "error",
    "The parent of a story or a spec exists.",
    "Name an existing requirement (for a story) or user story (for a spec) in parent_id.",
)
PARENT_LEVEL = Rule(
    "parent-level",
    "error",
    "A story's parent is a requirement and a spec's is a story.",
    "Name a requirement (for a story) or a user story (for a spec) in parent_id.",
)
PARENT_IMPLIED = Rule(
    "parent-implied",
    "info",
    "The parent is named, not only implied by the number.",
    "Add parent_id to the front matter.",
)
PARENT_NUMBERING = Rule(
    "parent-numbering",
    "warning",
    "The number of an id agrees with its parent's.",
    "Correct parent_id, or renumber while nothing refers to the id yet.",
)
REQUIREMENT_WITHOUT_STORY = Rule(
    "requirement-without-story",
    "error",
    "Every requirement has a user story.",
    "Add a story with this requirement as parent_id, or retire the requirement.",
)
STORY_WITHOUT_SPEC = Rule(
    "story-without-spec",
    "warning",
    "Every user story has a spec.",
    "Add a spec with this story as parent_id.",
)
RISK_LOG_MISSING = Rule(
    "risk-log-missing",
    "warning",
    "The record has a risk log.",
    "Add .gxp/risk_assessment.log with an entry for each requirement.",
)
RISK_ENTRY_MALFORMED = Rule(
    "risk-entry-malformed",
    "warning",
    "Every entry of the risk log can be read.",
    "Write '## RISK-001: Title' with the bullets Date, Author, Component, Risk Level, Description, Impact, Mitigation, "
    "Status.",
)
RISK_ENTRY_MISSING = Rule(
    "risk-entry-missing",
    "warning",
    "Every requirement has an entry in the risk log.",
    "Append an entry with the requirement as its Component.",
)
RISK_LEVEL_DIFFERS = Rule(
    "risk-level-differs",
    "warning",
    "The risk log and the requirement give the same risk.",
    "Append an entry with the present level, or correct the requirement.",
)
RISK_REFERENCE_UNKNOWN = Rule(
    "risk-reference-unknown",
    "warning",
    "The risk log refers to artifacts that exist.",
    "Append an entry with the right id.",
)
RISK_STATUS = Rule(
    "risk-status",
    "warning",
    "A risk's status is open, mitigated, accepted or closed.",
    "Use one of the four words.",
)

RULES: tuple[Rule, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Rule))
"""Every rule, in the order of this file."""
