"""The producer of a Python peer: reads commands from standard input, answers each with one line.

  usage: client.py ADAPTER       commands: bulk KIND COUNT | one KIND | at COUNT
"""

import asyncio
import importlib
import sys
import time

from job import payload

# Jobs that are given to a bulk call at once.
CHUNK = 1000


async def bulk(adapter, kind: str, count: int) -> str:
    """Enqueues many jobs; answers with the seconds that it took, the making of the payloads not counted."""
    jobs = [payload(kind)] * count
    began = time.perf_counter()
    for start in range(0, count, CHUNK):
        await adapter.enqueue_bulk(jobs[start:start + CHUNK])
    return str(time.perf_counter() - began)


async def one(adapter, kind: str) -> str:
    """Enqueues one job that carries the time just before."""
    await adapter.enqueue_one(payload(kind, time.time_ns()))
    return "ok"


async def at(adapter, count: int) -> str:
    """Enqueues jobs due at even distances from 1 s to 3 s ahead."""
    base_ns = time.time_ns() + 1_000_000_000
    for index in range(count):
        due_ns = base_ns + 2_000_000_000 * index // count
        await adapter.enqueue_at(payload("d", due_ns), due_ns)
    return "ok"


async def answer(adapter, words: list[str]) -> str:
    """Runs one command."""
    match words:
        case ["bulk", kind, count]:
            return await bulk(adapter, kind, int(count))
        case ["one", kind]:
            return await one(adapter, kind)
        case ["at", count]:
            return await at(adapter, int(count))
    raise SystemExit(f"unknown command: {words}")


async def main(name: str) -> None:
    """Serves commands until the end of the input."""
    module = importlib.import_module(f"adapters.{name}_peer")
    async with module.Client() as adapter:
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(await answer(adapter, line.split()), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
