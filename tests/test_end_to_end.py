"""From pictures to answers, with the programs and the databases that users have."""

import json
import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bktree.snapshot import FORMAT
from sql import results, schema
from sql.database import Database
from tests import programs
from tests.api.data import hashed
from tests.mariadb import free_port
from tests.programs import Served
from tests.waiting import wait_for

MATCHES = """
query ($title: String!) {
  file(title: $title) { deleted matches { nodes { phashDistance dhashDistance file { title deleted } } } }
}
"""


def matches(served: Served, title: str) -> dict[str, tuple[int, int]]:
    """The titles near a file, and how near."""
    answer = served.ask(MATCHES, title=title)
    assert "errors" not in answer
    return {
        match["file"]["title"].removeprefix("File:"): (match["phashDistance"], match["dhashDistance"])
        for match in answer["data"]["file"]["matches"]["nodes"]
    }


@pytest.fixture
def folder(tmp_path: Path, photos: Path) -> Path:
    """Real photos, twins of one of them, and a folder of files that cannot all be hashed."""
    folder = tmp_path / "photos"
    shutil.copytree(photos / "commons100", folder / "commons100")
    shutil.copytree(photos / "formats", folder / "formats")
    with Image.open(photos / "commons100" / "mural.jpg") as photo:
        photo.resize((photo.width // 2, photo.height // 2)).save(folder / "smaller.jpg")
        photo.convert("L").save(folder / "grey.png")
    return folder


def test_pictures_in_twins_out(tmp_path: Path, folder: Path, database_url: str) -> None:
    settings = {"IMAGEHASH_DATABASE_URL": database_url}
    indexed = programs.run("index", "folder", folder, folder=tmp_path, **settings)
    assert indexed.returncode == 0, indexed.stderr
    assert "Traceback" not in indexed.stderr
    for name, reason in [
        ("broken_data_stream.png", "broken"),
        ("decompression_bomb.gif", "too-large"),
        ("hopper.Lab.tif", "colour-space"),
        ("truncated_jpeg.jpg", "truncated"),
        ("zero_width.gif", "broken"),
    ]:
        (line,) = (line for line in indexed.stdout.splitlines() if name in line)
        assert line.startswith(f"  formats/{name}: ")
        assert line.endswith(f"({reason})")

    with programs.api(tmp_path, **settings) as served:
        twins = matches(served, "commons100/mural.jpg")
        assert twins.keys() == {"smaller.jpg", "grey.png"}
        assert all(phash <= 2 and dhash <= 2 for phash, dhash in twins.values())

        shutil.copy(folder / "smaller.jpg", folder / "again.jpg")
        (folder / "grey.png").unlink()
        again = programs.run("index", "folder", folder, folder=tmp_path, **settings)
        assert again.stdout.splitlines()[0] == "1 hashed"
        wait_for(lambda: "again.jpg" in matches(served, "commons100/mural.jpg"))
        gone = served.ask(MATCHES, title="grey.png")["data"]["file"]
        wait_for(lambda: bool(served.ask(MATCHES, title="grey.png")["data"]["file"]["deleted"]))
        assert {match["file"]["title"] for match in gone["matches"]["nodes"]} >= {"File:smaller.jpg"}

        found = programs.run("api", "search", folder / "again.jpg", folder=tmp_path, **settings)
        assert found.returncode == 0
        assert "File:commons100/mural.jpg" in found.stdout
        assert "File:grey.png (deleted)" in found.stdout
        assert served.stop() == 0
        assert "Traceback" not in served.log.read_text()


def test_several_workers_serve_and_stop(tmp_path: Path, photos: Path) -> None:
    assert programs.run("index", "folder", photos / "exif", folder=tmp_path).returncode == 0
    with programs.api(tmp_path, "--workers", "2") as served:
        for _ in range(8):
            wait_for(lambda: len(matches(served, "Portrait_3.jpg")) == 8)
        assert served.stop(signal.SIGTERM) == 0


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    with programs.api(tmp_path, "--workers", "2") as served:
        served.process.kill()

        def silent() -> bool:
            try:
                return served.get("/healthz") is None
            except OSError:
                return True

        wait_for(silent)


def children(process: int) -> list[int]:
    told = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(child) for child in told.split()]


def runs(process: int) -> bool:
    try:
        told = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return False
    # Whoever takes over the children of a killed process may be slow to bury them.
    return told.rpartition(")")[2].split()[0] != "Z"


def test_workers_end_when_their_parent_is_killed_before_they_serve(tmp_path: Path) -> None:
    parent = programs.start("api", "serve", "--workers", "2", "--port", str(free_port()), folder=tmp_path)
    # Two workers, and what keeps count of what they share.
    wait_for(lambda: len(children(parent.pid)) >= 3)
    workers = children(parent.pid)
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(map(runs, workers)))


def refusal(url: str, body: bytes) -> tuple[int, Any]:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_bad_input_is_told_and_not_logged(tmp_path: Path) -> None:
    good = '"91bcb8d3cc79c30c"'
    with programs.api(tmp_path) as served:
        before = served.log.read_text()
        variable = "query ($p: Hash!) { search(phash: $p, dhash: 0) { totalCount } }"
        cases: list[tuple[str, dict[str, Any], str]] = [
            (variable, {"p": "91bcb8d3cc79c30"}, "BAD_USER_INPUT"),
            (
                '{ search(phash: "91bcb8d3cc79c30", dhash: 0) { totalCount } }',
                {},
                "GRAPHQL_VALIDATION_FAILED",
            ),
            (f"{{ search(phash: {good}, dhash: 0, first: -1) {{ totalCount }} }}", {}, "BAD_USER_INPUT"),
            (
                "query ($p: [HashPair!]!) { searchMany(pictures: $p) { totalCount } }",
                {"p": [{"phash": "0" * 16, "dhash": "0" * 16}] * 501},
                "BAD_USER_INPUT",
            ),
            ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
            ("{", {}, "GRAPHQL_PARSE_FAILED"),
        ]
        for query, variables, code in cases:
            answer = served.ask(query, **variables)
            assert [error["extensions"]["code"] for error in answer["errors"]] == [code], answer
        assert refusal(served.url + "/hash", b"text") == (
            415,
            {"error": "This is not a JPEG, PNG, WebP, TIFF or GIF file.", "reason": "not-an-image"},
        )
        assert refusal(served.url + "/graphql", b"{")[0] == 400
        assert refusal(served.url + "/graphql", b"[]")[0] == 400
        assert served.log.read_text() == before


def test_a_very_large_upload_is_cut_short(tmp_path: Path) -> None:
    body = tmp_path / "zeros"
    with body.open("wb") as file:
        file.truncate(100_000_000)
    with programs.api(tmp_path) as served:
        with body.open("rb") as file:
            request = urllib.request.Request(served.url + "/hash", file, {"Content-Length": "100000000"})
            with pytest.raises(urllib.error.URLError) as refused:
                urllib.request.urlopen(request, timeout=30)
        # The server need not wait for the rest: the client may see its answer or a closed connection.
        assert isinstance(refused.value.reason, BrokenPipeError | ConnectionResetError) or (
            isinstance(refused.value, urllib.error.HTTPError) and refused.value.code == 413
        )
        assert served.get("/healthz") == {"status": "ok"}
        assert "Traceback" not in served.log.read_text()


ROWS = 40_000
NEAR = '{ search(phash: "8000000000000000", dhash: 0, first: 3) { totalCount } }'


def cut_short(snapshot: Path) -> str:
    path = snapshot / "by_page.npy"
    path.write_bytes(path.read_bytes()[:-7])
    return f"{path}: is of {path.stat().st_size} bytes instead of {path.stat().st_size + 7}"


def flipped(snapshot: Path) -> str:
    """A byte that is not looked at on opening, so that the service begins with it."""
    path = snapshot / "hashes.0.npy"
    content = bytearray(path.read_bytes())
    content[len(content) // 2 + 4096] ^= 1
    path.write_bytes(content)
    return f"{path}: is damaged (its checksum is not that of the manifest)"


def of_another_version(snapshot: Path) -> str:
    path = snapshot / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    return f"{path}: is of format 99, and this program reads format {FORMAT}"


def without_a_manifest(snapshot: Path) -> str:
    path = snapshot / "manifest.json"
    path.unlink()
    return f"{path}: No such file or directory"


def half_written(snapshot: Path) -> str:
    """As a process leaves it that is killed."""
    (snapshot / "manifest.json").unlink()
    snapshot.rename(snapshot.with_name(f".writing-{snapshot.name}"))
    return "writing a snapshot: there is none"


@pytest.mark.parametrize("damage", [cut_short, flipped, of_another_version, without_a_manifest, half_written])
def test_a_bad_snapshot_is_refused_by_name_and_made_anew_while_answers_go_on(
    tmp_path: Path, damage: Callable[[Path], str]
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'imagehash.db'}")
    schema.prepare(database)
    with database.write() as connection:
        results.save(connection, [hashed(n, 1 << 63 | n % 16, n // 16) for n in range(1, ROWS)])
    database.close()
    made = programs.run("api", "snapshot", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    (bad,) = (tmp_path / ".cache" / "imagehash").glob("imagehash-*/[0-9]*")
    reason = damage(bad)

    answers: list[int] = []
    with programs.api(tmp_path) as served:
        while not (good := [path for path in bad.parent.glob("[0-9]*") if path != bad]):
            answers.append(served.ask(NEAR)["data"]["search"]["totalCount"])
        wait_for(lambda: f"files by multi-index from {good[0]}" in served.log.read_text())
        answers.append(served.ask(NEAR)["data"]["search"]["totalCount"])
        assert served.get("/readyz")["index"] == "multi-index"
        assert reason in served.log.read_text()
        assert served.stop() == 0
    assert set(answers) == {answers[-1]}
    assert answers[-1] > 100
    assert [path.name for path in bad.parent.glob(".writing-*")] == []
