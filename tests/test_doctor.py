"""``scanwatch doctor`` tells what is there, which gateway is used and why, and what is wrong, each with a remedy.

@gxp-spec SPEC-005-003 "Doctor"
@trace US-005-002
@test-type OQ
@gxp-risk LOW
"""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from scanwatch._doctor import EXTRAS, State
from scanwatch._doctor._environment import KNOWN, check_environment
from scanwatch._doctor._notebook import check_front_end, check_widgets
from scanwatch._doctor._packages import check_packages
from scanwatch._doctor._scanners import check_scanners
from scanwatch._local import default_store, discover, home
from scanwatch.cli import main
from scanwatch.gateway import OPTIONS
from scanwatch.scanners._registry import load_registry
from scanwatch.testing import run_gateway

ROOT = Path(__file__).parent.parent
SECRET = "a-token-that-nobody-may-see"
FOR_OURSELVES = {"docs", "test"}
"""Extras for working on scanwatch itself."""


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without this machine's gateways."""
    for name in ("SCANWATCH_URL", "SCANWATCH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SCANWATCH_HOME", str(tmp_path / "home"))


def test_nothing_is_wrong_here_and_every_part_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    for heading in ("Installed", "Notebook", "Serving", "Environment", "Gateway"):
        assert f"{heading}\n" in told
    assert "sim" in told
    assert "connect() starts one" in told


def test_looking_starts_no_gateway_and_makes_no_folder() -> None:
    main(["doctor"])
    assert discover(default_store()) is None
    assert not home().exists()


def test_a_gateway_that_is_not_reached_ends_with_4_and_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--gateway", "http://127.0.0.1:9"]) == 4
    assert "scanwatch serve" in capsys.readouterr().out


def test_which_gateway_and_token_and_why_but_never_the_token(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_gateway(token=SECRET) as gateway:
        monkeypatch.setenv("SCANWATCH_URL", gateway.url)
        monkeypatch.setenv("SCANWATCH_TOKEN", SECRET)
        assert main(["doctor"]) == 0
        told = capsys.readouterr().out
        assert f"{gateway.url}/, named by SCANWATCH_URL" in told
        assert f"of {len(SECRET)} characters" in told
        assert "pushes events" in told
        monkeypatch.setenv("SCANWATCH_TOKEN", SECRET[::-1])
        assert main(["doctor"]) == 4
        told += capsys.readouterr().out
        assert "token" in told.splitlines()[-1]
    assert SECRET not in told
    assert SECRET[::-1] not in told


def test_an_address_that_is_none_ends_with_2_and_says_how_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--gateway", "htpp://127.0.0.1:9"]) == 2
    assert "did you mean http://?" in capsys.readouterr().out


def test_a_program_can_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(set(row) == {"topic", "subject", "state", "words", "remedy"} for row in rows)
    assert {"ok"} <= {row["state"] for row in rows} <= {"ok", "note"}


def test_a_misspelt_variable_is_told_with_the_one_that_was_meant_and_without_its_value() -> None:
    wrong, _ = check_environment({"SCANWATCH_TOKN": SECRET, "PATH": "/bin"})
    assert (wrong.subject, wrong.state) == ("SCANWATCH_TOKN", State.WRONG)
    assert "SCANWATCH_TOKEN" in str(wrong.remedy)
    assert SECRET not in str(wrong)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SCANWATCH_DISPLAY", "wdget", "SCANWATCH_DISPLAY is 'wdget'; it can be auto, widget, html, text or none."),
        ("SCANWATCH_BLOCK", "perhaps", "a number of seconds"),
        ("SCANWATCH_SIM_SPEED", "fast", "must be a number above 0"),
        ("SCANWATCH_CLONES_MB", "-1", "no number of megabytes"),
        ("SCANWATCH_PORT", "web", "SCANWATCH_PORT"),
        ("SCANWATCH_METRICS_PORT", "web", "SCANWATCH_METRICS_PORT"),
    ],
)
def test_a_value_that_cannot_be_is_told(name: str, value: str, words: str) -> None:
    (wrong,) = [one for one in check_environment({name: value}) if one.state is State.WRONG]
    assert words in wrong.words


def test_a_home_that_cannot_be_made_is_told_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SCANWATCH_HOME", str(tmp_path / "file" / "home"))
    assert main(["doctor"]) == 2
    told = capsys.readouterr().out
    assert f"{tmp_path / 'file'} is no folder" in told
    assert "set SCANWATCH_HOME" in told


def test_every_variable_that_the_code_reads_is_known() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "scanwatch").rglob("*.py"))
    read = set(re.findall(r"\bSCANWATCH_[A-Z_]*[A-Z]\b", text)) - {"SCANWATCH_TOKN"}
    assert read - set(KNOWN) - {option.variable for option in OPTIONS} == set()


def test_packages_that_are_missing_or_too_old_are_named_with_the_remedy() -> None:
    declared = ["pytest>=1", "no-such-package>=3", "rich>=9999", 'neither>=1; extra == "excel"']
    found = {one.subject: one for one in check_packages(declared)}
    assert found["packages"].state is State.WRONG
    assert "no-such-package is not installed; rich is " in found["packages"].words
    assert "pip install scanwatch" in str(found["packages"].remedy)
    assert "--upgrade" not in str(found["packages"].remedy), "it could bring another project's package of our name"
    assert found["[excel]"].state is State.NOTE
    assert "needed to export tables to .xlsx" in found["[excel]"].words
    assert found["[excel]"].remedy == 'pip install "scanwatch[excel]"'


def test_every_extra_says_what_it_is_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(EXTRAS) == set(project["optional-dependencies"]) - FOR_OURSELVES


@pytest.mark.filterwarnings("ignore")
def test_a_plug_in_that_cannot_be_loaded_is_named() -> None:
    broken = EntryPoint("theirs", "no_such_module:Scanner", "scanwatch.scanners")
    (wrong,) = (one for one in check_scanners(load_registry([broken])) if one.state is State.WRONG)
    assert wrong.subject == "scanner theirs"
    assert "no_such_module" in wrong.words


def test_a_jupyterlab_without_the_widgets_is_told_before_a_panel_stays_text(tmp_path: Path) -> None:
    (tmp_path / "anywidget").mkdir()
    (wrong,) = check_widgets([tmp_path])
    assert (wrong.state, "jupyterlab_widgets" in wrong.words) == (State.WRONG, True)
    (tmp_path / "@jupyter-widgets" / "jupyterlab-manager").mkdir(parents=True)
    (right,) = check_widgets([tmp_path])
    assert right.state is State.OK


def test_a_jupyterlab_of_another_environment_is_told_with_what_to_do_in_each(tmp_path: Path) -> None:
    other = tmp_path / "other" / "bin" / "jupyter-lab"
    (noted,) = check_front_end(str(other), tmp_path / "ours")
    assert noted.state is State.NOTE
    assert "ipykernel install" in str(noted.remedy)
    assert list(check_front_end(str(other), tmp_path / "other")) == []
