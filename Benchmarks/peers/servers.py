"""The private servers: one for each peer, without persistence, on TCP loopback."""

import shutil
import socket
import time
from pathlib import Path

from processes import Failure, Program, cpu_us


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server process, and what the work on it costs."""

    def __init__(self, command: list[str], port: int, directory: Path):
        self.url = f"redis://127.0.0.1:{port}/0"
        self.program = Program(command, directory, directory / "server.log", {})
        try:
            self.socket = self._connect(port)
        except BaseException:
            self.program.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.program.kill()

    def _connect(self, port: int) -> socket.socket:
        end = time.monotonic() + 10
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=10)
            except ConnectionRefusedError:
                self.program.check()
                if time.monotonic() > end:
                    raise Failure("the server did not start") from None
                time.sleep(0.02)

    def cpu_us(self) -> int:
        """The CPU time that the server has used for commands."""
        raise NotImplementedError

    def memory(self) -> int:
        """The bytes that the server holds, those of connections left out where it tells them apart."""
        raise NotImplementedError


class Redis(Server):
    """A private Redis, or Valkey where there is no Redis."""

    def __init__(self, directory: Path):
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if not program:
            raise Failure("neither redis-server nor valkey-server is installed")
        port = free_port()
        options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
        super().__init__([program, *options], port, directory)

    def cpu_us(self) -> int:
        info = self._info("cpu")
        return int(1e6 * sum(float(info[f"used_cpu_{part}_main_thread"]) for part in ("user", "sys")))

    def memory(self) -> int:
        info = self._info("memory")
        return int(info["used_memory"]) - int(info["mem_clients_normal"])

    def version(self) -> str:
        """As the server says it."""
        return self._info("server")["redis_version"]

    def _info(self, section: str) -> dict[str, str]:
        self.socket.sendall(f"INFO {section}\r\n".encode())
        reply = b""
        while b"\r\n" not in reply:
            reply += self.socket.recv(65536)
        size, _, body = reply.partition(b"\r\n")
        while len(body) < int(size[1:]) + 2:
            body += self.socket.recv(65536)
        return dict(line.split(":", 1) for line in body.decode().splitlines() if ":" in line)


class Beanstalkd(Server):
    """A private beanstalkd. It tells neither its CPU time nor its memory: those are of the process."""

    def __init__(self, directory: Path):
        port = free_port()
        super().__init__(["beanstalkd", "-l", "127.0.0.1", "-p", str(port)], port, directory)

    def cpu_us(self) -> int:
        return cpu_us(self.program.process.pid)

    def memory(self) -> int:
        status = Path(f"/proc/{self.program.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


SERVERS = {"redis": Redis, "beanstalkd": Beanstalkd}
