"""The measurements of one peer, one after the other on one server of its own."""

import random
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from catalogue import HERE, Peer
from processes import Failure, Program, Reports
from servers import SERVERS

WARM_UP = 200
START_SECONDS = 20
# The last acks are on their way when the last handler starts.
SETTLE_SECONDS = 0.5
IDLE_SECONDS = 1.0


@dataclass(frozen=True)
class Options:
    """How much to measure."""

    jobs: int = 20_000
    singles: int = 300
    # The longest that each of the phases may take, in seconds.
    process_cap: float = 240
    pick_up_cap: float = 30
    lateness_cap: float = 30
    # How long to wait for a run after kill -9; None: not measured.
    recovery_cap: float | None = None


class Measurement:
    """One peer on its server. `result` fills up on the way, so that a failure keeps what was there before."""

    def __init__(self, peer: Peer, options: Options):
        self.peer = peer
        self.options = options
        self.result: dict = {}

    def run(self) -> None:
        """Measures everything. Raises Failure."""
        with ExitStack() as stack:
            self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stint-peers-")))
            self.server = stack.enter_context(SERVERS[self.peer.server](self.directory))
            self.reports = stack.enter_context(closing(Reports(self.directory / "reports")))
            self.stack = stack
            self.client = self._program(self.peer.client, "client", pipes=True)
            if self.client.hear() != "ready":
                raise Failure(f"its client did not start: {self.client.last_words()}")
            self._enqueue()
            self._process()
            self._pick_up()
            if self.peer.has_delays:
                self._lateness()
            if self.options.recovery_cap is not None:
                self._recovery()

    def _program(self, command: tuple[str, ...], role: str, pipes: bool = False) -> Program:
        environment = {
            "PEER_URL": self.server.url, "PEER_REPORT": str(self.reports.path), "PEER_JOBS": str(self.options.jobs),
            "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1",
        } | dict(self.peer.environment)
        log = self.directory / f"{role}.log"
        return self.stack.enter_context(Program(command, HERE, log, environment, pipes))

    def _enqueue(self) -> None:
        """Bulk enqueue with no worker there. The jobs of the warm-up stay in front: they warm the worker up too."""
        self.client.ask(f"bulk w {WARM_UP}")
        self.idle_share = self._idle_share()
        memory, cpu, began = self.server.memory(), self.server.cpu_us(), time.monotonic()
        seconds = float(self.client.ask(f"bulk n {self.options.jobs}"))
        self.enqueue_cpu_us = self._cpu_since(cpu, began)
        self.result["enqueue_per_s"] = self.options.jobs / seconds
        self.result["bytes_per_job"] = (self.server.memory() - memory) / self.options.jobs

    def _idle_share(self) -> float:
        """The part of a core that the server uses while nothing happens."""
        before = self.server.cpu_us()
        time.sleep(IDLE_SECONDS)
        return (self.server.cpu_us() - before) / (IDLE_SECONDS * 1e6)

    def _cpu_since(self, cpu_us: int, began: float) -> float:
        return self.server.cpu_us() - cpu_us - self.idle_share * (time.monotonic() - began) * 1e6

    def _process(self) -> None:
        """One worker process on the waiting jobs, from the start of the first to the start of the last."""
        self.worker = self._program(self.peer.worker, "worker")
        first = self.reports.next("began", START_SECONDS, self.worker)
        if not first:
            raise Failure(f"its worker ran nothing in {START_SECONDS} s: {self.worker.last_words()}")
        cpu, began = self.server.cpu_us(), time.monotonic()
        pid = int(first[3])
        beside = self.worker.cpu_us_beside(pid)
        last = self.reports.next("ended", self.options.process_cap, self.worker)
        if not last:
            raise Failure(f"its worker was not done after {self.options.process_cap:.0f} s")
        beside = self.worker.cpu_us_beside(pid) - beside
        time.sleep(SETTLE_SECONDS)
        jobs = self.options.jobs
        self.result["process_per_s"] = (jobs - 1) / ((int(last[1]) - int(first[1])) / 1e9)
        self.result["server_cpu_us"] = (self.enqueue_cpu_us + self._cpu_since(cpu, began)) / jobs
        self.result["worker_cpu_us"] = (int(last[2]) - int(first[2]) + beside) / jobs

    def _pick_up(self) -> None:
        """Single jobs onto the idle worker, one after the other."""
        end = time.monotonic() + self.options.pick_up_cap
        times = []
        while len(times) < self.options.singles and time.monotonic() < end:
            self.client.ask("one p")
            words = self.reports.next("p", self.options.pick_up_cap, self.worker)
            if not words:
                raise Failure("a single job was not picked up")
            times.append((int(words[2]) - int(words[1])) / 1e6)
            # A random part of the longest so far: else all jobs would meet a polling worker at the same moment.
            time.sleep(0.01 + random.random() * min(0.5, max(times) / 1000))
        self.result["pick_up_ms"] = percentiles(times)

    def _lateness(self) -> None:
        """Jobs that are due in 1 to 3 s."""
        self.client.ask(f"at {self.options.singles}")
        end = time.monotonic() + 3 + self.options.lateness_cap
        times = []
        while len(times) < self.options.singles:
            words = self.reports.next("d", end - time.monotonic(), self.worker)
            if not words:
                break
            times.append((int(words[2]) - int(words[1])) / 1e6)
        if not times:
            raise Failure("no delayed job was run")
        self.result["lateness_ms"] = percentiles(times)

    def _recovery(self) -> None:
        """From kill -9 of the worker that runs a job to its next run, on a second worker that is there already."""
        self.client.ask("one h")
        if not self.reports.next("h", START_SECONDS, self.worker):
            raise Failure("the job to be interrupted was not run")
        self._program(self.peer.worker, "second")
        time.sleep(3)
        killed = time.time_ns()
        self.worker.kill()
        words = self.reports.next("h", self.options.recovery_cap)
        self.result["recovery_s"] = (int(words[2]) - killed) / 1e9 if words else None


def percentiles(times: list[float]) -> dict:
    """The median, the 99th percentile, and of how many."""
    times = sorted(times)
    return {
        "count": len(times),
        "p50": times[len(times) // 2],
        "p99": times[min(len(times) - 1, len(times) * 99 // 100)],
    }
