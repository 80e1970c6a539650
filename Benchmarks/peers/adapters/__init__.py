"""One module for each Python peer: `Client`, which enqueues, and what its worker runs."""

import datetime
import os
import time

# The server of this run, as redis://host:port/0.
URL = os.environ.get("PEER_URL", "redis://127.0.0.1:6379/0")


class AdapterClient:
    """What client.py asks of a peer. Peers whose library is not asynchronous block in these."""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    async def enqueue_bulk(self, payloads: list[str]) -> None:
        """The peer's best call for many jobs."""
        for text in payloads:
            await self.enqueue_one(text)

    async def enqueue_one(self, text: str) -> None:
        """One job, accepted by the server when this returns."""
        raise NotImplementedError

    async def enqueue_at(self, text: str, due_ns: int) -> None:
        """One job that is due at a time."""
        raise NotImplementedError


def moment(due_ns: int) -> datetime.datetime:
    """A due time as peers want it, to the microsecond."""
    return datetime.datetime.fromtimestamp(due_ns / 1e9, datetime.timezone.utc)


def ms_until(due_ns: int) -> int:
    """The delay for peers that take one in ms; rounded up, so that no job can be early by the rounding."""
    return max(0, -((time.time_ns() - due_ns) // 1_000_000))
