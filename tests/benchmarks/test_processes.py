import os
import subprocess
import sys

import pytest

from benchmarks.processes import below, cost
from tests.waiting import wait_for

BUSY = "while True: pass"
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"


def test_what_a_process_costs() -> None:
    before = cost(os.getpid())
    held = bytearray(os.urandom(50_000_000))
    assert cost(os.getpid()).memory > before.memory + len(held) // 2
    with subprocess.Popen([sys.executable, "-c", BUSY]) as process:
        wait_for(lambda: cost(process.pid).seconds > 0.1)
        process.kill()
    with pytest.raises((FileNotFoundError, ProcessLookupError)):
        cost(process.pid)


def test_children_and_theirs_count() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], start_new_session=True) as process:
        wait_for(lambda: sum(each.seconds for each in below(process.pid)) > 0.1)
        assert len(list(below(os.getpid()))) >= 2
        os.killpg(process.pid, 9)
    assert list(below(process.pid)) == []
