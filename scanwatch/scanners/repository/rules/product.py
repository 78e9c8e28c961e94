"""What is demanded of the older record of ROSIE 1.1."""

from __future__ import annotations

from ._rule import Rule

MANIFEST_SCHEMA = Rule(
    "manifest-schema",
    "error",
    "The manifest has all it must have, each of its kind.",
    "It says what the product is and what its ids start with: without it nothing else can be placed.",
    "Write product_name, version, product_code in upper case, id_schema, and sync with mode (repo-first or sor-first) "
    "and system_of_record_id into the front matter of gxp-product.md; into each entry of composition repo, "
    "product_code, and version or version_constraint.",
)
MANIFEST_VERSION = Rule(
    "manifest-version",
    "error",
    "The product's version is a semantic version.",
    "Other products depend on ranges of it.",
    "Write the version as MAJOR.MINOR.PATCH, for example 2.1.0.",
)
NODE_SCHEMA = Rule(
    "node-schema",
    "error",
    "A requirement is a heading with its id in brackets and a block of YAML below it.",
    "The system of record is told of a requirement by that block.",
    "Write '## [CODE-URS-1] Title', then a line of three dashes, the keys, and another line of three dashes.",
)
EXECUTION_SCHEMA = Rule(
    "execution-schema",
    "error",
    "The execution record says which tests ran, when, where, at which commit and with what result.",
    "A result that cannot be tied to a test and a commit shows nothing.",
    "Write execution_id, timestamp, commit_sha, environment, and results with gxp_id and status PASS, FAIL or SKIP.",
)
TRACE_UNRESOLVED = Rule(
    "trace-unresolved",
    "error",
    "What is traced to exists.",
    "The trace ends there, and nobody can follow it to the need.",
    "Correct the id, add what it names, or name the other product in composition.",
)
TRACE_ORPHAN = Rule(
    "trace-orphan",
    "warning",
    "Every requirement, function and design has a trace.",
    "What hangs on nothing is built for no need, or is a need that nobody meets.",
    "Name what it belongs to in traces, or @gxp-traces.",
)
TEST_ORPHAN = Rule(
    "test-orphan",
    "error",
    "Every test traces to what it verifies.",
    "Its result is evidence of nothing.",
    "Name the design or requirement in @gxp-traces.",
)
TRACE_REQUIREMENT_MISSING = Rule(
    "trace-requirement-missing",
    "error",
    "A design traces to a requirement.",
    "Nobody asked for what it says.",
    "Name the functional or user requirement in @gxp-traces.",
)
