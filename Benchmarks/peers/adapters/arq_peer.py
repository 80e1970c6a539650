"""arq."""

import asyncio

from arq.connections import RedisSettings, create_pool

import job

from . import URL, AdapterClient, moment


async def work(_context, text):
    """The job."""
    if job.started(text):
        await asyncio.sleep(job.HOLD_SECONDS)


class WorkerSettings:
    """Read by the command `arq`."""

    redis_settings = RedisSettings.from_dsn(URL)
    functions = [work]
    max_jobs = 1000
    keep_result = 0
    log_results = False


class Client(AdapterClient):
    """Has no bulk call; many enqueues at the same time share the event loop, each on a connection of the pool."""

    CALLERS = 50

    async def __aenter__(self):
        self.pool = await create_pool(WorkerSettings.redis_settings)
        return self

    async def enqueue_bulk(self, payloads):
        for start in range(0, len(payloads), self.CALLERS):
            await asyncio.gather(*map(self.enqueue_one, payloads[start:start + self.CALLERS]))

    async def enqueue_one(self, text):
        await self.pool.enqueue_job("work", text)

    async def enqueue_at(self, text, due_ns):
        await self.pool.enqueue_job("work", text, _defer_until=moment(due_ns))
