"""The stream has the form of Wikimedia's, and its weaknesses."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import IncompleteRead
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request as Asked
from urllib.request import urlopen

import pytest

from tests.waiting import wait_for
from tests.wiki.stream import Stream
from tests.wiki.wiki import Wiki

MORNING = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EVENT = {"title": "File:A.jpg"}


def connect(stream: Stream, streams: str | None = None, last: str | None = None, **query: str) -> Any:
    """The answer of a stream, whose first line has been read."""
    url = stream.url if streams is None else f"{stream.url.rpartition('/')[0]}/{streams}"
    headers = {} if last is None else {"Last-Event-ID": last}
    answer = urlopen(Asked(f"{url}?{urlencode(query)}", headers=headers), timeout=30)
    assert answer.readline() == b":ok\n"
    assert answer.readline() == b"\n"
    return answer


def event(answer: Any) -> tuple[str, dict[str, Any]]:
    """The id and the data of an event that comes."""
    lines = [answer.readline().decode() for _ in range(4)]
    assert [line.partition(": ")[0] for line in lines] == ["event", "id", "data", "\n"]
    return lines[1].removeprefix("id: ").rstrip(), json.loads(lines[2].removeprefix("data: "))


def titles(answer: Any, number: int) -> list[str]:
    return [event(answer)[1]["title"] for _ in range(number)]


def tell(stream: Stream, *letters: str, after: float = 0, of: str = "recentchange") -> None:
    for letter in letters:
        stream.tell(of, {"title": letter}, at=MORNING + timedelta(seconds=after))


def test_changes_are_streamed(wiki: Wiki, stream: Stream, photos: Path) -> None:
    with closing(connect(stream)) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        wiki.upload({"Streamed.jpg": photos / "commons100" / "puffin.jpg"})
        _, change = event(answer)
    assert (change["log_type"], change["title"], change["namespace"]) == ("upload", "File:Streamed.jpg", 6)
    assert change["meta"]["stream"] == "mediawiki.recentchange"
    assert change["meta"]["domain"] == change["server_name"] == stream.host
    assert datetime.fromisoformat(change["meta"]["dt"]).timestamp() == change["timestamp"]


def test_what_is_deleted_restored_and_moved_has_a_page_id(wiki: Wiki, stream: Stream, photos: Path) -> None:
    wiki.upload({"Has an id.jpg": photos / "commons100" / "puffin.jpg"})
    (page,) = wiki.client.ask(titles="File:Has an id.jpg")["pages"]
    with closing(connect(stream, "page-delete,page-undelete,page-move")) as answer:
        # One by one, as the wiki tells of what it has done after it has answered.
        wiki.delete("Has an id.jpg")
        told = [event(answer)[1]]
        wiki.restore("Has an id.jpg")
        told.append(event(answer)[1])
        wiki.move("Has an id.jpg", "Still has.jpg")
        told.append(event(answer)[1])
    assert [one["meta"]["stream"].partition(".")[2] for one in told] == [
        "page-delete",
        "page-undelete",
        "page-move",
    ]
    assert {one["page_id"] for one in told} == {page["pageid"]}
    assert [one["page_title"] for one in told] == ["File:Has_an_id.jpg"] * 2 + ["File:Still_has.jpg"]
    assert told[2]["prior_state"] == {"page_title": "File:Has_an_id.jpg"}
    assert {one["page_namespace"] for one in told} == {6}


def test_a_page_that_came_back_at_once_has_its_id(wiki: Wiki, stream: Stream) -> None:
    wiki.edit("Goes and comes.jpg", "Text")
    with closing(connect(stream, "page-delete,page-undelete")) as answer:
        for _ in range(3):
            wiki.delete("Goes and comes.jpg")
            wiki.restore("Goes and comes.jpg")
        told = {event(answer)[1]["page_id"] for _ in range(6)}
    (page,) = wiki.client.ask(titles="File:Goes and comes.jpg")["pages"]
    assert told == {page["pageid"]}


def test_it_can_be_asked_since_when(stream: Stream) -> None:
    tell(stream, "A")
    tell(stream, "B", "C", after=1)
    with closing(connect(stream, since="2026-01-02T03:04:06Z")) as answer:
        assert titles(answer, 2) == ["B", "C"]
    with closing(connect(stream)) as answer:
        tell(stream, "D")
        assert titles(answer, 1) == ["D"]


def test_an_id_tells_where_to_go_on(stream: Stream) -> None:
    tell(stream, "A")
    tell(stream, "B", after=1)
    with closing(connect(stream, "recentchange", since="2026-01-01")) as answer:
        first, _ = event(answer)
    assert json.loads(first) == [
        {"topic": "eqiad.mediawiki.recentchange", "partition": 0, "timestamp": 1767323045001}
    ]
    with closing(connect(stream, "recentchange", first, since="2026-01-01")) as answer:
        assert titles(answer, 1) == ["B"]


def test_an_id_does_not_tell_everything(stream: Stream) -> None:
    """This is how it is at Wikimedia's."""
    tell(stream, "A", "Of the same millisecond")
    with closing(connect(stream, "recentchange,page-move", since="2026-01-01")) as answer:
        first, _ = event(answer)
    tell(stream, "Of a quiet stream", of="page-move")
    tell(stream, "B", after=1)
    with closing(connect(stream, last=first)) as answer:
        assert titles(answer, 1) == ["B"]


def test_it_hangs_up_politely_or_not(stream: Stream) -> None:
    with closing(connect(stream)) as polite:
        wait_for(lambda: stream.clients == 1)
        stream.send(b"whatever")
        stream.hang_up()
        assert polite.read() == b"whatever"
    wait_for(lambda: stream.clients == 0)
    with closing(connect(stream)) as impolite:
        wait_for(lambda: stream.clients == 1)
        stream.hang_up(politely=False)
        with pytest.raises(IncompleteRead):
            impolite.read()


def test_it_stops_and_starts_again(stream: Stream) -> None:
    tell(stream, "A")
    with closing(connect(stream)) as answer:
        stream.stop()
        assert answer.read() == b""
    with pytest.raises(URLError, match="refused"):
        connect(stream)
    tell(stream, "B")
    stream.start()
    with closing(connect(stream, since="2026-01-01")) as answer:
        assert titles(answer, 2) == ["A", "B"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"streams": "nowhere"}, 400),
        ({"since": "yesterday"}, 400),
        ({"last": "[{"}, 400),
        ({"last": "[1]"}, 400),
        ({}, 503),
    ],
)
def test_it_refuses(stream: Stream, asked: dict[str, str], status: int) -> None:
    stream.status = 200 if asked else status
    with pytest.raises(HTTPError) as refused:
        connect(stream, **asked)
    refused.value.close()
    assert refused.value.code == status
