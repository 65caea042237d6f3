"""A small corpus, its index, and two ways to run the command line: in this process and as a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from semsearch.cli import build_app

SETTINGS = (
    *("SEMSEARCH_INDEX", "SEMSEARCH_DEBUG", "SEMSEARCH_LLM_KEY", "COLUMNS", "NO_COLOR"),
    *("LC_ALL", "LC_MESSAGES", "LANG"),
)
"""Environment variables that change the output of commands."""

BRIDGE = """---
title: Cầu Rạch Dừa thông xe
date: 2021-03-05
author: Minh Tâm
url: https://example.vn/cau-rach-dua
---
Sáng 5/3, huyện Tân Hương khánh thành cầu Rạch Dừa sau hai năm thi công.

Cầu Rạch Dừa dài 420 mét, rộng 9 mét, tổng vốn đầu tư 85 tỷ đồng. Trước đây người dân phải đi phà mất nửa giờ mỗi lượt.

Ông Lê Văn Thuận, Chủ tịch Ủy ban nhân dân huyện, cho biết cây cầu giúp nông dân chở lúa ra chợ nhanh hơn.
"""

SCHOOL = """Trường Tiểu học Hoa Sen có thư viện mới
12/9/2019

Trường Tiểu học Hoa Sen ở xã Bình Phú vừa mở thư viện có 3.200 cuốn sách. Thư viện mở cửa từ thứ hai đến thứ sáu.

Cô Nguyễn Thị Lan là hiệu trưởng của trường. Phụ huynh góp 40 triệu đồng để mua bàn ghế.
"""

RECORDS = [
    {
        "id": "ca-phe",
        "title": "Giá cà phê tăng",
        "date": "2022-11-20",
        "text": "Giá cà phê nhân ở Đắk Nông lên 41.500 đồng mỗi ký. Nông dân nhiều nơi giữ hàng chờ giá tốt hơn.",
    },
    {
        "id": "mua-lu",
        "title": "Mưa lũ ở miền Trung",
        "date": "2020-10-18",
        "text": "Mưa lớn làm ngập 15 xã ven sông Hiếu. Bộ đội đã đưa hơn 600 hộ dân đến nơi an toàn trong đêm.",
    },
]


def write_corpus(folder: Path) -> Path:
    """Four articles in three files, one of them also in a second place."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cau.md").write_text(BRIDGE, encoding="utf-8")
    (folder / "truong.txt").write_text(SCHOOL, encoding="utf-8")
    (folder / "truong-ban-sao.txt").write_text(SCHOOL, encoding="utf-8")
    lines = [json.dumps(record, ensure_ascii=False) for record in RECORDS]
    (folder / "tin.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def run(*words: str | Path, index: Path | None = None, stdin: str | bytes = "", **env: str | None) -> Result:
    """``semsearch WORDS --index INDEX`` in this process; stdin, stdout and stderr are not terminals."""
    arguments = [str(w) for w in words] + (["--index", str(index)] if index is not None else [])
    fixed: dict[str, str | None] = dict.fromkeys(SETTINGS)
    return CliRunner().invoke(build_app(), arguments, input=stdin, env=fixed | env, prog_name="semsearch")


def run_json(*words: str | Path, index: Path | None = None, stdin: str | bytes = "") -> dict[str, Any]:
    """Return what it prints with ``--json``: one line with one object."""
    result = run(*words, "--json", index=index, stdin=stdin)
    assert result.stdout.endswith("\n") and result.stdout.count("\n") == 1, (result.stdout, result.stderr)
    value = json.loads(result.stdout)
    assert isinstance(value, dict)
    return value


def process(
    *words: str | Path, cwd: Path | None = None, stdin: bytes = b"", **env: str
) -> subprocess.CompletedProcess[bytes]:
    """``python -m semsearch WORDS`` as a process of its own."""
    command = [sys.executable, "-m", "semsearch", *map(str, words)]
    return subprocess.run(
        command, cwd=cwd, input=stdin, env=environment(**env), capture_output=True, timeout=120, check=False
    )


def environment(**more: str) -> dict[str, str]:
    """This process's environment without the settings of semsearch, able to import the project from anywhere."""
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    root = str(Path(__file__).resolve().parent.parent)
    return kept | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"} | more


def copy_index(index: Path, to: Path) -> Path:
    """Copy an index, to change the copy."""
    shutil.copytree(index, to)
    return to
