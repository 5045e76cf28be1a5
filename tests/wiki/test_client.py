import pytest

from tests.wiki.client import Client
from tests.wiki.wiki import Wiki


def test_refusals_say_why(wiki: Wiki) -> None:
    with pytest.raises(RuntimeError, match="refuses move: The page you specified doesn't exist"):
        wiki.move("Nowhere.jpg", "Somewhere.jpg")
    with pytest.raises(RuntimeError, match="refuses query: Too many values"):
        wiki.client.ask(titles="|".join(map(str, range(501))))


def test_only_who_is_logged_in_may_delete(wiki: Wiki) -> None:
    anyone = Client(wiki.api)
    with pytest.raises(RuntimeError, match="refuses the log-in"):
        anyone.log_in("Admin", "wrong password")
    with pytest.raises(RuntimeError, match="refuses delete"):
        anyone.act("delete", title="Main Page")
