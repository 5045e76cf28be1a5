from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from benchmarks.indexing import nginx


def test_a_file_is_there_under_many_names(tmp_path: Path) -> None:
    web = tmp_path / "web"
    (web / "images" / "a" / "ab").mkdir(parents=True)
    (web / "images" / "a" / "ab" / "Photo1.jpg").write_bytes(b"a picture")
    with nginx.serving(web, tmp_path / "nginx") as served:
        for number in (1, 1_000_017):
            with urlopen(f"{served.url}/images/a/ab/Copy{number}ofPhoto1.jpg", timeout=30) as response:
                assert response.headers["Content-Type"] == "image/jpeg"
                assert response.read() == b"a picture"
        for missing in ("Copy1ofPhoto2.jpg", "Photo1.jpg"):
            with pytest.raises(HTTPError, match="404"):
                urlopen(f"{served.url}/images/a/ab/{missing}", timeout=30)


def test_what_keeps_it_from_starting_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx, "_SETTINGS", "nonsense;")
    with (
        pytest.raises(RuntimeError, match='unknown directive "nonsense"'),
        nginx.serving(tmp_path, tmp_path / "nginx"),
    ):
        pass
