"""Exported tables say where they come from, and no cell of them is run by whatever opens them.

@gxp-spec SPEC-002-001 "Tables"
@trace US-002-001
@test-type OQ
@gxp-risk MEDIUM
"""

from __future__ import annotations

import csv
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import scanwatch
from scanwatch.model import Finding, ScanRecord, ScanStatus
from scanwatch.tables import findings_table, scans_table

RUN = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\x00=1", "\ufeff=1", "＝1", "\n=1", "\ud800"]
EVIL = [
    *RUN,
    "<script>alert(1)</script>",
    "a|b",
    "x;=1",
    "see #5, -1",
    'a";=1',
    "![x](//evil/p.png)",
    "fine",
]


@pytest.fixture
def table() -> pd.DataFrame:
    made = findings_table([Finding("r", "error", text, line=-3 if text == "fine" else None) for text in EVIL])
    made.attrs = {"scan": "scan-1", "target": "=evil()\n", "commit": "c0ffee"}
    return made


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".html", ".md"])
def test_a_file_says_scan_target_commit_time_and_version(table: pd.DataFrame, tmp_path: Path, suffix: str) -> None:
    path = scanwatch.export(table, tmp_path / f"findings{suffix}")
    if suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        said = " ".join(str(cell.value) for row in book["about"].iter_rows() for cell in row)
    else:
        said = path.read_text(encoding="utf-8")
    for words in ("scan-1", "c0ffee", "written", scanwatch.__version__):
        assert words in said


def test_csv_is_read_back_and_holds_no_formula(table: pd.DataFrame, tmp_path: Path) -> None:
    path = scanwatch.export(table, str(tmp_path / "findings.csv"))
    back = pd.read_csv(path, comment="#")
    assert list(back.columns) == list(table.columns)
    written = ["?" if text == "\ud800" else re.sub(r"([;\t\n])=", r"\1'=", text) for text in EVIL]
    assert back["message"].tolist() == [*(f"'{text}" for text in written[: len(RUN)]), *written[len(RUN) :]]
    assert back["line"].iloc[-1] == -3, "a number stays one"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_holds_no_formula_wherever_a_spreadsheet_sees_separators(
    table: pd.DataFrame, tmp_path: Path, separator: str
) -> None:
    table.attrs["target"] = "sim://acme?a=1,=evil();=evil()\t+evil()"
    path = scanwatch.export(table.rename(columns={"rule": "=rule"}), tmp_path / "findings.csv")
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file, delimiter=separator) for cell in row]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "@"))]


def test_excel_holds_no_formula_and_numbers_are_numbers(table: pd.DataFrame, tmp_path: Path) -> None:
    table.loc[0, "remedy"] = "x" * 40_000
    table = table.rename(columns={"rule": "=rule"})
    book = openpyxl.load_workbook(scanwatch.export(table, tmp_path / "findings.xlsx"))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert "f" not in {cell.data_type for cell in cells}
    assert not [cell for cell in cells if str(cell.value).lstrip().startswith("=")]
    assert -3 in {cell.value for cell in cells}
    assert max(len(str(cell.value)) for cell in cells) == 32_767


def test_html_and_markdown_escape_what_they_show(table: pd.DataFrame, tmp_path: Path) -> None:
    table = table.rename(columns={"rule": "<b>rule"})
    page = scanwatch.export(table, tmp_path / "findings.html").read_text(encoding="utf-8")
    text = scanwatch.export(table, tmp_path / "findings.md").read_text(encoding="utf-8")
    for said in (page, text):
        assert "<script" not in said
        assert "<b>" not in said
        assert "None" not in said
        assert "<NA>" not in said
    assert "a\\|b" in text
    assert "![" not in text
    assert {line.replace("\\|", "").count("|") for line in text.splitlines()[2:]} == {len(table.columns) + 1}


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".html", ".md"])
def test_long_texts_times_and_durations_are_written_whole(tmp_path: Path, suffix: str) -> None:
    time = datetime(2026, 3, 1, 12, 30, 5, 250_000, tzinfo=UTC)
    record = ScanRecord("s1", "r", ScanStatus.FAILED, time, started_at=time, duration_s=98.125, error="why " * 100)
    path = scanwatch.export(scans_table([record]), tmp_path / f"scans{suffix}")
    if suffix == ".xlsx":
        said = " ".join(str(cell.value) for row in openpyxl.load_workbook(path)["table"].iter_rows() for cell in row)
    else:
        said = path.read_text(encoding="utf-8")
    for words in (
        "scan_id",
        "s1",
        "2026-03-01T12:30:05.250000+00:00",
        "0 days 00:01:38.125000",
        ("why " * 100).strip(),
    ):
        assert words in said


def test_columns_of_one_name_and_several_indexes_are_all_written(tmp_path: Path) -> None:
    index = pd.MultiIndex.from_tuples([("HIGH", "OQ")], names=["risk", "tier"])
    made = pd.DataFrame([[1, "x", ["a", "b"]]], columns=["n", "n", "list"], index=index)
    lines = scanwatch.export(made, tmp_path / "made.csv").read_text(encoding="utf-8").splitlines()
    assert lines[-2:] == ['"risk","tier","n","n","list"', '"HIGH","OQ",1,"x","[\'a\', \'b\']"']


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".html", ".md"])
def test_an_empty_table_is_exported_with_its_columns(tmp_path: Path, suffix: str) -> None:
    path = scanwatch.export(findings_table([]), tmp_path / f"empty{suffix}")
    assert path.stat().st_size > 0


def test_what_cannot_be_written_is_refused_in_words(table: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for path, words in (
        (tmp_path / "findings.pdf", r"none of the suffixes .csv, .xlsx"),
        (tmp_path / "none" / "findings.csv", "no folder"),
        (tmp_path / "folder.csv", "cannot be written .Is a directory"),
        (tmp_path / f"{'x' * 300}.md", "cannot be written .File name too long"),
        (None, "writes to a path, 'findings.csv' for one, not NoneType"),
    ):
        with pytest.raises(scanwatch.UsageError, match=words):
            scanwatch.export(table, path)  # type: ignore[arg-type]
    with pytest.raises(scanwatch.UsageError, match="writes a table, not str"):
        scanwatch.export("findings", tmp_path / "findings.csv")  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".html", ".md"])
def test_a_disk_that_is_full_is_named(table: pd.DataFrame, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"full{suffix}"
    path.symlink_to("/dev/full")
    with pytest.raises(scanwatch.UsageError, match=f"full{suffix}' cannot be written .No space left on device"):
        scanwatch.export(table, path)


def test_without_the_library_excel_says_what_to_install(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(scanwatch.ConfigurationError, match=r"pip install 'scanwatch\[excel\]'"):
        scanwatch.export(table, tmp_path / "findings.xlsx")
