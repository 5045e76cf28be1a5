"""What tests of the benchmark share: a few files, and contestants that are asked in this process."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from benchmarks import agreement, hashes
from benchmarks.contestants import Answer, Contestant
from benchmarks.hashes import Sample
from benchmarks.tasks import TASKS, Task
from benchmarks.workers import Worker
from bktree.protocol import Hashes


class Here:
    """A contestant asked in this process, as a worker is."""

    def __init__(self, contestant: Contestant, sample: Sample) -> None:
        self.contestant, self.name = contestant, contestant.name
        contestant.prepare()
        contestant.build(sample)

    def found(self, task: Task, phash: Hashes, dhash: Hashes) -> list[Answer]:
        return self.contestant.found(task, phash, dhash)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return hashes.load(20_000, queries=100, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def check(sample: Sample) -> Callable[..., int]:
    """Have contestants compared with the first of them; how many answers were."""

    def compare(*contestants: Contestant) -> int:
        workers: Any = [Here(contestant, sample) for contestant in contestants]
        try:
            return agreement.check(cast("list[Worker]", workers), TASKS, sample)
        finally:
            for contestant in contestants:
                contestant.close()

    return compare
