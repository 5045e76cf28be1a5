import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from api import mirror
from api.mirror import Deleted, Mirror
from bktree.engines import build
from sql import results
from sql.changes import Reached
from sql.database import Database
from tests.api.data import hashed

NOBODY = np.zeros(0, np.int64)

pages = st.integers(-5, 5)


@given(base=st.sets(pages), steps=st.lists(st.tuples(st.sets(pages), st.sets(pages))))
def test_the_last_word_on_a_page_tells_whether_it_is_deleted(
    base: set[int], steps: list[tuple[set[int], set[int]]]
) -> None:
    deleted, expected = Deleted(np.array(sorted(base), np.int64)), set(base)
    for told, buried in steps:
        deleted.update(told, buried)
        expected = (expected - told) | (told & buried)

    assert {page for page in range(-6, 7) if page in deleted} == expected
    assert "1" not in deleted


def test_many_changes_are_taken_in_a_step_at_a_time(database: Database, monkeypatch: object) -> None:
    engine = build("auto", NOBODY, np.zeros(0, np.uint64), np.zeros(0, np.uint64))
    steps = []
    add = engine.add
    engine.add = lambda page_id, *hashes: (steps.append(len(page_id)), add(page_id, *hashes))  # type: ignore
    rows = mirror.STEP + 7
    with database.write() as connection:
        results.save(connection, [hashed(page_id, page_id, 1) for page_id in range(1, rows + 1)])
    following = Mirror(engine, NOBODY, (Reached(), Reached()), Reached())

    with database.read() as connection:
        following.follow(connection, graves=False)

    assert len(engine) == following.added == rows
    assert steps == [mirror.STEP, 7]
