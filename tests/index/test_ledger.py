from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, select, text, update

from commons.hashes import Hashes
from commons.imageinfo import Address, Version
from commons.pictures import HashedPicture, Reason
from index.hashing import Outcome
from index.ledger import MOST_FAILURES, MOST_REFUSALS, Failure, Ledger, RefusedRunError
from index.selection import Step
from sql import pairs, positions, results, states
from sql.database import Database
from sql.tables import dhash, phash, provenance, tombstone

EMBEDDED = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
UPLOADED = datetime(2020, 1, 1, tzinfo=UTC)
ORIGINAL = Address("https://example.org/X.jpg", "image/jpeg", 100, "a" * 40)
PICTURE = HashedPicture(Hashes(1 << 63, 5), 4, 3, None, "image/jpeg")
FINAL = sorted(
    {
        Reason.EMPTY,
        Reason.NOT_AN_IMAGE,
        Reason.TRUNCATED,
        Reason.BROKEN,
        Reason.TOO_LARGE,
        Reason.COLOUR_SPACE,
        Reason.REFUSED,
        Reason.SOUND_OR_VIDEO,
        Reason.UNSUPPORTED_TYPE,
    }
)
FIRST_WAITS = {
    **dict.fromkeys(set(Reason) - set(FINAL), HOUR),
    Reason.FORBIDDEN: DAY,
    Reason.NOT_FOUND: DAY,
    Reason.NO_FILE: DAY,
    Reason.NO_THUMBNAIL: WEEK,
    Reason.SUPPRESSED: WEEK,
    Reason.FOREIGN_ADDRESS: WEEK,
    Reason.UNEXPECTED_ANSWER: WEEK,
}


def version(page_id: int, **facts: Any) -> Version:
    return Version(
        page_id, f"{page_id}.jpg", ORIGINAL, None, UPLOADED, "a" * 40, 100, 40, 30, "image/jpeg"
    )._replace(**facts)


def hashed(page_id: int, **facts: Any) -> Outcome[Version]:
    return Outcome(version(page_id, **facts), picture=PICTURE)


def failed(page_id: int, reason: Reason, **facts: Any) -> Outcome[Version]:
    return Outcome(version(page_id, **facts), reason=reason, detail=f"it is {reason}")


def step(*page_ids: int, at: int | None = None, gone: Sequence[int] = (), back: Sequence[int] = ()) -> Step:
    """A step that hashes pages, and reaches a position with its last one unless another is given."""
    reached = {"page": max(page_ids) if at is None else at}
    lost, found = ({page_id: f"{page_id}.jpg" for page_id in pages} for pages in (gone, back))
    return Step([version(page_id) for page_id in page_ids], lost, found, reached, len(page_ids))


def rows(database: Database, table: Table) -> list[dict[str, Any]]:
    with database.read() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def reached(database: Database) -> int | None:
    with database.read() as connection:
        return positions.known(connection).get("page")


def is_buried(database: Database) -> list[int]:
    with database.read() as connection:
        return sorted(results.buried(connection))


def write(database: Database, *outcomes: Outcome[Version]) -> Ledger:
    """Write outcomes as one step of a run of their own."""
    ledger = Ledger(database)
    assert [job for job in ledger.jobs([Step([outcome.job for outcome in outcomes], {}, {}, {}, 0)]) if job]
    ledger.write(outcomes)
    return ledger


def wait(database: Database, page_id: int) -> timedelta | None:
    """How long a page is left alone, to the minute."""
    with database.read() as connection:
        attempt = states.of_pages(connection, [page_id])[page_id].attempt
    assert attempt
    assert attempt.at
    if attempt.next_try is None:
        return None
    return timedelta(minutes=round((attempt.next_try - attempt.at) / timedelta(minutes=1)))


def test_positions_come_after_all_that_is_before_them(database: Database) -> None:
    ledger = Ledger(database)
    jobs = ledger.jobs([step(1, 2), step(3), step(at=4), step(5)])
    assert [job and job.page_id for job in jobs] == [None, 1, 2, None, 3, None, None, 5]
    for page_id, position in ((5, None), (2, None), (3, None), (1, 5)):
        ledger.write([hashed(page_id)])
        assert (reached(database), ledger.positions.get("page")) == (position, position)
    assert (ledger.hashed, ledger.seen) == (4, 4)
    assert [row["commons"] for row in rows(database, phash)] == [5, 2, 3, 1]


@EMBEDDED
def test_steps_without_anything_to_do(database: Database) -> None:
    ledger = Ledger(database)
    jobs = ledger.jobs([step(at=10), None, step(at=20)])
    assert next(jobs) is None
    ledger.write([])
    assert reached(database) is None, "whether there is something to do is not known yet"
    assert next(jobs) is None
    ledger.write([])
    assert reached(database) == 10
    assert list(jobs) == [None]
    ledger.write([])
    assert reached(database) == 20


@EMBEDDED
def test_a_limit_in_the_middle_of_a_step(database: Database) -> None:
    ledger = Ledger(database, limit=3)
    jobs = [job.page_id for job in ledger.jobs([step(1, 2), step(3, 4, gone=[9]), step(5)]) if job]
    assert jobs == [1, 2, 3]
    ledger.write([hashed(page_id) for page_id in jobs if page_id])
    assert reached(database) == 2
    assert is_buried(database) == []


@EMBEDDED
def test_a_limit_at_the_end_of_a_step(database: Database) -> None:
    write(database, hashed(9))
    ledger = Ledger(database, limit=2)
    steps = [step(1, 2), step(at=5, gone=[9]), step(6), step(7)]
    jobs = [job.page_id for job in ledger.jobs(steps) if job]
    assert jobs == [1, 2]
    ledger.write([hashed(page_id) for page_id in jobs if page_id])
    assert reached(database) == 5
    assert is_buried(database) == [9]


@EMBEDDED
def test_a_page_in_two_steps_is_taken_up_once_at_a_time(database: Database) -> None:
    ledger = Ledger(database)
    jobs = ledger.jobs([step(1, 2), step(2, 3)])
    assert [job and job.page_id for job in (next(jobs) for _ in range(4))] == [None, 1, 2, None]
    assert [next(jobs) for _ in range(3)] == [None] * 3
    ledger.write([hashed(1), hashed(2)])
    assert reached(database) == 2
    assert [job and job.page_id for job in jobs] == [2, 3]
    ledger.write([hashed(3)])
    assert reached(database) == 2
    ledger.write([hashed(2)])
    assert reached(database) == 3
    assert [row["commons"] for row in rows(database, dhash)] == [1, 2, 3]


@EMBEDDED
def test_positions_of_several_keywords(database: Database) -> None:
    ledger = Ledger(database)
    steps = [step(1)._replace(positions={}), step(2)._replace(positions={"a": 7, "b": 8}), step(3)]
    list(ledger.jobs(steps))
    ledger.write([hashed(page_id) for page_id in (1, 2, 3)])
    with database.read() as connection:
        assert positions.known(connection) == ledger.positions == {"a": 7, "b": 8, "page": 3}


def test_what_another_run_wrote_meanwhile_is_not_written_again(database: Database) -> None:
    ours, theirs = Ledger(database), Ledger(database)
    for ledger in (ours, theirs):
        list(ledger.jobs([step(1, 2, 3)]))
    theirs.write([hashed(1), failed(2, Reason.BROKEN), failed(3, Reason.TIMEOUT)])
    before = rows(database, provenance)
    ours.write([hashed(1), hashed(2), failed(3, Reason.BROKEN)])
    assert [row["commons"] for row in rows(database, phash)] == [1]
    assert rows(database, provenance) == before
    assert reached(database) == 3


@EMBEDDED
def test_a_newer_version_than_another_run_wrote_is_written(database: Database) -> None:
    write(database, hashed(1))
    write(database, hashed(1, sha1="b" * 40, uploaded_at=UPLOADED + DAY))
    assert [row["commons"] for row in rows(database, phash)] == [1, 1]
    assert [row["sha1"] for row in rows(database, provenance)] == ["b" * 40]


def assert_written_once(database: Database) -> None:
    for table in (phash, dhash):
        assert [row["commons"] for row in rows(database, table)] == [8, 1]
    assert {row["page_id"] for row in rows(database, provenance)} == {1, 2, 3, 4, 8}
    assert [(row["page_id"], row["deleted"]) for row in rows(database, tombstone)] == [
        (9, True),
        (8, True),
        (9, False),
    ]
    assert [wait(database, page_id) for page_id in (2, 3, 4)] == [None, HOUR, DAY]
    assert reached(database) == 4


@pytest.fixture
def mixed(database: Database) -> tuple[Ledger, list[Outcome[Version]]]:
    """A ledger, and outcomes of all kinds to write in it."""
    write(database, hashed(8))
    with database.write() as connection:
        results.bury(connection, {9: "9.jpg"}, deleted=True)
    ledger = Ledger(database)
    list(ledger.jobs([step(1, 2, 3, 4, gone=[8], back=[9])]))
    reasons = {2: Reason.BROKEN, 3: Reason.TIMEOUT, 4: Reason.NO_FILE}
    return ledger, [hashed(1), *(failed(page_id, reason) for page_id, reason in reasons.items())]


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_a_commit_of_unknown_fate(
    mixed: tuple[Ledger, list[Outcome[Version]]], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, outcomes = mixed
    save, saved = Ledger._save, 0

    def cut_off(self: Ledger, *arguments: Any) -> None:
        nonlocal saved
        save(self, *arguments)
        saved += 1
        if saved == 1:
            with database.read() as connection, database.read() as other:
                other.execute(text(f"KILL {connection.scalar(text('SELECT CONNECTION_ID()'))}"))
                connection.execute(text("SELECT 1"))

    monkeypatch.setattr(Ledger, "_save", cut_off)
    ledger.write(outcomes)
    assert saved == 2
    assert (ledger.hashed, ledger.reasons.total(), ledger.gone, ledger.back) == (1, 3, {8}, {9})
    assert_written_once(database)


@pytest.mark.parametrize("done", [False, True])
def test_the_keyboard_in_the_middle_of_a_write(
    done: bool,
    mixed: tuple[Ledger, list[Outcome[Version]]],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger, outcomes = mixed
    save = Ledger._save

    def interrupted(self: Ledger, *arguments: Any) -> None:
        monkeypatch.undo()
        if done:
            save(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(Ledger, "_save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ledger.write(outcomes)
    # The pipeline then writes once more what it was about to write.
    ledger.write(outcomes)
    assert (ledger.hashed, ledger.reasons.total(), ledger.gone, ledger.back) == (1, 3, {8}, {9})
    assert_written_once(database)


@EMBEDDED
def test_tombstones_are_not_repeated(database: Database) -> None:
    write(database, hashed(3), hashed(4))
    for gone in ({3, 4}, set()):
        ledger = Ledger(database)
        list(ledger.jobs([step(at=5, gone=[3, 4, 5])]))
        ledger.write([])
        assert ledger.gone == gone
    assert [(row["page_id"], row["title"], row["deleted"]) for row in rows(database, tombstone)] == [
        (3, "3.jpg", True),
        (4, "4.jpg", True),
    ]


def test_tombstones_are_lifted_where_there_are_some(database: Database) -> None:
    write(database, hashed(3), hashed(4))
    for settled in (step(at=5, gone=[3]), step(at=6, back=[3, 4]), step(at=6, back=[3])):
        ledger = Ledger(database)
        list(ledger.jobs([settled]))
        ledger.write([])
    assert is_buried(database) == []
    assert [(row["page_id"], row["deleted"]) for row in rows(database, tombstone)] == [(3, True), (3, False)]


@EMBEDDED
@pytest.mark.parametrize("back", [True, False])
def test_what_is_known_last_counts(database: Database, back: bool) -> None:
    ledger = Ledger(database)
    steps = [step(at=2, gone=[1]), step(at=3, back=[1])]
    # Gone before its hashes are written.
    list(ledger.jobs([step(1), *(steps if back else reversed(steps))]))
    ledger.write([hashed(1)])
    assert is_buried(database) == ([] if back else [1])


def test_when_to_try_again(database: Database) -> None:
    reasons = dict(enumerate(Reason, start=1))
    write(database, *(failed(page_id, reason) for page_id, reason in reasons.items()))
    waits = {reason: wait(database, page_id) for page_id, reason in reasons.items()}
    assert waits == FIRST_WAITS | dict.fromkeys(FINAL)
    failures = {
        row["page_id"]: (row["state"], row["reason"], row["detail"]) for row in rows(database, provenance)
    }
    assert failures == {page: ("failed", reason, f"it is {reason}") for page, reason in reasons.items()}


@EMBEDDED
def test_a_page_that_is_gone_is_not_looked_for_again(database: Database) -> None:
    nothing = Outcome(Version(1, None, reason=Reason.NO_FILE), reason=Reason.NO_FILE, detail="")
    there = Outcome(Version(2, "2.jpg", reason=Reason.NO_FILE), reason=Reason.NO_FILE, detail="")
    ledger = write(database, nothing, there)
    assert [failure.name for failure in ledger.failures] == ["page 1", "2.jpg"]
    assert [wait(database, page_id) for page_id in (1, 2)] == [None, DAY]


def let_time_pass(database: Database, page_id: int, elapsed: timedelta) -> None:
    """Have the last attempt at a page be longer ago."""
    with database.write() as connection:
        here = provenance.c.page_id == page_id
        attempt = connection.execute(select(provenance).where(here)).one()
        moved = {"at": attempt.at - elapsed, "next_try": attempt.next_try - elapsed}
        connection.execute(update(provenance).where(here).values(moved))


@EMBEDDED
def test_each_failure_doubles_the_wait(database: Database) -> None:
    write(database, failed(1, Reason.NOT_FOUND))
    waits = []
    for _ in range(9):
        waits.append(wait(database, 1) or DAY)
        let_time_pass(database, 1, waits[-1] + HOUR)
        write(database, failed(1, Reason.NOT_FOUND))
    assert [round(waited / DAY) for waited in waits] == [1, 2, 4, 8, 16, 32, 64, 90, 90]
    assert max(waits) <= 90 * DAY


@EMBEDDED
def test_another_reason_waits_as_long_at_least(database: Database) -> None:
    write(database, failed(1, Reason.CONNECTION))
    let_time_pass(database, 1, HOUR)
    write(database, failed(1, Reason.NO_THUMBNAIL))
    assert wait(database, 1) == WEEK
    let_time_pass(database, 1, WEEK)
    write(database, failed(1, Reason.CONNECTION))
    assert wait(database, 1) == 2 * WEEK


@EMBEDDED
@pytest.mark.parametrize("change", [{"sha1": "b" * 40}, {"uploaded_at": UPLOADED + DAY}])
def test_another_version_waits_no_longer(database: Database, change: dict[str, Any]) -> None:
    write(database, failed(1, Reason.NOT_FOUND))
    write(database, failed(1, Reason.NOT_FOUND, **change))
    assert wait(database, 1) == DAY


@EMBEDDED
def test_what_was_hashed_after_a_failure_is_not_tried_again(database: Database) -> None:
    write(database, failed(1, Reason.NOT_FOUND))
    let_time_pass(database, 1, 2 * DAY)
    write(database, hashed(1))
    assert wait(database, 1) is None
    assert [(row["state"], row["reason"]) for row in rows(database, provenance)] == [("hashed", None)]


@EMBEDDED
@pytest.mark.parametrize(
    ("address", "decoded", "expected"),
    [
        (ORIGINAL, PICTURE, (None, None)),
        (ORIGINAL, PICTURE._replace(thumb_width=960), (960, "default")),
        (
            ORIGINAL._replace(sha1=None, thumb_width=960, thumb_type="default"),
            PICTURE._replace(width=959),
            (959, "default"),
        ),
        (ORIGINAL._replace(thumb_width=960, thumb_type="lossy-page1"), PICTURE, (4, "lossy-page1")),
        (
            ORIGINAL._replace(thumb_width=960, thumb_type="default"),
            PICTURE._replace(width=7000, thumb_width=960),
            (960, "default"),
        ),
    ],
)
def test_what_was_hashed(
    database: Database, address: Address, decoded: HashedPicture, expected: tuple[int | None, str | None]
) -> None:
    write(database, Outcome(version(1, address=address), picture=decoded))
    for table, value in ((phash, PICTURE.hashes.phash), (dhash, PICTURE.hashes.dhash)):
        (row,) = rows(database, table)
        assert (row["thumb_width"], row["thumb_type"]) == expected
        assert (row["commons"], row["hash"]) == (1, value)
        assert (row["width"], row["height"]) == (40, 30), "the original's"
    (kept,) = rows(database, provenance)
    assert kept["input"] == ("original" if expected == (None, None) else "thumbnail")
    assert (kept["sha1"], kept["file_timestamp"]) == ("a" * 40, UPLOADED)
    assert "imagehash" in kept["libraries"]


@EMBEDDED
def test_a_final_failure_of_a_new_version_takes_the_place_of_hashes(database: Database) -> None:
    write(database, hashed(1), hashed(2))
    newer = {"sha1": "b" * 40, "uploaded_at": UPLOADED + DAY}
    write(database, failed(1, Reason.BROKEN, **newer), failed(2, Reason.CONNECTION, **newer))
    with database.read() as connection:
        assert pairs.of_pages(connection, [1, 2]).keys() == {2}
        assert pairs.failed(connection, [1, 2]) == {1}


REFUSALS = [
    Reason.CONNECTION,
    Reason.RATE_LIMITED,
    Reason.FORBIDDEN,
    Reason.SERVER_ERROR,
    Reason.REFUSED,
    Reason.FOREIGN_ADDRESS,
    Reason.UNEXPECTED_ANSWER,
]


def refused(page_id: int) -> Outcome[Version]:
    return failed(page_id, REFUSALS[page_id % len(REFUSALS)])


@EMBEDDED
def test_a_run_that_is_refused_time_after_time_stops(database: Database) -> None:
    pages = range(1, MOST_REFUSALS + 1)
    ledger = Ledger(database)
    list(ledger.jobs([step(*pages)]))
    for page_id in pages[:-1]:
        ledger.write([refused(page_id)])
    with pytest.raises(
        RefusedRunError,
        match=f"stopped after {MOST_REFUSALS} files .* it is {REFUSALS[MOST_REFUSALS % len(REFUSALS)]}",
    ):
        ledger.write([refused(pages[-1])])
    assert {row["page_id"] for row in rows(database, provenance)} == set(pages)
    assert reached(database) == ledger.positions["page"] == pages[-1]
    assert ledger.reasons.total() == MOST_REFUSALS


@EMBEDDED
def test_refusals_now_and_then_stop_nothing(database: Database) -> None:
    pages = range(1, 3 * MOST_REFUSALS)
    others = {
        MOST_REFUSALS: hashed(MOST_REFUSALS),
        2 * MOST_REFUSALS: failed(2 * MOST_REFUSALS, Reason.BROKEN),
    }
    ledger = Ledger(database)
    list(ledger.jobs([step(*pages)]))
    ledger.write([others.get(page_id) or refused(page_id) for page_id in pages])
    assert ledger.hashed == 1


@EMBEDDED
def test_only_so_many_failures_are_told(database: Database) -> None:
    pages = range(1, MOST_FAILURES + 3)
    ledger = write(database, *(failed(page_id, Reason.BROKEN) for page_id in pages))
    assert ledger.failures == [Failure(f"{page_id}.jpg", "broken", "it is broken") for page_id in pages[:-2]]
    assert ledger.reasons == {"broken": len(pages)}
