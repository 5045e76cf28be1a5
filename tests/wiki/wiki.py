"""A real wiki with pictures: what people do to files on Wikimedia Commons can be done to those here."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests import mariadb
from tests.wiki import replica
from tests.wiki.client import Client
from tests.wiki.feed import Feed
from tests.wiki.installation import ADMIN, Installation, install
from tests.wiki.server import Server


class Wiki:
    """A wiki that runs.

    Files go by their names: titles without prefix. ``replica`` is the URL of the database that shows the
    wiki's tables as Toolforge's replicas do, ``feed`` hears of its changes.
    """

    def __init__(self, installation: Installation, database: str, replica_url: str, feed: Feed) -> None:
        self.url = installation.url
        self.api = f"{self.url}/w/api.php"
        self.uploads = f"{self.url}/images"
        self.database = database
        self.replica = replica_url
        self.feed = feed
        self.server = Server(installation)
        self.client = Client(self.api)
        self._installation = installation

    def upload(self, pictures: Mapping[str, Path], text: str = "A picture.") -> None:
        """Upload pictures, broken ones too, under names of their own; each gets a page of ``text``.

        They go up in no particular order, and all of them within a moment.
        """
        self._import(pictures, "Added", f"--comment={text}")

    def replace(self, pictures: Mapping[str, Path]) -> None:
        """Upload new versions, which must be other bytes than those that they take the place of.

        MediaWiki waits until a second has passed since the version before.
        """
        self._import(pictures, "Overwritten", "--overwrite", "--comment=A new version.")

    def configure(self, settings: str) -> None:
        """Add settings, written in PHP."""
        with (self._installation.folder / "LocalSettings.php").open("a") as file:
            file.write(settings)

    def edit(self, name: str, text: str) -> None:
        """Write a file's page anew."""
        self.client.act("edit", title=f"File:{name}", text=text)

    def move(self, name: str, new_name: str, *, redirect: bool = True) -> None:
        """Rename a file; the old name leads to the new one, unless there is to be no redirect."""
        self.client.act(
            "move", **{"from": f"File:{name}", "to": f"File:{new_name}"}, noredirect=None if redirect else 1
        )

    def delete(self, name: str) -> None:
        """Delete a file in all its versions, and its page."""
        self.client.act("delete", title=f"File:{name}")

    def restore(self, name: str) -> None:
        """Bring a deleted file back, and its page."""
        self.client.act("undelete", title=f"File:{name}")

    def _import(self, pictures: Mapping[str, Path], done: str, *options: str) -> None:
        with tempfile.TemporaryDirectory(dir=self._installation.folder) as folder:
            for name, picture in pictures.items():
                (Path(folder) / name).symlink_to(picture.resolve())
            told = self._installation.maintain("importImages", f"--user={ADMIN[0]}", *options, folder)
        # The script takes it lightly where it fails.
        if f"{done}: {len(pictures)}" not in told.splitlines():
            raise RuntimeError(f"not all files could be uploaded:\n{told}")


@contextmanager
def running(folder: Path, server: mariadb.Server, *, database: str = "commonswiki") -> Iterator[Wiki]:
    """Set up a wiki in an empty folder and a new database, and run it; databases are dropped in the end."""
    feed = Feed()
    try:
        url = f"http://127.0.0.1:{mariadb.free_port()}"
        installation = install(folder, server, database, url=url, feed=feed.uri)
        wiki = Wiki(installation, database, replica.create(server, database, f"{database}_p"), feed)
        try:
            wiki.server.start()
            wiki.client.log_in(*ADMIN)
            yield wiki
        finally:
            wiki.server.stop()
    finally:
        feed.close()
        for name in (database, f"{database}_p"):
            server.execute(f"DROP DATABASE IF EXISTS {name}")
