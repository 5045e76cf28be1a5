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
        """Start a worker of one thread; by default a nanny starts it again where it dies."""
        name = str(len(self._workers))
        folder = str(self._folder / name)
        options = ("--nthreads", "1", "--name", name, "--local-directory", folder, *options)
        worker = self._start("worker", self.address, *options, **settings)
        self._workers.append(worker)
        return worker

    def stop(self) -> None:
        """Kill all of it, since a worker that is asked to stop waits for its calls."""
        for process in (*self._workers, self.scheduler):
            process.kill()
            process.wait()

    def _start(self, command: str, *options: str, **settings: str) -> subprocess.Popen[bytes]:
        log = self._folder / f"{command}-{len(self._workers)}.log"
        # Dask's processes are not what is tested, and have warnings of their own.
        settings = {"PYTHONWARNINGS": "ignore"} | settings
        options = (command, *options, "--host", "127.0.0.1", "--no-dashboard")
        return programs.start("dask", *options, folder=self._folder, log=log, **settings)


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Dask]:
    """Start a scheduler, and stop it and its workers in the end."""
    dask = Dask(folder, **settings)
    try:
        yield dask
    finally:
        dask.stop()


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
