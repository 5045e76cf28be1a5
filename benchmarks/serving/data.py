"""What the service is asked over: MariaDB with hashes and a replica, and the requests."""

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

SEARCH = "query($phash: Hash!, $dhash: Hash!) { search(phash: $phash, dhash: $dhash) { nodes { %s } } }"
MANY = "query($pictures: [HashPair!]!) { searchMany(pictures: $pictures) { nodes { %s } } }"
DISTANCES = "phashDistance dhashDistance file { pageId }"
TITLES = "phashDistance dhashDistance file { pageId title }"

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
    """All kinds of requests by name, as `benchmarks.serving.load` takes them."""
    pairs = [
        {"phash": f"{phash:016x}", "dhash": f"{dhash:016x}"}
        for phash, dhash in zip(sample.query_phash.tolist(), sample.query_dhash.tolist(), strict=True)
    ]
    many = [{"pictures": pairs[start : start + PICTURES]} for start in range(0, len(pairs), PICTURES)]
    step = len(sample.page_id) // len(pairs)
    page_ids = sample.page_id[::step].tolist()
    return {
        "search": list(_posts(SEARCH % DISTANCES, pairs)),
        "search, titles": list(_posts(SEARCH % TITLES, pairs)),
        "searchMany": list(_posts(MANY % DISTANCES, many)),
        "pagesearch": [f"/pagesearch?page_id={page_id}" for page_id in page_ids],
    }


def _posts(query: str, asked: Sequence[object]) -> Iterator[str]:
    for variables in asked:
        yield "/graphql\t" + json.dumps({"query": query, "variables": variables})
