from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text

from sql.columns import Name, Timestamp, Unsigned64
from sql.database import Database

thing = Table(
    "thing",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("hash", Unsigned64),
    Column("name", Name(100), unique=True),
    Column("at", Timestamp),
)


@pytest.fixture
def things(empty_database: Database) -> Database:
    with empty_database.write() as connection:
        thing.create(connection)
    return empty_database


@pytest.mark.parametrize("value", [0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, None])
def test_all_64_bits_survive(things: Database, value: int | None) -> None:
    with things.write() as connection:
        connection.execute(insert(thing).values(hash=value))
        same = thing.c.hash.is_(None) if value is None else thing.c.hash == value
        assert value == connection.execute(select(thing.c.hash).where(same)).scalar_one()


def test_names_are_bytes(things: Database) -> None:
    names = ["a.jpg", "A.jpg", "a.jpg ", "ä.jpg", "a\u0308.jpg", "🦆\n'\\%s.jpg", "\udcff\udc80.jpg", ""]
    with things.write() as connection:
        connection.execute(insert(thing), [{"name": name} for name in names])
        assert names == list(connection.scalars(select(thing.c.name).order_by(thing.c.id)))
        for name in names:
            assert name == connection.scalars(select(thing.c.name).where(thing.c.name == name)).one()


def test_a_name_may_be_missing(things: Database) -> None:
    with things.write() as connection:
        connection.execute(insert(thing).values(name=None))
        assert connection.scalars(select(thing.c.name)).all() == [None]


def test_a_name_stored_as_text_is_read(things: Database) -> None:
    with things.write() as connection:
        connection.execute(text("INSERT INTO thing (name) VALUES ('ä.jpg')"))
        assert connection.scalars(select(thing.c.name)).one() == "ä.jpg"


def test_times_are_utc_to_the_second(things: Database) -> None:
    helsinki = timezone(timedelta(hours=2))
    with things.write() as connection:
        connection.execute(insert(thing).values(at=datetime(2026, 1, 1, 1, 30, 15, 999, helsinki)))
        connection.execute(insert(thing).values(at=None))
        moments = connection.scalars(select(thing.c.at).order_by(thing.c.id)).all()
    assert moments == [datetime(2025, 12, 31, 23, 30, 15, tzinfo=UTC), None]
    assert moments[0].tzinfo is UTC


def test_the_database_s_own_clock_is_utc(things: Database) -> None:
    with things.write() as connection:
        connection.execute(text("INSERT INTO thing (at) VALUES (CURRENT_TIMESTAMP)"))
        now = connection.scalars(select(thing.c.at)).one()
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=10)
