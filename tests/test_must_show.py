"""Questions about the five sample articles next to the project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_case import run, run_json
from factories import SAMPLE_ARTICLES

pytestmark = pytest.mark.skipif(not SAMPLE_ARTICLES.is_dir(), reason="the sample articles ../shared/seeds are not here")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("must-show") / "index"
    result = run("index", SAMPLE_ARTICLES, index=path)
    assert result.exit_code == 0, result.output
    assert "thêm 5 bài" in result.stdout
    return path


def ask(index: Path, question: str) -> dict[str, Any]:
    return run_json("ask", question, index=index)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Cao Bằng có bao nhiêu loại mô hình tự quản về an ninh?", "38"),
        ("Thiếu tướng Nguyễn Ngọc Hà giữ chức vụ gì?", "Phó Tư lệnh Quân khu 4"),
        ("ngan sach nam 2017 danh cho cong trinh phong thu", "11,5 tỷ đồng"),
        ("Lai Châu chi bao nhiêu tiền cho công trình khu vực phòng thủ?", "212 tỷ"),
        ("huyện Bảo Lâm có bao nhiêu dân?", "66 nghìn"),
    ],
)
def test_the_sentence_quoted_holds_the_answer(index: Path, question: str, answer: str) -> None:
    value = ask(index, question)
    assert value["found"], value["hits"][:1]
    assert answer in " ".join(value["answer"]["sentence"]["text"].split())
    result = run("ask", question, index=index)
    assert result.exit_code == 0
    assert answer in " ".join(result.stdout.replace("**", "").split())
    assert "Nguồn: " in result.stdout and ".txt, dòng " in result.stdout


def test_what_no_article_tells_is_refused(index: Path) -> None:
    assert not ask(index, "Ai vô địch World Cup 2022?")["found"]
    assert run("ask", "Ai vô địch World Cup 2022?", index=index).exit_code == 1
