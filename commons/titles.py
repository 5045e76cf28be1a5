"""Titles of files, from whatever form people paste to the one the database keeps.

The rules are MediaWiki's (https://www.mediawiki.org/wiki/Manual:Page_title), with Commons' capital first
letter. A name is a title without its prefix, with underscores: `Cat_on_a_mat.jpg`.
"""

import html
import re
import unicodedata
from urllib.parse import parse_qs, unquote

MAX_BYTES = 240

_URL = re.compile(r"(?:https?:)?//|[\w-]+(?:\.[\w-]+)*\.(?:org|com|net)/(?:wiki|w|wikipedia)/", re.I | re.A)
_ENTITY = re.compile(r"&(?:[a-z][a-z0-9]*|#[0-9]{1,7}|#x[0-9a-f]{1,6});", re.I | re.A)
_PERCENT = re.compile("%[0-9A-Fa-f]{2}")
_PREFIX = re.compile(r"[:_]*(?:(?:file|image)_*:[:_]*)*", re.I | re.A)

# What MediaWiki drops, and what it takes for a space.
_INVISIBLE = re.compile("[\u200e\u200f\u202a-\u202e]+")
_SPACES = re.compile("[ _\xa0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_FORBIDDEN = re.compile(
    "[\\x00-\x1f\x7f#<>\\[\\]|{}\ufffd\ud800-\udfff]"
    "|%[0-9A-Fa-f]{2}|&[A-Za-z0-9\x80-\U0010ffff]+;|~~~|^\\.{1,2}(?=/|$)|/\\.{1,2}(?=/|$)"
)
# Letters whose capitals came to Unicode late and that Wikimedia keeps small (UcfirstOverrides.php in its
# configuration): Georgian above all.
_ALWAYS_SMALL = re.compile("[\u10d0-\u10ff\ua7b9\U00016e60-\U00016e7f]")

_IN_ADDRESS = (
    re.compile(r"/(?P<name>(?:File|Image)[ _]*:.*)", re.I | re.A | re.S),
    re.compile(r"/Special:(?:FilePath|Redirect/file)/(?P<name>.*)", re.I | re.A | re.S),
    # The original, a thumbnail, or (with the time before a "!") an older version.
    re.compile(r"/([0-9a-f])/\1[0-9a-f]/(?:[0-9]{14}!)?(?P<name>[^/]+)(?:/[^/]*)?$"),
)


def normalise(text: str) -> str:
    """Return the database form of a file's title: no prefix, underscores, a capital first letter.

    Takes a title with or without `File:` or `Image:`, a page's address on any wiki, or the address
    of a file or thumbnail. Raises ValueError where no file can have such a title.
    """
    given = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text.strip())
    name = _tidy(_from_url(given) if _URL.match(given) else _unquoted(given))
    _check(name, text)
    return unicodedata.normalize("NFC", _capital(name[0]) + name[1:])


def display(name: str) -> str:
    """Return the title as people read it: `File:` and the name with spaces."""
    return "File:" + name.replace("_", " ")


def _from_url(url: str) -> str:
    address, _, fragment = url.partition("#")
    path, _, query = address.partition("?")
    asked = parse_qs(query).get("title", [])
    for place in (fragment, *(f"/{title}" for title in asked), path):
        for pattern in _IN_ADDRESS:
            if found := pattern.search(_unquoted(place)):
                return found["name"]
    raise ValueError(f"{url[:100]!r} is not the address of a file; expected one such as …/wiki/File:Cat.jpg")


def _unquoted(text: str) -> str:
    # No title can hold %XX, so where it stands it is an encoding.
    if not _PERCENT.search(text):
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError(f"{text[:100]!r} is percent-encoded in something other than UTF-8") from None


def _tidy(text: str) -> str:
    plain = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    name = _SPACES.sub("_", plain.strip())
    return name[_PREFIX.match(name).end() :].strip("_")  # type: ignore[union-attr] # matches even nothing


def _check(name: str, text: str) -> None:
    if not name:
        raise ValueError(f"{text[:100]!r} names no file; expected a title such as File:Cat.jpg")
    if found := _FORBIDDEN.search(name):
        raise ValueError(f"{text[:100]!r} cannot be a file's title: it must not hold {found[0]!r}")
    if _URL.match(name):
        raise ValueError(
            f"{text[:100]!r} is an address within an address; expected a title such as File:Cat.jpg"
        )
    if (size := len(name.encode())) > MAX_BYTES:
        raise ValueError(
            f"The title has {size} bytes in UTF-8; a file's has at most {MAX_BYTES}: {text[:100]!r}"
        )


def _capital(letter: str) -> str:
    """Capitalise as Wikimedia does: letter for letter, so `ß` stays."""
    if unicodedata.category(letter) != "Ll" or _ALWAYS_SMALL.match(letter):
        return letter
    # The title case of Greek letters with an iota beneath is one letter where the upper case is two.
    return next((form for form in (letter.upper(), letter.title()) if len(form) == 1), letter)
