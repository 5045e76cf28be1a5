"""The bare loop: decode and hash pictures that are in memory already, on all cores, and nothing else."""

import io
import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, NamedTuple

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from commons.hashes import Hashes
from commons.pictures import hash_picture


def plain(data: bytes) -> Hashes:
    """Hash a picture as anyone would who has Pillow and imagehash."""
    image = Image.open(io.BytesIO(data))
    return Hashes(int(str(imagehash.phash(image)), 16), int(str(imagehash.dhash(image)), 16))


def ours(data: bytes) -> Hashes:
    """Hash a picture as the indexer does."""
    return hash_picture(data).hashes


LOOPS: Mapping[str, Callable[[bytes], Hashes]] = {"plain": plain, "ours": ours}


class Speed(NamedTuple):
    """Pictures a second, and the seconds of a core that each takes: other programs slow only the former."""

    rate: float
    worked: float


def measure(pictures: Sequence[Path], processes: int, passes: int) -> dict[str, Speed]:
    """The speed of each loop, by its name, where each process takes all pictures that many times."""
    context = multiprocessing.get_context("spawn")
    barrier, seconds = context.Barrier(processes), context.SimpleQueue()
    started = [
        context.Process(target=_loops, args=(pictures, passes, barrier, seconds), daemon=True)
        for _ in range(processes)
    ]
    for process in started:
        process.start()
    told = [seconds.get() for _ in started]
    return {name: _speed([each[name] for each in told], passes * len(pictures)) for name in LOOPS}


def _speed(seconds: Sequence[NDArray[np.float64]], pictures: int) -> Speed:
    passed, worked = np.mean(seconds, axis=0)
    return Speed(len(seconds) * pictures / passed, worked / pictures)


def _loops(pictures: Sequence[Path], passes: int, barrier: Barrier, seconds: Any) -> None:
    """Run the loops by turns, each in all processes at once, and tell the seconds passed and worked."""
    datas = [picture.read_bytes() for picture in pictures]
    for hashes in LOOPS.values():
        hashes(datas[0])  # imagehash loads scipy only now
    took = dict.fromkeys(LOOPS, np.zeros(2))
    for _ in range(passes):
        for name, hashes in LOOPS.items():
            barrier.wait()
            begun = _clocks()
            for data in datas:
                hashes(data)
            took[name] = took[name] + _clocks() - begun
    seconds.put(took)


def _clocks() -> NDArray[np.float64]:
    return np.array((time.perf_counter(), time.process_time()))
