"""What is demanded of each document on its own."""

from __future__ import annotations

from ._rule import Rule

SYSTEM_CONTEXT_MISSING = Rule(
    "system-context-missing",
    "error",
    "The record has a system context.",
    "It says what the system is for and how great its risk is: the measure of everything else.",
    "Add .gxp/system_context.md with id, project_name, version, gxp_risk_rating, validation_status and intended_use.",
)
SYSTEM_CONTEXT_KEY_MISSING = Rule(
    "system-context-key-missing",
    "error",
    "The system context has all keys it must have.",
    "Each of these keys decides what has to be shown for the system.",
    "Add the key to the front matter.",
)
SYSTEM_CONTEXT_ID = Rule(
    "system-context-id",
    "error",
    "The system's id is a UUID.",
    "An id that is unique everywhere keeps records of several systems apart.",
    "Generate a UUID once and keep it for the life of the system.",
)
SYSTEM_CONTEXT_VERSION = Rule(
    "system-context-version",
    "error",
    "The system's version is a semantic version.",
    "Evidence is about one version, and versions have to be put in order.",
    "Write the version as MAJOR.MINOR.PATCH, for example 1.4.0.",
)
SYSTEM_CONTEXT_RISK = Rule(
    "system-context-risk",
    "error",
    "The system's risk is LOW, MEDIUM or HIGH.",
    "The risk decides how much evidence is demanded.",
    "Write gxp_risk_rating as LOW, MEDIUM or HIGH.",
)

ID_MISSING = Rule(
    "id-missing",
    "error",
    "Every document names its id.",
    "An id guessed from a file's name changes when the file is renamed, and links break.",
    "Add gxp_id to the front matter.",
)
ID_PATTERN = Rule(
    "id-pattern",
    "warning",
    "An id follows the pattern of its type.",
    "Other tools find a document's kind and parent by the pattern of its id.",
    "Use REQ-001, US-001-001, SPEC-001-001, ADR-001 or RISK-001.",
)
ID_DUPLICATE = Rule(
    "id-duplicate",
    "error",
    "An id belongs to one artifact.",
    "A reference to an id that two things have says nothing.",
    "Give one of the two another id.",
)
TITLE_MISSING = Rule(
    "title-missing",
    "warning",
    "Every document has a title.",
    "People read titles; an id alone tells a reviewer nothing.",
    "Add a title.",
)
STATUS_UNKNOWN = Rule(
    "status-unknown",
    "warning",
    "A status is one of the known words.",
    "A status that is no known word cannot be filtered or compared.",
    "Use draft, in_review, validated or retired.",
)
STATUS_OLDER_DRAFT = Rule(
    "status-older-draft",
    "info",
    "The status is a word of draft 03.",
    "Records that mix the words of several drafts are hard to count.",
    "Use draft, in_review, validated or retired when the document is next changed.",
)
RISK_UNKNOWN = Rule(
    "risk-unknown",
    "warning",
    "A requirement's risk is LOW, MEDIUM or HIGH.",
    "The risk decides how much evidence a requirement needs.",
    "Write gxp_risk_rating as LOW, MEDIUM or HIGH.",
)
ACCEPTANCE_CRITERIA_MISSING = Rule(
    "acceptance-criteria-missing",
    "warning",
    "Requirements and stories say when they are met.",
    "Without them nobody can say whether a test shows what was asked for.",
    "Add acceptance_criteria, a list of sentences.",
)
STORY_INCOMPLETE = Rule(
    "story-incomplete",
    "info",
    "A user story says who wants what, and why.",
    "Who wants it and why is what a reviewer weighs a design against.",
    "Add as_a, i_want and so_that, or write '**As a** ..., **I want** ... **so that** ...' below the front matter.",
)
TIER_UNKNOWN = Rule(
    "tier-unknown",
    "warning",
    "A spec's verification tier is IQ, OQ or PQ.",
    "The tier says which kind of qualification a spec's evidence has to be of.",
    "Write verification_tier as IQ, OQ or PQ.",
)
SPEC_WITHOUT_TESTS = Rule(
    "spec-without-tests",
    "warning",
    "A spec names the tests that verify it.",
    "A spec that names no tests cannot be qualified again by somebody else.",
    "Add test_files, a list of paths in the repository.",
)
NAMED_FILE_MISSING = Rule(
    "named-file-missing",
    "warning",
    "The files a spec names exist at the commit that was scanned.",
    "A path that leads nowhere breaks the way from the spec to the code.",
    "Correct the path (from the top of the repository), or commit the file.",
)
ADR_MISSING = Rule(
    "adr-missing",
    "warning",
    "The record has decision records.",
    "Decisions that nobody wrote down are found out again, or against.",
    "Add .gxp/adr/ADR-001-title.md with the sections Status, Context, Decision and Consequences.",
)
ADR_SECTION_MISSING = Rule(
    "adr-section-missing",
    "warning",
    "A decision record has the sections Status, Context, Decision and Consequences.",
    "Without its context and consequences a decision cannot be judged later.",
    "Add the section as a heading.",
)
ADR_STATUS = Rule(
    "adr-status",
    "warning",
    "A decision's status is Proposed, Accepted, Deprecated or Superseded.",
    "A decision that may or may not hold is none.",
    "Write one of the four words under the heading Status.",
)
VENDOR_EXPIRED = Rule(
    "vendor-expired",
    "warning",
    "A vendor assessment has not expired.",
    "Testing was reduced because of this assessment, and it no longer holds.",
    "Assess the vendor again and record the new expiry_date.",
)
VENDOR_EXPIRY_UNKNOWN = Rule(
    "vendor-expiry-unknown",
    "warning",
    "A vendor assessment says when it expires.",
    "Nobody can tell when the assessment stops justifying reduced testing.",
    "Write expiry_date as YYYY-MM-DD.",
)
