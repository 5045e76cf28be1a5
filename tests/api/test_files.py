import pytest

from api.files import Facts, absolute
from commons.sites import COMMONS, Site

WIKI = Site(
    "https://wiki.example/images", "https://wiki.example/index.php/$1", "https://wiki.example/index.php"
)


def test_a_commons_file_has_commons_addresses() -> None:
    file = Facts(1, "A_b.jpg", width=3000, site=COMMONS)
    assert file.title == "File:A b.jpg"
    assert file.page_url == "https://commons.wikimedia.org/wiki/File:A_b.jpg"
    assert file.url == "https://upload.wikimedia.org/wikipedia/commons/9/96/A_b.jpg"
    assert file.thumbnail(331) == (
        "https://upload.wikimedia.org/wikipedia/commons/thumb/9/96/A_b.jpg/500px-A_b.jpg"
    )


def test_another_wikis_file_has_addresses_of_its_own_once_they_are_known() -> None:
    file = Facts(1, "A_b.jpg", width=3000, site=WIKI)
    assert file.url == "https://wiki.example/images/9/96/A_b.jpg"
    assert file.page_url == "https://wiki.example/index.php/File:A_b.jpg"
    assert file.thumbnail(330) == "https://wiki.example/images/thumb/9/96/A_b.jpg/330px-A_b.jpg"
    unknown = file._replace(site=None)
    assert unknown.title == file.title
    assert (unknown.url, unknown.page_url, unknown.thumbnail(330)) == (None, None, None)


def test_a_folders_file_keeps_its_path_and_is_served_here() -> None:
    file = Facts(-5, "a_b/c d.jpg")
    assert file.title == "File:a_b/c d.jpg"
    assert (file.url, file.thumbnail(331)) == ("/local/5", "/local/5?width=500")
    assert file.page_url == file.url
    assert absolute("http://host:8000/", file.url) == "http://host:8000/local/5"


@pytest.mark.parametrize(
    "file", [Facts(1, None), Facts(1, "A.jpg", present=False), Facts(-1, "a", present=False)]
)
def test_what_is_gone_has_no_addresses(file: Facts) -> None:
    assert (file.url, file.thumbnail(330)) == (None, None)
    assert absolute("http://host/", None) is None


def test_a_deleted_file_has_a_page_where_its_title_is_known() -> None:
    assert Facts(1, "A.jpg", present=False, site=WIKI).page_url == WIKI.page("A.jpg")
    assert Facts(1, None, present=False, site=WIKI).page_url is None


def test_a_page_whose_title_is_not_known_goes_by_its_id() -> None:
    assert Facts(1, None, site=WIKI).page_url == "https://wiki.example/index.php?curid=1"
