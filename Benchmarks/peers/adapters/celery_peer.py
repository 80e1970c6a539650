"""Celery on its Redis transport."""

import time

from celery import Celery

import job

from . import URL, AdapterClient, moment

app = Celery("peer", broker=URL)
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=100,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
)


@app.task(name="work")
def work(text):
    """The job."""
    if job.started(text):
        time.sleep(job.HOLD_SECONDS)


class Client(AdapterClient):
    """Has no bulk call: a `group` sends one message after the other too, and is slower than this loop."""

    def __init__(self):
        self.producer = app.amqp.Producer(app.connection_for_write())

    async def enqueue_one(self, text):
        work.apply_async((text,), producer=self.producer)

    async def enqueue_at(self, text, due_ns):
        work.apply_async((text,), producer=self.producer, eta=moment(due_ns))
