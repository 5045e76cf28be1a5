"""Rows to search and rows to find, in whatever database a test runs on."""

import csv
import gzip
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from sql.database import Database
from sql.tables import dhash, phash

Row = tuple[int | None, int | None]
Put = Callable[..., None]


@pytest.fixture
def put(database: Database) -> Put:
    """Append rows of (page id, hash) to both hash tables; a third part of a dhash row is its thumb_type."""

    def append(phashes: Iterable[Row] = (), dhashes: Iterable[tuple[Any, ...]] = ()) -> None:
        with database.write() as connection:
            if rows := [{"commons": page, "hash": value, "width": 4, "height": 3} for page, value in phashes]:
                connection.execute(insert(phash), rows)
            names = ("commons", "hash", "thumb_type")
            if others := [dict(zip(names, (*row, None), strict=False)) for row in dhashes]:
                connection.execute(insert(dhash), others)

    return append


@pytest.fixture(scope="session")
def finna(photos: Path) -> list[tuple[int, int]]:
    """Phash and dhash of real photos."""
    with gzip.open(photos / "hashes" / "finna_33k.csv.gz", "rt") as file:
        return [(int(row["phash_uint64"]), int(row["dhash_uint64"])) for row in csv.DictReader(file)]
