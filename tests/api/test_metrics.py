import os
import subprocess
import sys
from pathlib import Path

import pytest

from api import metrics
from api.metrics import Gauges, Metrics, of_codes, of_status, shared
from tests.numbers import numbers_in
from tests.programs import environment

NOW = Gauges("scan", 3, 1.5, 60, 1e9, 2, {"hashes": (1, 8)})
ENGINES = ["multi-index", "scan"]

WORKER = """
import sys
from api.metrics import Gauges, Metrics
told = Metrics()
told.answered("search", "ok", 0.002)
told.searched("scan", 5)
told.show(Gauges("scan", int(sys.argv[1]), 1.5, 60, 1e9, 2, {"hashes": (1, 8)}), ["multi-index", "scan"])
print(flush=True)
sys.stdin.read()
"""


def test_what_is_counted_is_told() -> None:
    told = Metrics()
    told.answered("search", "ok", 0.002)
    told.answered("search", "refused", 3600)
    told.searched("scan", 5)
    told.searched("scan", 7, searches=2)
    told.show(NOW, ENGINES)
    numbers = numbers_in(told.written())
    assert numbers['imagehash_requests_total{mode="search",outcome="ok"}'] == 1
    assert numbers['imagehash_request_seconds_bucket{le="0.001",mode="search"}'] == 0
    assert numbers['imagehash_request_seconds_bucket{le="0.0025",mode="search"}'] == 1
    assert numbers['imagehash_request_seconds_count{mode="search"}'] == 2
    assert numbers['imagehash_searches_total{engine="scan"}'] == 3
    assert numbers['imagehash_matches_total{engine="scan"}'] == 12
    assert numbers['imagehash_workers{engine="scan"}'] == 1
    assert numbers['imagehash_workers{engine="multi-index"}'] == 0
    assert numbers["imagehash_lag_seconds"] == 1.5
    assert numbers['imagehash_connections_limit{database="hashes"}'] == 8
    assert not any("_created" in name for name in numbers)


def test_processes_are_added_up_and_the_dead_forgotten(tmp_path: Path) -> None:
    with shared():
        folder = Path(os.environ[metrics.FOLDER])
        workers = [worker(tmp_path, rows) for rows in (3, 4)]
        numbers = numbers_in(Metrics().written())
        assert numbers['imagehash_requests_total{mode="search",outcome="ok"}'] == 2
        assert numbers['imagehash_request_seconds_count{mode="search"}'] == 2
        assert numbers['imagehash_workers{engine="scan"}'] == 2
        assert numbers["imagehash_live_rows"] == 4
        assert numbers['imagehash_connections{database="hashes"}'] == 2

        workers[1].kill()
        workers[1].communicate()
        numbers = numbers_in(Metrics().written())
        assert numbers['imagehash_workers{engine="scan"}'] == 1
        assert numbers["imagehash_live_rows"] == 3
        assert numbers['imagehash_matches_total{engine="scan"}'] == 10
        workers[0].communicate()
    assert not folder.exists()
    assert metrics.FOLDER not in os.environ


def worker(folder: Path, live_rows: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(live_rows)],
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "\n"
    return process


def test_what_killed_processes_have_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    left, used = (tmp_path / f"imagehash-metrics-{number}-x" for number in (gone.pid, os.getppid()))
    for folder in (left, used):
        folder.mkdir()
        (folder / "counter_1.db").touch()
    with shared():
        assert used.exists()
        assert not left.exists()
        assert len(list(tmp_path.iterdir())) == 2
    assert list(tmp_path.iterdir()) == [used]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "ok"),
        (204, "ok"),
        (304, "ok"),
        (400, "refused"),
        (404, "refused"),
        (413, "refused"),
        (429, "limited"),
        (500, "failed"),
        (501, "failed"),
        (502, "unavailable"),
        (503, "unavailable"),
        (0, "failed"),
    ],
)
def test_statuses_are_few_outcomes(status: int, outcome: str) -> None:
    assert of_status(status) == outcome


def test_the_worst_of_several_errors_counts() -> None:
    assert of_codes([]) == "ok"
    assert of_codes(["BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED"]) == "refused"
    assert of_codes(["BAD_USER_INPUT", "REPLICA_UNAVAILABLE"]) == "unavailable"
    assert of_codes(["INTERNAL_SERVER_ERROR", "INDEX_LOADING"]) == "failed"
