"""JupyterLab in Chromium: a server of our own and pages on its notebooks.

``lab`` starts once a session; ``browser`` once a module (Playwright's loop must not outlive the module, or the
suite's own asyncio tests would find a running one). ``open_notebook`` gives a page with the notebook open and its
kernel connected and idle, and shuts both down after the test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.panel.staged import StagedFeed

from ._cast import gallery
from ._lab import CHROMIUM, CHROMIUM_FLAGS, Lab, NotebookPage, open_page, start_lab, write_notebook
from ._stage import Stage


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with start_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def stage(browser: Browser) -> Iterator[Callable[..., Stage]]:
    """A function that puts a panel into a plain page, or below ``beside``; what breaks in it fails the test."""
    contexts = []
    errors: list[str] = []

    def put(
        feed: StagedFeed | None = None, *, beside: Stage | None = None, page: dict[str, Any] | None = None, **more: Any
    ) -> Stage:
        if beside is None:
            contexts.append(browser.new_context(**{"viewport": {"width": 1012, "height": 900}, **(page or {})}))
            contexts[-1].on("weberror", lambda error: errors.append(str(error.error)))
        place = contexts[-1].new_page() if beside is None else beside.page
        return Stage(place, gallery() if feed is None else feed, **more)

    yield put
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def open_notebook(lab: Lab, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., NotebookPage]]:
    """A function that opens a notebook: from the sources of its cells, or a copy of ``path``."""
    contexts = []
    errors: list[str] = []

    def open_one(
        *cells: str,
        path: Path | None = None,
        width: int = 1280,
        theme: str = "JupyterLab Light",
        front_end: str = "lab",
        query: str = "reset",
        init_script: str = "",
        kernel: str = "python3",
    ) -> NotebookPage:
        name = f"{request.node.name[:60]}-{len(contexts)}.ipynb"
        if path is None:
            write_notebook(lab.folder / name, *cells, kernel=kernel)
        else:
            (lab.folder / name).write_bytes(path.read_bytes())
        context = browser.new_context(viewport={"width": width, "height": 900}, device_scale_factor=1.5)
        contexts.append(context)
        # Notebook 7 and Voila have errors of their own; a widget's script is loaded from a blob.
        context.on(
            "weberror",
            lambda error: (
                errors.append(str(error.error)) if front_end == "lab" or "blob:" in (error.error.stack or "") else None
            ),
        )
        if init_script:
            context.add_init_script(init_script)
        notebook = open_page(lab, context, name, front_end, query)
        if theme != "JupyterLab Light":
            notebook.command("apputils:change-theme", theme=theme)
        return notebook

    yield open_one
    for context in contexts:
        context.close()
    lab.shut_down_kernels()
    assert errors == []
