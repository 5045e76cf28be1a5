from pathlib import Path

import pytest

from tests import mariadb
from tests.wiki.installation import install


def test_what_maintenance_scripts_complain_of_is_told(mariadb_server: mariadb.Server, tmp_path: Path) -> None:
    wiki = install(tmp_path, mariadb_server, "installed", url="http://127.0.0.1", feed="udp://127.0.0.1:9")
    assert "1.39" in wiki.maintain("version")
    with pytest.raises(RuntimeError, match="importImages failed"):
        wiki.maintain("importImages")
    elsewhere = mariadb_server._replace(port=mariadb.free_port())
    with pytest.raises(RuntimeError, match=r"(?s)install failed.*Connection refused"):
        install(tmp_path / "again", elsewhere, "installed", url="http://127.0.0.1", feed="udp://127.0.0.1:9")
    mariadb_server.execute("DROP DATABASE installed")
