from pathlib import Path

import pytest

from api import terminal
from api.service import Service
from bktree.protocol import Tolerance
from commons.hashes import hash_image
from commons.pictures import decode, hash_picture
from commons.settings import Settings
from sql import results
from sql.database import Database
from tests.api.data import hashed


def test_pages_are_named_as_far_as_they_are_known(
    settings: Settings, hashes: Database, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = photos / "commons100" / "mural.jpg"
    data = picture.read_bytes()
    phash, dhash = hash_picture(data).hashes
    assert (phash, dhash) == hash_image(decode(data).image)
    with hashes.write() as connection:
        results.save(connection, [hashed(page_id, phash, dhash) for page_id in (2, 3, 40)])
        results.bury(connection, {3: "C.jpg"}, deleted=True)
    service = Service(settings)
    service.live.poll()
    assert terminal.search(service, picture, Tolerance(), 20) == 3
    listed = capsys.readouterr().out.splitlines()[2:-1]
    assert [line[14:] for line in listed] == ["File:B.jpg", "File:C.jpg (deleted)", "page 40 (deleted)"]
    service.close()
