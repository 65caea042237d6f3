"""Processes of commands: what they import, how they end, and closed streams."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import cli_case
import pytest
from cli_case import process, run

ROOT = Path(__file__).resolve().parent.parent
HEAVY = [
    *("torch", "sentence_transformers", "transformers", "pyvi", "sklearn", "scipy", "pandas", "rich"),
    *("openai", "httpx", "httpx2", "asyncio"),
    *("trafilatura", "ir_measures", "pypdf", "docx"),
]
HEAVIER_THAN_HELP = [*HEAVY, "numpy", "faiss", "tantivy", "tokenizers", "sqlite3"]
SEEDS = ROOT / "seeds" / "articles"


def imported(words: list[str]) -> set[str]:
    """Top-level modules that ``semsearch WORDS`` has imported when it ends."""
    code = (
        "import sys\n"
        "from semsearch.cli import build_app\n"
        f"words = {words!r}\n"
        "try:\n    build_app(words[0])(words, prog_name='semsearch')\n"
        "except SystemExit as stop:\n    print(stop.code, *{m.partition('.')[0] for m in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=cli_case.environment(), capture_output=True, text=True, timeout=60, check=True
    )
    code_and_names = done.stderr.splitlines()[-1].split()
    assert code_and_names[0] in ("0", "1"), done.stderr
    return set(code_and_names[1:])


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seeds if they are there, or else the small corpus."""
    folder = SEEDS if SEEDS.is_dir() else cli_case.write_corpus(tmp_path_factory.mktemp("doors") / "corpus")
    path = tmp_path_factory.mktemp("doors-index") / "index"
    assert run("index", folder, index=path).exit_code in (0, 1)
    return path


def test_help_imports_nothing_heavy() -> None:
    assert not imported(["--help"]) & set(HEAVIER_THAN_HELP)
    assert not imported(["search", "--help"]) & set(HEAVIER_THAN_HELP)


@pytest.mark.parametrize("command", [["ask"], ["search"], ["similar"], ["ask", "--explain", "--json"]])
def test_answering_imports_no_framework(index: Path, command: list[str]) -> None:
    names = imported([*command, "Cầu Bản Lầy dài bao nhiêu mét?", "--index", str(index)])
    assert {"faiss", "tantivy"} <= names
    assert not names & set(HEAVY)


def test_import_semsearch_costs_nothing() -> None:
    code = "import semsearch, sys; print(*{m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], env=cli_case.environment(), capture_output=True, text=True, check=True
    )
    assert not set(done.stdout.split()) & {*HEAVIER_THAN_HELP, "typer"}


def test_a_cold_question_is_answered(index: Path) -> None:
    assert process("search", "huyện", "--index", index).returncode == 0


def test_an_answering_command_ends_at_once_with_all_its_output(index: Path) -> None:
    """Unloading the libraries is left to the system; other commands end as Python does."""

    def run_main(command: str, *words: str) -> tuple[int, str]:
        code = (
            "import atexit, sys\n"
            "atexit.register(print, 'unloaded', flush=True)\n"
            f"sys.argv = {['semsearch', command, *words, '--index', str(index)]!r}\n"
            "from semsearch.cli import main\n"
            "main()\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], env=cli_case.environment(), capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout

    returned, output = run_main("search", "huyện")
    assert returned == 0
    assert "unloaded" not in output
    assert output == process("search", "huyện", "--index", index).stdout.decode()
    returned, output = run_main("status")
    assert returned == 0
    assert output.endswith("unloaded\n")


def test_a_misspelt_command_is_corrected() -> None:
    done = process("aks", "huyện")
    assert done.returncode == 2
    assert b"'ask'" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="descriptors are closed by a shell of Unix")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_streams_that_are_closed(index: Path, closed: str) -> None:
    command = shlex.join([sys.executable, "-m", "semsearch", "search", "huyện", "--index", str(index)])
    done = subprocess.run(
        ["sh", "-c", f"{command} {closed}"], env=cli_case.environment(), capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert bool(done.stdout) == (">&-" not in closed.replace("2>&-", ""))
