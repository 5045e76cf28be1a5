"""Made-up files, and a Commons that knows them."""

from collections.abc import Callable
from typing import Any

from sql.results import Result

PHASH = 0xAAAAAAAA55555555
DHASH = 0x0F0F0F0F0F0F0F0F

FILES = {
    1: (PHASH, DHASH),
    2: (PHASH ^ 0b11, DHASH),
    3: (PHASH ^ 0b11, DHASH ^ 0b111),
    4: (PHASH, DHASH ^ (2**10 - 1)),
    5: (PHASH ^ (2**20 - 1), DHASH),
    6: (0xCCCCCCCC33333333, 0x00FF00FF00FF00FF),
}
"""Page ids and hashes; 1 to 5 are near each other in one hash or both."""

WIKI = (
    """CREATE TABLE page (page_id int PRIMARY KEY, page_namespace int, page_title varbinary(255),
                          page_is_redirect int)""",
    "CREATE TABLE externallinks (el_from int, el_to_domain_index varbinary(255), el_to_path blob)",
    """CREATE TABLE file (file_id int PRIMARY KEY, file_name varbinary(255), file_latest bigint,
                          file_type int, file_deleted int)""",
    """CREATE TABLE filerevision (fr_id bigint PRIMARY KEY, fr_width int, fr_height int,
                                  fr_timestamp varbinary(14), fr_sha1 varbinary(32), fr_deleted int)""",
    """CREATE TABLE filetypes (ft_id int PRIMARY KEY, ft_major_mime varbinary(99),
                               ft_minor_mime varbinary(99))""",
    "INSERT INTO filetypes VALUES (1, 'image', 'jpeg'), (2, 'image', 'tiff')",
    "CREATE TABLE site_stats (ss_row_id int PRIMARY KEY, ss_images bigint)",
    "INSERT INTO site_stats VALUES (1, 100)",
)

NAMES = {1: "Älpler_(1900).jpg", 2: "B.jpg", 3: "C.jpg", 4: "D.tif", 5: "E.jpg", 7: "G.jpg", 8: "H.jpg"}
"""The files that Commons has."""

Ask = Callable[..., dict[str, Any]]
"""Asks a GraphQL query with variables by name; returns the whole answer."""


def wiki_file(page_id: int, name: str, *, namespace: int = 6) -> list[str]:
    """The rows of a file page."""
    mime = 2 if name.endswith("tif") else 1
    stored, sha1, timestamp = _binary(name), _binary(str(page_id)), _binary("20240229123456")
    return [
        f"INSERT INTO page VALUES ({page_id}, {namespace}, {stored}, 0)",
        f"INSERT INTO file VALUES ({page_id}, {stored}, {page_id}, {mime}, 0)",
        f"INSERT INTO filerevision VALUES ({page_id}, 3000, 2000, {timestamp}, {sha1}, 0)",
    ]


def wiki_link(page_id: int, host: str, path: str) -> str:
    """The row of a link on a page, its host as the table has it."""
    return f"INSERT INTO externallinks VALUES ({page_id}, {_binary(host)}, {_binary(path)})"


def _binary(text: str) -> str:
    return f"x'{text.encode().hex()}'"


def hashed(page_id: int, phash: int, dhash: int) -> Result:
    """A file that was hashed."""
    return Result(page_id, "0" * 40, "none", phash, dhash, 3000, 2000)
