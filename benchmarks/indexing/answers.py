"""A wiki's ``api.php`` for copies of its pictures (https://www.mediawiki.org/wiki/API:Query).

The wiki is asked each question once, and about each picture once. What it told then is told again, of every
copy of a picture, with a page id, a name and an address of the copy's own.
"""

import json
import multiprocessing
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import urlopen

from benchmarks.indexing.copies import Copies

_PAGES = "(pages)"
_SECONDS = 60

Question = tuple[tuple[str, str], ...]
"""Names and values of parameters, in order."""


class Answers:
    """What the wiki at ``api`` answers, where files are at ``served`` instead of at ``uploads``."""

    def __init__(self, api: str, copies: Copies, uploads: str, served: str) -> None:
        self._api, self._copies = api, copies
        self._uploads, self._served = uploads, served
        self._told: dict[Question, str] = {}
        self._pages: dict[tuple[Question, int], str] = {}

    def answer(self, query: str) -> str:
        """Answer a question in the form of a URL's query."""
        asked = dict(sorted(parse_qsl(query, keep_blank_values=True)))
        page_ids = [int(page_id) for page_id in asked.pop("pageids", "").split("|") if page_id]
        question = tuple(asked.items())
        if question not in self._told or any(self._unknown(question, page_ids)):
            self._ask(question, self._unknown(question, page_ids))
        pages = ",".join(self._page(question, page_id) for page_id in page_ids)
        return self._told[question].replace(f'"{_PAGES}"', pages)

    def _unknown(self, question: Question, page_ids: Iterable[int]) -> set[int]:
        originals = {self._copies.original(page_id).page_id for page_id in page_ids}
        return {page_id for page_id in originals if (question, page_id) not in self._pages}

    def _ask(self, question: Question, page_ids: Iterable[int]) -> None:
        of = {"pageids": "|".join(map(str, page_ids))} if page_ids else {}
        body = urlencode([*question, *of.items()]).encode()
        with urlopen(self._api, body, timeout=_SECONDS) as response:  # noqa: S310 - the benchmark's own wiki
            answer = json.loads(response.read().replace(self._uploads.encode(), self._served.encode()))
        if of:
            pages: list[dict[str, Any]] = answer["query"]["pages"]
            self._pages |= {(question, page["pageid"]): json.dumps(page) for page in pages}
            answer["query"]["pages"] = [_PAGES]
        self._told[question] = json.dumps(answer)

    def _page(self, question: Question, page_id: int) -> str:
        original = self._copies.original(page_id)
        page = self._pages[question, original.page_id].replace(original.name, self._copies.name(page_id))
        return page.replace(f'"pageid": {original.page_id}', f'"pageid": {page_id}', 1)


class Served(NamedTuple):
    """Where the answers are to be had, and the process that gives them."""

    api: str
    pid: int


@contextmanager
def serving(api: str, copies: Copies, uploads: str, served: str) -> Iterator[Served]:
    """Answer in a process of its own, at an address of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, api, copies, uploads, served), daemon=True)
    process.start()
    try:
        yield Served(f"http://127.0.0.1:{ours.recv()}{urlsplit(api).path}", process.pid or 0)
    finally:
        process.kill()
        process.join()


def _serve(pipe: "Connection[Any, Any]", *wiki: Any) -> None:
    server = _Server(Answers(*wiki))
    pipe.send(server.server_port)
    server.serve_forever()


class _Server(ThreadingHTTPServer):
    def __init__(self, answers: Answers) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # in one piece: the end of two would wait until the other side has acknowledged the first

    def do_GET(self) -> None:
        self._send(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._send(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def log_message(self, *_: object) -> None:
        pass

    def _send(self, query: str) -> None:
        body = self.server.answers.answer(query).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
