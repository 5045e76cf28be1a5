"""A Finna of the tests' own, which has records of real pictures and can have trouble."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from commons.pictures import thumbnail
from tests.commons.serving import Request, Server, serving

SMALL = 400
"""Width of small pictures, in pixels."""


class Finna:
    """Answers for ``records``, each with pictures, unless there is ``trouble`` with a part of the address."""

    server: Server

    def __init__(self) -> None:
        self.records: dict[str, Sequence[Path]] = {}
        self.trouble: dict[str, Callable[[Request], None]] = {}

    @property
    def url(self) -> str:
        """Of its API and of its site."""
        return f"http://{self.server.host}"

    @property
    def settings(self) -> dict[str, str]:
        """What a program is told by which it asks this one."""
        return {"IMAGEHASH_FINNA_API": self.url, "IMAGEHASH_FINNA_SITE": self.url}

    def asked(self, part: str) -> int:
        """How many requests there were with a text in their address."""
        return sum(part in request.path for request in self.server.requests)

    def answer(self, request: Request) -> None:
        """Answer as Finna does."""
        for part, answer in self.trouble.items():
            if part in request.path:
                answer(request)
                return
        address = urlsplit(request.path)
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        if asked["id"] not in self.records:
            request.answer(400, b'{"status": "ERROR", "statusMessage": "Error loading record"}')
        elif address.path == "/v1/record":
            request.answer(200, json.dumps(self._record(asked["id"])).encode())
        else:
            data = self.records[asked["id"]][int(asked["index"])].read_bytes()
            request.answer(200, thumbnail(data, SMALL) if asked["size"] == "small" else data)

    def _record(self, record_id: str) -> dict[str, object]:
        images = [
            {"urls": {size: f"/Cover/Show?{urlencode(cover)}&size={size}" for size in ("small", "large")}}
            for cover in ({"id": record_id, "index": index} for index in range(len(self.records[record_id])))
        ]
        told = {"id": record_id, "title": "Näkymä", "imagesExtended": images}
        return {"status": "OK", "resultCount": 1, "records": [told]}


@contextmanager
def running() -> Iterator[Finna]:
    """Run it until the block ends."""
    finna = Finna()
    with serving(finna.answer) as finna.server:
        yield finna
