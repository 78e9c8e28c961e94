"""The stores under test: every kind, opened and closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scanwatch.storage import Store, open_store


@pytest.fixture(params=["sqlite", "memory", pytest.param("redis", marks=pytest.mark.needs("redis"))])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "redis":
        url = request.getfixturevalue("redis_url")
    else:
        url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'scans.db'}"
    opened = open_store(url)
    await opened.open()
    yield opened
    await opened.close()
