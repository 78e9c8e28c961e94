"""Records of testing: Markdown that says who tested a spec, when and with what result, and is signed by nobody.

They are enough where the risk is not HIGH.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from ..documents import fields_of, read_text
from ..frontmatter import FrontMatterError, read_front_matter

FIELDS = ("spec_id", "tester", "test_date", "test_type", "result", "summary")
PASSED, FAILED = frozenset({"PASS", "PASS_WITH_DEVIATIONS"}), frozenset({"FAIL"})
TEST_TYPES = frozenset({"scripted", "unscripted", "ad-hoc"})


class MalformedRecord(Exception):
    """Why a text is no record of testing; a sentence's end."""


def read_record(raw: bytes, file: str) -> Mapping[str, str]:
    """What a record says under the names in ``FIELDS``; a field that is not there or empty is left out.

    Raises:
        MalformedRecord: it cannot be read.
    """
    text, _ = read_text(raw, file)
    if text is None:
        raise MalformedRecord("it is not UTF-8")
    try:
        front = read_front_matter(text)
    except FrontMatterError as error:
        raise MalformedRecord(f"{error.reason} (line {error.line})") from None
    said = fields_of(front)
    return {name: said[name][0].text for name in FIELDS if said.get(name)}


def wrong_values(said: Mapping[str, str]) -> list[str]:
    """The values of a record that are none of the known, each as it would be said in a sentence."""
    wrong = []
    if (result := said.get("result")) and result not in PASSED | FAILED:
        wrong.append(f"the result {result!r}")
    if (kind := said.get("test_type")) and kind not in TEST_TYPES:
        wrong.append(f"the test type {kind!r}")
    if (day := said.get("test_date")) and not _is_date(day):
        wrong.append(f"the date {day!r}")
    return wrong


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True
