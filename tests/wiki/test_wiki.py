"""What is done to files shows in ``api.php`` and in the replica."""

from hashlib import sha1
from pathlib import Path
from urllib.request import urlopen

import pytest
from PIL import Image

from sql.database import Database
from sql.replica import Replica
from tests.wiki.conftest import Rows, imageinfo
from tests.wiki.wiki import Wiki

CHANGES = """
    SELECT rc_log_type, rc_log_action, rc_title FROM recentchanges WHERE rc_cur_id = :page ORDER BY rc_id
"""


def digest(picture: Path) -> str:
    return sha1(picture.read_bytes(), usedforsecurity=False).hexdigest()


@pytest.fixture
def photo(photos: Path) -> Path:
    return photos / "commons100" / "puffin.jpg"


@pytest.fixture
def other_photo(photos: Path) -> Path:
    return photos / "commons100" / "mural.jpg"


def test_an_uploaded_picture_is_there(wiki: Wiki, replica: Database, rows: Rows, photo: Path) -> None:
    wiki.upload({"Äiti 🦆 & co.jpg": photo}, text="By me")
    (told,) = imageinfo(wiki, "Äiti 🦆 & co.jpg")
    with Image.open(photo) as picture:
        assert (told["width"], told["height"]) == picture.size
    assert (told["sha1"], told["size"], told["mime"]) == (digest(photo), photo.stat().st_size, "image/jpeg")
    assert told["url"].startswith(f"{wiki.uploads}/")
    with urlopen(told["url"], timeout=30) as response:
        assert response.read() == photo.read_bytes()

    (file,) = Replica(replica).by_names(["Äiti_🦆_&_co.jpg"]).values()
    assert (file.sha1, file.width, file.mime) == (told["sha1"], told["width"], told["mime"])
    assert rows(CHANGES, page=file.page_id) == [("upload", "upload", file.name)]


def test_many_are_uploaded_at_once_and_broken_ones_too(wiki: Wiki, photos: Path) -> None:
    broken = photos / "formats" / "broken_data_stream.png"
    wiki.upload({"Many 1.png": broken, "Many 2.gif": photos / "formats" / "missing_background.gif"})
    (told,) = imageinfo(wiki, "Many 1.png")
    assert (told["sha1"], told["width"]) == (digest(broken), 0)
    # One such file among many spoils the answer for all of them.
    with pytest.raises(RuntimeError, match="Could not normalize image parameters"):
        wiki.client.ask(titles="File:Many 1.png|File:Many 2.gif", prop="imageinfo", iiurlwidth=960)
    assert imageinfo(wiki, "Many 2.gif")


def test_what_cannot_be_uploaded_is_told(wiki: Wiki, photo: Path) -> None:
    wiki.upload({"Once.jpg": photo})
    with pytest.raises(RuntimeError, match="exists, skipping"):
        wiki.upload({"Once.jpg": photo})
    with pytest.raises(RuntimeError, match=r"overwriting\.\.\.failed"):
        wiki.replace({"Once.jpg": photo})
    with pytest.raises(RuntimeError, match="No suitable files"):
        wiki.upload({"Once.exe": photo})


def test_a_new_version_is_on_top_of_the_old_one(
    wiki: Wiki, replica: Database, rows: Rows, photo: Path, other_photo: Path
) -> None:
    wiki.upload({"Two_versions.jpg": photo})
    (before,) = Replica(replica).by_names(["Two_versions.jpg"]).values()
    wiki.replace({"Two_versions.jpg": other_photo})

    newest_first = [digest(other_photo), digest(photo)]
    assert [told["sha1"] for told in imageinfo(wiki, "Two versions.jpg")] == newest_first
    (after,) = Replica(replica).by_names(["Two_versions.jpg"]).values()
    assert (after.page_id, after.sha1) == (before.page_id, digest(other_photo))
    assert before.uploaded_at is not None
    assert after.uploaded_at is not None
    assert after.uploaded_at > before.uploaded_at
    ((size, archive_name),) = rows(
        "SELECT oi_size, oi_archive_name FROM oldimage WHERE oi_name = 'Two_versions.jpg'"
    )
    assert size == photo.stat().st_size
    assert archive_name.endswith("!Two_versions.jpg")
    assert [change[:2] for change in rows(CHANGES, page=after.page_id)] == [
        ("upload", "upload"),
        ("upload", "overwrite"),
    ]


@pytest.mark.parametrize("redirect", [True, False])
def test_a_move_changes_the_title_and_nothing_else(
    wiki: Wiki, replica: Database, rows: Rows, photo: Path, redirect: bool
) -> None:
    old, new = f"Old_name_{redirect}.jpg", f"New_name_{redirect}.jpg"
    wiki.upload({old: photo})
    (before,) = Replica(replica).by_names([old]).values()
    wiki.move(old, new, redirect=redirect)

    found = Replica(replica).by_names([old, new])
    assert found.pop(new) == before._replace(name=new)
    assert imageinfo(wiki, new)[0]["sha1"] == before.sha1
    # The redirect is a page without a file.
    assert [(file.name, file.sha1) for file in found.values()] == ([(old, None)] if redirect else [])
    assert rows(CHANGES, page=before.page_id)[1:] == [("move", "move", old)]


def test_what_is_deleted_can_be_restored(
    wiki: Wiki, replica: Database, rows: Rows, photo: Path, other_photo: Path
) -> None:
    name = "Comes_and_goes.jpg"
    wiki.upload({name: photo})
    wiki.replace({name: other_photo})
    before = Replica(replica).by_names([name])
    address = imageinfo(wiki, name)[0]["url"]
    buried = f"SELECT fa_sha1, fa_timestamp FROM filearchive WHERE fa_name = '{name}'"
    archived = f"SELECT DISTINCT ar_page_id FROM archive WHERE ar_namespace = 6 AND ar_title = '{name}'"

    wiki.delete(name)
    assert Replica(replica).by_names([name]) == {}
    assert imageinfo(wiki, name) == []
    with pytest.raises(OSError, match="404"):
        urlopen(address, timeout=30)
    assert len(rows(buried)) == 2
    assert rows(archived) == [(before[name].page_id,)]

    wiki.restore(name)
    assert Replica(replica).by_names([name]) == before
    assert [told["sha1"] for told in imageinfo(wiki, name)] == [digest(other_photo), digest(photo)]
    assert rows(buried) == rows(archived) == []
    assert [change[:2] for change in rows(CHANGES, page=before[name].page_id)[2:]] == [
        ("delete", "delete"),
        ("delete", "restore"),
    ]


def test_a_page_can_be_written_anew(wiki: Wiki, rows: Rows, photo: Path) -> None:
    links = "SELECT el_to_path FROM externallinks WHERE el_to_domain_index = 'https://org.example.edit.'"
    wiki.upload({"Edited.jpg": photo}, text="https://edit.example.org/before")
    assert rows(links) == [("/before",)]
    wiki.edit("Edited.jpg", "https://edit.example.org/after")
    assert rows(links) == [("/after",)]
