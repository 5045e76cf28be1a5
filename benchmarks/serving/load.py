"""Requests over HTTP by so many connections at once: wrk (https://github.com/wg/wrk), by a script of ours."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_SCRIPT = Path(__file__).with_suffix(".lua")

_EVER = 3600.0
"""Seconds."""


class LoadError(Exception):
    """Requests failed, or could not be made."""


class Rate(NamedTuple):
    """Answers a second, and what time half and 99 % of them took at the most, in seconds."""

    each_second: float
    p50: float
    p99: float


class Load(NamedTuple):
    """Requests of a file, each a line: a path, or a path, a tab and a body. By turns, from these cores."""

    url: str
    requests: Path
    connections: int
    cores: Sequence[int]

    def put(self, seconds: float) -> Rate:
        """Make requests for so long, to the second. Raises LoadError where any fails."""
        done = subprocess.run(self._command(seconds), capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise LoadError(f"wrk failed: {done.stderr or done.stdout}")
        told = json.loads(done.stdout.rstrip().rsplit("\n", 1)[-1])
        if told["failed"] or not told["requests"]:
            raise LoadError(
                f"{told['failed']} of {told['requests']} requests for {self.requests.name} failed"
            )
        seconds, p50, p99 = (told[name] / 1_000_000 for name in ("microseconds", "p50", "p99"))
        return Rate(told["requests"] / seconds, p50, p99)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Make requests until the block ends."""
        process = subprocess.Popen(self._command(_EVER), stdout=subprocess.DEVNULL)  # noqa: S603
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def _command(self, seconds: float) -> list[str]:
        pinned = ["taskset", "--cpu-list", ",".join(map(str, self.cores))]
        often = [
            "--threads",
            "1",
            "--connections",
            str(self.connections),
            "--duration",
            f"{max(1, round(seconds))}s",
        ]
        script = ["--timeout", "30s", "--script", str(_SCRIPT), self.url, "--", str(self.requests)]
        return [*pinned, "wrk", *often, *script]
