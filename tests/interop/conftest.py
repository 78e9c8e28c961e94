"""Real peers from npm, installed once into pytest's cache."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

# Peers of peers are not wanted: Bull Board would bring its pages and the queue before BullMQ.
NPM_INSTALL = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--legacy-peer-deps"]
HERE = Path(__file__).parent
INSTALL_TIMEOUT_S = 300
TEST_TIMEOUT_S = 2 * INSTALL_TIMEOUT_S + 60
"""For whoever installs the peers, and for whoever waits for that: the usual bound of a test includes its fixtures."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that need the peers the time it may take to install them."""
    for item in items:
        if "peers" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S))


@pytest.fixture(scope="session")
def peers(request: pytest.FixtureRequest) -> Path:
    """A folder whose ``node_modules`` has what ``package.json`` names, in exactly these versions."""
    cache = request.config.cache
    assert cache is not None
    folder = cache.mkdir("interop")
    with FileLock(str(folder / "lock")):
        if not _is_installed(folder):
            shutil.copy(HERE / "package.json", folder)
            command = [*NPM_INSTALL, "--prefix", str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
            assert done.returncode == 0, f"npm could not install the peers:\n{done.stdout}{done.stderr}"
    return folder


def _is_installed(folder: Path) -> bool:
    wanted = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    manifests = {name: folder / "node_modules" / name / "package.json" for name in wanted}
    return all(
        manifest.exists()
        and json.loads(manifest.read_text(encoding="utf-8"))["version"] == wanted[name].rpartition("@")[2]
        for name, manifest in manifests.items()
    )
