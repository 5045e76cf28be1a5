import pytest
from sqlalchemy.exc import SQLAlchemyError

from api.errors import BadInput, Busy, NoReplica, reason, status_of, unreadable
from sql.database import Database
from tests.mariadb import free_port


def test_clients_are_not_told_what_the_driver_says(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    database = Database(f"mysql+pymysql://somebody:secret@127.0.0.1:{port}/hashes")
    with pytest.raises(SQLAlchemyError) as failed, database.read():
        pass
    told = unreadable("the database of hashes", failed.value)
    assert told == "the database of hashes cannot be read now: ask again in 30 seconds"
    assert "127.0.0.1" in reason(failed.value)
    assert caplog.messages == [f"the database of hashes cannot be read: {reason(failed.value)}"]
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (BadInput.code, 400),
        (Busy.code, 503),
        (NoReplica.code, 503),
        ("INTERNAL_SERVER_ERROR", 500),
        ("GRAPHQL_VALIDATION_FAILED", 400),
    ],
)
def test_every_code_has_a_status(code: str, status: int) -> None:
    assert status_of(code) == status
