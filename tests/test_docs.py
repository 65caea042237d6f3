"""The documentation: links work, files that it names exist, the API page is current, examples run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "indexes/*.md", "semsearch/model/*.md") for path in ROOT.glob(pattern)
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NAMED_FILE = re.compile(r"(?<![\w/.])((?:semsearch|scripts|tests|docs)/[\w./-]+\.(?:py|md|json|npz|txt))\b")
README_LINES = 150


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_to_files(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text("utf-8")) if "://" not in target]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_files_that_are_named_exist(page: Path) -> None:
    missing = [name for name in NAMED_FILE.findall(page.read_text("utf-8")) if not (ROOT / name).exists()]
    assert missing == []


@pytest.mark.parametrize("name", ["README.md", "README.vi.md"])
def test_a_readme_is_short(name: str) -> None:
    assert len((ROOT / name).read_text("utf-8").splitlines()) <= README_LINES


def test_the_api_page_is_current() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "make_api_page.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["README.md", "README.vi.md"])
def test_the_python_example_of_a_readme_runs(name: str, tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)
    assert example is not None
    code = example[1].replace("indexes/default", (tmp_path / "index").as_posix())
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "186 m" in done.stdout
    assert "nong-nghiep" not in done.stderr


def test_the_newest_first_reranker_of_the_how_tos_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "howto.md").read_text("utf-8")
    example = next(code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "NewestFirst" in code)
    index = (tmp_path / "index").as_posix()
    setup = f'from semsearch import Index\nwith Index.create("{index}") as index:\n    index.sync(["seeds/articles"])\n'
    code = setup + example.replace("chi-muc", index) + "\nprint(result.found)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "True\n"
