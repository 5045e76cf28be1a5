import io
import subprocess
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from PIL import Image

from commons.imageinfo import Address, ImageInfo, Version
from commons.mediawiki import MediaWiki, NoAnswerError, RefusedError
from commons.pictures import Reason, Unhashable, decode
from tests.wiki.wiki import Wiki

AGENT = "imagehash-tests/1 (https://example.org; tests@example.org)"
ORIGINALS = {
    "jpg": "commons100/puffin.jpg",
    "png": "formats/transparent.png",
    "webp": "formats/hopper.webp",
    "tif": "formats/hopper.tif",
    "gif": "formats/missing_background.gif",
}
BROKEN = {
    "png": "formats/broken_data_stream.png",
    "gif": "formats/zero_width.gif",
    "tif": "formats/crash-2020-10-test.tif",
    "jpg": "formats/truncated_jpeg.jpg",
}
WIDE = (6000, 4500)
"""27 million pixels."""

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><circle r="9"/></svg>'


@pytest.fixture
def info(wiki: Wiki) -> ImageInfo:
    return ImageInfo(MediaWiki(wiki.api, AGENT))


@pytest.fixture
def photo(photos: Path) -> Image.Image:
    with Image.open(photos / "commons100" / "mural.jpg") as photo:
        return photo.convert("RGB")


def fetched(version: Version) -> bytes:
    assert version.address is not None
    with urlopen(version.address.url, timeout=60) as response:
        assert response.headers["Content-Type"].partition(";")[0] == version.address.mime
        data: bytes = response.read()
    return data


def digest(data: bytes) -> str:
    return sha1(data, usedforsecurity=False).hexdigest()


def test_originals(wiki: Wiki, info: ImageInfo, photos: Path) -> None:
    pictures = {f"Original_Ä_{kind}.{kind}": photos / path for kind, path in ORIGINALS.items()}
    wiki.upload(pictures)
    found = info.of_names(pictures)
    assert found.keys() == pictures.keys()
    for name, path in pictures.items():
        version, data = found[name], path.read_bytes()
        assert fetched(version) == data
        picture = decode(data)
        facts = (picture.width, picture.height, picture.mime)
        assert version.address
        assert version.address[1:] == (picture.mime, len(data), digest(data), None, None)
        assert version[3:] == (None, version.uploaded_at, digest(data), len(data), *facts)
        assert version.uploaded_at is not None
        assert abs(datetime.now(UTC) - version.uploaded_at) < timedelta(minutes=1)
    page_ids = {version.page_id: version for version in found.values() if version.page_id}
    assert info.of_pages(page_ids) == page_ids


def test_broken_files_are_fetched_as_they_are(wiki: Wiki, info: ImageInfo, photos: Path) -> None:
    pictures = {f"Broken_{kind}.{kind}": photos / path for kind, path in BROKEN.items()}
    for name, path in pictures.items():
        wiki.upload({name: path})
    for name, version in info.of_names(pictures).items():
        data = fetched(version)
        assert data == pictures[name].read_bytes()
        with pytest.raises(Unhashable):
            decode(data)


@pytest.mark.parametrize(
    ("suffix", "thumb_type", "mime"),
    [("jpg", "default", "image/jpeg"), ("png", "default", "image/png"), ("tif", "lossy-page1", "image/jpeg")],
)
def test_beyond_25_megapixels_it_is_the_thumbnail(
    wiki: Wiki, info: ImageInfo, tmp_path: Path, suffix: str, thumb_type: str, mime: str
) -> None:
    name = f"Large.{suffix}"
    Image.new("RGB", WIDE, "teal").save(tmp_path / name)
    wiki.upload({name: tmp_path / name})
    (version,) = info.of_names([name]).values()
    assert version.address
    assert version.address[1:] == (mime, None, None, 960, thumb_type)
    assert (version.width, version.height, version.reason) == (*WIDE, None)
    assert decode(fetched(version)).image.size == (960, 720)


def test_tall_pictures_are_fetched_as_they_are(
    wiki: Wiki, info: ImageInfo, photo: Image.Image, tmp_path: Path
) -> None:
    photo.resize((900, 28_000)).save(tmp_path / "Tall.jpg")
    wiki.upload({"Tall.jpg": tmp_path / "Tall.jpg"})
    (version,) = info.of_names(["Tall.jpg"]).values()
    assert version.address
    assert version.address.thumb_width is None


def test_thumbnails_of_everything_wider(wiki: Wiki, photo: Image.Image, tmp_path: Path) -> None:
    info = ImageInfo(MediaWiki(wiki.api, AGENT), full_size=0)
    for name, width in {"Wider.webp": 961, "As_wide.webp": 960}.items():
        photo.resize((width, 600)).save(tmp_path / name)
        wiki.upload({name: tmp_path / name})
    widths = {
        name: version.address and version.address.thumb_width
        for name, version in info.of_names(["Wider.webp", "As_wide.webp"]).items()
    }
    assert widths == {"Wider.webp": 960, "As_wide.webp": None}


def test_what_has_to_be_rendered(wiki: Wiki, info: ImageInfo, photo: Image.Image, tmp_path: Path) -> None:
    small = photo.resize((300, 200))
    small.save(tmp_path / "Rendered.pdf")
    small.save(tmp_path / "Rendered.ppm")
    subprocess.run(["c44", tmp_path / "Rendered.ppm", tmp_path / "Rendered.djvu"], check=True)
    (tmp_path / "Rendered.svg").write_text(SVG)
    kinds = {"pdf": "image/jpeg", "djvu": "image/jpeg", "svg": "image/png"}
    wiki.upload({f"Rendered.{kind}": tmp_path / f"Rendered.{kind}" for kind in kinds})
    (tmp_path / "Rendered_broken.pdf").write_bytes((tmp_path / "Rendered.pdf").read_bytes()[:300])
    wiki.upload({"Rendered_broken.pdf": tmp_path / "Rendered_broken.pdf"})

    found = info.of_names([*(f"Rendered.{kind}" for kind in kinds), "Rendered_broken.pdf"])
    broken = found.pop("Rendered_broken.pdf")
    assert (broken.address, broken.reason, broken.size) == (None, Reason.NO_THUMBNAIL, 300)
    for version, mime in zip(found.values(), kinds.values(), strict=True):
        assert version.address
        assert version.address[1:] == (mime, None, None, 960, "default")
        # DjVu's renderer may round the width down.
        assert Image.open(io.BytesIO(fetched(version))).width in {959, 960}


def test_pages_without_a_file(wiki: Wiki, info: ImageInfo, photos: Path) -> None:
    names = [f"Without_{number}.jpg" for number in range(4)]
    wiki.upload(dict.fromkeys(names[:2], photos / ORIGINALS["jpg"]))
    before = info.of_names(names)
    assert [version.reason for version in before.values()] == [None, None, Reason.NO_FILE, Reason.NO_FILE]
    wiki.delete(names[0])
    wiki.move(names[1], names[2])
    wiki.edit(names[3], "No file")
    after = info.of_names([*names, "No_[title].jpg"])
    assert [name for name, version in after.items() if version.reason is None] == [names[2]]
    assert {version.reason for version in after.values()} == {None, Reason.NO_FILE}

    moved, deleted = before[names[1]], before[names[0]]
    page_ids = [moved.page_id or 0, deleted.page_id or 0, after[names[3]].page_id or 0, 1, 99_999_999]
    found = info.of_pages(page_ids)
    assert list(found) == page_ids
    assert [version.reason for version in found.values()] == [None] + [Reason.NO_FILE] * 4
    assert found[page_ids[0]] == after[names[2]]
    assert found[page_ids[0]].sha1 == moved.sha1


def test_more_than_can_be_asked_for_at_once(wiki: Wiki, info: ImageInfo, photos: Path) -> None:
    wiki.upload({"Among_many.jpg": photos / ORIGINALS["jpg"]})
    names = [f"Among_{number}.jpg" for number in range(120)]
    names[70] = "Among_many.jpg"
    found = info.of_names(names)
    assert list(found) == names
    assert [name for name, version in found.items() if version.reason is None] == ["Among_many.jpg"]
    assert info.of_names([]) == {}
    assert info.of_pages([]) == {}


class Told(MediaWiki):
    """Tells of one file what it is given, and refuses thumbnails of the pages given."""

    def __init__(self, *infos: dict[str, Any], refused: frozenset[int] = frozenset(), code: str = "") -> None:
        self.infos, self.refused, self.code = infos, refused, code
        self.questions: list[list[str]] = []

    def pages(self, **parameters: Any) -> list[dict[str, Any]]:
        if "iiurlwidth" in parameters:
            self.questions.append(parameters["pageids"])
            if self.refused & set(map(int, parameters["pageids"])):
                raise RefusedError(self.code, "no")
        return [
            {"pageid": number, "title": f"File:{number}", "imagerepository": "local", "imageinfo": [info]}
            for number, info in enumerate(self.infos)
            if str(number) in parameters["pageids"]
        ]


FACTS = {
    "url": "https://x.org/X",
    "width": 20,
    "height": 20,
    "size": 1,
    "sha1": "0",
    "thumbmime": "image/png",
}
DRAWING = FACTS | {"mime": "image/svg+xml"}
THUMB = "https://x.org/thumb/1/12/X.svg"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"filehidden": True}, Reason.SUPPRESSED),
        ({"filehidden": True, "suppressed": True, "mime": "image/jpeg"}, Reason.SUPPRESSED),
        ({"filemissing": True}, Reason.NO_FILE),
        (FACTS | {"mime": "video/webm", "mediatype": "VIDEO"}, Reason.SOUND_OR_VIDEO),
        (FACTS | {"mime": "application/ogg", "mediatype": "AUDIO"}, Reason.SOUND_OR_VIDEO),
        (FACTS | {"mime": "image/x-xcf", "mediatype": "BITMAP"}, Reason.UNSUPPORTED_TYPE),
        (FACTS, Reason.UNEXPECTED_ANSWER),
        (FACTS | {"mime": 7}, Reason.UNEXPECTED_ANSWER),
        (DRAWING, Reason.NO_THUMBNAIL),
        (DRAWING | {"width": None, "height": "tall"}, Reason.NO_THUMBNAIL),
        (DRAWING | {"thumburl": "https://x.org/icons/fileicon.png"}, Reason.NO_THUMBNAIL),
        (DRAWING | {"thumburl": f"{THUMB}/512px-X.svg.png"}, Reason.NO_THUMBNAIL),
        (DRAWING | {"thumburl": f"{THUMB}/960px-X.svg.png"}, None),
    ],
)
def test_reasons(told: dict[str, Any], reason: Reason | None) -> None:
    version = ImageInfo(Told(told)).of_pages([0])[0]
    assert (version.reason, version.address is None) == (reason, reason is not None)


@pytest.mark.parametrize("nothing", [None, "", [], ["no facts"]])
def test_a_file_of_which_nothing_is_told_is_not_gone(nothing: object) -> None:
    class Silent(Told):
        def pages(self, **parameters: Any) -> list[dict[str, Any]]:
            return [page | {"imageinfo": nothing} for page in super().pages(**parameters)]

    assert ImageInfo(Silent(DRAWING)).of_pages([0])[0].reason is Reason.UNEXPECTED_ANSWER


def test_facts_that_are_none_are_not_known() -> None:
    wrong = {"size": "large", "sha1": False, "timestamp": "yesterday", "width": None, "height": "tall"}
    version = ImageInfo(Told(FACTS | {"mime": "image/jpeg"} | wrong)).of_pages([0])[0]
    assert version.address == Address("https://x.org/X", "image/jpeg")
    assert version[4:9] == (None,) * 5


def test_a_page_that_is_not_told_of_is_not_gone() -> None:
    with pytest.raises(NoAnswerError, match="does not tell of page 1,"):
        ImageInfo(Told(DRAWING)).of_pages([0, 1])


@pytest.mark.parametrize("told", [{}, {"repos": []}, {"repos": "none"}, {"repos": ["none"]}])
def test_a_wiki_that_does_not_tell_where_its_files_are(told: dict[str, Any]) -> None:
    class Homeless(Told):
        def about_itself(self, kind: str) -> Any:
            return told

    with pytest.raises(NoAnswerError, match="does not tell where its files are"):
        ImageInfo(Homeless()).hosts()


def test_files_of_other_wikis_are_not_this_ones() -> None:
    class Shared(Told):
        def pages(self, **parameters: Any) -> list[dict[str, Any]]:
            return [page | {"imagerepository": "shared"} for page in super().pages(**parameters)]

    assert ImageInfo(Shared(DRAWING)).of_pages([0])[0].reason is Reason.NO_FILE


def test_one_file_spoils_the_thumbnails_of_no_other() -> None:
    infos = [DRAWING | {"thumburl": f"{THUMB}/960px-X.svg.png"} for _ in range(50)]
    del infos[17]["thumburl"]
    wiki = Told(*infos, refused=frozenset({17}), code="iiurlparamnormal")
    found = ImageInfo(wiki).of_pages(range(50))
    assert [page_id for page_id, version in found.items() if version.address is None] == [17]
    assert len(wiki.questions) <= 13


def test_other_refusals_are_told() -> None:
    with pytest.raises(RefusedError, match="no \\(badthing\\)"):
        ImageInfo(Told(DRAWING, refused=frozenset({0}), code="badthing")).of_pages([0])


def test_the_newest_of_several_versions_is_told(wiki: Wiki, info: ImageInfo, photos: Path) -> None:
    names = ["Several_versions.jpg", "One_version.jpg"]
    wiki.upload(dict.fromkeys(names, photos / "commons100" / "puffin.jpg"))
    for newer in ("mural.jpg", "fruits.jpg"):
        time.sleep(1)  # a version that is put away is named after the second in which that is done
        wiki.replace({names[0]: photos / "commons100" / newer})
    for asked in (names[:1], names):
        version = info.of_names(asked)[names[0]]
        assert version.sha1 == digest((photos / "commons100" / "fruits.jpg").read_bytes())
        assert fetched(version) == (photos / "commons100" / "fruits.jpg").read_bytes()


def test_where_files_come_from(wiki: Wiki, info: ImageInfo) -> None:
    assert info.hosts() == {wiki.url.removeprefix("http://")}
