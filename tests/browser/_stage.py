"""A panel in a plain page: the real rows and the real browser side, between them only a front end's widget model.

No Jupyter, no server: what the page loads is handed to it. Themes are the style sheets that JupyterLab installs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, Route

from scanwatch.panel._listing import EVERYTHING
from scanwatch.panel._outbox import Outbox
from scanwatch.panel._panel import _encode_known
from scanwatch.panel._static import script, stylesheet
from tests.panel.staged import StagedFeed

HERE = Path(__file__).parent
URL = "http://stage.localhost/"
LAB_THEMES = Path(sys.prefix, "share", "jupyter", "lab", "themes", "@jupyterlab")
JUPYTERLAB = {
    "light": "theme-light-extension",
    "dark": "theme-dark-extension",
    "contrast": "theme-dark-high-contrast-extension",
}
VSCODE = """
:root {
  color-scheme: dark;
  --vscode-editor-background: #1f1f1f; --vscode-foreground: #cccccc; --vscode-descriptionForeground: #9d9d9d;
  --vscode-panel-border: #2b2b2b; --vscode-input-background: #313131; --vscode-input-border: #3c3c3c;
  --vscode-charts-blue: #3794ff; --vscode-charts-green: #89d185; --vscode-charts-orange: #d18616;
  --vscode-errorForeground: #f85149; --vscode-focusBorder: #0078d4; --vscode-font-family: system-ui, sans-serif;
  --vscode-font-size: 13px; --vscode-editor-font-family: monospace;
}
"""
THEMES = ("light", "dark", "contrast", "vscode", "plain")
OPTIONS: dict[str, Any] = {
    "compact": False,
    "single": False,
    "read_only": False,
    "title": "Scans",
    "max_height": 900,
    "stalled_after_s": 30,
    "everything": True,
}


def theme_sheet(theme: str) -> str:
    """A host's variables, as it installs them."""
    if theme in JUPYTERLAB:
        return (LAB_THEMES / JUPYTERLAB[theme] / "index.css").read_text(encoding="utf-8")
    return VSCODE if theme == "vscode" else ""


class Stage:
    """A panel in a plain page; ``feed`` is what it is fed with, :meth:`tell` brings the news of it.

    ``page`` is an empty one, or one on which a stage stands already: then this one stands below it.
    """

    def __init__(self, page: Page, feed: StagedFeed, *, theme: str = "light", **options: Any) -> None:
        self.page = page
        self.feed = feed
        self._outbox = Outbox(feed)
        if page.url != URL:
            _open_page(page, theme)
        traits = {
            "options": OPTIONS | {"everything": feed.everything} | options,
            "snapshot": self._outbox.first(),
            "selected": [],
            "filters": dict(EVERYTHING),
            "repositories": _encode_known(feed.repositories()),
            "caller": feed.caller(),
            "workers": feed.workers(),
            "problem": {},
        }
        self.handle = page.evaluate_handle("(traits) => openPanel(traits)", traits)
        self._count = page.locator(".sw").count()
        self.panel: Locator = page.locator(".sw").nth(self._count - 1)

    def tell(self, *opened: str) -> None:
        """Bring what changed since the last time; ``opened`` are the scans whose events are wanted."""
        outgoing = self._outbox.take(float("-inf"), opened)
        if outgoing.patch is not None:
            self.handle.evaluate("(stage, patch) => stage.model.tell('msg:custom', patch)", outgoing.patch)
        if outgoing.snapshot is not None:
            self.set(snapshot=outgoing.snapshot)

    def refuse(self, words: str) -> None:
        """A wish came, and is not granted."""
        self._outbox.forget_trouble()
        self.feed.complain(words)
        self.tell()

    def set(self, **traits: Any) -> None:
        """Set traits as the kernel does."""
        for name, value in traits.items():
            self.handle.evaluate("(stage, [name, value]) => stage.model.set(name, value)", [name, value])

    @property
    def wishes(self) -> list[dict[str, Any]]:
        """The messages that the panel has sent to its kernel."""
        return list(self.handle.evaluate("(stage) => stage.model.sent"))

    def wished(self, deed: str) -> list[Any]:
        """The scans for which ``deed`` was wished."""
        return [wish["scan_id"] for wish in self.wishes if wish["do"] == deed]

    def chosen(self, name: str) -> Any:
        """What was last told of ``selected`` or ``filters``."""
        values = [wish["value"] for wish in self.wishes if wish["do"] == "choose" and wish["name"] == name]
        return values[-1] if values else None

    def row(self, text: str) -> Locator:
        """The row that has ``text`` in it."""
        return self.panel.locator(".sw-row").filter(has_text=text)

    def names(self) -> list[str]:
        """The names of the rows in sight, from top to bottom."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return [str(name.get_attribute("aria-label")) for name in self.panel.get_by_role("rowheader").all()]

    def open_details(self, text: str) -> None:
        """Open a row, and bring its events."""
        self.row(text).get_by_role("button", name="Details of").click()
        self.tell(*self.wished("open"))

    def say_kernel(self, status: str) -> None:
        """The kernel is ``idle``, ``busy``, ``dead`` ..."""
        self.handle.evaluate(
            "(stage, status) => { stage.model.widget_manager.kernel.status = status; "
            "stage.model.tell('comm_live_update'); }",
            status,
        )


def _open_page(page: Page, theme: str) -> None:
    def serve(route: Route) -> None:
        path = urlsplit(route.request.url).path
        files = {
            "/": ("text/html", (HERE / "stage.html").read_text(encoding="utf-8")),
            "/panel.js": ("text/javascript", script()),
            "/panel.css": ("text/css", stylesheet()),
            "/theme.css": ("text/css", theme_sheet(theme)),
        }
        kind, body = files.get(path, ("text/plain", ""))
        route.fulfill(content_type=f"{kind}; charset=utf-8", body=body)

    page.route(f"{URL}**", serve)
    page.goto(URL)
    page.wait_for_function("() => window.openPanel")
    if theme == "vscode":
        page.evaluate("document.body.dataset.vscodeThemeKind = 'vscode-dark'")
