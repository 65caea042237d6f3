"""``--json`` on every verb against docs/json.schema.json, and what the schema cannot say: offsets and texts agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cli_case
import jsonschema
import pytest
from cli_case import run, run_json

DOCS = Path(__file__).resolve().parent.parent / "docs"
SCHEMA = json.loads((DOCS / "json.schema.json").read_text(encoding="utf-8"))


def check(value: dict[str, Any], part: str) -> None:
    """Check ``value`` against a ``part`` of the schema, and that it has no other keys."""
    jsonschema.validate(value, {"$ref": f"#/$defs/{part}", "$defs": SCHEMA["$defs"]})
    if part != "eval":
        jsonschema.validate(value, SCHEMA)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cli_case.write_corpus(tmp_path_factory.mktemp("json") / "corpus")


@pytest.fixture(scope="module")
def index(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("json-index") / "index"
    value = run_json("index", corpus, index=path)
    check(value, "report")
    assert (value["command"], value["added"], value["duplicates"], value["failed"]) == ("index", 4, 1, [])
    return path


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_document_names_every_verb_and_key() -> None:
    document = (DOCS / "json.md").read_text(encoding="utf-8")
    for part in SCHEMA["$defs"].values():
        for key in part["properties"]:
            assert f"`{key}`" in document, key


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("ask", ["ask", "Cầu Rạch Dừa dài bao nhiêu mét?"]),
        ("ask", ["ask", "Cầu Rạch Dừa dài bao nhiêu mét?", "--explain"]),
        ("ask", ["ask", "Ai vô địch World Cup 2022?"]),
        ("search", ["search", "nông dân"]),
        ("search", ["search", "nong dan", "--mode", "lexical", "--explain"]),
        ("search", ["search", "nông dân", "--since", "2050-01-01"]),
        ("similar", ["similar", "mưa lớn và ngập lụt"]),
        ("similar", ["similar", "--passage", "1"]),
        ("similar", ["similar", "--passage", "1", "--same-article"]),
        ("duplicates", ["duplicates"]),
        ("duplicates", ["duplicates", "--share", "0.1", "--since", "2050-01-01"]),
        ("show", ["show", "1"]),
        ("status", ["status"]),
        ("doctor", ["doctor"]),
        ("error", ["show", "123456"]),
        ("error", ["search", "x", "--since", "mai"]),
    ],
)
def test_every_verb(index: Path, part: str, words: list[str]) -> None:
    value = run_json(*words, index=index)
    check(value, part)
    assert value["command"] == words[0]


def test_verbs_that_write(index: Path, corpus: Path, tmp_path: Path) -> None:
    copied = cli_case.copy_index(index, tmp_path / "index")
    check(run_json("rebuild", index=copied), "report")
    check(run_json("doctor", "--repair", index=copied), "doctor")
    check(run_json("remove", corpus / "cau.md", index=copied), "remove")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 and then nothing")
    value = run_json("index", tmp_path / "broken.pdf", index=copied)
    check(value, "report")
    assert [Path(failure["source"]).name for failure in value["failed"]] == ["broken.pdf"]


def test_encoders() -> None:
    check(run_json("encoders"), "encoders")


def test_no_index_is_an_error_object_and_a_sentence(tmp_path: Path) -> None:
    result = run("ask", "x", "--json", index=tmp_path / "none")
    value = json.loads(result.stdout)
    check(value, "error")
    assert (result.exit_code, value["error"]["code"]) == (3, "index-missing")
    assert result.stderr == f"semsearch: {value['error']['message']}\n"


def stretches(value: Any) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield every object with ``start``, ``end`` and ``text``, and the id of its article."""
    if isinstance(value, list):
        for item in value:
            yield from stretches(item)
    elif isinstance(value, dict):
        article = value.get("article")
        if isinstance(article, dict):
            parts = [value, value.get("passage"), value.get("sentence"), *value.get("marks", [])]
            yield from ((item, article["id"]) for item in parts if isinstance(item, dict) and "start" in item)
        for item in value.values():
            yield from stretches(item)


def test_offsets_lines_and_texts_agree(index: Path) -> None:
    texts: dict[int, str] = {}
    passage = 1
    while run("show", passage, index=index).exit_code == 0:
        shown = run_json("show", passage, index=index)
        texts[shown["article"]["id"]] = shown["article"]["text"]
        passage += 1
    assert len(texts) == 4
    values = [
        run_json("ask", "Thư viện có bao nhiêu cuốn sách?", index=index),
        run_json("search", "nông dân chở lúa", index=index),
        run_json("similar", "--passage", "1", index=index),
    ]
    seen = 0
    for item, article in stretches(values):
        text = texts[article]
        assert item["text"] == text[item["start"] : item["end"]]
        assert item["line"] == text[: item["start"]].count("\n") + 1
        seen += 1
    assert seen > 10


def write_set(folder: Path) -> Path:
    """A tiny evaluation set: two passages, three questions, one of them without an answer."""
    corpus = [
        {"_id": "d1", "title": "Cầu", "text": "Cầu Rạch Dừa dài 420 mét. Cầu do huyện xây."},
        {"_id": "d2", "title": "", "text": "Thư viện mới có 3.200 cuốn sách cho học sinh."},
    ]
    queries = [
        {"_id": "q1", "text": "Cầu Rạch Dừa dài bao nhiêu?"},
        {"_id": "q2", "text": "Thư viện có bao nhiêu cuốn sách?"},
        {"_id": "q3", "text": "Ai vô địch World Cup 2022?"},
    ]
    answers = [
        {"_id": "q1", "answers": [{"text": "420 mét", "start": 17}]},
        {"_id": "q2", "answers": [{"text": "3.200", "start": 16}]},
        {"_id": "q3", "answers": []},
    ]
    folder.mkdir()
    for name, rows in (("corpus", corpus), ("queries", queries), ("answers", answers)):
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n", encoding="utf-8")
    return folder


def test_eval_prints_exactly_its_keys(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    result = run("eval", folder, "--json")
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    check(value, "eval")
    assert list(value) == list(SCHEMA["$defs"]["eval"]["properties"])
    assert {k: value[k] for k in ("nDCG@10", "RR@10", "R@10", "Success@1", "sentence@1")} == {
        "nDCG@10": 1.0,
        "RR@10": 1.0,
        "R@10": 1.0,
        "Success@1": 1.0,
        "sentence@1": 1.0,
    }
    assert (value["queries"], value["passages"]) == (3, 2)
    (folder / "answers.jsonl").unlink()
    value = json.loads(run("eval", folder, "--json").stdout)
    check(value, "eval")
    assert list(value) == ["nDCG@10", "RR@10", "R@10", "Success@1", "queries", "passages", "seconds"]


def test_eval_keeps_and_reuses_an_index_that_is_named(tmp_path: Path) -> None:
    folder, kept = write_set(tmp_path / "set"), tmp_path / "kept"
    first = json.loads(run("eval", folder, "--json", index=kept).stdout)
    second = json.loads(run("eval", folder, "--json", index=kept).stdout)
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert run_json("status", index=kept)["articles"] == 2


def test_eval_does_not_touch_the_users_index(index: Path, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    assert run("eval", folder, SEMSEARCH_INDEX=str(index)).exit_code == 0
    assert run_json("status", index=index)["articles"] == 4
    refused = run("eval", folder, index=index)
    assert (refused.exit_code, refused.stdout) == (2, "")


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels.tsv"])
def test_eval_of_a_set_with_a_part_missing(tmp_path: Path, name: str) -> None:
    folder = write_set(tmp_path / "set")
    (folder / name).unlink()
    result = run("eval", folder)
    assert (result.exit_code, result.stdout) == (2, "")
    assert name in result.stderr and result.stderr.count("\n") == 1
