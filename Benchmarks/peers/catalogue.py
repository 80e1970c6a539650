"""The peers: how each is started, and with which settings."""

import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENVS = ROOT / ".build" / "peers"
STINT = str(ROOT / ".build" / "release" / "stint-peer")


@dataclass(frozen=True)
class Peer:
    """One row of the table."""

    name: str
    title: str
    # Commands of the two processes, and one that prints the version.
    client: tuple[str, ...]
    worker: tuple[str, ...]
    version: tuple[str, ...]
    # What is not the default, for the reader of the table.
    settings: str
    server: str = "redis"
    has_delays: bool = True
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def requirements(self) -> Path:
        """The pinned packages of PyPI that this peer needs. No file: none."""
        return HERE / "requirements" / f"{self.name}.txt"

    @property
    def venv(self) -> Path:
        """Its own virtual environment: not all peers accept the same version of redis-py."""
        return VENVS / self.name


def _python(name: str, title: str, worker: str, settings: str, **other) -> Peer:
    """A peer from PyPI. Its worker runs as `python -m …`."""
    python = str(VENVS / name / "bin" / "python")
    version = f"import importlib.metadata; print(importlib.metadata.version({name!r}))"
    return Peer(
        name, title, (python, "client.py", name), (python, "-m", *worker.split()), (python, "-c", version), settings,
        **other)


PEERS = (
    Peer(
        "stint", "Stint", (STINT, "client"), (STINT, "worker"),
        # The commit, where there is one to ask for.
        ("sh", "-c", "git log -1 --format=%h 2>/dev/null || true"),
        "concurrency 256; bulk calls of 1,000 at the same time"),
    Peer(
        "beanstalkd", "beanstalkd (own server)", (sys.executable, "client.py", "beanstalkd"),
        (sys.executable, "-m", "adapters.beanstalkd_peer"), ("beanstalkd", "-v"),
        "one job at a time; puts pipelined, delete and next reserve in one write", server="beanstalkd"),
    Peer(
        "sidekiq", "Sidekiq (no leases)", ("ruby", "sidekiq/client.rb"),
        ("sidekiq", "-r", "./sidekiq/worker.rb", "-c", "5"),
        ("ruby", "-e", "require 'sidekiq'; puts Sidekiq::VERSION"), "5 threads; push_bulk of 1,000"),
    _python(
        "bullmq", "BullMQ (its Python port)", "adapters.bullmq_peer",
        "concurrency 50; addBulk of 1,000; removeOnComplete"),
    _python(
        "dramatiq", "Dramatiq", "dramatiq adapters.dramatiq_peer --processes 1 --threads 4",
        "1 process with 4 threads; prefetch 500; no bulk call", environment=(("dramatiq_queue_prefetch", "500"),)),
    _python(
        "arq", "arq", "arq adapters.arq_peer.WorkerSettings",
        "max_jobs 1,000; no results kept; 50 enqueues at the same time, no bulk call"),
    _python(
        "streaq", "streaQ", "streaq run adapters.streaq_peer:worker",
        "concurrency 16; no results kept; enqueue_many of 1,000"),
    _python("rq", "RQ", "adapters.rq_peer", "SimpleWorker; no results kept; enqueue_many of 1,000; own scheduler"),
    _python(
        "taskiq", "taskiq", "taskiq worker adapters.taskiq_peer:broker --workers 1 --log-level WARNING",
        "Redis streams; 1 process with 100 tasks; 50 enqueues at the same time, no bulk call", has_delays=False),
    _python(
        "celery", "Celery (delays held in the worker)",
        "celery -A adapters.celery_peer worker --pool solo --loglevel WARNING"
        " --without-gossip --without-mingle --without-heartbeat",
        "pool solo; prefetch 100; results ignored; no bulk call"),
)
