import re
import shlex
import subprocess
from pathlib import Path

import demo
from tests import programs
from tests.mariadb import free_port


def test_the_demo_finds_the_twins_it_makes(tmp_path: Path) -> None:
    port = free_port()
    with programs.serving(["demo"], tmp_path, port, PORT=str(port)) as served:
        for name in demo.NAMES:
            query = "query ($t: String!) { file(title: $t) { matches { nodes { file { title } } } } }"
            found = served.ask(query, t=f"original/{name}")["data"]["file"]["matches"]["nodes"]
            jpeg = Path(name).with_suffix(".jpg")
            expected = {f"File:{kind}/{jpeg}" for kind in ("smaller", "recompressed", "grey")}
            assert {match["file"]["title"] for match in found} == expected

        printed = served.log.read_text()
        assert "48 hashed" in printed
        (command,) = re.findall(r"^ +(curl .*?\\\n.*)$", printed, re.MULTILINE)
        answer = subprocess.run(
            shlex.split(command.replace("\\\n", " ")), capture_output=True, text=True, check=True
        ).stdout
        assert "File:smaller/moon.jpg" in answer
        assert served.stop() == 0
        assert "Traceback" not in served.log.read_text()


def test_the_demo_takes_a_folder(tmp_path: Path, photos: Path) -> None:
    port = free_port()
    folder = photos / "exif"
    with programs.serving(["demo"], tmp_path, port, PORT=str(port), PHOTOS=str(folder)) as served:
        assert "File:Portrait_0.jpg" in served.log.read_text()
        answer = served.ask('{ file(title: "Portrait_0.jpg") { matches { totalCount } } }')
        assert answer["data"]["file"]["matches"]["totalCount"] == 8


def test_a_port_that_is_taken_and_a_folder_without_photos_are_told(tmp_path: Path) -> None:
    with programs.api(tmp_path) as served:
        port = served.url.rsplit(":", 1)[1]
        taken = programs.run("demo", folder=tmp_path, PORT=port)
    assert taken.returncode == 1
    assert taken.stderr == (
        f"demo: port {port} is taken by another program: try make demo PORT={int(port) + 1}\n"
    )
    odd = programs.run("demo", folder=tmp_path, PORT="abc")
    assert (odd.returncode, odd.stderr) == (1, "demo: PORT: 'abc' is not a whole number\n")
    (tmp_path / "empty").mkdir()
    empty = programs.run("demo", folder=tmp_path, PORT=str(free_port()), PHOTOS="empty")
    assert empty.returncode == 1
    assert "there is no JPEG, PNG, WebP, TIFF or GIF file in empty" in empty.stderr
