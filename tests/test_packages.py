import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = Path(__file__).with_name("packages.sh")


def test_what_is_there_is_not_installed_again() -> None:
    done = subprocess.run(["sh", SCRIPT, "mariadb-server"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_without_root_the_command_is_printed() -> None:
    # A function stands in for the program that tells who one is.
    refused = subprocess.run(
        ["sh", "-c", f"id() {{ echo 1000; }}; set -- no-such-package; . {SCRIPT}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "sudo sh -c 'apt-get update && apt-get install" in refused.stderr
    assert "no-such-package" in refused.stderr


@pytest.mark.parametrize("lock", ["web/package-lock.json", "tests/conformance/package-lock.json"])
def test_locks_have_a_checksum_for_each_package_and_name_no_host(lock: str) -> None:
    packages = json.loads((ROOT / lock).read_text())["packages"]
    packages.pop("")
    assert packages
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
