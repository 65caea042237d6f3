"""Imports go down the floors, and no modules import each other in a circle. CONTRIBUTING.md draws the floors."""

from __future__ import annotations

import ast
import importlib
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import semsearch

PACKAGE = Path(semsearch.__file__).parent
FLOORS = (
    {"_version", "errors", "types", "failpoints", "float16", "lazy_regex"},
    {"filters", "reports", "paths"},
    {"text", "protocols"},
    {"hub", "serialize"},
    {"ingest", "segmentation", "encoders", "storage"},
    {"index_encoder"},
    {"search", "indexing", "reader", "duplicates", "answering"},
    {"explain", "evaluate"},
    {"index", "cluster"},
    {"cli", "server", "mcp", "__init__", "__main__"},
)
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
SLOW_LIBRARIES = {"torch", "sentence_transformers", "transformers", "pyvi", "sklearn", "onnxruntime", "ray", "pymilvus"}


class Tree:
    """Return the modules in a package's folder with what they import from one another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = {self.name(path): path for path in sorted(folder.rglob("*.py"))}

    def name(self, path: Path) -> str:
        """The dotted name of a module relative to the package; packages are named by their folder."""
        parts = path.relative_to(self.folder).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)

    def part(self, module: str) -> str:
        """The module or package directly below the package."""
        return module.split(".")[0]

    def imported(self, module: str, *, annotations: bool = True) -> Iterator[str]:
        """Modules imported anywhere in ``module``, in functions too; type-only imports unless not ``annotations``."""
        path = self.files[module]
        tree = ast.parse(path.read_text("utf-8"))
        package = list(path.relative_to(self.folder).parts[:-1])
        skipped: set[ast.AST] = set()
        if not annotations:
            for node in ast.walk(tree):
                if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                    skipped |= set(ast.walk(node))
        for node in ast.walk(tree):
            if node in skipped:
                continue
            if isinstance(node, ast.Import):
                for alias in node.names:
                    names = alias.name.split(".")
                    if names[0] == "semsearch":
                        yield self._known(names[1:])
            elif isinstance(node, ast.ImportFrom):
                names = (node.module or "").split(".") if node.module else []
                if node.level:
                    base = package[: len(package) - node.level + 1]
                elif names[:1] == ["semsearch"]:
                    base, names = [], names[1:]
                else:
                    continue
                for alias in node.names:
                    yield self._known([*base, *names, alias.name])

    def _known(self, names: list[str]) -> str:
        while names and ".".join(names) not in self.files:
            names = names[:-1]
        return ".".join(names) or "__init__"


TREE = Tree(PACKAGE)


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that can all reach one another (Tarjan's strongly connected components)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in sorted(edges.get(node, ())):
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(edges):
        if node not in order:
            visit(node)
    return found


def test_every_part_has_a_floor() -> None:
    assert {TREE.part(module) for module in TREE.files} <= FLOOR.keys()


@pytest.mark.parametrize("module", TREE.files)
def test_imports_come_from_floors_below(module: str) -> None:
    part = TREE.part(module)
    others = {TREE.part(name) for name in TREE.imported(module)} - {part, "_version"}
    wrong = {name for name in others if FLOOR[name] >= FLOOR[part] and FLOOR[part] < len(FLOORS) - 1}
    assert not wrong, f"{module} (floor {FLOOR[part]}) imports {wrong}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports for annotations count too; a package's ``__init__`` that only re-exports its modules does not."""
    edges = {module: set(TREE.imported(module)) - {module} for module in TREE.files}
    for module, path in TREE.files.items():
        if path.name == "__init__.py":
            edges[module] = {name for name in edges[module] if not name.startswith(f"{module}.")}
    assert circles(edges) == []


def test_circles_are_seen(tmp_path: Path) -> None:
    (tmp_path / "search").mkdir()
    (tmp_path / "text.py").write_text("def f():\n    from .search import view\n")
    (tmp_path / "search" / "view.py").write_text("from ..text import f\nfrom semsearch import errors\n")
    (tmp_path / "errors.py").write_text("")
    tree = Tree(tmp_path)
    assert list(tree.imported("search.view")) == ["text", "errors"]
    assert circles({name: set(tree.imported(name)) for name in tree.files}) == [["search.view", "text"]]


@pytest.mark.parametrize("module", TREE.files)
def test_slow_libraries_are_not_imported_at_the_top(module: str) -> None:
    tree = ast.parse(TREE.files[module].read_text("utf-8"))
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").split(".")[0])
    assert not names & SLOW_LIBRARIES


def test_public_names_can_be_imported() -> None:
    assert {"Index", "Filter", "Query", "Retriever", "Reranker", "Reader", "answer", "Quote"} <= set(semsearch.__all__)
    for name in semsearch.__all__:
        assert getattr(semsearch, name) is not None
    with pytest.raises(AttributeError):
        semsearch.nothing  # noqa: B018


def test_type_checkers_see_the_public_names() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    declared = {alias.asname: node.module for node in imports for alias in node.names}
    assert declared.keys() | {"__version__"} == set(semsearch.__all__)
    for name, module in declared.items():
        defined = importlib.import_module(f"semsearch.{module}")
        assert getattr(semsearch, str(name)) is getattr(defined, str(name))


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["project"]
    assert semsearch.__version__ == project["version"]
    assert sys.version_info >= (3, 11)
