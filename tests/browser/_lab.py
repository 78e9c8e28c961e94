"""A Jupyter server of one's own, isolated from the machine's settings, and pages on its notebooks in Chromium.

One server has three front ends: JupyterLab, Notebook 7 and Voila. The tests, the panel's benchmark and the pictures of
the documentation all use it.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import BrowserContext, Page

from tests.kernels._environments import BUILD

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_TIMEOUT_S = 60
KERNEL_READY = """() => {
    const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
    const kernel = session?.session?.kernel;
    return session?.isReady && kernel?.connectionStatus === "connected" && kernel.status === "idle";
}"""


PATHS = {"lab": "lab/tree/", "notebook": "notebooks/", "voila": "voila/render/"}
"""Where each front end opens a notebook."""


READ_PANEL = """async () => {
    const list = document.querySelector(".sw-list");
    const found = new Map();
    for (let top = 0; top < list.scrollHeight; top += list.clientHeight) {
        list.scrollTop = top;
        await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        for (const row of list.querySelectorAll(".sw-row")) {
            const files = row.querySelector(".sw-progress .sw-line2").textContent.match(/(\\d+) of/);
            found.set(Number(row.getAttribute("aria-rowindex")) - 2, files ? Number(files[1]) : null);
        }
    }
    return [...found.keys()].sort((one, other) => one - other).map((index) => found.get(index));
}"""
"""Scrolls through a panel's list; how many files each row says are done, in the list's order."""


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab; ``folder`` holds its notebooks."""

    url: str
    folder: Path
    token: str

    def shut_down_kernels(self) -> None:
        for session in self._ask("GET", "api/sessions"):
            self._ask("DELETE", f"api/sessions/{session['id']}")

    def connection_file(self, kernel_id: str) -> Path:
        """Where a kernel of this server says how it is reached."""
        return self.folder.parent / "runtime" / f"kernel-{kernel_id}.json"

    def _ask(self, method: str, path: str) -> Any:
        request = urllib.request.Request(
            self.url + path, method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")


@dataclass(frozen=True)
class NotebookPage:
    """An open notebook. Look for things inside ``panel``: Lab has progress bars of its own."""

    page: Page
    lab: Lab

    def command(self, name: str, **arguments: Any) -> None:
        self.page.evaluate(
            "([name, options]) => window.jupyterapp.commands.execute(name, options).then(() => null)", [name, arguments]
        )

    def run_all(self) -> None:
        """Run every cell; returns when the last has run."""
        self.command("notebook:run-all-cells")

    def start_all(self) -> None:
        """Run every cell without waiting for them."""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")

    @property
    def panel(self) -> Any:
        return self.page.locator(".jp-OutputArea-output .sw")

    @property
    def kernel_id(self) -> str:
        return str(self.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.id"))

    def wait_for_kernel(self) -> None:
        self.page.wait_for_function(KERNEL_READY, timeout=START_TIMEOUT_S * 1000)

    def execute(self, code: str) -> str:
        """Run code in the notebook's kernel, outside any cell; returns what it printed."""
        return str(
            self.page.evaluate(
                """async (code) => {
                    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                    const future = kernel.requestExecute({ code, store_history: false });
                    let printed = "";
                    future.onIOPub = ({ content }) => { printed += content.text ?? content.evalue ?? ""; };
                    await future.done;
                    return printed.trim();
                }""",
                code,
            )
        )

    def read_panel(self) -> list[int | None]:
        """How many files each row of the panel says are done: scrolls through all of them."""
        return list(self.page.evaluate(READ_PANEL))

    def reload(self) -> None:
        """Save, load the page anew and wait for the same kernel."""
        self.command("docmanager:save")
        self.page.reload()
        self.wait_for_kernel()


@contextmanager
def start_lab(home: Path) -> Iterator[Lab]:
    """A server whose settings, kernels and notebooks live below ``home``; ends with the block."""
    folder = home / "notebooks"
    folder.mkdir()
    _silence_news(home / "jupyter_config_dir")
    token = secrets.token_hex(16)
    with (
        (home / "log").open("wb") as log,
        subprocess.Popen(_command(folder, token), env=_environment(home), cwd=folder, stdout=log, stderr=log) as server,
    ):
        try:
            lab = Lab(_wait_for_url(server, home), folder, token)
            yield lab
            lab.shut_down_kernels()
        finally:
            server.terminate()


def _silence_news(config: Path) -> None:
    """Lab asks a new user about news in a pop-up that covers the notebook."""
    page_config = config / "labconfig" / "page_config.json"
    page_config.parent.mkdir(parents=True)
    page_config.write_text(json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}))


def _command(folder: Path, token: str) -> list[str]:
    settings = {
        "ServerApp.root_dir": folder,
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": 0,
        "ServerApp.allow_root": True,
        "IdentityProvider.token": token,
        "LabApp.extension_manager": "readonly",
        "JupyterNotebookApp.expose_app_in_browser": True,
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    return [sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser", *options]


def _environment(home: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "SCANWATCH", "IPYTHON"))
    }
    places = {
        name: str(home / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "HOME")
    }
    return {
        **kept,
        **places,
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_PATH": str(BUILD),
        "PYTHONPATH": str(ROOT),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")]),
    }


def _wait_for_url(server: subprocess.Popen[bytes], home: Path) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        for file in (home / "runtime").glob("jpserver-*.json"):
            url = str(json.loads(file.read_text())["url"])
            try:
                urllib.request.urlopen(url + "api", timeout=5).close()
            except OSError:
                break
            return url
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start:\n{(home / 'log').read_text()[-3000:]}")


def write_notebook(target: Path, *cells: str, kernel: str = "python3") -> None:
    """A notebook with these sources for the kernel of that name."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
    nbformat.write(notebook, target)


def open_page(
    lab: Lab, context: BrowserContext, name: str, front_end: str = "lab", query: str = "reset"
) -> NotebookPage:
    """The notebook ``name`` in a page, its kernel connected and idle; in Voila, run."""
    page = context.new_page()
    page.goto(f"{lab.url}{PATHS[front_end]}{name}?{query}&token={lab.token}")
    notebook = NotebookPage(page, lab)
    if front_end != "voila":
        notebook.wait_for_kernel()
    return notebook
