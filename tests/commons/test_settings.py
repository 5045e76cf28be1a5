from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from sqlalchemy import make_url

from commons.settings import Settings

PASSWORD = "p@ss/w:o#r%d 'é\""


def read(home: Path, **environ: str) -> Settings:
    return Settings.from_environment(environ, home)


def test_everything_has_a_default(tmp_path: Path) -> None:
    assert read(tmp_path) == Settings(
        database_url="sqlite:///imagehash.db",
        commons_url="sqlite:///imagehash.db",
        snapshot_dir=tmp_path / ".cache/imagehash",
        engine="auto",
        user_agent=None,
        wiki_api="https://commons.wikimedia.org/w/api.php",
        finna_api="https://api.finna.fi",
        finna_site="https://finna.fi",
        downloads=2,
        rate_limit="600/minute",
        trusted_proxies=("127.0.0.1", "::1"),
    )


def test_everything_can_be_set(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        IMAGEHASH_DATABASE_URL="mysql+pymysql://u:p@localhost:3307/hashes?charset=utf8mb4",
        IMAGEHASH_COMMONS_URL="mysql+pymysql://u:p@localhost/commonswiki",
        IMAGEHASH_SNAPSHOT_DIR="~/snapshots",
        IMAGEHASH_ENGINE="bktree",
        IMAGEHASH_USER_AGENT="me/1.0 (me@example.org)",
        IMAGEHASH_WIKI_API="http://127.0.0.1:8080/api.php",
        IMAGEHASH_FINNA_API="http://127.0.0.1:1/",
        IMAGEHASH_FINNA_SITE="http://[::1]:2",
        IMAGEHASH_DOWNLOADS="3",
        IMAGEHASH_RATE_LIMIT="5/second",
        IMAGEHASH_TRUSTED_PROXIES="10.0.0.0/8,2001:db8::1",
    )
    assert settings == Settings(
        "mysql+pymysql://u:p@localhost:3307/hashes?charset=utf8mb4",
        "mysql+pymysql://u:p@localhost/commonswiki",
        tmp_path / "snapshots",
        "bktree",
        "me/1.0 (me@example.org)",
        "http://127.0.0.1:8080/api.php",
        "http://127.0.0.1:1",
        "http://[::1]:2",
        3,
        "5/second",
        ("10.0.0.0/8", "2001:db8::1"),
    )


def test_an_empty_variable_is_unset(tmp_path: Path) -> None:
    names = ("DATABASE_URL", "COMMONS_URL", "SNAPSHOT_DIR", "ENGINE", "USER_AGENT", "WIKI_API", "DOWNLOADS")
    assert read(tmp_path) == read(tmp_path, **{f"IMAGEHASH_{name}": "" for name in names})


def test_the_process_environment_and_home_are_the_defaults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("IMAGEHASH_DATABASE_URL", "sqlite:///here.db")
    monkeypatch.delenv("IMAGEHASH_COMMONS_URL", raising=False)
    monkeypatch.delenv("IMAGEHASH_SNAPSHOT_DIR", raising=False)
    settings = Settings.from_environment()
    assert settings.database_url == settings.commons_url == "sqlite:///here.db"
    assert tmp_path / ".cache/imagehash" == settings.snapshot_dir


@pytest.mark.parametrize(("given", "folder"), [("/var/snap", "/var/snap"), ("snap", "snap"), ("~", "{home}")])
def test_a_snapshot_folder_may_be_relative(tmp_path: Path, given: str, folder: str) -> None:
    settings = read(tmp_path, IMAGEHASH_SNAPSHOT_DIR=given)
    assert Path(folder.format(home=tmp_path)) == settings.snapshot_dir


def test_only_an_embedded_database_is_its_own_commons(tmp_path: Path) -> None:
    assert read(tmp_path, IMAGEHASH_DATABASE_URL="sqlite:////x/y.db").commons_url == "sqlite:////x/y.db"
    assert read(tmp_path, IMAGEHASH_DATABASE_URL="mysql://localhost/x").commons_url is None


def test_a_replica_alone_leaves_the_embedded_database(tmp_path: Path) -> None:
    settings = read(tmp_path, IMAGEHASH_COMMONS_URL="mariadb://u@localhost/c", TOOL_TOOLSDB_USER="x")
    assert settings.database_url == "sqlite:///imagehash.db"
    assert settings.commons_url == "mariadb+pymysql://u@localhost/c"


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("mysql://localhost/x", "mysql+pymysql"),
        ("mariadb://localhost/x", "mariadb+pymysql"),
        ("mysql+pymysql://localhost/x", "mysql+pymysql"),
        ("sqlite://", "sqlite"),
    ],
)
def test_mariadb_is_spoken_through_pymysql(tmp_path: Path, given: str, driver: str) -> None:
    assert make_url(read(tmp_path, IMAGEHASH_DATABASE_URL=given).database_url).drivername == driver


def test_other_drivers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not the URL of a MariaDB or SQLite database"):
        read(tmp_path, IMAGEHASH_DATABASE_URL="mysql+mysqldb://localhost/x")


def test_toolforge_gives_two_accounts_by_the_environment(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        TOOL_TOOLSDB_USER="s55462",
        TOOL_TOOLSDB_PASSWORD=PASSWORD,
        TOOL_REPLICA_USER="s1",
        TOOL_REPLICA_PASSWORD="other",
    )
    toolsdb, replica = make_url(settings.database_url), make_url(settings.commons_url or "")
    assert (toolsdb.drivername, toolsdb.username, toolsdb.password) == ("mysql+pymysql", "s55462", PASSWORD)
    assert (toolsdb.host, toolsdb.database) == ("tools.db.svc.wikimedia.cloud", "s55462__imagehash")
    assert dict(toolsdb.query) == dict(replica.query) == {"charset": "utf8mb4"}
    assert (replica.username, replica.password) == ("s1", "other")
    assert (replica.host, replica.database) == ("commonswiki.web.db.svc.wikimedia.cloud", "commonswiki_p")


def test_toolforge_s_file_gives_one_account_for_both(tmp_path: Path) -> None:
    (tmp_path / "replica.my.cnf").write_text("[client]\nuser = 's55462'\npassword = \"p%a#ss;'\"\n")
    settings = read(tmp_path)
    for url in (settings.database_url, settings.commons_url or ""):
        assert (make_url(url).username, make_url(url).password) == ("s55462", "p%a#ss;'")


def test_the_file_without_quotes(tmp_path: Path) -> None:
    (tmp_path / "replica.my.cnf").write_text("[client]\nuser=u\npassword=p\n[mysql]\nskip-auto-rehash\n")
    assert make_url(read(tmp_path).database_url).password == "p"


def test_the_file_fills_in_for_one_account(tmp_path: Path) -> None:
    (tmp_path / "replica.my.cnf").write_text("[client]\nuser=file\npassword=file\n")
    settings = read(tmp_path, TOOL_TOOLSDB_USER="env", TOOL_TOOLSDB_PASSWORD="env")
    assert make_url(settings.database_url).username == "env"
    assert make_url(settings.commons_url or "").username == "file"


def test_one_account_alone_is_not_toolforge(tmp_path: Path) -> None:
    settings = read(tmp_path, TOOL_REPLICA_USER="env", TOOL_REPLICA_PASSWORD="env")
    assert settings.database_url == settings.commons_url == "sqlite:///imagehash.db"


def test_a_url_comes_before_toolforge(tmp_path: Path) -> None:
    (tmp_path / "replica.my.cnf").write_text("nonsense that would be refused")
    assert read(tmp_path, IMAGEHASH_DATABASE_URL="sqlite:///x.db").commons_url == "sqlite:///x.db"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[client]\nuser=u\n",
        "[client]\nuser=u\npassword\n",
        "user=u\npassword=secret\n",
        "[client\nsecret",
    ],
)
def test_an_unusable_file_is_named_and_not_quoted(tmp_path: Path, text: str) -> None:
    (tmp_path / "replica.my.cnf").write_text(text)
    with pytest.raises(ValueError, match=r"replica\.my\.cnf: expected a readable file with user") as refused:
        read(tmp_path)
    assert "secret" not in str(refused.value)
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("variable", ["IMAGEHASH_DATABASE_URL", "IMAGEHASH_COMMONS_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "secret",
        "postgresql://u:secret@localhost/x",
        "mysql+pymysql://u:secret@localhost:port/x",
        "://u:secret@localhost",
        "http://u:secret@localhost/x",
    ],
)
def test_a_bad_database_url_is_named_and_not_quoted(tmp_path: Path, variable: str, url: str) -> None:
    with pytest.raises(ValueError, match=f"^{variable} is not the URL of a MariaDB or SQLite") as refused:
        read(tmp_path, **{variable: url})
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("variable", ["IMAGEHASH_WIKI_API", "IMAGEHASH_FINNA_API", "IMAGEHASH_FINNA_SITE"])
@pytest.mark.parametrize("url", ["api.php", "ftp://u:secret@x/", "https://", "https://[secret"])
def test_a_bad_web_address_is_named_and_not_quoted(tmp_path: Path, variable: str, url: str) -> None:
    with pytest.raises(ValueError, match=f"^{variable} is not a web address; expected one such as https"):
        read(tmp_path, **{variable: url})


def test_an_unknown_engine_is_told_the_choices(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'faiss'; expected one of auto, multi-index, bktree, scan, sql"):
        read(tmp_path, IMAGEHASH_ENGINE="faiss")


@pytest.mark.parametrize("variable", ["TOOL_TOOLSDB_USER", "TOOL_REPLICA_USER"])
def test_more_is_downloaded_at_once_inside_wikimedia_s_cloud(tmp_path: Path, variable: str) -> None:
    assert read(tmp_path, **{variable: "s55462"}).downloads == 8
    assert read(tmp_path, **{variable: "s55462", "IMAGEHASH_DOWNLOADS": "64"}).downloads == 64


@pytest.mark.parametrize("given", ["0", "65", "-1", "two", "1.5", "²"])
def test_a_bad_number_of_downloads_is_told_the_range(tmp_path: Path, given: str) -> None:
    with pytest.raises(
        ValueError, match=r"^IMAGEHASH_DOWNLOADS is .*; expected a whole number from 1 to 64$"
    ):
        read(tmp_path, IMAGEHASH_DOWNLOADS=given)


def test_no_password_is_shown(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        IMAGEHASH_DATABASE_URL="mysql://u:secret@localhost/x",
        IMAGEHASH_COMMONS_URL="mysql://u@localhost/y?password=secret",
    )
    assert "secret" in settings.database_url
    assert "secret" not in repr(settings)
    assert "mysql+pymysql://u:***@localhost/x" in repr(settings)
    assert "commons_url=None" in repr(read(tmp_path, IMAGEHASH_DATABASE_URL="mysql://localhost/x"))


def test_settings_do_not_change(tmp_path: Path) -> None:
    with pytest.raises(FrozenInstanceError):
        read(tmp_path).engine = "sql"  # type: ignore[misc]


@pytest.mark.parametrize(
    "value", ["600", "0/minute", "600 per minute", "600/fortnight", "1/second;2/day", "-1/day"]
)
def test_a_rate_limit_is_requests_in_a_time(value: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"IMAGEHASH_RATE_LIMIT is .*600/minute, or off"):
        read(tmp_path, IMAGEHASH_RATE_LIMIT=value)


def test_requests_are_not_limited_where_clients_cannot_be_told_apart(tmp_path: Path) -> None:
    assert read(tmp_path, IMAGEHASH_RATE_LIMIT="off").rate_limit is None
    assert read(tmp_path, TOOL_TOOLSDB_USER="u", TOOL_TOOLSDB_PASSWORD="p").rate_limit is None


@pytest.mark.parametrize("value", ["*", "proxy.example.org", "10.0.0.1/8", "127.0.0.1,,::1"])
def test_trusted_proxies_are_addresses_and_networks(value: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"IMAGEHASH_TRUSTED_PROXIES has .*10\.0\.0\.0/8"):
        read(tmp_path, IMAGEHASH_TRUSTED_PROXIES=value)
