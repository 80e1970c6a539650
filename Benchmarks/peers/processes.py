"""Processes that never outlive the run, and what they cost."""

import os
import select
import signal
import subprocess
import time
from pathlib import Path

# The slowest bulk enqueue of 20,000 jobs takes 15 s.
ANSWER_SECONDS = 120
TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """Why a peer could not be measured."""


class Program:
    """A process with its children: a session of its own, so that all of them can be ended together."""

    def __init__(self, command, directory: Path, log: Path, environment: dict[str, str], pipes: bool = False):
        self.name = " ".join(command)
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=directory, env=os.environ | environment, stderr=output, start_new_session=True, text=True,
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL, stdout=subprocess.PIPE if pipes else output)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self) -> None:
        """Ends the process and all its children at once, as a crash would."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def check(self) -> None:
        """Fails if the process has ended."""
        if self.process.poll() is not None:
            raise Failure(f"ended with status {self.process.returncode}: {self.last_words()}")

    def last_words(self) -> str:
        """The last line that it logged."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else "it said nothing"

    def ask(self, line: str) -> str:
        """Sends a command, and waits for the answer."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self) -> str:
        """The next line of its standard output."""
        if not select.select([self.process.stdout], [], [], ANSWER_SECONDS)[0]:
            raise Failure(f"no answer in {ANSWER_SECONDS} s: {self.last_words()}")
        answer = self.process.stdout.readline().strip()
        if not answer:
            self.process.wait()
            self.check()
        return answer

    def cpu_us_beside(self, pid: int) -> int:
        """CPU time of all processes of the session but one, to the tick of the kernel."""
        return sum(cpu_us(other) for other in _session(self.process.pid) if other != pid)


def _session(leader: int) -> list[int]:
    """The processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields and int(fields[3]) == leader:
                found.append(int(entry.name))
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; nothing if the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_us(pid: int) -> int:
    """User and system time of a process."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) * TICK_US if fields else 0


class Reports:
    """What handlers say, line by line, through a named pipe."""

    def __init__(self, path: Path):
        self.path = path
        os.mkfifo(path)
        # Open for both: it never ends, and no writer has to wait for a reader.
        self.descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.rest = b""
        # Lines that came before they were asked for: a worker's threads may write in either order.
        self.early: list[list[str]] = []

    def next(self, kind: str, timeout: float, *programs: Program) -> list[str] | None:
        """The words of the next line of a kind; others are kept. None if none came in time."""
        end = time.monotonic() + timeout
        while True:
            self._read()
            for index, words in enumerate(self.early):
                if words[0] == kind:
                    return self.early.pop(index)
            if time.monotonic() > end:
                return None
            if not self._wait(min(1.0, max(0.0, end - time.monotonic()))):
                for program in programs:
                    program.check()

    def _wait(self, timeout: float) -> bool:
        return bool(select.select([self.descriptor], [], [], timeout)[0])

    def _read(self) -> None:
        try:
            self.rest += os.read(self.descriptor, 65536)
        except BlockingIOError:
            pass
        *lines, self.rest = self.rest.split(b"\n")
        self.early += [line.decode().split() for line in lines]

    def close(self) -> None:
        """Ends the pipe."""
        os.close(self.descriptor)
