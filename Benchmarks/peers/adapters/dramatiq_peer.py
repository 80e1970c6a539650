"""Dramatiq on its Redis broker."""

import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

import job

from . import URL, AdapterClient, ms_until

dramatiq.set_broker(RedisBroker(url=URL))


@dramatiq.actor(queue_name="work")
def work(text):
    """The job."""
    if job.started(text):
        time.sleep(job.HOLD_SECONDS)


class Client(AdapterClient):
    """Has no bulk call."""

    async def enqueue_one(self, text):
        work.send(text)

    async def enqueue_at(self, text, due_ns):
        work.send_with_options(args=(text,), delay=ms_until(due_ns))
