"""Whether the indexer wrote what imagehash makes of the very bytes that were served."""

from collections.abc import Mapping

from sqlalchemy import select

from benchmarks.agreement import DisagreementError
from benchmarks.indexing.copies import FIRST, Copies
from commons.hashes import Hashes
from sql.database import Database
from sql.tables import dhash, phash


def check(database: Database, copies: Copies, files: int, expected: Mapping[str, Hashes]) -> None:
    """Compare every row with the hashes of the pictures, given by name. Raises DisagreementError."""
    for kind, table in enumerate((phash, dhash)):
        with database.read() as connection:
            rows = [tuple(row) for row in connection.execute(select(table.c.commons, table.c.hash))]
        right = {
            (page_id, expected[copies.original(page_id).name][kind])
            for page_id in range(FIRST, FIRST + files)
        }
        if len(rows) != files or set(rows) != right:
            wrong = sorted(set(rows) ^ right)[:1] or rows[:1]
            raise DisagreementError(f"{table.name} has {len(rows):,} rows of {files:,} files; see {wrong}")
