"""A module imports only from floors below its own; see "Floors" in docs/decisions and CONTRIBUTING."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "semsearch"
FLOORS = {
    0: {"_version", "errors", "types"},
    1: {"text"},  # pure like the next, which compare words by it
    2: {"sentences", "fusion", "evaluate", "overlap", "wire", "pretrained", "halves", "wordfile"},
    3: {"ingest", "encoders", "vectors", "lexical", "store", "rerank", "reader"},
    4: {"index", "cluster"},
    5: {"cli", "server", "mcp", "__init__", "__main__"},
}
FLOOR = {name: floor for floor, names in FLOORS.items() for name in names}
SLOW = {"torch", "sentence_transformers", "transformers", "pyvi", "sklearn", "ray", "pymilvus", "underthesea"}
FILES = sorted(ROOT.rglob("*.py"))


def part(path: Path) -> str:
    """The module or package directly below ``semsearch`` that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """The parts of semsearch that a file imports anywhere, in a function too."""
    depth = len(path.relative_to(ROOT).parts) - 1
    tree = ast.parse(path.read_text("utf-8"))
    parts = {part(file) for file in FILES}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "semsearch":
                    yield [*alias.name.split("."), "__init__"][1]
        elif isinstance(node, ast.ImportFrom):
            names = (node.module or "").split(".") if node.module else []
            if node.level == 0 and names[:1] == ["semsearch"]:
                names = names[1:]
            elif node.level != depth + 1:
                continue  # another distribution, or a sibling in the same package
            if names:
                yield names[0]
            else:
                for alias in node.names:
                    yield alias.name if alias.name in parts else "__init__"


def test_every_part_has_a_floor() -> None:
    assert {part(file) for file in FILES} <= FLOOR.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_come_from_floors_below(path: Path) -> None:
    own = part(path)
    wrong = [name for name in imported(path) if name != own and FLOOR[name] >= FLOOR[own] and FLOOR[own] < 5]
    assert not wrong, f"{own} (floor {FLOOR[own]}) imports {wrong}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_slow_libraries_are_not_imported_at_the_top(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").split(".")[0])
    assert not names & SLOW


def test_the_floors_see_an_import_in_a_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "text.py"
    file.write_text(
        "def f():\n    from .store import Store\n    from . import errors\n    from semsearch.index import Index\n"
    )
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    monkeypatch.setattr(sys.modules[__name__], "FILES", [file, tmp_path / "errors.py"])
    assert list(imported(file)) == ["store", "errors", "index"]


def test_public_names() -> None:
    import tomllib

    import semsearch

    assert semsearch.__all__ == sorted(semsearch.__all__)
    assert semsearch.__all__ == [
        "Answer",
        "Article",
        "Duplicate",
        "Duplicates",
        "Encoder",
        "EncoderUnavailable",
        "Finding",
        "Hit",
        "Index",
        "IndexDamaged",
        "IndexLocked",
        "IndexMissing",
        "IndexStale",
        "IndexUnusable",
        "IngestError",
        "Passage",
        "ReaderUnavailable",
        "Scores",
        "SemsearchError",
        "Span",
        "Status",
        "StorageError",
        "SyncReport",
        "UsageError",
        "__version__",
        "load_encoder",
        "load_reader",
    ]
    for name in semsearch.__all__:
        assert getattr(semsearch, name) is not None
    with pytest.raises(AttributeError):
        semsearch.nothing  # noqa: B018
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text("utf-8"))["project"]
    assert semsearch.__version__ == project["version"]
