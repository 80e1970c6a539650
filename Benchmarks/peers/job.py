"""The jobs, and what every Python handler does with one.

A payload is 200 characters: a kind, a time in ns, and filler. Kinds:
  w  warms up, does nothing          n  does nothing, is counted
  p  says when it was picked up      d  says how late it is       h  says that it runs, and goes on running
"""

import itertools
import os
import resource
import time

SIZE = 200
HOLD_SECONDS = 3600

_counter = itertools.count(1)
_expected = int(os.environ.get("PEER_JOBS", "0"))
_report = None


def payload(kind: str, stamp_ns: int = 0) -> str:
    """The text of one job."""
    return f"{kind} {stamp_ns} ".ljust(SIZE, "x")


def started(text: str) -> bool:
    """The first line of every handler. True: this job is to go on running."""
    now_ns = time.time_ns()
    kind = text[0]
    if kind == "n":
        _count(now_ns)
    elif kind != "w":
        _say(f"{kind} {text.split(' ', 2)[1]} {now_ns}")
    return kind == "h"


def _count(now_ns: int) -> None:
    """Reports the first and the last of the counted jobs. The counter is one bytecode, so threads can share it."""
    number = next(_counter)
    if number == 1:
        _say(f"began {now_ns} {_cpu_us()} {os.getpid()}")
    elif number == _expected:
        _say(f"ended {now_ns} {_cpu_us()} {os.getpid()}")


def _cpu_us() -> int:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int((usage.ru_utime + usage.ru_stime) * 1e6)


def _say(line: str) -> None:
    """One write of less than PIPE_BUF: lines of several writers do not mix."""
    global _report
    if _report is None:
        _report = os.open(os.environ["PEER_REPORT"], os.O_WRONLY)
    os.write(_report, (line + "\n").encode())
