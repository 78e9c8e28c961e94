"""What is demanded of the record as a whole."""

from __future__ import annotations

from ._rule import Rule

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
REQUIREMENT_UNCOVERED = Rule(
    "requirement-uncovered",
    "warning",
    "From a requirement a test can be reached, along any explicit edges.",
    "Name the requirement, or what satisfies it, in a test: @gxp-verifies SPEC-001.",
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
