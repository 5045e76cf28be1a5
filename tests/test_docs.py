"""What the documentation says is so."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import demo
from api import errors
from api.metrics import OUTCOMES, Metrics
from commons import settings
from commons.fetching import LIMITS
from commons.pictures import MAX_PIXELS, Reason
from tests import programs
from tests.mariadb import free_port

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "gadget" / "README.md"]


def names_of_settings() -> set[str]:
    return {
        value
        for value in vars(settings).values()
        if isinstance(value, str) and value.startswith("IMAGEHASH_")
    }


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    documented = set(re.findall(r"IMAGEHASH_[A-Z]+(?:_[A-Z]+)*", (ROOT / "docs" / "settings.md").read_text()))
    assert documented == names_of_settings()


def test_every_code_of_an_error_is_documented() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    codes = {kind.code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "code")}
    assert {code for code in codes if f"`{code}`" not in page} == {"NOT_FOUND"}


def test_every_reason_of_a_failure_is_documented() -> None:
    page = (ROOT / "docs" / "indexing.md").read_text()
    assert {reason for reason in Reason if f"`{reason}`" not in page} == set()
    assert f"more than {MAX_PIXELS // 10**6} million pixels, or {LIMITS.size // 2**20} MiB" in page


def test_every_metric_is_documented_and_every_documented_one_exists() -> None:
    page = (ROOT / "docs" / "operating.md").read_text()
    documented = {name.removesuffix("_bucket") for name in re.findall(r"imagehash_[a-z_]+", page)}
    families = text_string_to_metric_families(Metrics().written().decode())
    names = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    assert documented == names
    assert {outcome for outcome in OUTCOMES if f"`{outcome}`" not in page} == set()


def test_every_command_of_the_procfile_exists(tmp_path: Path) -> None:
    commands = [line.partition(": ")[2] for line in (ROOT / "Procfile").read_text().splitlines()]
    assert len(commands) == 4
    for command in commands:
        python, _, module, name, *_ = command.split()
        assert python == "python"
        assert programs.run(module, name, "--help", folder=tmp_path).returncode == 0
    for option in re.findall("--[a-z]+", commands[0]):
        assert option in programs.run("api", "serve", "--help", folder=tmp_path).stdout


def test_the_build_service_has_the_node_that_the_page_takes() -> None:
    outer, page, lock = (
        json.loads((ROOT / name).read_text())
        for name in ("package.json", "web/package.json", "package-lock.json")
    )
    assert outer["engines"] == page["engines"] == lock["packages"][""]["engines"]
    assert set(lock["packages"]) == {""}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_readmes_query_has_the_readmes_answer(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    (body,) = re.findall(r"--data '(.*)'", readme)
    (answer,) = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    port = free_port()
    with programs.serving(["demo"], tmp_path, port, PORT=str(port)) as served:
        found = served.ask(json.loads(body)["query"])
    assert found["data"] == json.loads(answer)["data"]
    assert demo.BUILT.parts[0] == "build"


@pytest.mark.parametrize("program", ["imagehash-api", "imagehash-index"])
def test_every_command_of_the_readme_exists(program: str, tmp_path: Path) -> None:
    module = program.removeprefix("imagehash-")
    texts = "".join(page.read_text() for page in PAGES)
    commands = set(re.findall(rf"{program} ([a-z][a-z-]+)", texts))
    assert commands
    for command in commands:
        told = programs.run(module, command, "--help", folder=tmp_path)
        assert told.returncode == 0, told.stderr
