import pytest

from api.negotiation import preferred

OFFERED = ("application/json", "application/graphql-response+json")
JSON, RESPONSE = OFFERED


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        (JSON, JSON),
        (RESPONSE, RESPONSE),
        (f"{RESPONSE}; charset=utf-8, {JSON}; charset=utf-8", RESPONSE),
        (f"{RESPONSE}, {JSON};q=0.9", RESPONSE),
        (f"{JSON}, {RESPONSE}", JSON),
        (f"{JSON};q=0.1, {RESPONSE};q=0.2", RESPONSE),
        (f"{JSON} ; Q=0.10, {RESPONSE} ; q=0.5", RESPONSE),
        (f"{JSON};q=0, */*", RESPONSE),
        (f"{JSON};q=0.2, */*;q=0.5", RESPONSE),
        (f"{JSON};q=0", None),
        ("*/*;q=0.000", None),
        ("text/html", None),
        ("application/*;q=0, */*", None),
        ("json", None),
        (f"{JSON};q=x", JSON),
        (",, ;;q=,", None),
        ("x/y," * 1000 + JSON, None),
    ],
)
def test_a_client_gets_what_it_would_rather_have(accept: str, expected: str | None) -> None:
    assert preferred(accept, OFFERED) == expected
