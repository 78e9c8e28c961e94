"""Exported tables say where they come from, and no cell of them is run by whatever opens them.

@gxp-spec SPEC-002-001 "Tables"
@trace US-002-001
@test-type OQ
@gxp-risk MEDIUM
"""

from __future__ import annotations

import sys
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import scanwatch
from scanwatch.model import Finding
from scanwatch.tables import findings_table

EVIL = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "<script>alert(1)</script>", "a|b", "fine"]


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
    assert back["message"].tolist() == [f"'{text}" for text in EVIL[:5]] + EVIL[5:]
    assert back["line"].iloc[-1] == -3, "a number stays one"


def test_excel_holds_no_formula_and_numbers_are_numbers(table: pd.DataFrame, tmp_path: Path) -> None:
    sheet = openpyxl.load_workbook(scanwatch.export(table, tmp_path / "findings.xlsx"))["table"]
    cells = [cell for row in sheet.iter_rows(min_row=2) for cell in row]
    assert "f" not in {cell.data_type for cell in cells}
    assert -3 in {cell.value for cell in cells}


def test_html_and_markdown_escape_what_they_show(table: pd.DataFrame, tmp_path: Path) -> None:
    page = scanwatch.export(table, tmp_path / "findings.html").read_text(encoding="utf-8")
    assert "<script" not in page
    text = scanwatch.export(table, tmp_path / "findings.md").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "a\\|b" in text
    assert {line.replace("\\|", "").count("|") for line in text.splitlines()[2:]} == {len(table.columns) + 1}


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".html", ".md"])
def test_an_empty_table_is_exported_with_its_columns(tmp_path: Path, suffix: str) -> None:
    path = scanwatch.export(findings_table([]), tmp_path / f"empty{suffix}")
    assert path.stat().st_size > 0


def test_what_cannot_be_written_is_refused_in_words(table: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(scanwatch.UsageError, match=r"none of the suffixes .csv, .xlsx"):
        scanwatch.export(table, tmp_path / "findings.pdf")
    with pytest.raises(scanwatch.UsageError, match="no folder"):
        scanwatch.export(table, tmp_path / "none" / "findings.csv")


def test_without_the_library_excel_says_what_to_install(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(scanwatch.UsageError, match=r"pip install 'scanwatch\[excel\]'"):
        scanwatch.export(table, tmp_path / "findings.xlsx")
