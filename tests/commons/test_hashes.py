import re
from pathlib import Path

import imagehash
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from commons.hashes import (
    Hashes,
    check_hash,
    format_hex,
    hash_image,
    library_versions,
    low_information,
    parse_hex,
)

HASHES = st.integers(min_value=0, max_value=2**64 - 1)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_bits_are_imagehash_s(photos: Path, mode: str) -> None:
    for name in ("rose_bouquet", "skiers", "tablet"):
        with Image.open(photos / f"commons100/{name}.jpg") as original:
            image = original.convert(mode)
        expected = tuple(int(str(h(image)), 16) for h in (imagehash.phash, imagehash.dhash))
        assert expected == hash_image(image)


def test_a_known_photo_has_its_known_hashes(photos: Path) -> None:
    with Image.open(photos / "formats/hopper.tif") as hopper:
        assert Hashes(0x8C977C0983CE9E8D, 0x71B676D1D6333194) == hash_image(hopper)


@pytest.mark.parametrize("colour", ["white", "red", "#808080", "#010101"])
def test_solid_colours_share_one_hash_and_say_so(colour: str) -> None:
    solid = hash_image(Image.new("RGB", (40, 30), colour))
    assert Hashes(0x8000000000000000, 0) == solid
    assert low_information(*solid)


def test_black_says_so_too() -> None:
    assert hash_image(Image.new("L", (40, 30))) == (0, 0)
    assert low_information(0, 0)


@given(HASHES)
def test_what_is_written_reads_back(value: int) -> None:
    text = format_hex(value)
    assert re.fullmatch("[0-9a-f]{16}", text)
    assert value == parse_hex(text) == parse_hex("0x" + text) == parse_hex("0X" + text.upper())
    assert value == check_hash(value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("abc", "'abc' has 3 hexadecimal digits; a hash has 16"),
        ("f", "'f' has 1 hexadecimal digit; a hash has 16"),
        ("", "'' has 0 hexadecimal digits; a hash has 16"),
        ("0x", "'0x' has 0 hexadecimal digits"),
        ("0123456789abcdef0", "has 17 hexadecimal digits"),
        ("0123456789abcdeg", "is not hexadecimal"),
        ("-123456789abcdef", "is not hexadecimal"),
        ("0123_4567_89ab_c", "is not hexadecimal"),
        (" 123456789abcdef", "is not hexadecimal"),
        ("0123456789abcdef\n", "is not hexadecimal"),
        ("٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥", "is not hexadecimal"),
        ("0x0x0123456789abcdef", "is not hexadecimal"),
    ],
)
def test_anything_but_16_digits_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        parse_hex(text)


@pytest.mark.parametrize("value", [-1, 2**64, -(2**63)])
def test_numbers_beyond_64_bits_are_refused(value: int) -> None:
    with pytest.raises(ValueError, match=f"{value} is not a hash; a hash is from 0 to 18446744073709551615"):
        check_hash(value)
    with pytest.raises(ValueError, match="is not a hash"):
        format_hex(value)


@pytest.mark.parametrize(
    ("phash_ones", "dhash_ones", "low"),
    [
        (32, 30, False),
        (31, 30, True),
        (33, 30, True),
        (32, 3, True),
        (32, 4, False),
        (32, 60, False),
        (32, 61, True),
        (1, 0, True),
    ],
)
def test_low_information_counts_ones(phash_ones: int, dhash_ones: int, low: bool) -> None:
    assert low == low_information((1 << phash_ones) - 1, (1 << dhash_ones) - 1)


def test_library_versions_name_both() -> None:
    assert re.fullmatch(r"imagehash \d+\.\d+\S*, pillow \d+\.\d+\S*", library_versions())
