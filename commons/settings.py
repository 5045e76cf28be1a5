"""What the programs are told by the environment, with Toolforge's own ways of telling it."""

import configparser
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import URL, make_url

ENGINES = ("auto", "multi-index", "bktree", "scan", "sql")

DATABASE_URL = "IMAGEHASH_DATABASE_URL"
COMMONS_URL = "IMAGEHASH_COMMONS_URL"
SNAPSHOT_DIR = "IMAGEHASH_SNAPSHOT_DIR"
ENGINE = "IMAGEHASH_ENGINE"
USER_AGENT = "IMAGEHASH_USER_AGENT"
DOWNLOADS = "IMAGEHASH_DOWNLOADS"
WIKI_API = "IMAGEHASH_WIKI_API"
FINNA_API = "IMAGEHASH_FINNA_API"
FINNA_SITE = "IMAGEHASH_FINNA_SITE"
RATE_LIMIT = "IMAGEHASH_RATE_LIMIT"
TRUSTED_PROXIES = "IMAGEHASH_TRUSTED_PROXIES"

_EMBEDDED = "sqlite:///imagehash.db"
_TOOLSDB = ("tools.db.svc.wikimedia.cloud", "s55462__imagehash")
_DOWNLOADS, _DOWNLOADS_ON_TOOLFORGE, _MOST_DOWNLOADS = 2, 8, 64
_REPLICA = ("commonswiki.web.db.svc.wikimedia.cloud", "commonswiki_p")
_DRIVERS = ("sqlite", "sqlite+pysqlite", "mysql", "mysql+pymysql", "mariadb", "mariadb+pymysql")

_Account = tuple[str, str]


@dataclass(frozen=True)
class Settings:
    """All settings, checked; each is named after its variable without `IMAGEHASH_`."""

    database_url: str
    commons_url: str | None
    snapshot_dir: Path
    engine: str
    user_agent: str | None
    wiki_api: str
    finna_api: str
    finna_site: str
    downloads: int
    rate_limit: str | None
    trusted_proxies: tuple[str, ...]

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] = os.environ, home: Path | None = None
    ) -> "Settings":
        """Read the settings; an empty variable counts as unset.

        Raises ValueError naming the variable (or replica.my.cnf) and what is wrong with it, and no password.
        """
        home = home or Path.home()
        given = {name: value for name, value in environ.items() if value}
        database_url, commons_url = _databases(given, home)
        return cls(
            database_url=database_url,
            commons_url=commons_url,
            snapshot_dir=_folder(given.get(SNAPSHOT_DIR, "~/.cache/imagehash"), home),
            engine=_engine(given.get(ENGINE, "auto")),
            user_agent=given.get(USER_AGENT),
            wiki_api=_site(given, WIKI_API, "https://commons.wikimedia.org/w/api.php"),
            finna_api=_site(given, FINNA_API, "https://api.finna.fi"),
            finna_site=_site(given, FINNA_SITE, "https://finna.fi"),
            downloads=_downloads(given),
            rate_limit=_rate_limit(given),
            trusted_proxies=_proxies(given.get(TRUSTED_PROXIES, "127.0.0.1, ::1")),
        )

    def __repr__(self) -> str:
        shown = vars(self) | {"database_url": _masked(self.database_url)}
        shown["commons_url"] = self.commons_url and _masked(self.commons_url)
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def _databases(given: Mapping[str, str], home: Path) -> tuple[str, str | None]:
    if DATABASE_URL not in given and COMMONS_URL not in given:
        return _toolforge(given, home) or (_EMBEDDED, _EMBEDDED)
    database_url = _database(DATABASE_URL, given.get(DATABASE_URL, _EMBEDDED))
    if COMMONS_URL in given:
        return database_url, _database(COMMONS_URL, given[COMMONS_URL])
    return database_url, database_url if database_url.startswith("sqlite") else None


def _toolforge(given: Mapping[str, str], home: Path) -> tuple[str, str] | None:
    """Find both databases as the `toolforge` library does: an account each, or the file's for both."""
    toolsdb, replica = _account(given, "TOOL_TOOLSDB"), _account(given, "TOOL_REPLICA")
    if toolsdb is None or replica is None:
        account = _account_in(home / "replica.my.cnf")
        toolsdb, replica = toolsdb or account, replica or account
    if toolsdb is None or replica is None:
        return None
    return _toolforge_url(toolsdb, *_TOOLSDB), _toolforge_url(replica, *_REPLICA)


def _account(given: Mapping[str, str], prefix: str) -> _Account | None:
    try:
        return given[f"{prefix}_USER"], given[f"{prefix}_PASSWORD"]
    except KeyError:
        return None


def _account_in(path: Path) -> _Account | None:
    parser = configparser.ConfigParser(interpolation=None, allow_no_value=True, strict=False)
    try:
        parser.read_string(path.read_text())
        client = parser["client"]
        return _unquoted(client["user"]), _unquoted(client["password"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, configparser.Error) as error:
        # Their messages quote lines of the file, passwords included.
        problem = type(error).__name__
        raise ValueError(
            f"{path}: expected a readable file with user and password under [client] ({problem})"
        ) from None


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


def _toolforge_url(account: _Account, host: str, database: str) -> str:
    user, password = account
    url = URL.create("mysql+pymysql", user, password, host, database=database, query={"charset": "utf8mb4"})
    return url.render_as_string(hide_password=False)


def _database(variable: str, value: str) -> str:
    try:
        url = make_url(value)
        driver = url.drivername
    except Exception:  # SQLAlchemy's own messages may quote the URL, password included
        driver = ""
    if driver not in _DRIVERS:
        expected = "mysql+pymysql://user:password@host/database or sqlite:///file"
        raise ValueError(
            f"{variable} is not the URL of a MariaDB or SQLite database; expected {expected}, "
            "with @, / and : in a password written %40, %2F and %3A"
        )
    if driver in {"mysql", "mariadb"}:
        url = url.set(drivername=f"{driver}+pymysql")
    return url.render_as_string(hide_password=False)


def _site(given: Mapping[str, str], variable: str, default: str) -> str:
    value = given.get(variable, default).rstrip("/")
    if not is_web_address(value):
        raise ValueError(f"{variable} is not a web address; expected one such as {default}")
    return value


def is_web_address(text: str) -> bool:
    """Tell whether a text is an absolute address of HTTP or HTTPS."""
    try:
        parts = urlsplit(text)
        # That it is no number below 65,536 is noticed only here.
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _engine(name: str) -> str:
    if name not in ENGINES:
        raise ValueError(f"{ENGINE} is {name!r}; expected one of {', '.join(ENGINES)}")
    return name


def _downloads(given: Mapping[str, str]) -> int:
    value = given.get(DOWNLOADS)
    if value is None:
        # Wikimedia asks for no more than two from outside its own cloud.
        return _DOWNLOADS_ON_TOOLFORGE if _on_toolforge(given) else _DOWNLOADS
    number = int(value) if value.isascii() and value.isdigit() else 0
    if not 1 <= number <= _MOST_DOWNLOADS:
        raise ValueError(f"{DOWNLOADS} is {value!r}; expected a whole number from 1 to {_MOST_DOWNLOADS}")
    return number


def _on_toolforge(given: Mapping[str, str]) -> bool:
    return "TOOL_TOOLSDB_USER" in given or "TOOL_REPLICA_USER" in given


def _rate_limit(given: Mapping[str, str]) -> str | None:
    # Toolforge does not tell tools the addresses of clients: all of them would be one.
    value = given.get(RATE_LIMIT, "off" if _on_toolforge(given) else "600/minute")
    if value == "off":
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,9}/(second|minute|hour|day)", value):
        raise ValueError(f"{RATE_LIMIT} is {value!r}; expected requests such as 600/minute, or off")
    return value


def _proxies(value: str) -> tuple[str, ...]:
    networks = tuple(each.strip() for each in value.split(","))
    for network in networks:
        try:
            ip_network(network)
        except ValueError:
            expected = "addresses or networks such as 127.0.0.1, 10.0.0.0/8, with commas between them"
            raise ValueError(f"{TRUSTED_PROXIES} has {network!r}; expected {expected}") from None
    return networks


def _folder(path: str, home: Path) -> Path:
    return home / path[2:] if path == "~" or path.startswith("~/") else Path(path)


def _masked(url: str) -> str:
    # A password may hide in the query too.
    return make_url(url).set(query={}).render_as_string(hide_password=True)
