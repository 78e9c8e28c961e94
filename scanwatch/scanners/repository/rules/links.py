"""What is demanded of the record as a whole."""

from __future__ import annotations

from ._rule import Rule

PARENT_MISSING = Rule(
    "parent-missing",
    "error",
    "The parent of a story or a spec exists.",
    "What belongs to nothing was built for no stated need.",
    "Name an existing requirement (for a story) or user story (for a spec) in parent_id.",
)
PARENT_LEVEL = Rule(
    "parent-level",
    "error",
    "A story's parent is a requirement, and a spec's a story; what is satisfied is a requirement.",
    "A chain that skips or reverses a level does not show that a need was met.",
    "Name a requirement (for a story) or a user story (for a spec) in parent_id, and requirements in satisfies.",
)
PARENT_IMPLIED = Rule(
    "parent-implied",
    "info",
    "The parent is named, not only implied by the number.",
    "An id may be renumbered; a parent that is named survives that.",
    "Add parent_id to the front matter.",
)
PARENT_NUMBERING = Rule(
    "parent-numbering",
    "warning",
    "The number of an id agrees with its parent's.",
    "People and older tools read the parent off the number, and would read another one.",
    "Correct parent_id, or renumber while nothing refers to the id yet.",
)
REQUIREMENT_WITHOUT_STORY = Rule(
    "requirement-without-story",
    "error",
    "Every requirement has a user story.",
    "Nobody has said how the need is to be met.",
    "Add a story with this requirement as parent_id, or retire the requirement.",
)
STORY_WITHOUT_SPEC = Rule(
    "story-without-spec",
    "warning",
    "Every user story has a spec.",
    "Nobody has said how the story is to be built.",
    "Add a spec with this story as parent_id.",
)
REQUIREMENT_UNCOVERED = Rule(
    "requirement-uncovered",
    "warning",
    "From a requirement a test can be reached, along any explicit edges.",
    "A requirement that no test reaches is not shown to be met, whatever else belongs to it.",
    "Name the requirement, or what satisfies it, in a test: @gxp-verifies SPEC-001.",
)
TRACE_CIRCULAR = Rule(
    "trace-circular",
    "error",
    "Nothing leads back to itself by what it names above it.",
    "In a circle nothing is the need that the rest was built for.",
    "Take out the link that points down.",
)
RISK_LOG_MISSING = Rule(
    "risk-log-missing",
    "warning",
    "The record has a risk log.",
    "How risks were judged has to be on record beside what was done about them.",
    "Add .gxp/risk_assessment.log with an entry for each requirement.",
)
RISK_ENTRY_MALFORMED = Rule(
    "risk-entry-malformed",
    "warning",
    "Every entry of the risk log can be read.",
    "An entry that cannot be read counts for nothing.",
    "Write '## RISK-001: Title' with the bullets Date, Author, Component, Risk Level, Description, Impact, Mitigation, "
    "Status.",
)
RISK_ENTRY_MISSING = Rule(
    "risk-entry-missing",
    "warning",
    "Every requirement has an entry in the risk log.",
    "A requirement whose risk nobody assessed has a rating without a reason.",
    "Append an entry with the requirement as its Component.",
)
RISK_LEVEL_DIFFERS = Rule(
    "risk-level-differs",
    "warning",
    "The risk log and the requirement give the same risk.",
    "One of the two decides how much is tested, and it may be the wrong one.",
    "Append an entry with the present level, or correct the requirement.",
)
RISK_REFERENCE_UNKNOWN = Rule(
    "risk-reference-unknown",
    "warning",
    "The risk log refers to artifacts that exist.",
    "A risk that is mitigated by something that is not there is not mitigated.",
    "Append an entry with the right id.",
)
RISK_STATUS = Rule(
    "risk-status",
    "warning",
    "A risk's status is open, mitigated, accepted or closed.",
    "A risk that is neither open nor settled is forgotten.",
    "Use one of the four words.",
)
