"""What the panel's tests share: widgets whose messages are kept instead of sent to a kernel's front end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import comm
import pytest
from comm.base_comm import BaseComm

Sent = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Every message of every widget made in the test, as (type, data), in order."""
    messages: Sent = []

    class KeepingComm(BaseComm):  # type: ignore[misc]  # comm ships no types
        def publish_msg(self, msg_type: str, data: Any = None, **_: Any) -> None:
            messages.append((msg_type, data or {}))

    monkeypatch.setattr(comm, "create_comm", KeepingComm)
    return messages


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Wait for something another thread does; fails after two seconds."""

    def wait_for(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 2.0
        while not condition():
            assert time.monotonic() < deadline, "it did not happen within two seconds"
            time.sleep(0.005)

    return wait_for
