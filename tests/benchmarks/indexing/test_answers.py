from pathlib import Path

from benchmarks.indexing import answers
from benchmarks.indexing.answers import Answers
from benchmarks.indexing.copies import FIRST, Copies
from commons.imageinfo import ImageInfo
from commons.mediawiki import MediaWiki
from tests.benchmarks.indexing.conftest import COPIES
from tests.wiki.wiki import Wiki

FILES = "http://127.0.0.1:9/images"
AGENT = "imagehash-tests/1 (https://example.org; tests@example.org)"


def test_copies_are_told_of_as_their_originals_are(own_wiki: tuple[Wiki, Path], copies: Copies) -> None:
    wiki, _ = own_wiki
    originals = ImageInfo(MediaWiki(wiki.api, AGENT)).of_names(picture.name for picture in copies.pictures)
    with answers.serving(wiki.api, copies, wiki.uploads, FILES) as served:
        info = ImageInfo(MediaWiki(served.api, AGENT))
        assert info.hosts() == {"127.0.0.1:9"}
        found = info.of_pages(range(FIRST, FIRST + COPIES))
    assert list(found) == list(range(FIRST, FIRST + COPIES))
    for page_id, version in found.items():
        original = originals[copies.original(page_id).name]
        assert version.name == copies.name(page_id)
        assert version.address
        assert original.address
        there = original.address.url.replace(wiki.uploads, FILES)
        assert version.address.url == there.replace(original.name or "", copies.name(page_id))
        assert version.address[1:] == original.address[1:]
        assert version[4:] == original[4:]


def test_the_wiki_is_asked_once(own_wiki: tuple[Wiki, Path], copies: Copies) -> None:
    wiki, _ = own_wiki
    told = Answers(wiki.api, copies, wiki.uploads, FILES)

    def ask(first: int) -> str:
        page_ids = "%7C".join(map(str, range(first, first + 7)))
        return told.answer(f"action=query&prop=imageinfo&format=json&formatversion=2&pageids={page_ids}")

    before = ask(FIRST), told.answer("action=query&meta=siteinfo&format=json")
    wiki.server.stop()
    try:
        assert (ask(FIRST), told.answer("format=json&action=query&meta=siteinfo")) == before
        assert f"Copy{FIRST + 8}ofPhoto" in ask(FIRST + 7)
    finally:
        wiki.server.start()
