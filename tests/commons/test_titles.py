import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commons.titles import display, normalise


@pytest.mark.parametrize(
    "text",
    [
        "Cat on a mat.jpg",
        "Cat_on_a_mat.jpg",
        "cat on a mat.jpg",
        "File:Cat on a mat.jpg",
        "file:cat on a mat.jpg",
        "FILE:Cat_on_a_mat.jpg",
        "Image:Cat on a mat.jpg",
        "image : cat on a mat.jpg",
        ":File:Cat on a mat.jpg",
        " _File_:_Cat   on__a _mat.jpg_ ",
        "File:File:Cat on a mat.jpg",
        "\tCat on a mat.jpg\n",
        "\u200eCat on a mat.jpg\u200f",
        "Cat\u00a0on\u2003a\u3000mat.jpg",
        "Cat%20on_a%20mat.jpg",
        "Cat&#32;on&nbsp;a mat.jpg",
        "https://commons.wikimedia.org/wiki/File:Cat_on_a_mat.jpg",
        "http://commons.wikimedia.org/wiki/File:Cat_on_a_mat.jpg#filelinks",
        "//commons.wikimedia.org/wiki/File:Cat_on_a_mat.jpg?uselang=fi",
        "commons.wikimedia.org/wiki/File:Cat_on_a_mat.jpg",
        "https://commons.m.wikimedia.org/wiki/File:Cat%20on%20a%20mat.jpg",
        "https://commons.wikimedia.org/wiki/File%3ACat_on_a_mat.jpg",
        "https://commons.wikimedia.org/w/index.php?title=File:Cat+on_a_mat.jpg&action=history",
        "https://commons.wikimedia.org/wiki/Special:FilePath/Cat on a mat.jpg?width=300",
        "https://commons.wikimedia.org/wiki/Special:Redirect/file/Cat_on_a_mat.jpg",
        "https://fi.wikipedia.org/wiki/Kissa#/media/File:Cat_on_a_mat.jpg",
        "https://en.wikipedia.org/wiki/Image:Cat_on_a_mat.jpg",
        "https://upload.wikimedia.org/wikipedia/commons/a/ab/Cat_on_a_mat.jpg",
        "https://upload.wikimedia.org/wikipedia/commons/a/ab/Cat_on_a_mat.jpg?download",
        "https://upload.wikimedia.org/wikipedia/commons/thumb/a/ab/Cat_on_a_mat.jpg/330px-Cat_on_a_mat.jpg",
        "https://thumb.wikimedia.org/wikipedia/commons/thumb/a/ab/Cat_on_a_mat.jpg/960px-Cat.jpg?utm_source=x",
        "https://upload.wikimedia.org/wikipedia/commons/archive/a/ab/20240102030405%21Cat_on_a_mat.jpg",
    ],
)
def test_one_file_in_every_form(text: str) -> None:
    assert normalise(text) == "Cat_on_a_mat.jpg"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My File:name.jpg", "My_File:name.jpg"),
        ("Profile:x.jpg", "Profile:x.jpg"),
        ("Images.jpg", "Images.jpg"),
        ("100% wool.jpg", "100%_wool.jpg"),
        ("100%25 wool.jpg", "100%_wool.jpg"),
        ("Tom & Jerry.jpg", "Tom_&_Jerry.jpg"),
        ("Tom &amp; Jerry.jpg", "Tom_&_Jerry.jpg"),
        ("https://commons.wikimedia.org/wiki/File:A%3Fb%26c+d.jpg", "A?b&c+d.jpg"),
        ("https://upload.wikimedia.org/wikipedia/commons/1/1c/%C3%84iti.jpg", "Äiti.jpg"),
        ("A\u0308iti.jpg", "Äiti.jpg"),
        ("äiti.jpg", "Äiti.jpg"),
        ("éa.jpg", "Éa.jpg"),
        ("дом.jpg", "Дом.jpg"),
        ("ßa.jpg", "ßa.jpg"),
        ("ŉa.jpg", "ŉa.jpg"),
        ("ﬁa.jpg", "ﬁa.jpg"),
        ("ǆa.jpg", "Ǆa.jpg"),
        ("ǅa.jpg", "ǅa.jpg"),
        ("ᾳa.jpg", "ᾼa.jpg"),
        ("ბათუმი.jpg", "ბათუმი.jpg"),
        ("ⅷa.jpg", "ⅷa.jpg"),
        ("ⓐa.jpg", "ⓐa.jpg"),
        ("日本.jpg", "日本.jpg"),
        ("folder/photo.jpg", "Folder/photo.jpg"),
        ("...and more.jpg", "...and_more.jpg"),
        ("a" * 240, "A" + "a" * 239),
    ],
)
def test_what_a_title_becomes(text: str, expected: str) -> None:
    assert expected == normalise(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "names no file"),
        ("  _ ", "names no file"),
        ("File:", "names no file"),
        ("File: _", "names no file"),
        ("https://commons.wikimedia.org/wiki/File:", "names no file"),
        ("[[File:X.jpg]]", "must not hold '['"),
        ("X.jpg#history", "must not hold '#'"),
        ("X<b>.jpg", "must not hold '<'"),
        ("X|thumb.jpg", "must not hold '|'"),
        ("X{1}.jpg", "must not hold '{'"),
        ("X\ty.jpg", r"must not hold '\t'"),
        ("X\x7f.jpg", r"must not hold '\x7f'"),
        ("X\ufffd.jpg", "must not hold"),
        ("X\ud800.jpg", r"must not hold '\ud800'"),
        ("X%2541.jpg", "must not hold '%41'"),
        ("X&amp;amp;.jpg", "must not hold '&amp;'"),
        ("X~~~.jpg", "must not hold '~~~'"),
        ("..", "must not hold '..'"),
        ("a/../b.jpg", "must not hold '/..'"),
        ("X%ff.jpg", "other than UTF-8"),
        ("ä" * 121, "has 242 bytes in UTF-8; a file's has at most 240"),
        ("https://commons.wikimedia.org/wiki/Main_Page", "is not the address of a file"),
        ("https://example.org/", "is not the address of a file"),
        ("https://commons.wikimedia.org/wiki/File:https:%2F%2Fa.org%2Fwiki", "address within an address"),
    ],
)
def test_what_no_file_can_be_called(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        normalise(text)


@given(st.text(max_size=60))
def test_a_name_is_its_own_name(text: str) -> None:
    try:
        name = normalise(text)
    except ValueError:
        return
    assert name == normalise(name) == normalise(display(name)) == unicodedata.normalize("NFC", name)
    assert len(name.encode()) <= 240
    assert not set(name) & set("#<>[]|{} \n")
    assert name.strip("_") == name


@given(st.text(alphabet="aä_ :/%&;#File.4&lt", max_size=30))
def test_a_name_made_of_traps_is_its_own_name(text: str) -> None:
    try:
        name = normalise(text)
    except ValueError:
        return
    assert name == normalise(name)


def test_display_is_what_people_read() -> None:
    assert display("Cat_on_a_mat.jpg") == "File:Cat on a mat.jpg"
