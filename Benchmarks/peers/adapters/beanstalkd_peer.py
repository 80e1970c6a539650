"""beanstalkd, by a few lines of its protocol. Bulk puts are pipelined; a delete goes out with the next reserve."""

import socket
import time
from urllib.parse import urlsplit

import job

from . import URL, AdapterClient

# Priority, delay and time-to-run in seconds: the protocol knows no finer delay.
PUT = "put 1024 {delay} 60 {size}\r\n{text}\r\n"


class Connection:
    """A socket that reads lines."""

    def __init__(self):
        place = urlsplit(URL)
        self.socket = socket.create_connection((place.hostname, place.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("rb")

    def send(self, text: str) -> None:
        """Sends one or many commands at once."""
        self.socket.sendall(text.encode())

    def expect(self, word: bytes) -> list[bytes]:
        """Reads one reply, which has to begin with `word`."""
        reply = self.lines.readline().split()
        if not reply or reply[0] != word:
            raise RuntimeError(f"beanstalkd answered {reply} instead of {word}")
        return reply


class Client(AdapterClient):
    """The bulk call is a pipeline."""

    def __init__(self):
        self.connection = Connection()

    async def enqueue_bulk(self, payloads):
        self.put([PUT.format(delay=0, size=len(text), text=text) for text in payloads])

    async def enqueue_one(self, text):
        self.put([PUT.format(delay=0, size=len(text), text=text)])

    async def enqueue_at(self, text, due_ns):
        """Delays are whole seconds here, so the due time moves to one."""
        now_ns = time.time_ns()
        delay = max(1, round((due_ns - now_ns) / 1e9))
        text = job.payload("d", now_ns + delay * 1_000_000_000)
        self.put([PUT.format(delay=delay, size=len(text), text=text)])

    def put(self, commands):
        """Sends all, then reads all replies."""
        self.connection.send("".join(commands))
        for _ in commands:
            self.connection.expect(b"INSERTED")


def main():
    """The worker."""
    connection = Connection()
    connection.send("reserve\r\n")
    while True:
        _, number, size = connection.expect(b"RESERVED")
        text = connection.lines.read(int(size) + 2).decode()
        if job.started(text):
            time.sleep(job.HOLD_SECONDS)
        connection.send(f"delete {number.decode()}\r\nreserve\r\n")
        connection.expect(b"DELETED")


if __name__ == "__main__":
    main()
