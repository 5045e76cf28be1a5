"""Requests over HTTP by so many connections at once: wrk (https://github.com/wg/wrk), by a script of ours."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_SCRIPT = Path(__file__).with_suffix(".lua")


class LoadError(Exception):
    """Requests failed, or could not be made."""


class Rate(NamedTuple):
    """Answers a second, and what time half and 99 % of them took at the most, in seconds."""

    each_second: float
    p50: float
    p99: float


def command(url: str, requests: Path, *, connections: int, seconds: float) -> list[str]:
    """What makes the requests of a file, each line a path, or a path, a tab and a body."""
    options = ["--threads", "1", "--connections", str(connections), "--duration", f"{seconds:g}s"]
    return ["wrk", *options, "--timeout", "30s", "--script", str(_SCRIPT), url, "--", str(requests)]


def put(url: str, requests: Path, *, connections: int, seconds: float, cores: Sequence[int]) -> Rate:
    """Make the requests for so many seconds, from these cores. Raises LoadError where any fails."""
    pinned = ["taskset", "--cpu-list", ",".join(map(str, cores))]
    program = [*pinned, *command(url, requests, connections=connections, seconds=seconds)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise LoadError(f"wrk failed: {done.stderr or done.stdout}")
    told = json.loads(done.stdout.rstrip().rsplit("\n", 1)[-1])
    if told["failed"] or not told["requests"]:
        raise LoadError(f"{told['failed']} of {told['requests']} requests to {requests.stem} failed")
    million = 1_000_000
    return Rate(
        told["requests"] * million / told["microseconds"], told["p50"] / million, told["p99"] / million
    )
