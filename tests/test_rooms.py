"""The walls of the house: which room may know of which."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "api": {"api", "bktree", "sql", "commons"},
    "index": {"index", "sql", "commons"},
    "bktree": {"bktree"},
    "sql": {"sql"},
    "commons": {"commons"},
}
FOREIGN = {
    "bktree": {"sqlalchemy", "pymysql", "starlette", "strawberry", "PIL", "imagehash", "httpx"},
    "sql": {"starlette", "strawberry", "graphql", "httpx", "PIL", "imagehash"},
}
DECLARATIONS = {
    "api": {"context", "responses", "types"},
    "bktree": {"main", "protocol"},
    "sql": {"tables"},
}
"""Modules that declare what the tests of others put to use."""


def imported(module: Path) -> set[str]:
    """The top-level packages that a module imports."""
    packages = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            packages |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            packages.add((node.module or "").split(".")[0])
    return packages


@pytest.mark.parametrize("room", ALLOWED)
def test_imports_run_one_way(room: str) -> None:
    for module in sorted((ROOT / room).rglob("*.py")):
        packages = imported(module)
        assert packages & ALLOWED.keys() <= ALLOWED[room], module
        assert not packages & FOREIGN.get(room, set()), module


@pytest.mark.parametrize("room", ALLOWED)
def test_each_module_has_its_test(room: str) -> None:
    modules = {path.stem for path in (ROOT / room).glob("*.py") if path.stem != "__init__"}
    tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / room).glob("test_*.py")}
    names = {"main" if module == "__main__" else module for module in modules}
    assert names - tests == DECLARATIONS.get(room, set())
