import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread, Timer
from typing import Any
from urllib.parse import parse_qs

import pytest

from commons.mediawiki import MediaWiki, NoAnswerError, RefusedError
from tests import mariadb
from tests.wiki import wiki as mediawiki
from tests.wiki.wiki import Wiki

AGENT = "imagehash-tests/1 (https://example.org; {tests}@example.org)"
GENERAL = {
    "general": {"generator": "MediaWiki 1.43.0", "case": "first-letter", "time": "2026-01-01T00:00:00Z"},
    "namespaces": {},
    "namespacealiases": [],
    "extensions": [],
}
USER = {"userinfo": {"id": 0, "name": "127.0.0.1", "anon": True}}

Answer = Callable[[dict[str, str]], tuple[int, Any]]


@contextmanager
def serving(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """A server that answers a question's parameters with a status and JSON; tells the User-Agents it met."""
    agents: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            agents.append(self.headers["User-Agent"])
            self._tell(*answer({name: values[0] for name, values in parse_qs(body).items()}))

        def do_GET(self) -> None:
            agents.append(self.headers["User-Agent"])
            query = self.path.partition("?")[2]
            self._tell(*answer({name: values[0] for name, values in parse_qs(query).items()}))

        def _tell(self, status: int, told: Any) -> None:
            data = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/w/api.php", agents
        finally:
            server.shutdown()


def titles(pages: list[dict[str, Any]]) -> list[str]:
    return [page["title"] for page in pages]


def test_pages_are_told(wiki: Wiki) -> None:
    asked = MediaWiki(wiki.api, AGENT)
    pages = asked.pages(titles=["Main Page", "Nowhere", "Nowhere else"])
    assert sorted(titles(pages)) == ["Main Page", "Nowhere", "Nowhere else"]
    assert asked.pages(pageids="1") == [page for page in pages if page["title"] == "Main Page"]


def test_refusals_have_a_code(wiki: Wiki) -> None:
    with pytest.raises(RefusedError, match=r"Too many values .* \(toomanyvalues\)") as refused:
        MediaWiki(wiki.api, AGENT).pages(titles=[f"No {number}" for number in range(51)])
    assert refused.value.code == "toomanyvalues"


def test_two_wikis_on_one_host(wiki: Wiki, mariadb_server: mariadb.Server, tmp_path: Path) -> None:
    with mediawiki.running(tmp_path, mariadb_server, database="secondwiki") as second:
        here, there = MediaWiki(wiki.api, AGENT), MediaWiki(second.api, AGENT)
        wiki.edit("Here.jpg", "here")
        second.edit("There.jpg", "there")
        for asked, name in ((here, "Here"), (there, "There"), (here, "Here")):
            pages = asked.pages(titles=["File:Here.jpg", "File:There.jpg"])
            assert titles([page for page in pages if not page.get("missing")]) == [f"File:{name}.jpg"]


def test_a_wiki_that_is_not_there(wiki: Wiki) -> None:
    asked = MediaWiki(wiki.api, AGENT, retries=1, wait=0.1)
    wiki.server.stop()
    begun = time.monotonic()
    with pytest.raises(NoAnswerError, match="does not answer"):
        asked.pages(titles="Main Page")
    assert time.monotonic() - begun < 5
    wiki.server.start()
    assert titles(asked.pages(titles="Main Page")) == ["Main Page"]


def test_a_wiki_that_comes_back_is_waited_for(wiki: Wiki) -> None:
    asked = MediaWiki(wiki.api, AGENT, retries=5, wait=0.5)
    assert asked.pages(titles="Main Page")
    wiki.server.stop()
    starting = Timer(1, wiki.server.start)
    starting.start()
    assert titles(asked.pages(titles="Main Page")) == ["Main Page"]
    starting.join()


@pytest.mark.parametrize(("status", "told"), [(500, "no"), (503, "no"), (200, "no"), (200, {}), (404, "no")])
def test_no_wiki(status: int, told: object) -> None:
    with serving(lambda _: (status, told)) as (api, _), pytest.raises(NoAnswerError):
        MediaWiki(api, AGENT, retries=1, wait=0.1).pages(titles="Main Page")


@pytest.mark.parametrize("fault", ["DBConnectionError", "MWException"])
def test_a_wiki_that_has_trouble_of_its_own(fault: str) -> None:
    def answer(asked: dict[str, str]) -> tuple[int, Any]:
        if "titles" in asked:
            return 200, {"error": {"code": f"internal_api_error_{fault}", "info": "Caught exception"}}
        return 200, {"query": GENERAL | USER}

    with serving(answer) as (api, _), pytest.raises(NoAnswerError):
        MediaWiki(api, AGENT, retries=1, wait=0.1).pages(titles="Main Page")


def test_it_asks_under_the_name_that_it_is_given() -> None:
    def answer(asked: dict[str, str]) -> tuple[int, Any]:
        if "siteinfo" in asked.get("meta", ""):
            return 200, {"query": GENERAL | USER}
        return 200, {"query": USER | {"pages": [{"pageid": 1, "title": "A"}]}}

    with serving(answer) as (api, agents):
        assert MediaWiki(api, AGENT, retries=1, wait=0.1).pages(titles="A") == [{"pageid": 1, "title": "A"}]
    assert set(agents) == {AGENT.replace("{", "(").replace("}", ")")}


def test_answers_in_parts_are_put_together() -> None:
    def answer(asked: dict[str, str]) -> tuple[int, Any]:
        if "siteinfo" in asked.get("meta", ""):
            return 200, {"query": GENERAL | USER}
        first = {"pageid": 1, "title": "A"}, {"pageid": 2, "title": "B", "imageinfo": [{"size": 2}]}
        second = {"pageid": 1, "title": "A", "imageinfo": [{"size": 1}]}, {"pageid": 2, "title": "B"}
        if "iicontinue" in asked:
            return 200, {"query": USER | {"pages": second}}
        return 200, {"query": USER | {"pages": first}, "continue": {"iicontinue": "x", "continue": "||"}}

    with serving(answer) as (api, _):
        pages = MediaWiki(api, AGENT, retries=1, wait=0.1).pages(titles=["A", "B"])
    assert {page["title"]: page["imageinfo"] for page in pages} == {"A": [{"size": 1}], "B": [{"size": 2}]}


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"query": USER}, "does not tell of the pages"),
        ({"query": USER | {"pages": "none"}}, "does not tell of the pages"),
        ({"query": USER | {"pages": ["none"]}}, "does not tell of the pages"),
        ({"query": USER | {"pages": []}, "continue": {"x": "1"}}, "does not come to an end"),
    ],
)
def test_answers_that_make_no_sense(told: dict[str, Any], problem: str) -> None:
    def answer(asked: dict[str, str]) -> tuple[int, Any]:
        return 200, {"query": GENERAL | USER} if "siteinfo" in asked.get("meta", "") else told

    with serving(answer) as (api, _), pytest.raises(NoAnswerError, match=problem):
        MediaWiki(api, AGENT, retries=1, wait=0.1).pages(titles="A")


PROGRAM = """
import sys
from commons.mediawiki import MediaWiki, NoAnswerError, RefusedError
try:
    print(len(MediaWiki(sys.argv[1], "x (a@b.c)", retries=1, wait=0.1).pages(titles="Main Page")))
except (NoAnswerError, RefusedError) as error:
    print(type(error).__name__)
"""


def run(api: str, folder: Path, *arguments: str) -> str:
    """What a program with a home of its own prints; it must leave nothing there, and ask for nothing."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, api, *arguments],
        env={"HOME": str(folder), "TMPDIR": str(folder), "PATH": os.environ["PATH"], "PYTHONPATH": path},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert [path for path in folder.iterdir() if path.name != "user-config.py"] == []
    return done.stdout


def test_nothing_is_left_behind_or_printed(wiki: Wiki, tmp_path: Path) -> None:
    assert run(wiki.api, tmp_path, "-v") == "1\n"
    # Neither are the settings of somebody who uses pywikibot themselves any of our business.
    (tmp_path / "user-config.py").write_text("raise SystemExit('read')")
    assert run(wiki.api, tmp_path) == "1\n"
    assert run("http://127.0.0.1:9/w/api.php", tmp_path) == "NoAnswerError\n"


def test_no_password_is_asked_for(tmp_path: Path) -> None:
    refusal = {"error": {"code": "readapidenied", "info": "You need read permission."}}
    with serving(lambda _: (200, refusal)) as (api, _):
        assert run(api, tmp_path) in {"NoAnswerError\n", "RefusedError\n"}
