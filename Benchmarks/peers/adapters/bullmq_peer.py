"""BullMQ, the Python port by its own makers."""

import asyncio

from bullmq import Queue, Worker

import job

from . import URL, AdapterClient, ms_until

OPTIONS = {"removeOnComplete": True}


async def work(item, _token):
    """The job."""
    if job.started(item.data["text"]):
        await asyncio.sleep(job.HOLD_SECONDS)


class Client(AdapterClient):
    """Its bulk call is one pipeline in a transaction."""

    async def __aenter__(self):
        self.queue = Queue("work", {"connection": URL})
        return self

    async def __aexit__(self, *_):
        await self.queue.close()

    async def enqueue_bulk(self, payloads):
        await self.queue.addBulk([{"name": "work", "data": {"text": text}, "opts": OPTIONS} for text in payloads])

    async def enqueue_one(self, text):
        await self.queue.add("work", {"text": text}, OPTIONS)

    async def enqueue_at(self, text, due_ns):
        await self.queue.add("work", {"text": text}, OPTIONS | {"delay": ms_until(due_ns)})


async def main():
    """The worker."""
    worker = Worker("work", work, {"connection": URL, "concurrency": 50, "autorun": False})
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main())
