from threading import Barrier, Thread
from time import sleep

import pytest

from bktree.lock import SharedLock

PATIENCE = 30


def test_readers_hold_the_lock_together() -> None:
    lock, meeting = SharedLock(), Barrier(3)

    def read() -> None:
        with lock.reading():
            meeting.wait(PATIENCE)

    readers = [Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    assert not meeting.broken


def test_a_writer_keeps_readers_and_writers_out() -> None:
    lock, log = SharedLock(), []

    def read() -> None:
        with lock.reading():
            log.append("read")

    def write() -> None:
        with lock.writing():
            log.append("second write")

    others = [Thread(target=read), Thread(target=write)]
    with lock.writing():
        for other in others:
            other.start()
        sleep(0.05)
        log.append("first write")
    for other in others:
        other.join(PATIENCE)

    assert log[0] == "first write"
    assert sorted(log[1:]) == ["read", "second write"]


def test_a_waiting_writer_goes_before_new_readers() -> None:
    lock, log = SharedLock(), []

    def read() -> None:
        with lock.reading():
            log.append("second read")

    def write() -> None:
        with lock.writing():
            log.append("write")

    writer, reader = Thread(target=write), Thread(target=read)
    with lock.reading():
        writer.start()
        while not lock._waiting:
            sleep(0.001)
        reader.start()
        sleep(0.05)
        log.append("first read")
    writer.join(PATIENCE)
    reader.join(PATIENCE)

    assert log == ["first read", "write", "second read"]


def test_an_exception_gives_the_lock_back() -> None:
    lock = SharedLock()

    with pytest.raises(RuntimeError), lock.writing():
        raise RuntimeError
    with pytest.raises(RuntimeError), lock.reading():
        raise RuntimeError
    with lock.writing():
        pass


def test_readers_who_do_not_wait_are_told_that_they_would_have_to() -> None:
    lock, written = SharedLock(), Barrier(2)

    def write() -> None:
        with lock.writing():
            written.wait(PATIENCE)

    def is_free() -> bool:
        try:
            with lock.reading_now():
                return True
        except TimeoutError:
            return False

    writer = Thread(target=write)
    with lock.reading():
        assert is_free()
        writer.start()
        while is_free():
            sleep(0.01)
    assert not is_free()
    written.wait(PATIENCE)
    writer.join(PATIENCE)
    assert is_free()
    with lock.writing():
        pass
