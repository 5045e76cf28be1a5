"""The bare loop: decode and hash pictures that are in memory already, on all cores, and nothing else."""

import io
import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import imagehash
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


def rates(pictures: Sequence[Path], processes: int, passes: int) -> dict[str, float]:
    """Pictures a second, by the name of the loop, where each process takes all pictures that many times."""
    context = multiprocessing.get_context("spawn")
    barrier, seconds = context.Barrier(processes), context.SimpleQueue()
    started = [
        context.Process(target=_loops, args=(pictures, passes, barrier, seconds), daemon=True)
        for _ in range(processes)
    ]
    for process in started:
        process.start()
    told = [seconds.get() for _ in started]
    hashed = processes * passes * len(pictures)
    return {name: hashed / max(each[name] for each in told) for name in LOOPS}


def _loops(pictures: Sequence[Path], passes: int, barrier: Barrier, seconds: Any) -> None:
    """Run the loops by turns, each on all cores at once, and tell how long they took in all."""
    datas = [picture.read_bytes() for picture in pictures]
    took = dict.fromkeys(LOOPS, 0.0)
    for _ in range(passes):
        for name, hashes in LOOPS.items():
            barrier.wait()
            begun = time.perf_counter()
            for data in datas:
                hashes(data)
            took[name] += time.perf_counter() - begun
    seconds.put(took)
