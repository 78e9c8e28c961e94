"""A notebook's kernel, asked past page and server: those with too much to do answer late, or never."""

from __future__ import annotations

import ast
import json
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
        """The value of ``expression``, as JSON has it, after ``code`` has run.

        Raises:
            NoAnswer: it took the kernel longer than ``ANSWER_LIMIT_S`` seconds.
        """
        asked = self._client.execute(code, silent=True, user_expressions={"value": as_told(expression)})
        while True:
            try:
                answer = self._client.get_shell_msg(timeout=ANSWER_LIMIT_S)
            except Empty:
                raise NoAnswer(f"the kernel did not answer for {ANSWER_LIMIT_S:.0f} s") from None
            if answer["parent_header"].get("msg_id") == asked:
                return value_of(answer["content"]["user_expressions"]["value"])


def as_told(expression: str) -> str:
    """``expression`` so that all of it is told: of a list a kernel would print a thousand, then an ellipsis."""
    return f"__import__('json').dumps({expression})"


def value_of(told: dict[str, Any]) -> Any:
    """What a kernel told of such an expression."""
    if told["status"] != "ok":
        raise RuntimeError(f"the kernel could not say: {told['ename']}: {told['evalue']}")
    return json.loads(ast.literal_eval(told["data"]["text/plain"]))


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
