"""A notebook's kernel, asked past page and server: those with too much to do answer late, or never."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client import BlockingKernelClient

ANSWER_LIMIT_S = 60.0


class NoAnswer(Exception):
    """Whoever was asked did not answer in time; says who, and how long was waited."""


class Kernel:
    """Tells what expressions are worth in a running kernel."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def ask(self, expression: str, code: str = "") -> Any:
        """The value of ``expression``, a literal, after ``code`` has run.

        Raises:
            NoAnswer: it took the kernel longer than ``ANSWER_LIMIT_S`` seconds.
        """
        asked = self._client.execute(code, silent=True, user_expressions={"value": expression})
        while True:
            try:
                answer = self._client.get_shell_msg(timeout=ANSWER_LIMIT_S)
            except Empty:
                raise NoAnswer(f"the kernel did not answer for {ANSWER_LIMIT_S:.0f} s") from None
            if answer["parent_header"].get("msg_id") == asked:
                return ast.literal_eval(answer["content"]["user_expressions"]["value"]["data"]["text/plain"])


@contextmanager
def connected(connection_file: Path) -> Iterator[Kernel]:
    """The kernel with this connection file, until the end of the block."""
    client = BlockingKernelClient(connection_file=str(connection_file))
    client.load_connection_file()
    client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)
    try:
        yield Kernel(client)
    finally:
        client.stop_channels()
