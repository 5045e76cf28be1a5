"""A small Commons with the gadget, and the tool over it: real ones, with free pictures."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import skimage
from PIL import Image

from tests import mariadb, programs
from tests.programs import ROOT, Served
from tests.waiting import wait_for
from tests.wiki import stream as streams
from tests.wiki import wiki as mediawiki
from tests.wiki.wiki import Wiki

HOSTILE = "<img src=x onerror=alert(1)> \"'&amp;.jpg"
"""A name that no wiki takes, but a folder does."""

# What Commons has besides. The tool may be asked, and nothing of it be run.
_SETTINGS = """
$wgCSPHeader = [ 'default-src' => [ '%s', '%s' ], 'useNonces' => false, 'includeCORS' => false ];
$wgAllowUserJs = true;
$wgFavicon = 'data:,';
$wgLogos = [ '1x' => 'data:,' ];
wfLoadExtension( 'Gadgets' );
$wgResourceLoaderValidateJS = false; // 1.39 knows the language of 2009 only
$wgSpecialPages['UploadWizard'] = static fn () => new class( 'UploadWizard' ) extends SpecialPage {};
"""


@dataclass(frozen=True)
class Commons:
    """The wiki, the tool, and a folder to run the tool's programs from, with their settings.

    The wiki's pages may also ask ``spare``, a port where another tool can be started.
    """

    wiki: Wiki
    tool: Served
    folder: Path
    settings: dict[str, str]
    spare: int

    @property
    def hosts(self) -> tuple[str, str]:
        """Who may be asked: the wiki and the tool."""
        return urlsplit(self.wiki.url).netloc, urlsplit(self.tool.url).netloc

    @property
    def pictures(self) -> Path:
        """Where the wiki's files come from, each under its name."""
        return self.folder.parent / "pictures"

    def page(self, title: str, **parameters: str) -> str:
        """The address of a page."""
        return f"{self.wiki.url}/w/index.php?{urlencode({'title': title} | parameters)}"

    def index(self, *source: str | Path) -> None:
        """Hash what is new, and wait until the tool finds it."""
        done = programs.run("index", *source, folder=self.folder, **self.settings)
        assert done.returncode == 0, done.stderr
        ended = datetime.now(UTC)
        wait_for(lambda: self._as_of() > ended)

    def _as_of(self) -> datetime:
        told: str = self.tool.ask("{ index { fileCount } }")["extensions"]["asOf"]
        return datetime.fromisoformat(told)


@contextmanager
def running(folder: Path, server: mariadb.Server, hashes: str) -> Iterator[Commons]:
    """Set all of it up in an empty folder, with the database ``hashes`` for the tool."""
    for name in ("wiki", "pictures", "tool"):
        (folder / name).mkdir()
    port, spare = mariadb.free_port(), mariadb.free_port()
    with mediawiki.running(folder / "wiki", server, database="gadgetwiki") as wiki:
        wiki.configure(_SETTINGS % (f"http://127.0.0.1:{port}", f"http://127.0.0.1:{spare}"))
        wiki.upload(pictures(folder / "pictures"))
        settings = {
            "IMAGEHASH_DATABASE_URL": hashes,
            "IMAGEHASH_COMMONS_URL": wiki.replica,
            "IMAGEHASH_WIKI_API": wiki.api,
        }
        serve = ("api", "serve", "--port", str(port))
        with programs.serving(serve, folder / "tool", port, **settings) as tool:
            commons = Commons(wiki, tool, folder / "tool", settings, spare)
            install(commons)
            commons.index("page")
            delete(commons, "Astronaut, deleted.jpg")
            wiki.upload({"Coins.jpg": folder / "pictures" / "later" / "Coins.jpg"})
            yield commons


def delete(commons: Commons, name: str) -> None:
    """Delete a file; the stream of changes, unlike the replica, tells its title afterwards."""
    deleted = "query ($page: Int!) { file(pageId: $page) { deleted title } }"
    (page,) = commons.wiki.client.ask(titles=f"File:{name}")["pages"]
    with streams.running(commons.wiki) as stream:
        command = ("index", "stream", "--events", stream.url)
        run = programs.start(*command, folder=commons.folder, log=None, **commons.settings)
        try:
            commons.wiki.delete(name)
            known = {"file": {"deleted": True, "title": f"File:{name}"}}
            wait_for(lambda: commons.tool.ask(deleted, page=page["pageid"])["data"] == known)
        finally:
            run.kill()
            run.wait()


def install(commons: Commons) -> None:
    """Put the gadget's code on the wiki, and switch it on for the administrator, both as the README says."""
    readme = (ROOT / "gadget" / "README.md").read_text()
    tool, line = re.findall(r"^(?:window\.imagehashTool|mw\.loader\.load).*$", readme, re.MULTILINE)[::-1]
    (definition,) = re.findall(r"^\* near-copies\[.*$", readme, re.MULTILINE)
    lines = f"{tool}\n{line}".replace("https://imagehash.toolforge.org", commons.tool.url)
    for title, text in {
        "MediaWiki:Gadgets-definition": definition,
        "MediaWiki:Gadget-near-copies.js": (ROOT / "gadget" / "near-copies.js").read_text(),
        "User:Admin/common.js": lines.replace("https://commons.wikimedia.org", commons.wiki.url),
    }.items():
        commons.wiki.client.act("edit", title=title, text=text)


def pictures(folder: Path) -> Mapping[str, Path]:
    """Make the pictures of the wiki, those of scikit-image and versions of them; some are for later."""
    (folder / "later").mkdir()
    astronaut, chelsea, coffee, coins, moon = (
        shipped(f"{name}.png") for name in ("astronaut", "chelsea", "coffee", "coins", "moon")
    )
    made = {
        "Astronaut.jpg": astronaut,
        "Astronaut, half as large.jpg": astronaut.resize((256, 256)),
        "Astronaut, grey.jpg": astronaut.convert("L"),
        'Astronaut & "quotes" it\'s.jpg': astronaut.resize((500, 512)),
        "Astronaut, deleted.jpg": astronaut.resize((400, 400)),
        "Chelsea.jpg": chelsea,
        "Coffee.jpg": coffee,
        "Moon.jpg": moon,
        "Blank.jpg": Image.new("RGB", (300, 200), "#36c"),
        "Blank too.jpg": Image.new("RGB", (600, 200), "#fc3"),
    }
    for name, picture in made.items():
        picture.save(folder / name, quality=92)
    shutil.copy(folder / "Astronaut.jpg", folder / "Astronaut again.jpg")
    (folder / "Broken.jpg").write_bytes((folder / "Coffee.jpg").read_bytes()[:5000])
    coins.convert("RGB").save(folder / "later" / "Coins.jpg")
    return {path.name: path for path in sorted(folder.glob("*.jpg"))}


def shipped(name: str) -> Image.Image:
    """One of the pictures that scikit-image brings along."""
    with Image.open(Path(skimage.__file__).parent / "data" / name) as picture:
        return picture.convert("RGB")
