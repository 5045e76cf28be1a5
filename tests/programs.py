"""The programs, run as users run them: processes of their own, in a folder of their own."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.mariadb import free_port
from tests.waiting import wait_for

ROOT = Path(__file__).parents[1]


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """What a program sees that is run in ``folder``: no settings but those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("IMAGEHASH_", "TOOL_"))}
    own = {"PYTHONPATH": str(ROOT), "HOME": str(folder), "PYTHONWARNINGS": "error"}
    return kept | own | {"IMAGEHASH_RATE_LIMIT": "1000000/minute"} | settings


def run(
    module: str, *arguments: str | Path, folder: Path, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=folder,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        check=False,
    )


def start(
    module: str, *arguments: str, folder: Path, log: Path | None = None, **settings: str
) -> subprocess.Popen[bytes]:
    """Start a program, in a session of its own; what it prints goes to ``log``, if anywhere."""
    with (log or Path(os.devnull)).open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=folder,
            env=environment(folder, **settings),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


class Served(NamedTuple):
    """A program that serves: its process, where it listens, and what it prints."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def text(self, path: str) -> str:
        """The text at a path."""
        with urllib.request.urlopen(self.url + path, timeout=30) as response:
            told: bytes = response.read()
            return told.decode()

    def get(self, path: str) -> Any:
        """The JSON at a path."""
        return json.loads(self.text(path))

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The answer to a GraphQL query."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            self.url + "/graphql", body, {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, Any] = json.load(response)
            return answer

    def stop(self, number: int = signal.SIGINT) -> int:
        """Ask the program to stop; returns its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


@contextmanager
def serving(arguments: Sequence[str], folder: Path, port: int, **settings: str) -> Iterator[Served]:
    """Run a program until the block ends; it is in the block once it answers."""
    log = folder / f"log-{port}"
    process = start(*arguments, folder=folder, log=log, **settings)
    served = Served(process, f"http://127.0.0.1:{port}", log)
    try:
        wait_for(lambda: answers(served), seconds=120)
        yield served
    finally:
        process.kill()
        process.wait()


@contextmanager
def api(folder: Path, *arguments: str, **settings: str) -> Iterator[Served]:
    """Run the service on a free port."""
    port = free_port()
    with serving(("api", "serve", "--port", str(port), *arguments), folder, port, **settings) as served:
        yield served


def answers(served: Served) -> bool:
    assert served.process.poll() is None, served.log.read_text()
    try:
        return bool(served.get("/readyz")["index"] != "loading")
    except OSError:
        return False
