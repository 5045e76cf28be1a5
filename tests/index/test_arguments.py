from datetime import UTC, datetime, timedelta, timezone

import pytest

from index.arguments import parser
from sql.pages import ALL, Shard

WIKI = (["page"], ["recentchanges"], ["externallinks", "--domain", "fi.finna"], ["stream"])


def told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What somebody is told whose arguments are wrong."""
    with pytest.raises(SystemExit) as end:
        parser().parse_args(arguments)
    assert end.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("source", WIKI)
def test_a_source_alone_is_enough(source: list[str]) -> None:
    options = parser().parse_args(source)
    assert options.source == source[0]
    assert (options.shard, options.since, options.limit, options.dask) == (ALL, None, None, None)
    assert (options.dry_run, options.input) == (False, "original")
    assert options.jobs >= 1


@pytest.mark.parametrize("source", WIKI)
def test_what_all_sources_on_a_wiki_take(source: list[str]) -> None:
    given = ["--shard", "2/4", "--limit", "10", "--dry-run", "--input", "thumbnail", "--jobs", "3"]
    options = parser().parse_args([*source, *given])
    assert (options.shard, options.limit, options.dry_run) == (Shard(2, 4), 10, True)
    assert (options.input, options.jobs) == ("thumbnail", 3)
    assert parser().parse_args([*source, "--dask", "tcp://here:8786"]).dask == "tcp://here:8786"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
        ("2026-11-24T12:30", datetime(2026, 11, 24, 12, 30, tzinfo=UTC)),
        ("2026-11-24T12:30Z", datetime(2026, 11, 24, 12, 30, tzinfo=UTC)),
        ("2026-11-24 12:30+02:00", datetime(2026, 11, 24, 12, 30, tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    for source in ("recentchanges", "stream"):
        since = parser().parse_args([source, "--since", text]).since
        assert (since, since.utcoffset()) == (moment, timedelta(0))


def test_pages_to_start_after() -> None:
    for source in (WIKI[0], WIKI[2]):
        assert parser().parse_args([*source, "--since", "0"]).since == 0
        assert parser().parse_args([*source, "--since", "12345"]).since == 12345


@pytest.mark.parametrize(
    ("text", "shard"), [("1/1", ALL), ("1/2", Shard(1, 2)), ("2/2", Shard(2, 2)), ("01/16", Shard(1, 16))]
)
def test_shards(text: str, shard: Shard) -> None:
    assert parser().parse_args(["page", "--shard", text]).shard == shard


def test_where_another_wiki_tells_of_its_changes() -> None:
    assert parser().parse_args(["stream"]).events is None
    assert parser().parse_args(["stream", "--events", "http://here/v2/x"]).events == "http://here/v2/x"


def test_domains() -> None:
    asked = {
        "finna.fi": "finna.fi",
        "FI.Finna.": "fi.finna",
        "org.xn--mnchen-3ya.www": "org.xn--mnchen-3ya.www",
        "münchen.de": "xn--mnchen-3ya.de",
    }
    for text, domain in asked.items():
        assert parser().parse_args(["externallinks", "--domain", text]).domain == domain


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["page", "--shard", "0/2"], "'0/2' is no part of anything: the second of four parts is 2/4"),
        (["page", "--shard", "3/2"], "2/4"),
        (["page", "--shard", "1/0"], "2/4"),
        (["page", "--shard", "1"], "2/4"),
        (["page", "--shard", "½"], "2/4"),
        (["page", "--limit", "0"], "argument --limit: 0 is out of range: give 1 or more"),
        (["page", "--jobs", "0"], "give 1 or more"),
        (["page", "--since", "-1"], "argument --since: -1 is out of range: give 0 or more"),
        (["page", "--since", "2026-11-24"], "'2026-11-24' is not a whole number"),
        (["page", "--input", "huge"], "choose from"),
        (["page", "--domain", "fi.finna"], "unrecognized arguments"),
        (["page", "--jobs", "77", "--dask", "tcp://here:8786"], "not allowed with"),
        (["recentchanges", "--since", "5"], "'5' is no time such as 2026-11-24 or 2026-11-24T12:30"),
        (["recentchanges", "--since", "yesterday"], "2026-11-24T12:30"),
        (["recentchanges", "--since", "0001-01-01T00:00+01:00"], "is no time such as"),
        (["externallinks", "--domain", 70 * "fi." + "a"], "the domain has more than 200 letters"),
        (["recentchanges", "--since", "2026-13-01"], "2026-11-24T12:30"),
        (["externallinks"], "--domain"),
        (["externallinks", "--domain", "finna"], "'finna' is no host: give one such as finna.fi"),
        (["externallinks", "--domain", "https://finna.fi"], "without protocol, port or path"),
        (["externallinks", "--domain", "fi.%"], "or fi.finna as the link table has it"),
        (["stream", "--events", "nonsense"], "'nonsense' is no web address such as https://example.org/str"),
        (["stream", "--events", "ftp://example.org/stream"], "is no web address"),
        (["stream", "--events", "http://example.org:70000/"], "is no web address"),
        (["folder", ".", "--limit", "3"], "unrecognized arguments"),
        (["status", "--limit", "3"], "unrecognized arguments"),
    ],
)
def test_wrong_values_are_named_with_what_to_give(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hint in told(arguments, capsys)


@pytest.mark.parametrize("source", ["page", "recentchanges", "externallinks", "stream"])
def test_help_tells_what_a_source_does(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parser().parse_args([source, "--help"])
    assert end.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for word in ("--since", "--shard I/N", "--limit N", "--dry-run", "--input", "it goes on where"):
        assert word in shown
