"""Stint and its peers on the same work in the same run. Start it by `make bench-peers`; see README.md."""

import argparse
import datetime
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report
from catalogue import HERE, PEERS, Peer
from measure import Measurement, Options
from processes import Failure
from servers import Redis


def arguments() -> argparse.Namespace:
    """The command line."""
    names = ", ".join(peer.name for peer in PEERS)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="NAMES", help=f"these peers, separated by commas: {names}")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--jobs", type=int, default=Options.jobs, help="jobs to enqueue and process (%(default)s)")
    parser.add_argument(
        "--recovery", type=float, nargs="?", const=120, metavar="SECONDS",
        help="also kill workers, and wait this long for the re-run (120)")
    return parser.parse_args()


def chosen(only: str | None) -> list[Peer]:
    """The peers to measure."""
    if not only:
        return list(PEERS)
    by_name = {peer.name: peer for peer in PEERS}
    unknown = [name for name in only.split(",") if name not in by_name]
    if unknown:
        sys.exit(f"bench-peers: no peer is called {', '.join(unknown)}; there are {', '.join(by_name)}")
    return [by_name[name] for name in only.split(",")]


def install(peer: Peer) -> None:
    """Makes the virtual environment of a peer from PyPI, unless it is there. Raises Failure."""
    if not peer.requirements.exists():
        return
    stamp = peer.venv / "requirements.txt"
    if stamp.exists() and stamp.read_text() == peer.requirements.read_text():
        return
    note(f"{peer.name}: installing it into {peer.venv}")
    pip = peer.venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"
    for command in ((sys.executable, "-m", "venv", "--clear", peer.venv), (*pip, "-r", peer.requirements)):
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            raise Failure("not installed: " + ((made.stderr or made.stdout).strip().splitlines() or ["no reason"])[-1])
    shutil.copy(peer.requirements, stamp)


def version(peer: Peer) -> str:
    """Asks for the version. Raises Failure if the peer is not there."""
    try:
        found = subprocess.run(peer.version, cwd=HERE, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Failure(f"{peer.version[0]} is not installed") from None
    if found.returncode:
        raise Failure((found.stderr.strip().splitlines() or ["not installed"])[-1])
    return found.stdout.strip().removeprefix("beanstalkd ")


def measure(peer: Peer, options: Options) -> dict:
    """One entry of the result. Whatever goes wrong is in it."""
    note(f"{peer.name} …")
    measurement = Measurement(peer, options)
    entry = {
        "name": peer.name, "title": peer.title, "version": "", "settings": peer.settings, "failure": None,
        "singles": options.singles, "recovery_cap": options.recovery_cap, "result": measurement.result,
    }
    began = time.monotonic()
    try:
        install(peer)
        entry["version"] = version(peer)
        measurement.run()
    except (Failure, OSError, ValueError) as failure:
        entry["failure"] = str(failure)
        note(f"{peer.name}: {failure}")
    note(f"{peer.name}: {time.monotonic() - began:.0f} s")
    return entry


def redis_version() -> str:
    """Of the server that the peers get."""
    with tempfile.TemporaryDirectory() as directory, Redis(Path(directory)) as server:
        return server.version()


def note(text: str) -> None:
    """Progress is no part of the result."""
    print(f"bench-peers: {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Runs all, prints one table."""
    # Ended politely, the run still ends its processes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    given = arguments()
    peers = chosen(given.only)
    options = Options(jobs=given.jobs, recovery_cap=given.recovery)
    head = {"date": datetime.date.today().isoformat(), "machine": report.machine(redis_version())}
    entries = [measure(peer, options) for peer in peers]
    if given.json:
        print(json.dumps(head | {"jobs": options.jobs, "peers": entries}, indent=2, ensure_ascii=False))
    else:
        print(f"{head['date']}, {head['machine']}, {options.jobs:,} jobs\n\n{report.table(entries)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
