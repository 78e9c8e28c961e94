"""A process that owns a store and appends until it is killed, telling each acknowledged append on its output."""

from __future__ import annotations

import asyncio
import sys

from scanwatch.storage import open_store
from tests.storage.records import fetching

WRITERS = 8


async def main(url: str, first: int) -> None:
    store = open_store(url)
    await store.open()
    run = await store.begin_run("scan")

    async def write(writer: int) -> None:
        done = first + writer
        while True:
            event = await store.append(fetching(done=done), run=run, key=str(done))
            sys.stdout.write(f"{run} {event.seq} {done}\n")
            sys.stdout.flush()
            done += WRITERS

    await asyncio.gather(*(write(writer) for writer in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
