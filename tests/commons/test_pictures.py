import io
import pickle
import struct
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

import commons.pictures
from commons.hashes import low_information
from commons.pictures import (
    FULL_SIZE_PIXELS,
    SUFFIXES,
    HashedPicture,
    Picture,
    Reason,
    Unhashable,
    decode,
    hash_picture,
    thumbnail,
)

Encode = Callable[..., bytes]
HOPPER = (0x8C977C0983CE9E8D, 0x71B676D1D6333194)

# What becomes of each of Pillow's test images: its size and type, or why it cannot be hashed.
FORMATS: dict[str, tuple[int, int, str] | Reason] = {
    "16_bit_noise.tif": (32, 32, "image/tiff"),
    "LICENSE-Pillow-MIT-CMU": Reason.NOT_AN_IMAGE,
    "badwidth.bmp": Reason.NOT_AN_IMAGE,
    "bridge_CMYK.jpg": (1600, 1004, "image/jpeg"),
    "broken_data_stream.png": Reason.BROKEN,
    "crash-0c7e0e8e11ce787078f00b5b0ca409a167f070e0.tif": Reason.BROKEN,
    "crash-2020-10-test.tif": Reason.BROKEN,
    "decompression_bomb.gif": Reason.TOO_LARGE,
    "decompression_bomb.ico": Reason.NOT_AN_IMAGE,
    "empty_gps_ifd.jpg": (10, 10, "image/jpeg"),
    "exif_imagemagick_orientation.png": (512, 512, "image/png"),
    "frozenpond.mpo": (640, 480, "image/jpeg"),
    "g4-multi.tiff": (3307, 4677, "image/tiff"),
    "hopper.Lab.tif": Reason.COLOUR_SPACE,
    "hopper.tif": (128, 128, "image/tiff"),
    "hopper.webp": (128, 128, "image/webp"),
    "hopper_16bit_qtables.jpg": (128, 128, "image/jpeg"),
    "hopper_bad_exif.jpg": (500, 500, "image/jpeg"),
    "hopper_gray_4bpp.tif": (128, 128, "image/tiff"),
    "hopper_idat_after_image_end.png": (128, 128, "image/png"),
    "hopper_orientation_6.jpg": (128, 128, "image/jpeg"),
    "hopper_orientation_6.webp": (128, 128, "image/webp"),
    "i_trns.png": (64, 64, "image/png"),
    "invalid-exif.jpg": (200, 200, "image/jpeg"),
    "iss634.webp": (245, 245, "image/webp"),
    "l_trns.png": (64, 64, "image/png"),
    "lab-red.tif": Reason.COLOUR_SPACE,
    "missing_background.gif": (32, 32, "image/gif"),
    "multipage-mmap.tiff": (10, 10, "image/tiff"),
    "multipage.tiff": (10, 10, "image/tiff"),
    "multipage_out_of_order.tiff": (10, 10, "image/tiff"),
    "p_trns_single.png": (64, 64, "image/png"),
    "pil_sample_cmyk.jpg": (100, 100, "image/jpeg"),
    "reallybig.bmp": Reason.NOT_AN_IMAGE,
    "tiff_strip_cmyk_jpeg.tif": (100, 100, "image/tiff"),
    "total-pages-zero.tif": (1728, 2156, "image/tiff"),
    "transparent.png": (200, 150, "image/png"),
    "transparent.webp": (200, 150, "image/webp"),
    "truncated_end_chunk.png": Reason.TRUNCATED,
    "truncated_image.png": Reason.TRUNCATED,
    "truncated_jpeg.jpg": Reason.TRUNCATED,
    "uint16_1_4660.tif": (10, 10, "image/tiff"),
    "zero_width.gif": Reason.BROKEN,
}


def pixels(picture: Picture) -> np.ndarray:
    return np.asarray(picture.image)


def distance(one: HashedPicture, other: HashedPicture) -> int:
    return sum((a ^ b).bit_count() for a, b in zip(one.hashes, other.hashes, strict=True))


def grey_tiff(
    samples: bytes, width: int, bits: int, *, photometric: int = 1, sample_format: int = 1
) -> bytes:
    """One uncompressed row of grey, little-endian, in layouts that Pillow does not write."""
    offset = 8 + len(samples)
    tags = {
        256: width,
        257: 1,
        258: bits,
        259: 1,
        262: photometric,
        273: 8,
        277: 1,
        278: 1,
        279: len(samples),
    }
    return _tiff(samples, offset, tags | {339: sample_format})


def _tiff(samples: bytes, offset: int, tags: dict[int, int]) -> bytes:
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<I", offset) + samples + struct.pack("<H", len(tags)) + entries + bytes(4)


def _palette_image(index: int) -> Image.Image:
    image = Image.new("P", (4, 4), index)
    image.putpalette([0, 0, 0, 90, 0, 0, 0, 90, 0, 0, 0, 90])
    return image


def test_every_format_is_accounted_for(photos: Path) -> None:
    assert set(FORMATS) == {file.name for file in (photos / "formats").iterdir()}


@pytest.mark.parametrize("name", FORMATS)
def test_format(photos: Path, name: str) -> None:
    data = (photos / "formats" / name).read_bytes()
    expected = FORMATS[name]
    if isinstance(expected, Reason):
        with pytest.raises(Unhashable) as refused:
            hash_picture(data)
        assert expected == refused.value.reason
        assert not expected.transient
    else:
        hashed = hash_picture(data)
        assert expected == (hashed.width, hashed.height, hashed.mime)
        assert hashed.thumb_width is None
        assert decode(data).image.mode in {"RGB", "L"}


def test_plain_jpegs_hash_as_imagehash_does(photos: Path) -> None:
    files = sorted((photos / "commons100").glob("*.jpg"))
    assert len(files) == 100
    for file in files:
        with Image.open(file) as image:
            assert image.mode in {"RGB", "L"}
            expected = (imagehash.phash(image), imagehash.dhash(image))
            size = image.size
        hashed = hash_picture(file.read_bytes())
        assert tuple(int(str(h), 16) for h in expected) == hashed.hashes, file
        assert size == (hashed.width, hashed.height)


def test_flags_have_little_information(photos: Path) -> None:
    plain = {"am", "at", "be", "de", "fr", "id", "ie", "it", "lu", "lv", "mc", "nl", "pl", "ro"}
    found = {}
    for file in sorted((photos / "flags").glob("*_1000.png")):
        found[file.stem[:2]] = low_information(*hash_picture(file.read_bytes()).hashes)
    assert {name for name in plain if found[name]} == plain
    assert {"au", "no", "nz"} == {name for name in ("au", "no", "nz") if not found[name]}


@pytest.mark.parametrize("orientation", range(9))
def test_every_orientation_is_turned_upright(photos: Path, orientation: int) -> None:
    upright = hash_picture((photos / "exif/Portrait_1.jpg").read_bytes())
    hashed = hash_picture((photos / f"exif/Portrait_{orientation}.jpg").read_bytes())
    assert (upright.width, upright.height) == (hashed.width, hashed.height)
    assert distance(upright, hashed) <= 4


def test_an_upright_picture_is_not_turned_again(photos: Path) -> None:
    image = decode((photos / "exif/Portrait_6.jpg").read_bytes()).image
    assert ImageOps.exif_transpose(image).size == image.size


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_counts_in_every_format(encode: Encode, kind: str, orientation: int) -> None:
    stored = Image.new("RGB", (64, 32))
    stored.paste("red", (0, 0, 32, 16))
    stored.paste("blue", (32, 16, 64, 32))
    exif = Image.Exif()
    exif[274] = orientation
    picture = decode(encode(stored, kind, exif=exif))
    upright = np.asarray(ImageOps.exif_transpose(_with_exif(stored, exif))).astype(int)
    assert upright.shape[:2] == (picture.height, picture.width) == pixels(picture).shape[:2]
    assert np.abs(upright - pixels(picture)).mean() < 12


def _with_exif(image: Image.Image, exif: Image.Exif) -> Image.Image:
    image.getexif()[274] = exif[274]
    return image


@pytest.mark.parametrize("name", ["hopper_orientation_6.jpg", "hopper_orientation_6.webp"])
def test_real_files_are_turned(photos: Path, name: str) -> None:
    upright = hash_picture((photos / "formats/hopper.tif").read_bytes())
    assert distance(upright, hash_picture((photos / "formats" / name).read_bytes())) <= 4


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_exif_never_costs_the_picture(data: st.DataObject) -> None:
    file, start, end = _jpeg_with_exif()
    position = st.integers(start, end - 1)
    for at, value in data.draw(st.lists(st.tuples(position, st.integers(0, 255)), max_size=20)):
        file[at] = value
    assert sorted((decode(bytes(file)).width, decode(bytes(file)).height)) == [32, 48]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0"])
def test_nonsense_for_exif_never_costs_the_picture(encode: Encode, kind: str, exif: bytes) -> None:
    assert decode(encode(Image.new("RGB", (48, 32)), kind, exif=exif)).image.size == (48, 32)


def _jpeg_with_exif() -> tuple[bytearray, int, int]:
    exif = Image.Exif()
    exif.update({274: 6, 282: 72.0, 283: 72.0, 296: 2, 315: "A. Photographer"})
    exif.get_ifd(0x8769).update({0x9003: "2020:01:01 00:00:00", 37386: 3.5})
    file = io.BytesIO()
    Image.new("RGB", (48, 32), "teal").save(file, "JPEG", exif=exif)
    start = file.getvalue().index(b"Exif\0\0") + 6
    return bytearray(file.getvalue()), start, start + len(exif.tobytes()) - 6


@pytest.mark.parametrize("tag", [700, 34665, 34853, 40965])
@pytest.mark.parametrize("pointer", [0, 1, 50, 2**31, 2**32 - 1])
def test_damaged_metadata_never_costs_a_tiff(tag: int, pointer: int) -> None:
    tags = {256: 4, 257: 2, 258: 8, 259: 1, 262: 1, 273: 8, 274: 6, 277: 1, 278: 2, 279: 8, tag: pointer}
    picture = decode(_tiff(bytes(range(0, 80, 10)), 16, dict(sorted(tags.items()))))
    assert (2, 4) == (picture.width, picture.height) == picture.image.size


@pytest.mark.parametrize("name", ["transparent.png", "transparent.webp"])
def test_transparency_is_laid_on_white(photos: Path, name: str) -> None:
    file = photos / "formats" / name
    found = pixels(decode(file.read_bytes())).astype(int)
    with Image.open(file) as image:
        colour, alpha = np.split(np.asarray(image.convert("RGBA")).astype(int), [3], axis=2)
    assert (alpha == 0).any()
    assert (found[alpha[..., 0] == 0] == 255).all()
    assert np.abs(found - (colour * alpha + 255 * (255 - alpha)) / 255).max() <= 1


@pytest.mark.parametrize(
    ("image", "kind", "options"),
    [
        (Image.new("RGBA", (4, 4), (10, 20, 30, 0)), "PNG", {}),
        (Image.new("LA", (4, 4), (10, 0)), "PNG", {}),
        (Image.new("RGBA", (4, 4), (10, 20, 30, 0)), "TIFF", {}),
        (Image.new("RGBA", (4, 4), (10, 20, 30, 0)), "WEBP", {"lossless": True}),
        (Image.new("RGB", (4, 4), (10, 20, 30)), "PNG", {"transparency": (10, 20, 30)}),
        (Image.new("L", (4, 4), 7), "PNG", {"transparency": 7}),
        (Image.new("1", (4, 4), 0), "PNG", {"transparency": 0}),
        (_palette_image(3), "PNG", {"transparency": 3}),
        (_palette_image(1), "PNG", {"transparency": bytes([255, 0, 128])}),
        (_palette_image(3), "GIF", {"transparency": 3}),
        (Image.fromarray(np.full((4, 4), 500, np.uint16)), "PNG", {"transparency": 500}),
    ],
)
def test_every_kind_of_transparency_is_white(
    encode: Encode, image: Image.Image, kind: str, options: dict[str, object]
) -> None:
    assert (pixels(decode(encode(image, kind, **options))) == 255).all()


def test_premultiplied_grey_is_laid_on_white(encode: Encode) -> None:
    data = encode(Image.new("LA", (4, 4), (100, 128)), "TIFF")
    kind_of_alpha = struct.Struct("<HHIH")
    premultiplied = data.replace(kind_of_alpha.pack(338, 3, 1, 2), kind_of_alpha.pack(338, 3, 1, 1))
    assert data != premultiplied
    assert abs(int(pixels(decode(premultiplied))[0, 0, 0]) - (100 + 255 - 128)) <= 1


def test_half_transparent_is_half_white(encode: Encode) -> None:
    picture = decode(encode(Image.new("RGBA", (2, 2), (255, 0, 0, 128)), "PNG"))
    assert pixels(picture)[0, 0].tolist() == [255, 127, 127]


def test_holes_in_real_pngs_are_white(photos: Path) -> None:
    for name in ("p_trns_single.png", "l_trns.png", "i_trns.png"):
        found = pixels(decode((photos / "formats" / name).read_bytes()))
        assert (found[32, 32] == 255).all(), name


def test_cmyk_becomes_the_colours_people_see(photos: Path) -> None:
    for name in ("pil_sample_cmyk.jpg", "tiff_strip_cmyk_jpeg.tif"):
        red, green, blue = pixels(decode((photos / "formats" / name).read_bytes()))[2, 2]
        assert red > 200, name
        assert max(green, blue) < 60, name


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_scaled_not_clipped(encode: Encode, dtype: str, kind: str) -> None:
    ramp = np.arange(0, 65536, 64, dtype=dtype).reshape(32, 32)
    found = pixels(decode(encode(Image.fromarray(ramp), kind)))
    assert found.dtype == np.uint8
    assert (ramp >> 8).tolist() == found.tolist()


@pytest.mark.parametrize(
    ("samples", "bits", "layout", "expected"),
    [
        (struct.pack("<3H", 0, 0x8000, 0xFFFF), 16, {}, [0, 128, 255]),
        (struct.pack("<3H", 0, 0x8000, 0xFFFF), 16, {"photometric": 0}, [255, 127, 0]),
        (struct.pack("<3h", -(2**15), 0, 2**15 - 1), 16, {"sample_format": 2}, [0, 128, 255]),
        (struct.pack("<3I", 0, 2**31, 2**32 - 1), 32, {}, [0, 128, 255]),
        (struct.pack("<3i", -(2**31), 0, 2**31 - 1), 32, {"sample_format": 2}, [0, 128, 255]),
        (bytes.fromhex("000800fff0"), 12, {}, [0, 128, 255]),
    ],
)
def test_grey_of_any_depth_is_scaled(
    samples: bytes, bits: int, layout: dict[str, int], expected: list[int]
) -> None:
    assert [expected] == pixels(decode(grey_tiff(samples, 3, bits, **layout))).tolist()


def test_floating_point_is_refused(encode: Encode) -> None:
    with pytest.raises(Unhashable, match="colour space F are not hashed") as refused:
        decode(encode(Image.new("F", (4, 4)), "TIFF"))
    assert Reason.COLOUR_SPACE is refused.value.reason


def test_an_unknown_layout_is_a_matter_of_colour_space() -> None:
    with pytest.raises(Unhashable) as refused:
        decode(grey_tiff(bytes(3), 3, 7))
    assert Reason.COLOUR_SPACE is refused.value.reason


def test_the_first_frame_is_hashed(encode: Encode) -> None:
    first = Image.radial_gradient("L").resize((200, 160), box=(0, 0, 200, 90))
    alone = hash_picture(encode(first, "PNG"))
    for kind in ("GIF", "TIFF", "PNG", "MPO"):
        moving = hash_picture(encode(first, kind, save_all=True, append_images=[ImageOps.invert(first)]))
        assert distance(alone, moving) <= 8, kind


def test_beyond_25_megapixels_960_pixels_are_hashed(photos: Path, encode: Encode) -> None:
    with Image.open(photos / "commons100/peacock.jpg") as photo:
        big = photo.resize((6000, 4200))
        reduced = photo.resize((960, 672))
    reference = hash_picture(encode(reduced, "PNG"))
    for kind in ("JPEG", "PNG"):
        picture = decode(encode(big, kind, **({"compress_level": 1} if kind == "PNG" else {"quality": 90})))
        assert picture[1:4] == (6000, 4200, 960)
        assert picture.image.size == (960, 672)
        hashed = hash_picture(encode(picture.image, "PNG"))
        assert distance(reference, hashed) <= 4, kind


@pytest.mark.parametrize("orientation", [1, 6])
def test_it_is_the_upright_width_that_becomes_960(encode: Encode, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    picture = decode(encode(Image.new("L", (5200, 5000)), "JPEG", exif=exif))
    upright = (5200, 5000) if orientation == 1 else (5000, 5200)
    assert (*upright, 960) == picture[1:4]
    assert (960, round(960 * upright[1] / upright[0])) == picture.image.size


def test_exactly_25_megapixels_are_hashed_whole(encode: Encode) -> None:
    picture = decode(encode(Image.new("L", (5000, 5000)), "PNG"))
    assert picture.width * picture.height == FULL_SIZE_PIXELS
    assert picture.thumb_width is None


def test_a_narrow_giant_is_not_enlarged(encode: Encode) -> None:
    picture = decode(encode(Image.new("1", (500, 60_000)), "PNG"))
    assert picture[1:4] == (500, 60_000, None)


def test_a_bomb_is_refused_by_its_header(encode: Encode) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "GIF"):
        data = encode(Image.new("L", (20, 10)), kind)
        assert decode(data, max_pixels=200).width == 20
        with pytest.raises(Unhashable, match="20 x 10 pixels; at most 199 are decoded") as refused:
            decode(data, max_pixels=199)
        assert Reason.TOO_LARGE is refused.value.reason


def test_the_default_bound_is_250_megapixels() -> None:
    def header(width: int) -> bytes:
        size = struct.pack(">II", width, 10_000)
        chunk = b"IHDR" + size + bytes([8, 0, 0, 0, 0])
        return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", _crc(chunk)) + _IDAT

    with pytest.raises(Unhashable) as within:
        decode(header(25_000))
    assert Reason.TRUNCATED is within.value.reason
    with pytest.raises(Unhashable) as beyond:
        decode(header(25_001))
    assert Reason.TOO_LARGE is beyond.value.reason


@pytest.mark.parametrize("height", [10_001, 40_000])
def test_what_a_decoder_itself_refuses_is_told_by_the_same_bound(height: int) -> None:
    def side(pixels: int) -> bytes:
        return struct.pack("<I", pixels - 1)[:3]

    canvas = b"VP8X" + struct.pack("<II", 10, 0) + side(25_000) + side(height)
    webp = b"RIFF" + struct.pack("<I", len(canvas) + 4) + b"WEBP" + canvas
    for bounds, most in (({}, "250,000,000"), ({"max_pixels": 64_000_000}, "64,000,000")):
        with pytest.raises(Unhashable, match=f"too many pixels; at most {most} are decoded") as refused:
            decode(webp, **bounds)
        assert Reason.TOO_LARGE is refused.value.reason


_IDAT = struct.pack(">I", 1000) + b"IDAT"


def _crc(chunk: bytes) -> int:
    return zlib.crc32(chunk)


def test_nothing_is_empty() -> None:
    with pytest.raises(Unhashable, match="empty") as refused:
        decode(b"")
    assert Reason.EMPTY is refused.value.reason


@pytest.mark.parametrize("data", [b"%!PS-Adobe-3.0 EPSF-3.0\n", b"BM", b"<svg/>", b"\0", b"RIFF1234WAVE"])
def test_other_formats_are_never_tried(data: bytes) -> None:
    with pytest.raises(Unhashable, match="not a JPEG, PNG, WebP, TIFF or GIF") as refused:
        decode(data)
    assert Reason.NOT_AN_IMAGE is refused.value.reason


@cache
def _samples() -> tuple[bytes, ...]:
    photo = Image.radial_gradient("L").convert("RGB").resize((48, 40))
    files = []
    for kind, options in (
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("GIF", {}),
    ):
        file = io.BytesIO()
        photo.save(file, kind, **options)
        files.append(file.getvalue())
    return tuple(files)


def test_truncated_files_are_refused_or_whole() -> None:
    for data in _samples():
        for length in range(0, len(data) - 16, max(1, len(data) // 60)):
            with pytest.raises(Unhashable) as refused:
                hash_picture(data[:length])
            assert str(refused.value)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_files_raise_nothing_but_unhashable(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(_samples())))
    position = st.integers(0, len(file) - 1)
    for at, value in data.draw(st.lists(st.tuples(position, st.integers(0, 255)), min_size=1, max_size=8)):
        file[at] = value
    first, last = sorted((data.draw(position), data.draw(position)))
    file[first:last] = file[first:last] * data.draw(st.sampled_from([1, 0, 2]))
    try:
        picture = decode(bytes(file), max_pixels=1_000_000)
    except Unhashable:
        return
    assert picture.image.mode in {"RGB", "L"}


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"II*\0", b"MM\0*", b"GIF89a"]
    ),
    st.binary(max_size=200),
)
def test_noise_raises_nothing_but_unhashable(magic: bytes, noise: bytes) -> None:
    with pytest.raises(Unhashable) as refused:
        decode(magic + noise, max_pixels=1_000_000)
    assert not refused.value.reason.transient


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), Reason.OUT_OF_MEMORY),
        (EOFError(), Reason.TRUNCATED),
        (OSError("image file is truncated"), Reason.TRUNCATED),
        (RuntimeError("no"), Reason.BROKEN),
        (OverflowError("no"), Reason.BROKEN),
        (SyntaxError("cannot handle 5-layer images"), Reason.COLOUR_SPACE),
        (Image.DecompressionBombError("no"), Reason.TOO_LARGE),
    ],
)
def test_whatever_a_decoder_raises_has_a_reason(
    monkeypatch: pytest.MonkeyPatch, encode: Encode, error: Exception, reason: Reason
) -> None:
    def fail(_image: object) -> None:
        raise error

    monkeypatch.setattr(commons.pictures, "_flatten", fail)
    with pytest.raises(Unhashable) as refused:
        decode(encode(Image.new("L", (4, 4)), "PNG"))
    assert reason is refused.value.reason
    assert str(refused.value) == f"The picture cannot be decoded: {str(error) or reason}"


def test_only_accidents_are_transient() -> None:
    of_the_machine = {"out-of-memory", "unreadable", "timeout", "crashed"}
    of_the_network = {"rate-limited", "server-error", "connection", "cut-off", "other-version"}
    assert of_the_machine | of_the_network == {reason for reason in Reason if reason.transient}


def test_unhashable_survives_the_way_between_processes() -> None:
    copy = pickle.loads(pickle.dumps(Unhashable(Reason.BROKEN, "The picture is broken.")))  # noqa: S301
    assert Reason.BROKEN is copy.reason
    assert str(copy) == "The picture is broken." == copy.message


def test_decoders_warnings_stay_inside(photos: Path) -> None:
    names = ("hopper_bad_exif.jpg", "decompression_bomb.gif", "crash-2020-10-test.tif")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name in names:
            try:
                decode((photos / "formats" / name).read_bytes())
            except Unhashable:
                continue
    assert caught == []


def test_threads_do_not_disturb_one_another(photos: Path) -> None:
    files = [
        file.read_bytes() for file in sorted((photos / "formats").glob("hopper*")) if "Lab" not in file.name
    ]
    alone = [hash_picture(data) for data in files]
    with ThreadPoolExecutor(4) as pool:
        assert alone * 4 == list(pool.map(hash_picture, files * 4))


def test_a_thumbnail_is_upright_opaque_and_no_wider_than_asked(photos: Path) -> None:
    for name in ("exif/Portrait_6.jpg", "formats/transparent.png", "formats/16_bit_noise.tif"):
        data = (photos / name).read_bytes()
        original = decode(data)
        with Image.open(io.BytesIO(thumbnail(data, 120))) as shown:
            assert shown.format == "JPEG"
            assert min(120, original.width) == shown.width
            assert abs(shown.height - shown.width * original.height / original.width) <= 1
            assert 274 not in shown.getexif()
    assert distance(hash_picture(thumbnail((photos / "exif/Portrait_6.jpg").read_bytes(), 500)),
                    hash_picture((photos / "exif/Portrait_1.jpg").read_bytes())) <= 6  # fmt: skip


def test_a_small_picture_s_thumbnail_has_its_own_size(encode: Encode) -> None:
    with Image.open(io.BytesIO(thumbnail(encode(Image.new("RGB", (30, 20)), "PNG"), 250))) as shown:
        assert shown.size == (30, 20)


def test_a_thumbnail_is_never_taller_than_jpeg_can_be(encode: Encode) -> None:
    with Image.open(io.BytesIO(thumbnail(encode(Image.new("1", (10, 70_000)), "PNG"), 250))) as shown:
        assert shown.size == (10, 65_500)


def test_a_thumbnail_of_nonsense_is_refused() -> None:
    with pytest.raises(Unhashable):
        thumbnail(b"nonsense", 250)


def test_suffixes_are_lower_case_and_complete(photos: Path) -> None:
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in SUFFIXES)
    hashable = {Path(name).suffix for name, found in FORMATS.items() if not isinstance(found, Reason)}
    assert hashable - {".mpo"} <= set(SUFFIXES)
    assert not {".bmp", ".ico", ".eps", ".svg", ".pdf"} & set(SUFFIXES)
