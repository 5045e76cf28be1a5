from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Integer, func, literal, select

from sql import hamming
from sql.columns import Unsigned64
from sql.database import Database

edges = st.sampled_from([0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
hashes = edges | st.integers(0, (1 << 64) - 1)


@given(a=hashes, b=hashes)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_distance_is_the_count_of_bits_that_differ(empty_database: Database, a: int, b: int) -> None:
    with empty_database.read() as connection:
        found = connection.execute(select(hamming.to(literal(a, Unsigned64), b))).scalar_one()
    assert (a ^ b).bit_count() == found


def test_bit_count_of_null_is_null(empty_database: Database) -> None:
    with empty_database.read() as connection:
        assert connection.execute(select(func.BIT_COUNT(literal(None, Integer)))).scalar() is None
