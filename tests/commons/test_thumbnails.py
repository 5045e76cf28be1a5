from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commons.thumbnails import COMMONS, STEPS, file_url, step, thumbnail_url

# Both as the live site links them.
TOUR = "Tour_Eiffel_Wikimedia_Commons.jpg"
TOUR_URL = "https://upload.wikimedia.org/wikipedia/commons/a/a8/Tour_Eiffel_Wikimedia_Commons.jpg"


@pytest.mark.parametrize(
    ("width", "served"), [(1, 20), (20, 20), (21, 40), (220, 250), (1024, 1280), (3840, 3840), (9999, 3840)]
)
def test_widths_are_rounded_up(width: int, served: int) -> None:
    assert served == step(width)


@given(st.integers(1, 3840))
def test_a_step_is_served_and_no_narrower(width: int) -> None:
    assert step(width) in STEPS
    assert step(width) >= width


def test_an_original_lies_by_the_md5_of_its_name() -> None:
    assert TOUR_URL == file_url(TOUR) == file_url(TOUR.replace("_", " "))


def test_names_are_percent_encoded_whole() -> None:
    url = file_url("A?b&c%d/é,(1)_'x'.jpg")
    assert url.endswith("/A%3Fb%26c%25d%2F%C3%A9%2C%281%29_%27x%27.jpg")
    assert unquote(url).endswith("/A?b&c%d/é,(1)_'x'.jpg")


@pytest.mark.parametrize(
    ("name", "mime", "expected"),
    [
        ("X.jpg", "image/jpeg", "330px-X.jpg"),
        ("X.JPG", None, "330px-X.JPG"),
        ("X.jpeg", None, "330px-X.jpeg"),
        ("X.png", "image/png", "330px-X.png"),
        ("X.gif", None, "330px-X.gif"),
        ("X.webp", "image/webp", "330px-X.webp.png"),
        ("X.svg", None, "330px-X.svg.png"),
        ("X.svg", "image/svg+xml", "330px-X.svg.png"),
        ("X.xcf", None, "330px-X.xcf.png"),
        ("X.tif", "image/tiff", "lossy-page1-330px-X.tif.jpg"),
        ("X.TIFF", None, "lossy-page1-330px-X.TIFF.jpg"),
        ("X.pdf", "application/pdf", "page1-330px-X.pdf.jpg"),
        ("X.djvu", "image/vnd.djvu", "page1-330px-X.djvu.jpg"),
    ],
)
def test_a_thumbnail_is_named_by_its_type(name: str, mime: str | None, expected: str) -> None:
    url = thumbnail_url(name, 300, mime=mime, original_width=4000)
    assert f"{COMMONS}/thumb/{file_url(name).removeprefix(COMMONS + '/')}/{expected}" == url


@pytest.mark.parametrize(
    ("name", "mime"),
    [
        ("X.ogg", "application/ogg"),
        ("X.webm", "video/webm"),
        ("X.mid", None),
        ("X", None),
        ("X.jpg", "text/x"),
    ],
)
def test_some_files_have_no_thumbnail(name: str, mime: str | None) -> None:
    assert thumbnail_url(name, 250, mime=mime, original_width=500) is None


@pytest.mark.parametrize("name", ["X.jpg", "X.png", "X.gif", "X.webp"])
@pytest.mark.parametrize(
    ("own", "original"), [(100, True), (249, True), (250, True), (251, False), (None, False)]
)
def test_a_small_picture_is_its_own_thumbnail(name: str, own: int | None, original: bool) -> None:
    url = thumbnail_url(name, 250, mime=None, original_width=own)
    assert url is not None
    assert original == (url == file_url(name))


@pytest.mark.parametrize(
    ("name", "own", "served"),
    [
        ("X.tif", 4000, 250),
        ("X.tif", 250, 250),
        ("X.tif", 249, 120),
        ("X.tif", 10, 20),
        ("X.xcf", 100, 60),
        ("X.svg", 100, 250),
        ("X.pdf", 100, 250),
    ],
)
def test_what_browsers_cannot_show_is_always_a_thumbnail(name: str, own: int, served: int) -> None:
    url = thumbnail_url(name, 250, mime=None, original_width=own)
    assert url is not None
    assert f"{served}px-" in url


def test_long_names_are_called_thumbnail() -> None:
    longest, longer = "ä" * 78 + ".jpg", "ä" * 79 + ".JPG"
    assert unquote(thumbnail_url(longest, 330) or "").endswith(f"/330px-{longest}")
    assert unquote(thumbnail_url(longer, 330) or "").endswith(f"/{longer}/330px-thumbnail.jpg")
    tiff = thumbnail_url("a" * 170 + ".tif", 330) or ""
    assert tiff.endswith("/lossy-page1-330px-thumbnail.tif.jpg")


def test_spaces_do_not_matter() -> None:
    assert thumbnail_url("A b.jpg", 250) == thumbnail_url("A_b.jpg", 250)


def test_another_wiki_has_another_address() -> None:
    base = "http://127.0.0.1:8080/images"
    path = file_url(TOUR).removeprefix(COMMONS)
    assert base + path == file_url(TOUR, base=base)
    assert f"{base}/thumb{path}/250px-{TOUR}" == thumbnail_url(TOUR, 250, base=base)
    assert base + path == thumbnail_url(TOUR, 250, original_width=9, base=base)
