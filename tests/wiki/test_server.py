"""The wiki is there while it is needed, for this machine alone, and leaves nothing behind."""

import os
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from tests import mariadb
from tests.wiki import wiki as mediawiki
from tests.wiki.installation import Installation
from tests.wiki.server import Server
from tests.wiki.wiki import Wiki

LISTENING = "0A"


def listeners(port: int) -> set[str]:
    """The addresses on which somebody listens at a port, as the kernel writes them."""
    table = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    sockets = (line.split()[1:4] for line in table.splitlines())
    return {
        here.split(":")[0] for here, _, state in sockets if (here[-5:], state) == (f":{port:04X}", LISTENING)
    }


def processes(folder: Path) -> list[str]:
    """The commands that run and name a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_text())
        except OSError:
            continue  # it has just ended
    return [command for command in found if str(folder) in command]


def test_only_this_machine_can_ask(wiki: Wiki) -> None:
    assert listeners(urlsplit(wiki.url).port or 0) == {"0100007F"}


def test_it_stops_and_starts_again(wiki: Wiki) -> None:
    wiki.server.stop()
    wiki.server.stop()
    with pytest.raises(URLError, match="refused"):
        urlopen(wiki.url, timeout=30)
    wiki.server.start()
    assert wiki.client.ask(meta="userinfo")["userinfo"]["name"] == "Admin"


def test_a_port_that_is_taken_is_told(wiki: Wiki, tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    with pytest.raises(RuntimeError, match="Address already in use"):
        Server(Installation(tmp_path, wiki.url, dict(os.environ))).start()


def test_two_wikis_side_by_side_do_not_meet(
    wiki: Wiki, mariadb_server: mariadb.Server, photos: Path, tmp_path: Path
) -> None:
    picture = {"Side_by_side.jpg": photos / "commons100" / "puffin.jpg"}
    with mediawiki.running(tmp_path, mariadb_server, database="otherwiki") as other:
        assert other.url != wiki.url
        wiki.upload(picture)
        other.upload(picture)
        other.delete("Side_by_side.jpg")
        assert wiki.client.ask(titles="File:Side_by_side.jpg")["pages"][0]["pageid"]
        assert len(processes(tmp_path)) == 3
    assert processes(tmp_path) == []
    assert listeners(urlsplit(other.url).port or 0) == set()
    for name in ("otherwiki", "otherwiki_p"):
        mariadb_server.execute(f"CREATE DATABASE {name}", f"DROP DATABASE {name}")


def test_pages_that_are_not_the_wikis(wiki: Wiki) -> None:
    for path in ("/", "/LocalSettings.php", "/w/install.php", "/images/deleted", "//"):
        with pytest.raises(URLError, match="404"):
            urlopen(wiki.url + path, timeout=30)
    with urlopen(f"{wiki.url}/wiki/Main_Page", timeout=30) as response:
        assert b"MediaWiki has been installed" in response.read()
