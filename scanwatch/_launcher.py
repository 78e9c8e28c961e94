"""An entry in JupyterLab's launcher: the page of your own gateway, by way of jupyter-server-proxy.

``server`` is what the entry point ``jupyter_serverproxy_servers`` names. The proxy starts this module behind a socket
in a folder that only this user can enter; whoever asks is sent to the gateway that ``connect()`` uses, which is started
if none runs. Its token goes along behind a ``#``, which no browser sends to any server, and from there the page has it.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

ICON = Path(__file__).parent / "gateway" / "static" / "icon.svg"
START_TIMEOUT_S = 60


def server() -> dict[str, Any]:
    """What jupyter-server-proxy starts, and what the launcher says."""
    return {
        "command": [sys.executable, "-m", "scanwatch._launcher", "{unix_socket}"],
        "unix_socket": True,
        "timeout": START_TIMEOUT_S,
        "launcher_entry": {
            "title": "Scans",
            "icon_path": str(ICON),
            "enabled": sys.platform != "win32",  # there are no such sockets there
        },
    }


def page_of(url: str, token: str | None) -> str:
    """Where the gateway's page is, seen from this entry's own address below a Jupyter server."""
    key = f"#token={quote(token, safe='')}" if token else ""
    return f"../proxy/{urlsplit(url).port}/{key}"


class Redirect(BaseHTTPRequestHandler):
    """Sends whoever asks to the page of the gateway, as it is at that moment."""

    def do_GET(self) -> None:
        from ._local import LocalGateway
        from .errors import ScanwatchError

        try:
            gateway = LocalGateway()
        except ScanwatchError as error:
            self.send_error(503, "No gateway", str(error))
            return
        self.send_response(302)
        self.send_header("Location", page_of(gateway.url, gateway.token))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: a peer of such a socket has no address."""


def main(path: str) -> None:
    """Answer on the socket ``path`` until this process is ended."""
    from socketserver import ThreadingUnixStreamServer

    with ThreadingUnixStreamServer(path, Redirect) as redirects:
        redirects.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
