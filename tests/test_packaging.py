"""What is built is complete, installs alone, and works with the oldest versions that it says it takes.

@gxp-spec SPEC-005-002 "Packaging and commands"
@trace US-005-001
@test-type IQ
@gxp-risk LOW
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import scanwatch

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SERVED = ("panel/static/panel.js", "panel/static/panel.css", "gateway/static/index.html", "gateway/static/page.js")
LOWER_BOUND = re.compile(r"(?P<name>[\w.-]+)(?:\[.*\])?>=(?P<version>[\d.]+)(?: ; .+)?$")
WITH_THE_OLDEST = (
    *("tests/client/test_connection.py", "tests/client/test_feed.py", "tests/gateway/test_push.py"),
    *("tests/gateway/test_rest_scans.py", "tests/gateway/test_auth_jwt.py", "tests/panel/test_panel.py"),
    *("tests/scanners/repository", "tests/wire", "tests/storage/test_store_contract.py"),
    *("tests/tables/test_comparison.py", "tests/tables/test_lineage.py", "tests/tables/test_trend.py"),
)
"""Tests of what touches other people's libraries."""
OF_THE_CHECKOUT = "test_our_own_record_has_no_error"
"""It scans the repository that the tests are in, and there they are in none."""
TOOLS = ("pytest", "pytest-asyncio", "pytest-timeout", "hypothesis", "jsonschema", "psutil", "cryptography")


def build(kind: str, out: Path, source: Path = ROOT) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(out)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", tmp_path_factory.mktemp("sdist"))


def files_in(folder: Path) -> set[str]:
    return {
        str(path.relative_to(ROOT)) for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert files_in(ROOT / "scanwatch") - packed == set()
    assert {f"scanwatch/{name}" for name in (*SERVED, "py.typed")} <= packed
    assert {name.split("/")[0] for name in packed} == {"scanwatch", f"scanwatch-{scanwatch.__version__}.dist-info"}


def test_the_sdist_holds_what_is_needed_to_build_test_and_read_it(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    kept = {"scanwatch", "tests", "docs", "notebooks", "benchmarks", ".gxp", ".ci"}
    tracked = {name for folder in kept for name in files_in(ROOT / folder) if not _made(name)}
    assert tracked - packed == set()
    assert {"LICENSE", "README.md", "CHANGELOG.md", "Makefile", "mkdocs.yml", "pyproject.toml"} <= packed


def _made(name: str) -> bool:
    """Whether git ignores a file of that name; see .gitignore."""
    return bool({"node_modules", "build", ".ipynb_checkpoints"} & set(name.split("/"))) or name.endswith(
        (".db", ".log")
    )


def test_the_version_is_said_once() -> None:
    assert PROJECT["dynamic"] == ["version"]
    assert scanwatch.__version__.count(".") == 2


def test_whoever_cites_it_names_this_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (cited["version"], cited["license"]) == (scanwatch.__version__, PROJECT["license"])


def test_the_workflow_runs_commands_that_are_there_on_every_python_we_name() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    named = {
        one.rpartition(" ")[2] for one in PROJECT["classifiers"] if one.startswith("Programming Language :: Python ::")
    }
    assert set(workflow["jobs"]["tests"]["strategy"]["matrix"]["python"]) == named
    made = re.findall(r"make ([\w-]+)", json.dumps(workflow))
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"test", "test-slow", "docs"} <= set(made) <= set(targets)


def test_the_workflow_skips_no_test_for_want_of_a_program() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    tested = {name: job for name, job in workflow["jobs"].items() if "make test" in json.dumps(job)}
    assert set(tested) == {"tests", "slow"}
    for job in tested.values():
        assert job["env"] == {"SCANWATCH_REQUIRE_ALL": "1"}
        assert {"actions/setup-node@v4"} <= {step.get("uses") for step in job["steps"]}
        assert "install --yes chromium" in json.dumps(job["steps"])


def test_every_requirement_has_a_lower_bound() -> None:
    extras = [one for extra in PROJECT["optional-dependencies"].values() for one in extra]
    wanted = [one for one in (*PROJECT["dependencies"], *extras) if not one.startswith("scanwatch[")]
    assert [one for one in wanted if not LOWER_BOUND.match(one)] == []


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_wheel_installs_alone_and_scans(wheel: Path, tmp_path: Path) -> None:
    """A fresh environment gets the wheel and what it declares, no extra, and nothing of this checkout."""
    python = new_environment(tmp_path, str(wheel))
    code = "import scanwatch; from scanwatch.panel import Panel; print(scanwatch.__version__)"
    assert run(python, "-W", "error", "-c", code, cwd=tmp_path).strip() == scanwatch.__version__
    target = "sim://acme/payments?files=20&duration_s=0.4&seed=7"
    command = str(python.with_name("scanwatch"))
    assert "Completed" in run(command, "scan", target, cwd=tmp_path)
    run(python, "-c", "import scanwatch; scanwatch.LocalGateway().stop()", cwd=tmp_path)
    found = [json.loads(line) for line in run(command, "doctor", "--json", cwd=tmp_path).splitlines()]
    assert {one["state"] for one in found} <= {"ok", "note"}
    assert {one["subject"] for one in found if one["state"] == "note"} >= {"[evidence]", "[excel]"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_it_works_with_the_oldest_versions_it_says_it_takes(wheel: Path, tmp_path: Path) -> None:
    extras = ("lab", "jwt", "evidence", "excel", "languages", "redis", "plot")
    wanted = [*PROJECT["dependencies"], *(one for extra in extras for one in PROJECT["optional-dependencies"][extra])]
    bounds = {found["name"]: found["version"] for one in wanted if (found := LOWER_BOUND.match(one))}
    constraints = tmp_path / "oldest.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in bounds.items()))
    python = new_environment(tmp_path, f"{wheel}[{','.join(extras)}]", *TOOLS, "--constraint", str(constraints))
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    marks = ("-m", "not slow and not browser", "-k", f"not {OF_THE_CHECKOUT}", "-p", "no:cacheprovider", "-q")
    said = run(python, "-m", "pytest", *marks, *WITH_THE_OLDEST, cwd=tmp_path)
    assert " passed" in said


def new_environment(home: Path, *packages: str) -> Path:
    """The interpreter of a fresh environment with these packages in it."""
    subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True, timeout=120)
    python = home / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages, cwd=home)
    return python


def run(*command: object, cwd: Path) -> str:
    """What a command prints, in an environment that knows nothing of ours; it has to end well."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCANWATCH", "PYTEST", "PYTHON"))}
    environment = {**kept, "SCANWATCH_HOME": str(cwd / "home"), "SCANWATCH_CACHE": str(cwd / "cache")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1000,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
