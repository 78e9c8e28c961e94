"""What is demanded of a repository's own configuration of its scans."""

from __future__ import annotations

from ._rule import Rule

CONFIGURATION_INVALID = Rule(
    "configuration-invalid",
    "error",
    ".scanwatch.toml is TOML, and every setting in it is known and has a value of its kind.",
    "A misspelt setting would otherwise be passed over, and the scan judged by rules nobody chose.",
    "Correct the setting; until then it counts as not set.",
)
SUPPRESSION_UNUSED = Rule(
    "suppression-unused",
    "info",
    "Every suppression accepts a finding that is there.",
    "An acceptance that covers nothing hides the next finding that happens to fit.",
    "Take it out of .scanwatch.toml.",
)
