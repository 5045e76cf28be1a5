from collections.abc import Callable

import pytest

from benchmarks.contestants import NumpyScan
from benchmarks.hashes import Sample
from benchmarks.mariadb import MariaDB
from benchmarks.tasks import DEFAULT_MANY, NEAREST, Task
from sql.tables import old


def test_the_tables_that_exist_give_the_same_answers(check: Callable[..., int], sample: Sample) -> None:
    server = MariaDB()
    assert check(NumpyScan(), server) == server.checked * len(server.tasks)


def test_the_tables_are_the_old_tools(sample: Sample) -> None:
    server = MariaDB()
    server.build(sample.head(1000))
    try:
        (rows,) = server.fetch("SELECT COUNT(*) FROM phash JOIN dhash USING (commons)")
        assert rows == (1000,)
        for table in (old.tables["phash"], old.tables["dhash"]):
            indexed = server.fetch(f"SHOW INDEX FROM {table.name}")
            assert {row.Column_name for row in indexed} == {"id", "commons", "hash"}
        assert server.nbytes() > 1000 * 16
    finally:
        server.close()


@pytest.mark.parametrize("task", [NEAREST[0], DEFAULT_MANY], ids=str)
def test_what_it_is_not_asked_is_refused(sample: Sample, task: Task) -> None:
    with pytest.raises(TypeError):
        MariaDB().ask(task, sample.query_phash[:1], sample.query_dhash[:1])
