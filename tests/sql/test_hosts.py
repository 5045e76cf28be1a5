import pytest

from sql.hosts import readings


@pytest.mark.parametrize(
    "text",
    ["finna.fi", "fi.finna", "fi.finna.", "finna.fi.", " Finna.FI\n", "finna。fi", "ｆｉｎｎａ．fi"],  # noqa: RUF001
)
def test_a_host_is_read_both_ways(text: str) -> None:
    assert set(readings(text)) == {"fi.finna.", "finna.fi."}


def test_a_host_of_several_parts() -> None:
    assert readings("www.my-1.finna.fi") == ["fi.finna.my-1.www.", "www.my-1.finna.fi."]
    assert readings("fi.fi") == ["fi.fi."]


@pytest.mark.parametrize("text", ["näkki.fi", "NÄKKI.fi", "xn--nkki-loa.fi", "fi.na\u0308kki"])
def test_an_international_host_is_spelled_both_ways(text: str) -> None:
    assert set(readings(text)) == {"fi.näkki.", "näkki.fi.", "fi.xn--nkki-loa.", "xn--nkki-loa.fi."}


def test_names_that_only_later_standards_allow() -> None:
    assert "de.straße." in readings("xn--strae-oqa.de")


@pytest.mark.parametrize("part", ["xn--9", "xn--99999999999", "xn--\ud800".encode("punycode").decode()])
def test_what_cannot_be_decoded_stays(part: str) -> None:
    for reading in readings(f"{part}.fi"):
        reading.encode()


def test_an_address() -> None:
    assert readings("192.0.2.1") == readings("V4.192.0.2.1.") == ["V4.192.0.2.1."]


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "fi",
        "localhost",
        "finna..fi",
        ".finna.fi",
        "finna.fi..",
        "finna.fi:8080",
        "fi.finna.:8080",
        "https://finna.fi",
        "finna.fi/Record",
        "user@finna.fi",
        "[2001:db8::1]",
        "finna .fi",
        "finna\0.fi",
        "%.fi",
        "fin_a.fi",
        "finna.fi' OR ''='",
        "finna.fi\\",
        "℀.fi",
        "\ud800.fi",
        f"{'ä' * 64}.fi",
        "a." * 128,
        "ä" * 1_000_000 + ".fi",
    ],
)
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no host: give one such as finna\.fi") as refused:
        readings(text)
    assert len(str(refused.value)) < 1000
