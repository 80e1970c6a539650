"""taskiq on the broker that acknowledges, Redis streams."""

import asyncio

from taskiq_redis import RedisStreamBroker

import job

from . import URL, AdapterClient

broker = RedisStreamBroker(URL)


@broker.task(task_name="work")
async def work(text: str) -> None:
    """The job."""
    if job.started(text):
        await asyncio.sleep(job.HOLD_SECONDS)


class Client(AdapterClient):
    """Has no bulk call; many enqueues at the same time share the event loop."""

    CALLERS = 50

    async def __aenter__(self):
        await broker.startup()
        return self

    async def __aexit__(self, *_):
        await broker.shutdown()

    async def enqueue_bulk(self, payloads):
        for start in range(0, len(payloads), self.CALLERS):
            await asyncio.gather(*map(work.kiq, payloads[start:start + self.CALLERS]))

    async def enqueue_one(self, text):
        await work.kiq(text)
