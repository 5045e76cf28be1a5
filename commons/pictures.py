"""From the bytes of a file to the one picture that is hashed.

The rule is the same everywhere, so that old rows, bots and structured data agree: the decoded
original up to 25 megapixels, beyond that reduced to 960 pixels of width; upright, as its EXIF
orientation says; transparency laid on white; 8 bits a channel, RGB or grey.
"""

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from PIL import (
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from commons.hashes import Hashes, hash_image

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".gif")
FULL_SIZE_PIXELS = 25_000_000
REDUCED_WIDTH = 960
MAX_PIXELS = 250_000_000

# With a gap of 3 a resize in two steps cannot be told from one in a single step (Pillow's documentation).
_GAP = 3.0
_JPEG_MAX_SIDE = 65_500
_JPEG_QUALITY = 85
_TIFF_SIGNED, _TIFF_WHITE_IS_ZERO = 2, 0

# WebP, GIF and tiled TIFF refuse what has more than twice as many. Set once, at import, since pictures are
# decoded in threads.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
# Photoshop compresses metadata beyond Pillow's 1 MB into PNGs that are otherwise sound.
PngImagePlugin.MAX_TEXT_CHUNK = 16 * 2**20
logging.getLogger("PIL").setLevel(logging.CRITICAL)

# Plugins are called by the file's first bytes rather than through Image.open, which would try others too,
# would say "cannot identify" whatever the matter is, and warns by a limit of its own.
_DECODERS: tuple[tuple[re.Pattern[bytes], str, type[ImageFile.ImageFile]], ...] = (
    # MPO too: JPEG pictures one after another, of which the first is shown.
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg", JpegImagePlugin.JpegImageFile),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png", PngImagePlugin.PngImageFile),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp", WebPImagePlugin.WebPImageFile),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "image/tiff", TiffImagePlugin.TiffImageFile),
    (re.compile(rb"GIF8[79]a"), "image/gif", GifImagePlugin.GifImageFile),
)

# https://www.cipa.jp/std/documents/download_e.html?DC-008-Translation-2023-E section 4.6.5.1.6
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = frozenset(_TURNS[orientation] for orientation in (5, 6, 7, 8))
_UNKNOWN_LAYOUT = re.compile("pixel mode|-layer images|-bit layers")


class Reason(StrEnum):
    """Why a picture cannot be hashed, or not even be had."""

    EMPTY = "empty"
    NOT_AN_IMAGE = "not-an-image"
    TRUNCATED = "truncated"
    BROKEN = "broken"
    TOO_LARGE = "too-large"
    COLOUR_SPACE = "colour-space"
    OUT_OF_MEMORY = "out-of-memory"
    UNREADABLE = "unreadable"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    NOT_FOUND = "not-found"
    FORBIDDEN = "forbidden"
    REFUSED = "refused"
    FOREIGN_ADDRESS = "foreign-address"
    UNEXPECTED_ANSWER = "unexpected-answer"
    RATE_LIMITED = "rate-limited"
    SERVER_ERROR = "server-error"
    CONNECTION = "connection"
    CUT_OFF = "cut-off"
    OTHER_VERSION = "other-version"
    NO_FILE = "no-file"
    SUPPRESSED = "suppressed"
    SOUND_OR_VIDEO = "sound-or-video"
    UNSUPPORTED_TYPE = "unsupported-type"
    NO_THUMBNAIL = "no-thumbnail"

    @property
    def transient(self) -> bool:
        """Whether the same file may well be hashed at another try."""
        return self in _TRANSIENT


_TRANSIENT = {
    Reason.OUT_OF_MEMORY,
    Reason.UNREADABLE,
    Reason.TIMEOUT,
    Reason.CRASHED,
    Reason.RATE_LIMITED,
    Reason.SERVER_ERROR,
    Reason.CONNECTION,
    Reason.CUT_OFF,
    Reason.OTHER_VERSION,
}


class Unhashable(Exception):  # noqa: N818 - named for what the picture is
    """A picture cannot be hashed: `reason` for programs, the text for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        # Both go to args, from which the exception is pickled on its way out of a worker process.
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return self.message


class Picture(NamedTuple):
    """A decoded picture, ready to hash.

    `image` is upright, opaque, RGB or L. `width` and `height` are the upright original's in pixels;
    `thumb_width` is the image's own width where it was reduced, None where it is the original.
    """

    image: Image.Image
    width: int
    height: int
    thumb_width: int | None
    mime: str


class HashedPicture(NamedTuple):
    """What is recorded of a picture: its hashes, and the sizes as in `Picture`."""

    hashes: Hashes
    width: int
    height: int
    thumb_width: int | None
    mime: str


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode the first frame of a JPEG, PNG, WebP, TIFF or GIF into what is hashed.

    A header that promises more than `max_pixels` (at most MAX_PIXELS) is refused before
    anything is decoded. Raises Unhashable, whatever is wrong with the data.
    """
    with _refusals():
        image, mime = _open(data, max_pixels)
        turn = _turn(image)
        width, height = _turned(image.size, turn)
        reduce = width * height > FULL_SIZE_PIXELS and width > REDUCED_WIDTH
        size = _scaled(width, height, REDUCED_WIDTH) if reduce else None
        return Picture(_prepare(image, turn, size), width, height, size and size[0], mime)


def hash_picture(data: bytes, *, max_pixels: int = MAX_PIXELS) -> HashedPicture:
    """Decode and hash the bytes of a file; raises Unhashable as `decode` does."""
    picture = decode(data, max_pixels=max_pixels)
    with _refusals():
        return HashedPicture(hash_image(picture.image), *picture[1:])


def thumbnail(data: bytes, width: int) -> bytes:
    """Make an upright, opaque JPEG at most `width` pixels wide; raises Unhashable as `decode` does."""
    with _refusals():
        image, _ = _open(data, MAX_PIXELS)
        turn = _turn(image)
        own_width, own_height = _turned(image.size, turn)
        size = _scaled(own_width, own_height, min(width, own_width))
        shown = io.BytesIO()
        _prepare(image, turn, size).save(shown, "JPEG", quality=_JPEG_QUALITY)
        return shown.getvalue()


def _scaled(width: int, height: int, new_width: int) -> tuple[int, int]:
    return new_width, min(max(1, round(height * new_width / width)), _JPEG_MAX_SIDE)


def _open(data: bytes, max_pixels: int) -> tuple[ImageFile.ImageFile, str]:
    if not data:
        raise Unhashable(Reason.EMPTY, "The file is empty.")
    for magic, mime, decoder in _DECODERS:
        if magic.match(data):
            return _opened(decoder, data, max_pixels), mime
    raise Unhashable(Reason.NOT_AN_IMAGE, "This is not a JPEG, PNG, WebP, TIFF or GIF file.")


def _opened(decoder: type[ImageFile.ImageFile], data: bytes, max_pixels: int) -> ImageFile.ImageFile:
    try:
        image = decoder(io.BytesIO(data))
        size = f"{image.width} x {image.height} pixels"
        if image.width * image.height <= max_pixels:
            return image
    except Image.DecompressionBombError:
        size = "too many pixels"
    raise Unhashable(Reason.TOO_LARGE, f"The picture has {size}; at most {max_pixels:,} are decoded.")


def _turn(image: ImageFile.ImageFile) -> Image.Transpose | None:
    """Tell how to turn the stored picture upright, whatever state its metadata is in."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if not isinstance(image.info.get("xmp"), bytes):
            image.info.pop("xmp", None)  # Pillow trips over damaged XMP
        image.load()  # turns TIFF, and no other format, upright
        return None
    if isinstance(image, PngImagePlugin.PngImageFile):
        image.load()  # metadata may follow the pixels, whose errors must not pass for bad metadata
    with contextlib.suppress(Exception):
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return None


def _turned(size: tuple[int, int], turn: Image.Transpose | None) -> tuple[int, int]:
    return (size[1], size[0]) if turn in _SIDEWAYS else size


def _prepare(
    image: ImageFile.ImageFile, turn: Image.Transpose | None, size: tuple[int, int] | None
) -> Image.Image:
    """Load, flatten, reduce to the upright `size` unless None, and turn upright."""
    stored = size and _turned(size, turn)
    if stored:
        image.draft(None, (int(stored[0] * _GAP), int(stored[1] * _GAP)))
    flat = _flatten(image)
    flat.info.clear()  # an orientation left there would be applied again by exif_transpose
    if stored and stored != flat.size:
        flat = flat.resize(stored, Image.Resampling.LANCZOS, reducing_gap=_GAP)
    return flat if turn is None else flat.transpose(turn)


def _flatten(image: ImageFile.ImageFile) -> Image.Image:
    """Bring the loaded first frame to opaque RGB or L."""
    image.load()
    if image.mode.startswith("I"):
        return _from_integers(image)
    if image.mode in {"F", "LAB"}:
        raise Unhashable(Reason.COLOUR_SPACE, f"Pictures in the colour space {image.mode} are not hashed.")
    if image.mode == "La":
        return _on_white(image.convert("LA").convert("RGBA"))
    if image.has_transparency_data:
        # Converting would copy, and the largest pictures take a gigabyte a copy.
        return _on_white(image if image.mode == "RGBA" else image.convert("RGBA"))
    mode = "L" if image.mode in {"1", "L"} else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _from_integers(image: ImageFile.ImageFile) -> Image.Image:
    """Scale grey of up to 32 bits to 8; Pillow's own conversion clips everything above 255 to white."""
    bits, signed, inverted = _sample_layout(image)
    samples = np.asarray(image)
    grey = (samples >> bits - 8).astype(np.uint8)
    if signed:
        grey ^= 0x80
    if inverted:
        grey ^= 0xFF
    if "transparency" in image.info:
        grey[samples == image.info["transparency"]] = 255
    return Image.fromarray(grey)


def _sample_layout(image: ImageFile.ImageFile) -> tuple[int, bool, bool]:
    """Return the bits of a grey sample, whether they are signed, and whether zero is white."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 16, False, False
    tags = image.tag_v2
    bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (16,))[0]
    signed = tags.get(TiffImagePlugin.SAMPLEFORMAT, (1,))[0] == _TIFF_SIGNED
    inverted = tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _TIFF_WHITE_IS_ZERO
    return bits, signed, inverted


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Turn whatever a decoder raises into Unhashable."""
    _silence_decoders()
    try:
        yield
    except Unhashable:
        raise
    except Exception as error:
        reason = _reason(error)
        raise Unhashable(reason, f"The picture cannot be decoded: {str(error) or reason}") from error


def _silence_decoders() -> None:
    # One more filter, for good: restoring filters, as warnings.catch_warnings does, is not safe in threads.
    ignored = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
    if tuple(warnings.filters[:1]) != (ignored,):
        warnings.filterwarnings("ignore", module=r"PIL\.")


def _reason(error: Exception) -> Reason:
    if isinstance(error, MemoryError):
        return Reason.OUT_OF_MEMORY
    if isinstance(error, Image.DecompressionBombError):
        return Reason.TOO_LARGE
    if _UNKNOWN_LAYOUT.search(str(error)):
        return Reason.COLOUR_SPACE
    if isinstance(error, EOFError) or "truncated" in str(error).lower():
        return Reason.TRUNCATED
    return Reason.BROKEN
