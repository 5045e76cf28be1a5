import pytest

from benchmarks.agreement import DisagreementError
from benchmarks.indexing.agreement import check
from benchmarks.indexing.copies import FIRST, Copies, Picture
from commons.hashes import Hashes
from sql import results
from sql.database import Database
from sql.results import Result

COPIES = Copies((Picture(1, "A.jpg"), Picture(2, "B.jpg")))
HASHES = {"A.jpg": Hashes(1 << 63, 5), "B.jpg": Hashes(3 << 62, 6)}


def write(database: Database, *numbers: int) -> None:
    rows = [
        Result(FIRST + number, None, "", *HASHES[COPIES.original(FIRST + number).name]) for number in numbers
    ]
    with database.write() as connection:
        results.save(connection, rows)


def test_all_rows_are_right(database: Database) -> None:
    write(database, 0, 1, 2)
    check(database, COPIES, 3, HASHES)


@pytest.mark.parametrize("numbers", [(0, 1), (0, 1, 1), (0, 1, 2, 2), (0, 1, 3)])
def test_missing_and_double_rows_are_told(database: Database, numbers: tuple[int, ...]) -> None:
    write(database, *numbers)
    with pytest.raises(DisagreementError, match=f"phash has {len(numbers)} rows of 3 files; see"):
        check(database, COPIES, 3, HASHES)


def test_other_hashes_are_told(database: Database) -> None:
    write(database, 0, 1, 2)
    with pytest.raises(DisagreementError, match=f"dhash has 3 rows of 3 files; see .*{FIRST + 1}"):
        check(database, COPIES, 3, HASHES | {"B.jpg": Hashes(3 << 62, 7)})
