import json
import os
import signal
import socket
from pathlib import Path

import pytest

from tests import programs
from tests.mariadb import free_port
from tests.numbers import numbers_in
from tests.programs import Served
from tests.waiting import wait_for

QUERY = b'{"query": "{ index { engine } }"}'
HEAD = (
    "POST /graphql HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
    f"Content-Length: {len(QUERY)}\r\n\r\n"
).encode()

WORKERS = pytest.mark.parametrize("workers", ["1", "2"])


def connected(served: Served, source: str = "127.0.0.1") -> socket.socket:
    port = int(served.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(source, 0))


def is_refused(served: Served) -> bool:
    try:
        connected(served).close()
    except ConnectionRefusedError:
        return True
    return False


def everything(client: socket.socket) -> bytes:
    told = b""
    while part := client.recv(65536):
        told += part
    return told


def events(log: Path) -> list[dict[str, object]]:
    """What is in a log, of which every line has to be an event."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def children(process: int) -> list[int]:
    told = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(child) for child in told.split()]


@WORKERS
def test_what_runs_is_answered_and_what_is_new_refused_before_it_leaves(tmp_path: Path, workers: str) -> None:
    with programs.api(tmp_path, "--workers", workers) as served, connected(served) as client:
        client.sendall(HEAD)
        assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
        served.process.send_signal(signal.SIGTERM)
        wait_for(lambda: is_refused(served))
        assert served.process.poll() is None
        client.sendall(QUERY)
        answer = everything(client)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b'"engine":' in answer
        assert served.process.wait(timeout=60) == 0
        assert not any("trace" in event for event in events(served.log))


@WORKERS
def test_ctrl_c_in_a_terminal_ends_all_processes_without_a_trace(tmp_path: Path, workers: str) -> None:
    with programs.api(tmp_path, "--workers", workers) as served:
        os.killpg(served.process.pid, signal.SIGINT)
        assert served.process.wait(timeout=60) == 0
        told = events(served.log)
        assert not any("trace" in event for event in told)
        assert not any("died" in str(event["message"]) for event in told)


def test_ctrl_c_does_so_while_workers_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    port = str(free_port())
    process = programs.start("api", "serve", "--workers", "2", "--port", port, folder=tmp_path, log=log)
    wait_for(lambda: len(children(process.pid)) >= 3)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=120) == 0
    assert not any("died" in str(event["message"]) for event in events(log))


def test_clients_that_never_end_a_request_are_not_waited_for(tmp_path: Path) -> None:
    with programs.api(tmp_path) as served, connected(served) as client:
        client.sendall(HEAD[:-2])
        assert everything(client) == b""


def test_a_worker_that_dies_is_replaced_and_the_numbers_stay_right(tmp_path: Path) -> None:
    with programs.api(tmp_path, "--workers", "2") as served:

        def numbers() -> dict[str, float]:
            return numbers_in(served.text("/metrics"))

        def working() -> float:
            return sum(number for name, number in numbers().items() if name.startswith("imagehash_workers"))

        wait_for(lambda: working() == 2)
        for _ in range(20):
            served.ask("{ index { engine } }")
        asked = 'imagehash_requests_total{mode="index",outcome="ok"}'
        wait_for(lambda: numbers()[asked] == 20)
        (worker, *_) = (event["process"] for event in events(served.log) if is_start(event))
        assert isinstance(worker, int)
        os.kill(worker, signal.SIGKILL)
        # Where it dies while it is asked whether it lives, its silence is waited out.
        wait_for(lambda: sum(map(is_start, events(served.log))) == 3, seconds=180)
        wait_for(lambda: working() == 2)
        served.ask("{ index { engine } }")
        wait_for(lambda: numbers()[asked] == 21)
        assert served.stop(signal.SIGTERM) == 0


def is_loaded(event: dict[str, object]) -> bool:
    return "files by multi-index from" in str(event["message"])


def is_start(event: dict[str, object]) -> bool:
    return str(event["message"]).startswith("Started server process")


@WORKERS
def test_the_log_tells_of_all_processes_and_not_who_asks_or_what(tmp_path: Path, workers: str) -> None:
    with programs.api(tmp_path, "--workers", workers) as served:
        for request in (
            b"GET /search?phash=7777777777&dhash=1 HTTP/1.1\r\nHost: here\r\nX-Forwarded-For: 203.0.113.9\r\n"
            b"Connection: close\r\n\r\n",
            b"GET /pagesearch?page_title=Somebody.jpg HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n",
            b"not HTTP at all\r\n\r\n",
        ):
            with connected(served, "127.0.0.2") as client:
                client.sendall(request)
                everything(client)
        wait_for(lambda: sum(map(is_loaded, events(served.log))) == int(workers))
        assert served.stop(signal.SIGTERM) == 0
    assert sum(map(is_start, events(served.log))) == int(workers)
    for secret in ("127.0.0.2", "203.0.113.9", "7777777777", "Somebody"):
        assert secret not in served.log.read_text()


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    # Uvicorn does not close the socket that it could not use.
    quiet = {"PYTHONWARNINGS": "ignore::ResourceWarning"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for workers in ("1", "2"):
            told = programs.run(
                "api", "serve", "--port", port, "--workers", workers, folder=tmp_path, **quiet
            )
            assert told.returncode == 2
            assert "address already in use" in told.stderr.lower()
            assert "Traceback" not in told.stderr
