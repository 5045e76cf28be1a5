"""A Dask cluster of the tests' own: a scheduler and workers on free ports, gone when the tests are."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import programs
from tests.mariadb import free_port


class Dask:
    """A scheduler, and the workers that are started for it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        port = free_port()
        self.address = f"tcp://127.0.0.1:{port}"
        self._folder = folder
        self._workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", "--port", str(port), **settings)

    def start_worker(self, *options: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start a worker of one thread; with the option `--nanny` it is started again where it dies."""
        folder = str(self._folder / "workers")
        options = ("--nthreads", "1", "--no-nanny", "--local-directory", folder, *options)
        worker = self._start("worker", self.address, *options, **settings)
        self._workers.append(worker)
        return worker

    def stop_workers(self) -> None:
        """Kill the workers, since one that is asked to stop waits for its calls."""
        while self._workers:
            _kill(self._workers.pop())

    def stop(self) -> None:
        """Kill all of it."""
        self.stop_workers()
        _kill(self.scheduler)

    def _start(self, command: str, *options: str, **settings: str) -> subprocess.Popen[bytes]:
        # Dask's processes are not what is tested, and have warnings of their own.
        settings = {"PYTHONWARNINGS": "ignore"} | settings
        options = (command, *options, "--host", "127.0.0.1", "--no-dashboard")
        return programs.start("dask", *options, folder=self._folder, log=None, **settings)


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Dask]:
    """Start a scheduler, and stop it and its workers in the end."""
    dask = Dask(folder, **settings)
    try:
        yield dask
    finally:
        dask.stop()


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def lacking(folder: Path, package: str) -> dict[str, str]:
    """Settings of a process that cannot import a package."""
    (folder / "sitecustomize.py").write_text(f"import sys\nsys.modules[{package!r}] = None\n")
    return {"PYTHONPATH": f"{folder}{os.pathsep}{programs.ROOT}"}


def with_version(folder: Path, package: str, version: str) -> dict[str, str]:
    """Settings of a process that finds another version of a package installed."""
    metadata = folder / f"{package}-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    return {"PYTHONPATH": f"{folder}{os.pathsep}{programs.ROOT}"}
