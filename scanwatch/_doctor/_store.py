"""A store: whether it can be used, and whether it keeps what it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from .._credentials import without_credentials
from .._local import store_file
from ..errors import ConfigurationError
from ..storage import is_shared, open_store
from ._check import Check, State
from ._gateway import check_place

TOPIC = "Store"


def check_store(url: str) -> Iterator[Check]:
    """The store that ``url`` names."""
    if is_shared(url):
        yield from _shared(url)
    elif (path := store_file(url)) is not None:
        yield check_place(path, TOPIC)
    else:
        yield _known(url)


def _known(url: str) -> Check:
    try:
        open_store(url)
    except ConfigurationError as error:
        return Check(TOPIC, "which", State.WRONG, str(error))
    return Check(TOPIC, "which", State.NOTE, f"{without_credentials(url)}: gone when its gateway ends")


def _shared(url: str) -> Iterator[Check]:
    try:
        from ..storage._redis import Observation, examine, parse_address
    except ImportError:
        remedy = "pip install 'scanwatch[redis]'"
        yield Check(TOPIC, "which", State.WRONG, "a store in Redis needs the redis extra", remedy)
        return
    try:
        address = parse_address(url)
    except ConfigurationError as error:
        yield Check(TOPIC, "which", State.WRONG, str(error))
        return

    async def look() -> list[Observation]:
        return [observation async for observation in examine(address)]

    for one in asyncio.run(look()):
        yield Check(TOPIC, one.subject, State(one.state), one.words, one.remedy)
