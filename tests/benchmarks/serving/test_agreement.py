import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.agreement import DisagreementError
from benchmarks.serving import agreement

ANSWERS = {
    "/list": "[1, 2]",
    "/same": "[1,2]",
    "/other": "[1]",
    "/graphql": '{"data": {"a": 1}, "extensions": {"asOf": null}}',
    "/constant": '{"data": {"a": 1}}',
    "/failing": '{"data": null, "errors": [{"message": "no"}]}',
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(ANSWERS[self.path].encode())

    do_POST = do_GET  # noqa: N815  (as http.server calls them)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_answers_are_compared_by_what_they_say(url: str) -> None:
    assert agreement.check(url, ["/list", "/graphql\t{}"], ["/same", "/constant\t{}"]) == 2


@pytest.mark.parametrize(("request_", "other"), [("/list", "/other"), ("/failing\t{}", "/failing\t{}")])
def test_whatever_differs_or_fails_is_told(url: str, request_: str, other: str) -> None:
    with pytest.raises(DisagreementError, match="is answered by"):
        agreement.check(url, [request_], [other])
