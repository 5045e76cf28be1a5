import subprocess
import sys
import time

from benchmarks.machine import Watch, machine


def test_the_machine_is_known() -> None:
    told = machine()
    assert told.cores >= 1
    assert told.gigabytes > 0.5
    assert "numpy 2" in told.software


def test_what_a_run_does_itself_is_not_what_others_do() -> None:
    watch = Watch()
    subprocess.run([sys.executable, "-c", "sum(range(30_000_000))"], check=True)
    time.sleep(0.1)
    busy = watch.others()
    assert 0 <= busy < machine().cores + 1
    assert watch.seconds > 0.1
