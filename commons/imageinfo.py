"""Where to fetch a file and what is there, as the wiki tells (https://www.mediawiki.org/wiki/API:Imageinfo).

It is asked for thumbnails in a second question about those files alone that need one: where one file has
no size, as broken ones have not, a wiki refuses to tell of the thumbnail of any.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from commons.mediawiki import MOST, MediaWiki, NoAnswerError, RefusedError
from commons.pictures import FULL_SIZE_PIXELS, REDUCED_WIDTH, Reason
from commons.thumbnails import STEPS

_PICTURES = frozenset({"image/jpeg", "image/png", "image/webp", "image/tiff", "image/gif"})
_RENDERED = frozenset({"image/svg+xml", "application/pdf", "image/vnd.djvu"})
_PLAYED = ("AUDIO", "VIDEO")

_PROPERTIES = {
    "prop": "imageinfo|info",
    "iiprop": "timestamp|url|size|sha1|mime|thumbmime|mediatype",
}
_PLACES = ("rootUrl", "url", "thumbUrl")
_KINDS: dict[str, type] = {
    "timestamp": str,
    "url": str,
    "thumburl": str,
    "thumbmime": str,
    "sha1": str,
    "mime": str,
    "size": int,
    "width": int,
    "height": int,
}
"""What kind each fact is of. Some are false where the wiki does not know them, as SHA-1s of old files are."""

_FORMS = {
    "sha1": re.compile("[0-9a-f]{40}"),
    "timestamp": re.compile(
        "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
    ),
}

_NO_SIZE = "urlparamnormal"
"""The API's name for a file whose thumbnail it cannot tell."""

WIKIMEDIAS = frozenset({"upload.wikimedia.org", "thumb.wikimedia.org"})
"""Where files of Wikimedia's wikis are: they tell of the first, thumbnails are to come from the second."""

_THUMBNAIL = re.compile(r"/(?:(lossy-page1|lossy-page2|lossless-page1)-|page1-)?([0-9]+)px-[^/]+$")

_T = TypeVar("_T")


class Address(NamedTuple):
    """Where to fetch what is hashed, and what is expected there.

    Of an original the bytes and their SHA-1 (hexadecimal) are known; of a thumbnail the width in pixels,
    though it may be rendered in another, and the type as the table ``phash`` has it.
    """

    url: str
    mime: str
    size: int | None = None
    sha1: str | None = None
    thumb_width: int | None = None
    thumb_type: str | None = None


class Version(NamedTuple):
    """The newest version of a page's file, and its address or the reason why there is none.

    The name is None where the page is gone, or leads to another.
    Facts are the original's, in bytes, pixels (upright) and hexadecimal, None where they are not told.
    """

    page_id: int | None
    name: str | None
    address: Address | None = None
    reason: Reason | None = None
    uploaded_at: datetime | None = None
    sha1: str | None = None
    size: int | None = None
    width: int | None = None
    height: int | None = None
    mime: str | None = None


class ImageInfo:
    """Asks a wiki for the newest versions of files, 50 at a time.

    Pictures of more than ``full_size`` pixels that are wider than their thumbnail are to be fetched as
    that. All methods raise `NoAnswerError` and `RefusedError` as the wiki does.
    """

    def __init__(self, wiki: MediaWiki, *, full_size: int = FULL_SIZE_PIXELS) -> None:
        self._wiki = wiki
        self._full_size = full_size

    def hosts(self) -> frozenset[str]:
        """The hosts (`name` or `name:port`) from which the wiki's own files and thumbnails come."""
        match self._wiki.about_itself("filerepoinfo"):
            case {"repos": [*repositories]}:
                own = [
                    place
                    for place in repositories
                    if isinstance(place, dict) and place.get("name") == "local"
                ]
            case _:
                own = []
        addresses = [place[key] for place in own for key in _PLACES if isinstance(place.get(key), str)]
        hosts = frozenset(host for address in addresses if (host := urlsplit(address).netloc))
        if not hosts:
            raise NoAnswerError("the wiki does not tell where its files are")
        return hosts | WIKIMEDIAS if hosts & WIKIMEDIAS else hosts

    def of_pages(self, page_ids: Iterable[int]) -> dict[int, Version]:
        """The version of each page, by its id."""
        found: dict[int, Version] = {}
        for batch in _batches(page_ids):
            told = {version.page_id: version for version in self._versions("pageids", map(str, batch))}
            # Of pages that are gone it tells so. Where it says nothing, nobody knows.
            if untold := [page_id for page_id in batch if page_id not in told]:
                raise NoAnswerError(f"the wiki does not tell of page {untold[0]}, about which it was asked")
            found |= {page_id: told[page_id] for page_id in batch}
        return found

    def of_names(self, names: Iterable[str]) -> dict[str, Version]:
        """The version of each file, by its name: a title without prefix, with underscores."""
        found: dict[str, Version] = {}
        for batch in _batches(names):
            titles = (f"File:{name}" for name in batch)
            told = {version.name: version for version in self._versions("titles", titles)}
            for name in batch:
                found[name] = told.get(name, Version(None, name, reason=Reason.NO_FILE))
        return found

    def _versions(self, parameter: str, values: Iterable[str]) -> list[Version]:
        pages = self._wiki.pages(**{parameter: list(values)}, **_PROPERTIES)
        without = [str(page["pageid"]) for page in pages if self._needs_thumbnail(_newest(page))]
        thumbnails = {page["pageid"]: page for page in self._with_thumbnails(without)}
        return [self._version(thumbnails.get(page.get("pageid"), page)) for page in pages]

    def _with_thumbnails(self, page_ids: list[str]) -> list[dict[str, Any]]:
        """The same pages with thumbnails, without those that have none."""
        if not page_ids:
            return []
        try:
            return self._wiki.pages(pageids=page_ids, iiurlwidth=REDUCED_WIDTH, **_PROPERTIES)
        except RefusedError as error:
            if not error.code.endswith(_NO_SIZE):
                raise
        half = len(page_ids) // 2
        return self._with_thumbnails(page_ids[:half]) + self._with_thumbnails(page_ids[half:]) if half else []

    def _needs_thumbnail(self, info: dict[str, Any]) -> bool:
        width: int = info.get("width", 0)
        height: int = info.get("height", 0)
        if info.get("mime") in _RENDERED:
            return bool(width and height)
        return width > REDUCED_WIDTH and width * height > self._full_size

    def _version(self, page: dict[str, Any]) -> Version:
        info = _newest(page)
        found = self._address(info)
        uploaded = info.get("timestamp")
        return Version(
            page.get("pageid"),
            None if "title" not in page or page.get("redirect") else _name(page["title"]),
            address=found if isinstance(found, Address) else None,
            reason=found if isinstance(found, Reason) else None,
            uploaded_at=uploaded and datetime.fromisoformat(uploaded),
            **{fact: info.get(fact) for fact in ("sha1", "size", "width", "height", "mime")},
        )

    def _address(self, info: dict[str, Any]) -> Address | Reason:
        if reason := _obstacle(info):
            return reason
        if info["mime"] in _RENDERED or self._needs_thumbnail(info):
            return _thumbnail(info)
        return Address(info["url"], info["mime"], info.get("size"), info.get("sha1"))


def _newest(page: dict[str, Any]) -> dict[str, Any]:
    """What is told of a page's own file, nothing where it has none.

    That of a redirect is another page's, and some are kept by another wiki.
    """
    if page.get("redirect") or page.get("imagerepository") != "local":
        return {}
    match page.get("imageinfo"):
        case [dict(info), *_]:
            return {} if info.get("filemissing") else _sound(info)
    return {"url": ""}  # there is one, and nothing is told of it


def _sound(info: dict[str, Any]) -> dict[str, Any]:
    """Facts without those that are none."""
    return {name: value for name, value in info.items() if _is_sound(name, value)}


def _is_sound(name: str, value: object) -> bool:
    form = _FORMS.get(name)
    return isinstance(value, _KINDS.get(name, object)) and (form is None or bool(form.fullmatch(str(value))))


def _name(title: str) -> str:
    return title.partition(":")[2].replace(" ", "_")


def _obstacle(info: dict[str, Any]) -> Reason | None:
    if not info:
        return Reason.NO_FILE
    if info.get("filehidden") or "url" not in info:
        return Reason.SUPPRESSED
    if "mime" not in info:
        return Reason.UNEXPECTED_ANSWER
    if info["mime"] in _PICTURES | _RENDERED:
        return None
    return Reason.SOUND_OR_VIDEO if info.get("mediatype") in _PLAYED else Reason.UNSUPPORTED_TYPE


def _thumbnail(info: dict[str, Any]) -> Address | Reason:
    """The address of a thumbnail that is one: elsewhere there are icons, and widths that are not served."""
    url = info.get("thumburl", "")
    named = _THUMBNAIL.search(url)
    if named is None or int(named[2]) not in STEPS or "thumbmime" not in info:
        return Reason.NO_THUMBNAIL
    # The width is the address's, since `thumbwidth` is sometimes the one that was asked for.
    return Address(url, info["thumbmime"], thumb_width=int(named[2]), thumb_type=named[1] or "default")


def _batches(values: Iterable[_T]) -> Iterator[list[_T]]:
    remaining = iter(values)
    while batch := list(islice(remaining, MOST)):
        yield batch
