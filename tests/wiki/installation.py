"""MediaWiki as Debian has it, set up for a wiki with a folder and a database of its own.

The program stays where it is, and writes nothing there: MW_CONFIG_FILE tells it whose settings to read.
"""

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from commons.thumbnails import STEPS
from tests import mariadb

ADMIN = ("Admin", "imagehash-tests")
"""The administrator's name and password."""

PROGRAM = Path("/usr/share/mediawiki")
_HERE = Path(__file__).parent


class Installation(NamedTuple):
    """A wiki that is set up: its folder, its address, and what PHP has to find in the environment."""

    folder: Path
    url: str
    environment: dict[str, str]

    @property
    def web(self) -> Path:
        """The folder whose files anyone may fetch."""
        return self.folder / "web"

    def maintain(self, script: str, *arguments: str | Path) -> str:
        """Run one of MediaWiki's maintenance scripts; returns what it printed."""
        done = subprocess.run(
            ["php", PROGRAM / "maintenance" / f"{script}.php", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{script} failed:\n{done.stdout}{done.stderr}")
        return done.stdout


def install(folder: Path, server: mariadb.Server, database: str, *, url: str, feed: str) -> Installation:
    """Set up a wiki that sends its recent changes to ``feed``; the database is made."""
    assert PROGRAM.is_dir(), "the tests need MediaWiki, which `make test` installs"
    settings = folder / "LocalSettings.php"
    installation = Installation(folder, url, _environment(settings, feed))
    for name in ("cache", "tmp", "web/images", "web/w"):
        (folder / name).mkdir(parents=True)
    for name in ("resources", "skins"):
        (folder / "web" / "w" / name).symlink_to(PROGRAM / name)
    user, password = ADMIN
    options = {
        "confpath": folder,
        "dbserver": f"127.0.0.1:{server.port}",
        "dbname": database,
        "dbuser": "root",
        "dbpass": "",
        "installdbuser": "root",
        "installdbpass": "",
        "server": url,
        "scriptpath": "/w",
        "pass": password,
    }
    installation.maintain(
        "install", *(f"--{name}={value}" for name, value in options.items()), "Commons", user
    )
    with settings.open("a") as file:
        file.write(f"require '{_HERE / 'commons.php'}';\n")
    return installation


def _environment(settings: Path, feed: str) -> dict[str, str]:
    return os.environ | {
        "MW_INSTALL_PATH": str(PROGRAM),
        "MW_CONFIG_FILE": str(settings),
        "WIKI_FEED": feed,
        "WIKI_STEPS": ",".join(map(str, STEPS)),
        # Rendering is not what is measured, and shall not disturb it.
        "MAGICK_THREAD_LIMIT": "1",
    }
