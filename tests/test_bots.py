"""The examples for authors of bots: each is run as it stands, and prints what the page says."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from commons.hashes import format_hex
from commons.pictures import hash_picture
from sql import results, schema
from sql.database import Database
from tests import finna as finnas
from tests import programs
from tests.api.data import WIKI, hashed, wiki_file

PAGE = Path(__file__).parents[1] / "docs" / "bots.md"
ADDRESS = "http://127.0.0.1:8000"
EXAMPLES = re.findall(r"```(python|sh)\n(.*?)```\n\n```text\n(.*?)```", PAGE.read_text(), re.DOTALL)
FILES = {1: "Mural.jpg", 2: "Mural,_smaller.jpg", 3: "Carrots.jpg"}


class Bot(NamedTuple):
    """The folder that a bot works in, and the service that it asks."""

    folder: Path
    url: str


@pytest.fixture(scope="module")
def bot(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    folder = tmp_path_factory.mktemp("bot")
    mural, puffin = (photos / "commons100" / f"{name}.jpg" for name in ("mural", "puffin"))
    (folder / "picture.jpg").symlink_to(mural)
    pairs = {path.stem: hash_picture(path.read_bytes()).hashes for path in (mural, puffin)}
    batch = {
        name: dict(zip(("phash", "dhash"), map(format_hex, pair), strict=True))
        for name, pair in pairs.items()
    }
    (folder / "batch.json").write_text(json.dumps(batch))
    with finnas.running() as finna:
        finna.records["museovirasto.4878"] = [mural, puffin, puffin]
        finna.trouble["index=2"] = lambda request: request.answer(503)
        with programs.api(folder, **databases(folder, mural), **finna.settings) as served:
            yield Bot(folder, served.url)


def databases(folder: Path, mural: Path) -> dict[str, str]:
    """Commons with a picture, the same in small, and another that is not hashed."""
    urls = [f"sqlite:///{folder / name}.db" for name in ("hashes", "commons")]
    database, replica = map(Database, urls)
    schema.prepare(database)
    with database.write() as connection:
        pairs = {1: hash_picture(mural.read_bytes()).hashes, 2: hash_picture(smaller(mural)).hashes}
        results.save(connection, [hashed(page_id, *pair) for page_id, pair in pairs.items()])
    with replica.write() as connection:
        for statement in (*WIKI, *(row for page, name in FILES.items() for row in wiki_file(page, name))):
            connection.exec_driver_sql(statement)
    database.close()
    replica.close()
    return dict(zip(("IMAGEHASH_DATABASE_URL", "IMAGEHASH_COMMONS_URL"), urls, strict=True))


def smaller(path: Path) -> bytes:
    """The picture in a tenth of its width and height."""
    data = io.BytesIO()
    with Image.open(path) as image:
        image.resize((image.width // 10, image.height // 10)).save(data, "JPEG", quality=60)
    return data.getvalue()


@pytest.mark.parametrize(("language", "example", "expected"), EXAMPLES)
def test_an_example_prints_what_the_page_says(bot: Bot, language: str, example: str, expected: str) -> None:
    command = [sys.executable, "-c"] if language == "python" else ["sh", "-c"]
    asked = [*command, example.replace(ADDRESS, bot.url)]
    done = subprocess.run(asked, cwd=bot.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == expected.strip()


def test_every_example_is_run() -> None:
    assert len(EXAMPLES) == len(re.findall(r"```(?:python|sh)\n", PAGE.read_text())) > 5
