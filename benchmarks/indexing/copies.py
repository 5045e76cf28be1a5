"""Any number of file pages made of a wiki's: as if each of its pictures had been uploaded many times."""

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select

from sql.database import Database
from sql.replica import FILE_NAMESPACE, page
from tests import mariadb

FIRST = 1_000_000
"""The page id of the first copy; a wiki that was just set up has none as high."""

_STATEMENTS = Path(__file__).with_suffix(".sql")


class Picture(NamedTuple):
    """A file page of the wiki itself."""

    page_id: int
    name: str


class Copies(NamedTuple):
    """Which page is a copy of which: page ids follow each other, and the pictures take turns."""

    pictures: tuple[Picture, ...]

    def original(self, page_id: int) -> Picture:
        """The picture that a page shows."""
        return self.pictures[(page_id - FIRST) % len(self.pictures)]

    def name(self, page_id: int) -> str:
        """The copy's title, without prefix."""
        return f"Copy{page_id}of{self.original(page_id).name}"


def make(server: mariadb.Server, wiki: str, database: str, files: int) -> Copies:
    """Fill a new database with ``files`` copies of a wiki's pictures, in tables like the wiki's own."""
    pictures = _pictures(server.url(wiki))
    given = {"wiki": wiki, "files": files, "first": FIRST, "last": files - 1, "pictures": len(pictures)}
    statements = _STATEMENTS.read_text().format(**given).rstrip().removesuffix(";").split(";\n")
    server.execute(f"CREATE DATABASE {database}", f"USE {database}", *statements)
    return Copies(pictures)


def _pictures(url: str) -> tuple[Picture, ...]:
    files = select(page.c.page_id, page.c.page_title).where(page.c.page_namespace == FILE_NAMESPACE)
    database = Database(url)
    with database.read() as connection:
        pictures = tuple(map(Picture._make, connection.execute(files.order_by(page.c.page_id))))
    database.close()
    return pictures
