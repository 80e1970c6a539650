"""RQ, with the worker that runs jobs in its own process: the default one forks for each job."""

import logging
import time

from redis import Redis
from rq import Queue, SimpleWorker

import job

from . import URL, AdapterClient, moment

# A result that is kept for no time: the job is deleted when it is done.
OPTIONS = {"result_ttl": 0, "description": "work"}


def work(text):
    """The job."""
    if job.started(text):
        time.sleep(job.HOLD_SECONDS)


class Client(AdapterClient):
    """Its bulk call is one pipeline."""

    def __init__(self):
        self.queue = Queue("work", connection=Redis.from_url(URL))

    async def enqueue_bulk(self, payloads):
        self.queue.enqueue_many([Queue.prepare_data(NAME, (text,), **OPTIONS) for text in payloads])

    async def enqueue_one(self, text):
        self.queue.enqueue(NAME, text, **OPTIONS)

    async def enqueue_at(self, text, due_ns):
        self.queue.enqueue_at(moment(due_ns), NAME, text, **OPTIONS)


NAME = "adapters.rq_peer.work"

if __name__ == "__main__":
    SimpleWorker(["work"], connection=Redis.from_url(URL)).work(
        logging_level=logging.WARNING, with_scheduler=True)
