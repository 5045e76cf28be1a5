"""A MariaDB of the tests' own: private data folder, socket and port, gone when the tests are."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pymysql
from sqlalchemy import URL

_SECONDS_TO_START = 60
_SECONDS_TO_STOP = 60


class Server(NamedTuple):
    """A running server: its process, and the socket and port it listens on."""

    process: subprocess.Popen[bytes]
    socket: Path
    port: int

    def url(self, database: str, *, user: str = "root", password: str | None = None) -> str:
        url = URL.create(
            "mysql+pymysql", user, password, "127.0.0.1", self.port, database, query={"charset": "utf8mb4"}
        )
        return url.render_as_string(hide_password=False)

    def execute(self, *statements: str) -> None:
        with pymysql.connect(unix_socket=str(self.socket), user="root") as connection:
            for statement in statements:
                connection.cursor().execute(statement)

    def stop(self) -> None:
        """End the server; its data stay where they are."""
        self.process.terminate()
        self.process.wait(timeout=_SECONDS_TO_STOP)


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Start a server with its data in ``folder``, and stop it in the end."""
    data = folder / "data"
    subprocess.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            f"--tmpdir={folder}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            *_user(),
        ],
        check=True,
        capture_output=True,
    )
    with start(folder) as server:
        yield server


@contextmanager
def start(folder: Path, *, port: int | None = None) -> Iterator[Server]:
    """Start a server on data that is there, and stop it in the end."""
    port = port or free_port()
    # The name of a socket may not be longer than 107 bytes, which a test's folder can be.
    where = Path("/tmp") / f"imagehash-{os.getpid()}-{port}.sock"  # noqa: S108
    arguments = [
        f"--datadir={folder / 'data'}",
        # A server that starts removes the temporary tables that it finds, other servers' too.
        f"--tmpdir={folder}",
        f"--socket={where}",
        f"--port={port}",
        f"--pid-file={folder / 'pid'}",
        "--bind-address=127.0.0.1",
        "--skip-log-bin",
        "--innodb-flush-log-at-trx-commit=2",
        "--innodb-buffer-pool-size=64M",
    ]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [shutil.which("mariadbd") or "/usr/sbin/mariadbd", "--no-defaults", *arguments, *_user()],
            stdout=log,
            stderr=log,
        )
    server = Server(process, where, port)
    try:
        _wait(process, where, folder / "log")
        yield server
    finally:
        server.stop()
        where.unlink(missing_ok=True)


def _user() -> list[str]:
    # A server that runs as root has to be told that this is meant.
    return ["--user=root"] if os.geteuid() == 0 else []


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], where: Path, log: Path) -> None:
    end = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < end and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(str(where)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"MariaDB did not start:\n{log.read_text(errors='replace')[-2000:]}")
