from pathlib import Path

from index.status import status
from sql.database import Database
from tests.index.conftest import Index


def test_status(index: Index, tree: Path, database: Database) -> None:
    assert status(database, None) == ["0 files hashed, 0 files deleted, 0 could not be hashed"]
    (tree / "empty.jpg").touch()
    (tree / "text.jpg").write_text("no picture")
    (tree / "more.jpg").write_text("nor this")
    index(tree)
    (tree / "puffin.jpg").unlink()
    index(tree)
    assert status(database, None) == [
        "3 files hashed, 1 files deleted, 3 could not be hashed",
        "  empty: 1",
        "  not-an-image: 2",
    ]
