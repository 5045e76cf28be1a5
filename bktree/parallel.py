"""Work on all cores: kernels run without the GIL, so threads are enough."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def together(*calls: Callable[[], None]) -> None:
    """Make calls in threads, as many at a time as there are cores, and wait for all of them."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for done in [pool.submit(call) for call in calls]:
            done.result()
