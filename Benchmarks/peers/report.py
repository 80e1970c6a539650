"""The table and the JSON."""

import os
import platform
from pathlib import Path

HEAD = (
    "", "enqueue jobs/s (bulk)", "process jobs/s", "server CPU µs per job, both phases", "worker CPU µs per job",
    "bytes per waiting job", "pick-up p50 / p99 ms", "lateness of delayed p50 / p99 ms", "re-run after kill -9",
)


def row(entry: dict) -> list[str]:
    """The cells of one peer; those that are missing say why."""
    result = entry["result"]
    missing = "–"
    return [
        f"{entry['title']} {entry['version']}".strip(),
        count(result.get("enqueue_per_s"), missing),
        count(result.get("process_per_s"), missing),
        amount(result.get("server_cpu_us"), missing),
        amount(result.get("worker_cpu_us"), missing),
        count(result.get("bytes_per_job"), missing),
        latency(result.get("pick_up_ms"), missing, entry["singles"]),
        latency(result.get("lateness_ms"), missing, entry["singles"]),
        recovery(entry),
    ]


def count(value: float | None, missing: str) -> str:
    """Three digits that matter, with thousands."""
    if value is None:
        return missing
    return f"{int(float(f'{value:.3g}')):,}"


def amount(value: float | None, missing: str) -> str:
    """Tenths only where they matter."""
    if value is None:
        return missing
    return f"{value:.1f}" if value < 20 else f"{value:,.0f}"


def latency(value: dict | None, missing: str, expected: int) -> str:
    """Both percentiles; and of how many jobs, if not of all."""
    if value is None:
        return missing
    text = " / ".join(f"{value[name]:.1f}" if value[name] < 20 else f"{value[name]:,.0f}" for name in ("p50", "p99"))
    return text if value["count"] == expected else f"{text} (of {value['count']})"


def recovery(entry: dict) -> str:
    """Seconds, or why there are none."""
    result = entry["result"]
    if "recovery_s" not in result:
        return "not measured"
    if result["recovery_s"] is None:
        return f"not in {entry['recovery_cap']:.0f} s"
    return f"{result['recovery_s']:.1f} s"


def table(entries: list[dict]) -> str:
    """Markdown that can be read as it is."""
    rows = [list(HEAD), *(row(entry) for entry in entries if entry["result"])]
    widths = [max(len(cells[index]) for cells in rows) for index in range(len(HEAD))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |" for cells in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    lines += [""] + [f"- {entry['title']}: {entry['settings']}" for entry in entries if entry["result"]]
    for entry in entries:
        if entry["failure"]:
            lines.append(f"- {entry['title']}: {'cut short' if entry['result'] else 'skipped'}: {entry['failure']}")
    return "\n".join(lines)


def machine(redis_version: str) -> str:
    """Where this was measured."""
    release = Path("/etc/os-release")
    system = platform.system()
    if release.exists():
        values = dict(line.split("=", 1) for line in release.read_text().splitlines() if "=" in line)
        system = values.get("PRETTY_NAME", system).strip('"')
    cores = f"{_cores()} cores ({platform.machine()})"
    return f"{cores}, {system}, Redis {redis_version}, Python {platform.python_version()}"


def _cores() -> int:
    return len(os.sched_getaffinity(0))
