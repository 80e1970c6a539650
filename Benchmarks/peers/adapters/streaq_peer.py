"""streaQ."""

import asyncio

from streaq import Worker

import job

from . import URL, AdapterClient, moment

worker = Worker(redis_url=URL)


@worker.task(ttl=0, silent=True)
async def work(text: str) -> None:
    """The job."""
    if job.started(text):
        await asyncio.sleep(job.HOLD_SECONDS)


class Client(AdapterClient):
    """Its bulk call is one pipeline."""

    async def __aenter__(self):
        await worker.__aenter__()
        return self

    async def __aexit__(self, *failure):
        await worker.__aexit__(*failure)

    async def enqueue_bulk(self, payloads):
        await worker.enqueue_many([work.enqueue(text) for text in payloads])

    async def enqueue_one(self, text):
        await work.enqueue(text)

    async def enqueue_at(self, text, due_ns):
        await work.enqueue(text).start(schedule=moment(due_ns))
