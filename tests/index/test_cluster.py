import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from commons.hashes import library_versions
from commons.pictures import Reason
from commons.workers import Workers
from index import pipeline
from index.cluster import Cluster
from index.hashing import Job, Outcome, hash_file
from tests import dask
from tests.dask import Dask
from tests.mariadb import free_port
from tests.waiting import wait_for

SECONDS = 60
"""For processes to start on a busy machine."""


# Dask would try four times what kills workers, and each takes its time to start again.
TWICE = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}


@pytest.fixture
def quiet(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever happens, nothing of it is printed or logged, and no thread is left."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client", "tornado")]
    for logger in loggers:
        logger.addHandler(caplog.handler)
    yield
    for logger in loggers:
        logger.removeHandler(caplog.handler)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert not loops()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    """A scheduler with two workers that are started again where they die."""
    with dask.running(tmp_path_factory.mktemp("dask")) as running:
        running.start_worker("--nanny")
        running.start_worker("--nanny")
        yield running


@pytest.fixture
def cluster(pair: Dask, quiet: None) -> Iterator[Cluster]:
    """Both workers."""
    with Cluster(pair.address, seconds=SECONDS) as cluster:
        wait_for(lambda: cluster.jobs == 2)
        yield cluster


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    """A scheduler without workers."""
    with dask.running(tmp_path_factory.mktemp("dask"), **TWICE) as running:
        yield running


@pytest.fixture
def scheduler(alone: Dask, quiet: None) -> Iterator[Dask]:
    """A scheduler without workers; those that a test starts end with it."""
    yield alone
    alone.stop_workers()


@pytest.fixture
def single(scheduler: Dask) -> Dask:
    """A scheduler with one worker."""
    scheduler.start_worker()
    return scheduler


def loops() -> list[threading.Thread]:
    """Threads in which a client runs."""
    return [thread for thread in threading.enumerate() if thread.name == "IO loop"]


def work(job: Job) -> Outcome[Job]:
    if job.path == "killing":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return Outcome(job, sha1=job.path)


def refuse() -> None:
    raise TimeoutError("no picture")


def hashed(
    paths: Sequence[Path], executor: Workers | Cluster, killed: int | None = None
) -> list[Outcome[Job]]:
    """Hash files, while a process is killed halfway."""

    def jobs() -> Iterator[Job]:
        for number, path in enumerate(paths):
            if killed and number == len(paths) // 2:
                os.kill(killed, signal.SIGKILL)
            yield Job(str(path))

    outcomes: list[Outcome[Job]] = []
    pipeline.run(jobs(), hash_file, executor, outcomes.extend, ahead=8)
    return sorted(outcomes)


def test_calls_run_in_another_process(cluster: Cluster) -> None:
    assert os.getpid() != cluster.submit(os.getpid).result()
    assert cluster.submit(divmod, 7, 4).result() == (1, 3)
    assert cluster.submit(int, "ff", base=16).result() == 255


def test_errors_come_back(cluster: Cluster) -> None:
    with pytest.raises(TimeoutError, match="no picture"):
        cluster.submit(refuse).result()


def test_a_picture_goes_along_with_its_call(cluster: Cluster) -> None:
    assert cluster.submit(len, bytes(32 * 2**20)).result() == 32 * 2**20


def test_equal_calls_are_not_one(cluster: Cluster) -> None:
    times = [cluster.submit(time.monotonic_ns) for _ in range(20)]
    assert len({future.result() for future in times}) == 20


def test_where_a_worker_is_killed_each_file_is_hashed_once(cluster: Cluster, photos: Path) -> None:
    paths = sorted((photos / "commons100").glob("*.jpg"))[:40]
    with Workers(2) as workers:
        expected = hashed(paths, workers)
    assert all(outcome.picture for outcome in expected)
    assert hashed(paths, cluster, killed=cluster.submit(os.getpid).result()) == expected


def test_what_kills_its_workers_fails_alone(scheduler: Dask) -> None:
    names = [*map(str, range(20)), "killing", *map(str, range(20, 60))]
    outcomes: list[Outcome[Job]] = []
    # All that waits on the one worker when it is killed is there again when it is killed again.
    scheduler.start_worker("--nanny")
    with Cluster(scheduler.address, seconds=SECONDS) as cluster:
        pipeline.run([Job(name) for name in names], work, cluster, outcomes.extend, ahead=16)
    reasons = [(outcome.job.path, outcome.reason) for outcome in outcomes]
    assert sorted(reasons) == sorted((dict.fromkeys(names) | {"killing": Reason.CRASHED}).items())


def test_leaving_waits_for_calls(pair: Dask) -> None:
    with Cluster(pair.address, seconds=SECONDS) as cluster:
        done = [cluster.submit(time.sleep, 0.1) for _ in range(4)]
    assert [future.result() for future in done] == [None] * 4
    with pytest.raises(RuntimeError):
        cluster.submit(divmod, 1, 1)


def test_leaving_with_an_error_drops_calls(single: Dask) -> None:
    cluster = Cluster(single.address, seconds=SECONDS)
    asleep = [cluster.submit(time.sleep, 600) for _ in range(20)]
    with pytest.raises(ZeroDivisionError), cluster:
        raise ZeroDivisionError
    assert all(future.cancelled() or isinstance(future.exception(), ConnectionError) for future in asleep)


def test_a_scheduler_that_dies_ends_the_run_and_what_was_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: None
) -> None:
    monkeypatch.setattr(pipeline, "_SECONDS", 0)
    written: list[Outcome[Job]] = []

    def jobs(scheduler: Dask) -> Iterator[Job]:
        for number in range(10**6):
            if number == 40:
                scheduler.scheduler.kill()
            yield Job(str(number))

    with dask.running(tmp_path) as scheduler:
        scheduler.start_worker()
        gone = f"the Dask scheduler at {scheduler.address} is gone; start it"
        with (
            pytest.raises(ConnectionError, match=gone),
            Cluster(scheduler.address, seconds=SECONDS) as cluster,
        ):
            pipeline.run(jobs(scheduler), work, cluster, written.extend, ahead=8)
    assert 30 <= len(written) <= 40


def test_where_no_worker_is_left_calls_fail(scheduler: Dask) -> None:
    worker = scheduler.start_worker()
    Cluster(scheduler.address, seconds=SECONDS).shutdown()
    with Cluster(scheduler.address, seconds=1) as cluster:
        asleep = cluster.submit(time.sleep, 600)
        worker.kill()
        with pytest.raises(ConnectionError, match="has no workers; start some: dask worker tcp:"):
            asleep.result()


def test_nothing_listens(quiet: None) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(ConnectionError, match=f"no Dask scheduler answers at {address}; start one"):
        Cluster(address, seconds=0.5)


def test_something_else_listens(quiet: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(ConnectionError, match=f"no Dask scheduler answers at {address}"):
            Cluster(address, seconds=0.5)


@pytest.mark.parametrize("address", ["scheduler", "http://scheduler:8786", "tls://scheduler:8786", ""])
def test_no_address(address: str) -> None:
    with pytest.raises(ValueError, match=f"'{address}' is not an address like tcp://scheduler:8786: "):
        Cluster(address)


def test_no_workers(scheduler: Dask) -> None:
    with pytest.raises(ConnectionError, match="has no workers; start some: dask worker tcp:"):
        Cluster(scheduler.address, seconds=2)


def test_a_worker_with_other_versions_is_refused(scheduler: Dask, tmp_path: Path) -> None:
    scheduler.start_worker(**dask.with_version(tmp_path, "imagehash", "4.0"))
    other = r"worker at tcp://127\.0\.0\.1:[0-9]+ has Python 3\.[0-9]+, imagehash 4\.0, pillow .*, here is"
    with pytest.raises(ValueError, match=f"{other} .*{library_versions()}"):
        Cluster(scheduler.address, seconds=SECONDS)


def test_a_worker_with_other_versions_that_comes_later_is_refused(single: Dask, tmp_path: Path) -> None:
    with Cluster(single.address, seconds=SECONDS) as cluster:
        single.start_worker(**dask.with_version(tmp_path, "imagehash", "4.0"))
        wait_for(lambda: cluster.jobs == 2)
        errors = [call.exception() for call in [cluster.submit(time.sleep, 0.1) for _ in range(10)]]
    assert {type(error) for error in errors} == {type(None), ValueError}
    assert all("imagehash 4.0, pillow" in str(error) for error in errors if error)


def test_other_versions_that_change_no_hash_do_not_matter(scheduler: Dask, tmp_path: Path) -> None:
    scheduler.start_worker(**dask.with_version(tmp_path, "toolz", "0.1"))
    with Cluster(scheduler.address, seconds=SECONDS) as cluster:
        assert cluster.submit(divmod, 7, 4).result() == (1, 3)


def test_a_worker_without_the_project_is_refused(scheduler: Dask, tmp_path: Path) -> None:
    scheduler.start_worker(**dask.lacking(tmp_path, "index"))
    with pytest.raises(ValueError, match=r"worker at tcp://.* cannot run commons-imagehash \(.*index.*\)"):
        Cluster(scheduler.address, seconds=SECONDS)


def test_a_scheduler_without_the_project_is_refused(tmp_path: Path) -> None:
    with dask.running(tmp_path, **dask.lacking(tmp_path, "index")) as scheduler:
        scheduler.start_worker()
        with pytest.raises(ValueError, match=r"scheduler at tcp://.* cannot run commons-imagehash \(.*index"):
            Cluster(scheduler.address, seconds=SECONDS)


def test_without_dask_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"pip install 'commons-imagehash\[dask\]'"):
        Cluster("tcp://127.0.0.1:8786")
