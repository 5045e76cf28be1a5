"""Addresses of files and their thumbnails, as Wikimedia's file servers name them.

Thumbnails come in the fixed widths of `STEPS` only (https://www.mediawiki.org/wiki/Common_thumbnail_sizes);
any other is refused.
"""

from hashlib import md5
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import quote

COMMONS = "https://upload.wikimedia.org/wikipedia/commons"
STEPS = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)

# MediaWiki's abbrvThreshold: thumbnails of files with longer names are called "thumbnail".
_LONGEST_NAME = 160


class _Kind(NamedTuple):
    prefix: str = ""
    suffix: str = ""
    browsers_show: bool = True
    enlarged: bool = False


_KINDS = {
    "image/jpeg": _Kind(),
    "image/png": _Kind(),
    "image/gif": _Kind(),
    "image/webp": _Kind(suffix=".png"),
    "image/svg+xml": _Kind(suffix=".png", browsers_show=False, enlarged=True),
    "image/x-xcf": _Kind(suffix=".png", browsers_show=False),
    "image/tiff": _Kind("lossy-page1-", ".jpg", browsers_show=False),
    "application/pdf": _Kind("page1-", ".jpg", browsers_show=False, enlarged=True),
    "image/vnd.djvu": _Kind("page1-", ".jpg", browsers_show=False, enlarged=True),
}
_MIME_OF_SUFFIX = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jpe": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
    ".xcf": "image/x-xcf",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".pdf": "application/pdf",
    ".djvu": "image/vnd.djvu",
    ".djv": "image/vnd.djvu",
}


def step(width: int) -> int:
    """Round a width in pixels up to one that is served; above the largest, the largest."""
    return next((served for served in STEPS if served >= width), STEPS[-1])


def file_url(name: str, *, base: str = COMMONS) -> str:
    """Return the address of the original; `base` is the wiki's upload address, without a slash at its end."""
    return f"{base}/{_folder(name)}/{_quoted(name)}"


def thumbnail_url(
    name: str,
    width: int,
    *,
    mime: str | None = None,
    original_width: int | None = None,
    base: str = COMMONS,
) -> str | None:
    """Return the address of a picture of the file no narrower than `width` pixels, where there is one.

    That is the original where it is no wider than the thumbnail would be and browsers show it. Without
    `mime` the name's extension tells the type. None for files that have no thumbnail, such as sounds.
    """
    kind = _KINDS.get(mime or _MIME_OF_SUFFIX.get(_suffix(name), ""))
    if kind is None:
        return None
    served = step(width)
    if original_width and original_width <= served and not kind.enlarged:
        if kind.browsers_show:
            return file_url(name, base=base)
        served = max((narrower for narrower in STEPS if narrower <= original_width), default=STEPS[0])
    quoted = _quoted(name)
    short = f"thumbnail{_quoted(_suffix(name))}" if len(name.encode()) > _LONGEST_NAME else quoted
    thumb = f"{kind.prefix}{served}px-{short}{kind.suffix}"
    return f"{base}/thumb/{_folder(name)}/{quoted}/{thumb}"


def _folder(name: str) -> str:
    digest = md5(name.replace(" ", "_").encode(), usedforsecurity=False).hexdigest()
    return f"{digest[0]}/{digest[:2]}"


def _quoted(name: str) -> str:
    return quote(name.replace(" ", "_"), safe="")


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
