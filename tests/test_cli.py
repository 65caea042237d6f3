"""The commands as a user types them: what is printed where, and the exit codes."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cli_case
import pytest
from cli_case import process, run, run_json

from semsearch import Index, StorageError, __version__
from semsearch.cli.options import parse_date

BRIDGE_QUESTION = "Cầu Rạch Dừa dài bao nhiêu mét?"
OFF_TOPIC = "Ai vô địch World Cup 2022?"
COMMANDS = (
    "index",
    "ask",
    "search",
    "similar",
    "duplicates",
    "show",
    "status",
    "remove",
    "rebuild",
    "doctor",
    "eval",
    "encoders",
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cli_case.write_corpus(tmp_path_factory.mktemp("cli") / "bài")


@pytest.fixture(scope="module")
def index(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli-index") / "index"
    result = run("index", corpus, index=path)
    assert result.exit_code == 0, result.output
    assert "thêm 4 bài, cập nhật 0, bỏ 0, giữ nguyên 0, trùng lặp 1\n" in result.stdout
    return path


@pytest.fixture
def index_copy(index: Path, tmp_path: Path) -> Path:
    return cli_case.copy_index(index, tmp_path / "index")


# Help ----------------------------------------------------------------------------------------


def test_help_lists_every_command_and_the_exit_codes() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for command in COMMANDS:
        assert re.search(rf"^  {command}  +\S", result.stdout, re.M), command
    assert "Exit codes: 0" in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_json_and_lang(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "--json" in result.stdout
    assert "--lang" in result.stdout


def test_version() -> None:
    assert run("--version").stdout == f"semsearch {__version__}\n"


def test_a_misspelt_command_is_a_usage_error() -> None:
    result = run("serach", "x")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "search" in result.stderr


# ask -----------------------------------------------------------------------------------------


def test_ask_quotes_the_answer_with_its_source(index: Path, corpus: Path) -> None:
    result = run("ask", BRIDGE_QUESTION, index=index)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert "420" in result.stdout.split("Nguồn", maxsplit=1)[0]
    source = re.search(r"^Nguồn: (.*)$", result.stdout, re.M)
    assert source is not None
    for part in ("Cầu Rạch Dừa thông xe", "5/3/2021", f"{corpus}/cau.md", "dòng"):
        assert part in source[1]
    assert "https://example.vn/cau-rach-dua" in result.stdout
    assert re.search(r"^Độ tin cậy: [01],\d\d \((cao|trung bình|thấp)\)$", result.stdout, re.M)
    assert re.search(r"^1\. ", result.stdout, re.M)
    assert re.search(r"«[^»]*420 mét[^»]*»", result.stdout)


def test_the_line_number_is_that_of_the_articles_text(index: Path) -> None:
    value = run_json("ask", BRIDGE_QUESTION, index=index)
    shown = run_json("show", value["answer"]["passage_id"], index=index)
    line = shown["article"]["text"].split("\n")[value["answer"]["line"] - 1]
    assert "420 mét" in line


def test_ask_without_accents(index: Path) -> None:
    result = run("ask", "cau rach dua dai bao nhieu met", index=index)
    assert result.exit_code == 0
    assert "420" in result.stdout


def test_words_need_no_quotes(index: Path) -> None:
    assert run("ask", *BRIDGE_QUESTION.split(), index=index).stdout == run("ask", BRIDGE_QUESTION, index=index).stdout


def test_ask_names_all_sources_of_a_text(index: Path) -> None:
    result = run("ask", "Ai là hiệu trưởng trường Hoa Sen?", index=index)
    assert "Nguyễn Thị Lan" in result.stdout
    assert "truong.txt" in result.stdout and "truong-ban-sao.txt" in result.stdout


def test_a_question_the_articles_do_not_answer(index: Path) -> None:
    result = run("ask", OFF_TOPIC, index=index)
    assert result.exit_code == 1
    assert result.stdout == "Không tìm thấy câu trả lời trong các bài đã lập chỉ mục.\n"
    value = run_json("ask", OFF_TOPIC, index=index)
    assert (value["found"], value["answer"]) == (False, None)


def test_the_question_may_come_from_stdin(index: Path) -> None:
    result = run("ask", "-", index=index, stdin=f"{BRIDGE_QUESTION}\n")
    assert result.stdout == run("ask", BRIDGE_QUESTION, index=index).stdout


@pytest.mark.parametrize("words", [["   "], ["-"]])
def test_an_empty_question_is_a_usage_error(index: Path, words: list[str]) -> None:
    result = run("ask", *words, index=index, stdin="\n")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "semsearch: The question is empty.\n"


def test_same_question_same_bytes(index: Path) -> None:
    first = run("search", "nông dân", "--json", index=index).stdout
    assert first == run("search", "nông dân", "--json", index=index).stdout


# search and similar --------------------------------------------------------------------------


def test_search_ranks_and_marks(index: Path) -> None:
    result = run("search", "thư viện trường học", "-k", "2", index=index)
    assert result.exit_code == 0
    assert [line.split(".")[0] for line in result.stdout.splitlines() if re.match(r"\d+\. ", line)] == ["1", "2"]
    first = result.stdout.split("\n2. ")[0]
    assert "Hoa Sen" in first and "12/9/2019" in first
    assert first.count("«") == first.count("»") == 1
    assert re.search(r"truong[a-z-]*\.txt:\d+ · đoạn \d+$", first, re.M)


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_every_mode_finds_it(index: Path, mode: str) -> None:
    value = run_json("search", "giá cà phê Đắk Nông", "--mode", mode, index=index)
    assert value["mode"] == mode
    assert value["hits"][0]["article"]["title"] == "Giá cà phê tăng"
    signal = {"dense": "dense", "lexical": "lexical", "hybrid": "lexical"}[mode]
    assert value["hits"][0]["scores"][signal] is not None


def test_filters(index: Path, corpus: Path) -> None:
    def titles(*words: str) -> set[str]:
        value = run_json("search", "người dân nông dân bộ đội trường", *words, index=index)
        return {hit["article"]["title"] for hit in value["hits"]}

    assert titles("--since", "2022-01-01") == {"Giá cà phê tăng"}
    assert titles("--since", "18/10/2020", "--until", "5/3/2021") == {"Mưa lũ ở miền Trung", "Cầu Rạch Dừa thông xe"}
    assert titles("--until", "2019-09-12") == {"Trường Tiểu học Hoa Sen có thư viện mới"}
    assert titles("--source", str(corpus / "tin.jsonl")) == {"Giá cà phê tăng", "Mưa lũ ở miền Trung"}


def test_a_filter_that_leaves_nothing_is_exit_1(index: Path) -> None:
    result = run("search", "nông dân", "--since", "2030-01-01", index=index)
    assert result.exit_code == 1
    assert result.stdout == "Không tìm thấy đoạn nào.\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--since", "hôm qua"], '--since "hôm qua" is not a date. Write it as 2018-08-27 or 27/8/2018.'),
        (["--since", ""], '--since "" is not a date.'),
        (["--until", " "], '--until " " is not a date.'),
        (["--until", "30/2/2020"], '--until "30/2/2020" is not a date.'),
        (["--since", "2021-01-02", "--until", "2021-01-01"], "--since 2021-01-02 is after --until 2021-01-01."),
    ],
)
def test_invalid_dates(index: Path, words: list[str], message: str) -> None:
    result = run("search", "x", *words, index=index)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr and result.stderr.count("\n") == 1


def test_both_forms_of_a_date() -> None:
    assert parse_date("--since", "2018-08-07") == parse_date("--since", "7/8/2018") == parse_date("", "07-08-2018")


@pytest.mark.parametrize("words", [["-k", "0"], ["-k", "x"], ["--mode", "best"], ["--threads", "0"], ["--nonsense"]])
def test_invalid_options(index: Path, words: list[str]) -> None:
    result = run("search", "x", *words, index=index)
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("text", ["--- cầu", "-5 độ C", "- cầu\n- đường", "--cầu dài"])
def test_a_text_that_begins_with_a_dash(index: Path, text: str) -> None:
    refused = run("search", text, index=index)
    assert (refused.exit_code, refused.stdout) == (2, "")
    hint = f'Put -- before a text that begins with a dash: semsearch search -- "{" ".join(text.split())}"'
    assert hint in refused.stderr
    value = json.loads(run("search", "--json", "--index", index, "--", text).stdout)
    assert value["query"] == text and value["hits"]


@pytest.mark.parametrize(
    "words", [["search", "--nonsense", "x"], ["search", "--nonsense=a b", "x"], ["status", "-5 độ"]]
)
def test_a_misspelt_option_is_not_taken_for_a_text(words: list[str]) -> None:
    assert "begins with a dash" not in run(*words).stderr


def test_explain_shows_scores_terms_and_language(index: Path) -> None:
    result = run("search", "gia cà phê", "--explain", "--lang", "en", index=index)
    assert "language: Vietnamese · mode: hybrid · weights: " in result.stdout
    assert re.search(r"score [01]\.\d\d from .*BM25 \d", result.stdout)
    assert "shared terms: cà, phê\n" in result.stdout
    assert "shared terms without accents: gia\n" in result.stdout
    explain = run_json("search", "gia cà phê", "--explain", index=index)["explain"]
    assert explain["hits"][0]["terms"] == ["cà", "phê"]
    assert explain["hits"][0]["folded_terms"] == ["gia"]
    assert all(weight >= 0 for weight in explain["weights"].values()) and explain["weights"]
    assert "explain" in run_json("ask", OFF_TOPIC, "--explain", index=index)
    assert "Các đoạn gần nhất" in run("ask", OFF_TOPIC, "--explain", index=index).stdout


def test_similar_passage_is_never_itself(index: Path) -> None:
    first = run_json("search", "cầu", index=index)["hits"][0]["passage"]["id"]
    value = run_json("similar", "--passage", first, index=index)
    assert value["passage"] == first and value["text"] is None
    assert value["hits"] and first not in [hit["passage"]["id"] for hit in value["hits"]]


def test_similar_finds_other_articles_unless_asked(index: Path) -> None:
    def articles(*words: str) -> set[int]:
        return {hit["article"]["id"] for hit in run_json("similar", *words, "-k", "50", index=index)["hits"]}

    article = run_json("show", 1, index=index)["article"]
    assert article["id"] not in articles("--passage", "1") | articles("--article", article["source"])
    assert article["id"] in articles("--article", article["source"], "--same-article")
    value = run_json("similar", "--passage", "1", "--same-article", index=index)
    assert value["same_article"] is True
    assert 1 not in [hit["passage"]["id"] for hit in value["hits"]]


def test_similar_article_is_never_itself(index: Path, corpus: Path) -> None:
    value = run_json("similar", "--article", corpus / "cau.md", index=index)
    assert value["hits"]
    assert "Cầu Rạch Dừa thông xe" not in {hit["article"]["title"] for hit in value["hits"]}


def test_similar_to_a_text_from_stdin(index: Path) -> None:
    value = run_json("similar", "-", index=index, stdin="Nước sông dâng cao, nhiều xã bị ngập, dân phải sơ tán.")
    assert value["hits"][0]["article"]["title"] == "Mưa lũ ở miền Trung"


@pytest.mark.parametrize("words", [[], ["một câu", "--passage", "1"], ["--passage", "1", "--article", "a"]])
def test_similar_requires_exactly_one(index: Path, words: list[str]) -> None:
    result = run("similar", *words, index=index)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "semsearch: Give exactly one of TEXT, --passage and --article.\n"


@pytest.mark.parametrize("words", [["show", "999999"], ["similar", "--passage", "999999"]])
def test_a_passage_that_does_not_exist(index: Path, words: list[str]) -> None:
    result = run(*words, index=index)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "999999" in result.stderr and result.stderr.count("\n") == 1


def test_show_marks_the_passage_in_its_article(index: Path) -> None:
    passage = run_json("search", "giá cà phê", index=index)["hits"][0]["passage"]
    result = run("show", passage["id"], index=index)
    assert result.exit_code == 0
    marked = [line for line in result.stdout.splitlines() if "│" in line]
    assert marked[0].startswith(str(passage["line"])) or marked[0].strip().startswith(str(passage["line"]))
    assert "41.500" in result.stdout
    only = run("show", passage["id"], "--context", "0", index=index).stdout
    assert len(only) <= len(result.stdout) and "41.500" in only


# Language ------------------------------------------------------------------------------------


def test_lang_english(index: Path) -> None:
    result = run("ask", BRIDGE_QUESTION, "--lang", "en", index=index)
    assert re.search(r"^Source: Cầu Rạch Dừa thông xe · 5 Mar 2021 · .*cau\.md, line \d+$", result.stdout, re.M)
    assert re.search(r"^Confidence: [01]\.\d\d \((high|moderate|low)\)$", result.stdout, re.M)
    assert "\nSupporting passages:\n" in result.stdout
    assert run("ask", OFF_TOPIC, "--lang", "en", index=index).stdout == "No answer found in the indexed articles.\n"


@pytest.mark.parametrize("command", ["status", "doctor", "encoders", "rebuild", "index"])
def test_output_is_in_one_language(index_copy: Path, command: str) -> None:
    """Of commands that print no article: English output is ASCII, Vietnamese is not."""
    index = None if command == "encoders" else index_copy
    english = run(command, "--lang", "en", index=index).stdout
    vietnamese = run(command, "--lang", "vi", index=index).stdout
    assert english.replace(str(index_copy), "").replace("bài", "").isascii()
    assert not vietnamese.isascii()


def test_the_locale_is_the_default(index: Path) -> None:
    english = run("search", "cầu", "--lang", "en", index=index).stdout
    vietnamese = run("search", "cầu", "--lang", "vi", index=index).stdout
    assert english != vietnamese
    assert run("search", "cầu", index=index).stdout == vietnamese
    assert run("search", "cầu", index=index, LANG="C.UTF-8").stdout == vietnamese
    assert run("search", "cầu", index=index, LANG="en_US.UTF-8").stdout == english
    assert run("search", "cầu", "--lang", "vi", index=index, LANG="en_US.UTF-8").stdout == vietnamese


def test_json_does_not_depend_on_the_language(index: Path) -> None:
    for words in (["ask", BRIDGE_QUESTION, "--explain"], ["search", "nông dân"], ["status"], ["doctor"]):
        english = run(*words, "--json", "--lang", "en", index=index).stdout
        assert english == run(*words, "--json", "--lang", "vi", index=index).stdout


def test_hints_follow_the_language_and_errors_are_english(index: Path) -> None:
    english = run("ask", OFF_TOPIC, "--lang", "en", index=index).stderr
    vietnamese = run("ask", OFF_TOPIC, "--lang", "vi", index=index).stderr
    assert english == "semsearch: Add --explain to see the nearest passages.\n"
    assert vietnamese == "semsearch: Thêm --explain để xem các đoạn gần nhất.\n"
    assert run("ask", " ", "--lang", "vi", index=index).stderr == "semsearch: The question is empty.\n"


# Keeping it up to date -----------------------------------------------------------------------


def test_indexing_twice_does_nothing(index_copy: Path, corpus: Path) -> None:
    result = run("index", corpus, index=index_copy)
    assert result.exit_code == 0
    assert result.stdout.endswith(": không có gì thay đổi, giữ nguyên 5 bài\n")
    again = run_json("index", index=index_copy)  # without PATH: all paths it knows
    assert (again["added"], again["changed"], again["removed"], again["encoded"]) == (0, 0, 0, 0)
    assert again["unchanged"] >= 4


def test_added_changed_and_removed(tmp_path: Path) -> None:
    folder, index = cli_case.write_corpus(tmp_path / "bài"), tmp_path / "index"
    run("index", folder, index=index)
    (folder / "mới.txt").write_text("Hội chợ hoa xuân mở tại công viên Lê Lợi từ ngày 10/1.", encoding="utf-8")
    (folder / "cau.md").write_text(cli_case.BRIDGE.replace("420", "430"), encoding="utf-8")
    (folder / "tin.jsonl").unlink()
    value = run_json("index", folder, index=index)
    assert (value["added"], value["changed"], value["removed"]) == (1, 1, 2)
    assert "430" in run("ask", BRIDGE_QUESTION, index=index).stdout
    assert run("search", "giá cà phê", "--source", str(folder / "tin.jsonl"), index=index).exit_code == 1


@pytest.mark.parametrize("words", [("search", "cầu"), ("ask", "Cầu dài bao nhiêu?"), ("similar", "cầu")])
def test_without_results_the_filters_are_named(index: Path, words: tuple[str, ...]) -> None:
    result = run(*words, "--source", "nowhere", "--since", "1/2/2020", index=index)
    hint = "semsearch: Không có kết quả nào thỏa --source nowhere --since 1/2/2020; hãy thử bỏ bớt điều kiện.\n"
    assert (result.exit_code, result.stderr) == (1, hint)
    assert run(*words, "--source", "nowhere", "--json", index=index).stderr == ""


def test_index_reads_an_article_from_stdin(index_copy: Path) -> None:
    text = "Bảo tàng làng chài\n\nBảo tàng làng chài Cửa Hội trưng bày 275 hiện vật của ngư dân.\n"
    value = run_json("index", "-", index=index_copy, stdin=text)
    assert value["added"] == 1
    answer = run_json("ask", "Bảo tàng làng chài trưng bày bao nhiêu hiện vật?", index=index_copy)
    assert "275" in answer["answer"]["sentence"]["text"]
    assert answer["answer"]["article"]["source"].startswith("stdin#")
    assert run_json("index", "-", index=index_copy, stdin=text)["added"] == 0
    assert run_json("status", index=index_copy)["articles"] == 5


def test_remove(index_copy: Path, corpus: Path) -> None:
    result = run("remove", corpus / "cau.md", index=index_copy)
    assert (result.exit_code, result.stdout) == (0, "Đã bỏ 1 nguồn.\n")
    again = run("remove", corpus / "cau.md", index=index_copy)
    assert (again.exit_code, again.stdout) == (1, "Đã bỏ 0 nguồn.\n")
    assert f"Không có bài nào trong chỉ mục có nguồn “{corpus / 'cau.md'}”" in again.stderr
    assert run_json("remove", corpus, index=index_copy)["removed"] == 4


def test_rebuild_status_and_doctor(index_copy: Path) -> None:
    before = run_json("search", "nông dân", index=index_copy)["hits"]
    result = run("rebuild", index=index_copy)
    assert result.exit_code == 0, result.output
    assert ": đã lập lại chỉ mục từ của 5 đoạn, mã hóa 0 văn bản trong " in result.stdout
    assert run_json("search", "nông dân", index=index_copy)["hits"] == before
    status = run("status", index=index_copy)
    assert "4 bài từ 5 nguồn, 4 tệp" in status.stdout and "bundled" in status.stdout
    doctor = run("doctor", index=index_copy)
    assert (doctor.exit_code, doctor.stdout) == (0, "Chỉ mục không có lỗi.\n")


@pytest.mark.parametrize("words", [("status",), ("search", "cầu"), ("index", "."), ("rebuild",), ("doctor",)])
def test_a_file_is_not_an_index(corpus: Path, words: tuple[str, ...]) -> None:
    result = run(*words, index=corpus / "cau.md")
    assert result.exit_code == 3
    assert result.stderr == f"semsearch: --index {corpus / 'cau.md'} is a file, not a folder.\n"


def test_eval_of_a_folder_that_does_not_exist_or_holds_no_set(corpus: Path) -> None:
    result = run("eval", "nope")
    assert result.exit_code == 2
    assert result.stderr == "semsearch: There is no folder nope; name one that holds an evaluation set.\n"
    assert run("eval", corpus).stderr.startswith("semsearch: There is no queries.jsonl (nor queries.jsonl.zst) in ")


def test_missing_files_are_one_readable_sentence(index_copy: Path) -> None:
    shutil.rmtree(index_copy / "lexical")
    result = run("search", "cầu", index=index_copy)
    assert result.exit_code == 3
    assert re.fullmatch(r"semsearch: There is no lexical index at .*; run: semsearch rebuild\n", result.stderr)


def test_encoders_lists_the_bundled_one() -> None:
    result = run("encoders")
    assert result.exit_code == 0
    assert "bundled" in result.stdout


# Where the index is --------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["ask", "x"], ["search", "x"], ["status"], ["similar", "x"], ["show", "1"]])
def test_without_an_index_one_line_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "semsearch index" in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "indexes").exists()


def test_the_default_index_lies_below_the_current_folder(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "indexes").mkdir()
    cli_case.copy_index(index, tmp_path / "indexes" / "default")
    monkeypatch.chdir(tmp_path)
    assert run("ask", BRIDGE_QUESTION).exit_code == 0


def test_semsearch_index_sets_the_folder_and_the_option_wins(index: Path, tmp_path: Path) -> None:
    assert run("status", SEMSEARCH_INDEX=str(index)).exit_code == 0
    assert run("status", SEMSEARCH_INDEX=str(tmp_path / "none")).exit_code == 3
    assert run("status", index=index, SEMSEARCH_INDEX=str(tmp_path / "none")).exit_code == 0


# When something goes wrong -------------------------------------------------------------------


def fails(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def broken(*args: object, **kwargs: object) -> Any:
        raise error

    for name in ("search", "sync"):
        monkeypatch.setattr(Index, name, broken)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/db"), 4, "semsearch: /x/db: The disk is full."),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 4, "semsearch: /x: Permission denied."),
        (StorageError("The folder is read-only; choose another."), 4, "semsearch: The folder is read-only"),
        (MemoryError(), 70, "semsearch: Out of memory"),
        (KeyError("passage"), 70, "semsearch: Internal error (KeyError: 'passage')."),
        (KeyboardInterrupt(), 130, "semsearch: Stopped."),
    ],
)
def test_every_failure_is_one_sentence(
    index: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    fails(monkeypatch, error)
    result = run("search", "x", index=index)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith(message) and result.stderr.count("\n") == 1
    value = run_json("search", "x", index=index)
    assert value["command"] == "search" and value["error"]["message"] in result.stderr


def test_debug_shows_the_traceback(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fails(monkeypatch, KeyError("passage"))
    result = run("search", "x", index=index, SEMSEARCH_DEBUG="1")
    assert result.exit_code == 70 and "Traceback" in result.stderr
    assert "Traceback" in run("--debug", "search", "x", index=index).stderr
    assert "Traceback" not in run("search", "x", index=index).stderr


def test_interrupting_index_says_that_finished_work_is_kept(
    index_copy: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(monkeypatch, KeyboardInterrupt())
    result = run("index", corpus, index=index_copy)
    assert result.exit_code == 130
    assert result.stderr == "semsearch: Stopped. Finished work is kept; run the same command to continue.\n"


def test_ctrl_c_during_index_leaves_an_index_that_opens(tmp_path: Path) -> None:
    text = "Kho số {0} ở tỉnh {1} chứa {2} tấn lúa. Thủ kho là anh An {0}."
    rows = ({"id": i, "title": f"Bài {i}", "text": text.format(i, i % 7, i * 13)} for i in range(30_000))
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "kho.jsonl").write_text("".join(lines), encoding="utf-8")
    words = [
        sys.executable,
        "-m",
        "semsearch",
        "index",
        str(tmp_path / "kho.jsonl"),
        "--index",
        str(tmp_path / "index"),
    ]
    child = subprocess.Popen(words, env=cli_case.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(200):  # until the index is there and being written
        time.sleep(0.05)
        if (tmp_path / "index").exists() and any((tmp_path / "index").iterdir()):
            break
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    out, error = child.communicate(timeout=60)
    if child.returncode == 0:
        pytest.skip("the machine was quicker than Ctrl-C")
    assert (child.returncode, out) == (130, b""), error.decode()
    assert error.decode().endswith("run the same command to continue.\n")
    assert b"Traceback" not in error
    assert run("status", index=tmp_path / "index").exit_code in (0, 3)


# Streams -------------------------------------------------------------------------------------


def test_head_closes_the_pipe_quietly(index: Path) -> None:
    words = [sys.executable, "-m", "semsearch", "search", "nông dân", "--index", str(index)]
    child = subprocess.Popen(words, env=cli_case.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None and child.stderr is not None
    child.stdout.close()
    error = child.stderr.read()
    assert (child.wait(60), error) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_full_disk_behind_stdout_is_one_sentence(index: Path, options: tuple[str, ...]) -> None:
    words = [sys.executable, "-m", "semsearch", "search", "nông dân", *options, "--index", str(index)]
    with Path("/dev/full").open("wb") as full:
        child = subprocess.run(words, env=cli_case.environment(), stdout=full, stderr=subprocess.PIPE, check=False)
    assert child.returncode == 4
    assert child.stderr.decode() == "semsearch: The disk is full. Free some space and run the same command again.\n"


def test_vietnamese_comes_out_as_utf8_whatever_the_locale(index: Path) -> None:
    result = process("ask", BRIDGE_QUESTION, "--index", index, PYTHONIOENCODING="latin-1", LC_ALL="C")
    assert result.returncode == 0
    assert "Nguồn: " in result.stdout.decode("utf-8")


def test_python_m_semsearch_is_the_script(index: Path) -> None:
    assert process("--version").stdout.decode() == f"semsearch {__version__}\n"
    assert b"Usage: semsearch" in process("--help").stdout


def test_no_progress_without_a_terminal(corpus: Path, tmp_path: Path) -> None:
    result = process("index", corpus, "--index", tmp_path / "index")
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.skipif(os.name == "nt", reason="terminals are made with pty")
@pytest.mark.parametrize(("env", "bold"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_bold_only_on_a_terminal_and_without_no_color(index: Path, env: dict[str, str], bold: bool) -> None:
    out = on_terminal(["ask", BRIDGE_QUESTION, "--index", str(index)], **env)
    assert ("\x1b[" in out) is bold
    assert "\x1b[" not in process("ask", BRIDGE_QUESTION, "--index", index).stdout.decode()


@pytest.mark.skipif(os.name == "nt", reason="terminals are made with pty")
def test_lines_are_wrapped_to_the_terminal_and_progress_is_shown(index: Path, corpus: Path, tmp_path: Path) -> None:
    out = on_terminal(["search", "nông dân", "--index", str(index)], COLUMNS="50", NO_COLOR="1")
    assert max(len(line) for line in out.replace("\r", "").split("\n") if str(corpus) not in line) <= 50
    assert "[#" in on_terminal(["index", str(corpus), "--index", str(tmp_path / "index")], COLUMNS="100")


def on_terminal(words: list[str], **env: str) -> str:
    """All output of a process whose stdout and stderr are a terminal."""
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "semsearch", *words]
    child = subprocess.Popen(
        command,
        env=cli_case.environment(**{"TERM": "xterm"} | env),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    parts = []
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux: the other end is closed
            part = b""
        if not part:
            break
        parts.append(part)
    os.close(ours)
    child.wait(60)
    return b"".join(parts).decode("utf-8")
