"""What the service is asked over: MariaDB with hashes and a replica, and all kinds of requests."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import create_engine

from benchmarks.hashes import Sample
from benchmarks.mariadb import fill
from sql.tables import dhash, old, phash
from tests import mariadb

HASHES, REPLICA = "hashes", "replica"
"""The databases."""

SEARCH, TITLES, MANY, PAGES, SLOW = "search", "search with titles", "searchMany", "/pagesearch", "slow search"
CONSTANT = {SEARCH: f"constant {SEARCH}", TITLES: f"constant {TITLES}"}
OLD = "the old tool's queries"

_SEARCH = "query($phash: Hash!, $dhash: Hash!) { search(phash: $phash, dhash: $dhash) { nodes { %s } } }"
_MANY = "query($pictures: [HashPair!]!) { searchMany(pictures: $pictures) { nodes { %s } } }"
_SLOW = (
    "query($phash: Hash!, $dhash: Hash!) "
    "{ search(phash: $phash, dhash: $dhash, tolerance: {phash: 64, dhash: 64}) { totalCount } }"
)
_DISTANCES = "phashDistance dhashDistance file { pageId }"
_TITLES = "phashDistance dhashDistance file { pageId title }"

PICTURES = 500
"""In one query for many."""

_STATEMENTS = Path(__file__).with_name("replica.sql")


def load(server: mariadb.Server, sample: Sample, folder: Path) -> None:
    """Fill both databases with the files of a sample."""
    server.execute(f"CREATE DATABASE {HASHES} CHARACTER SET utf8mb4", f"CREATE DATABASE {REPLICA}")
    engine = create_engine(server.url(HASHES))
    with engine.connect() as connection:
        old.create_all(connection)
        for table, hashes in ((phash, sample.phash), (dhash, sample.dhash)):
            fill(connection, table, sample.page_id, hashes, folder)
    engine.dispose()
    statements = _STATEMENTS.read_text().format(hashes=HASHES).rstrip().removesuffix(";").split(";\n")
    server.execute(f"USE {REPLICA}", *statements)


def requests(sample: Sample) -> dict[str, list[str]]:
    """All kinds of requests, as `benchmarks.serving.load` takes them."""
    pairs = [
        {"phash": f"{phash:016x}", "dhash": f"{dhash:016x}"}
        for phash, dhash in zip(sample.query_phash.tolist(), sample.query_dhash.tolist(), strict=True)
    ]
    many = [{"pictures": pairs[start : start + PICTURES]} for start in range(0, len(pairs), PICTURES)]
    page_ids = sample.page_id[:: max(1, len(sample.page_id) // len(pairs))].tolist()
    return {
        SEARCH: list(_posts("/graphql", _SEARCH % _DISTANCES, pairs)),
        CONSTANT[SEARCH]: list(_posts("/constant", _SEARCH % _DISTANCES, pairs)),
        TITLES: list(_posts("/graphql", _SEARCH % _TITLES, pairs)),
        CONSTANT[TITLES]: list(_posts("/constant", _SEARCH % _TITLES, pairs)),
        MANY: list(_posts("/graphql", _MANY % _DISTANCES, many)),
        PAGES: [f"/pagesearch?page_id={page_id}" for page_id in page_ids],
        OLD: [f"/old/pagesearch?page_id={page_id}" for page_id in page_ids],
        SLOW: list(_posts("/graphql", _SLOW, pairs)),
    }


def _posts(path: str, query: str, asked: Sequence[object]) -> Iterator[str]:
    for variables in asked:
        yield f"{path}\t{json.dumps({'query': query, 'variables': variables})}"
