"""Every answer is, word for word, in the passage that is cited for it: over whole sets of questions.

SAMPLE questions, evenly spread, are asked of each development set, so that the test takes less than two minutes, and
all questions of the seeds. No answer is withheld, so that those with a low confidence are checked too.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from factories import DEV_SETS

from semsearch.encoders import load_encoder
from semsearch.index import Index
from semsearch.reader.bundled import BundledReader
from semsearch.types import Answer, Quote

WORDS = load_encoder()

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = 250
SETS = [ROOT / "seeds", *(DEV_SETS / name for name in ("xquad-vi", "vinewsqa", "viquad-noanswer", "xquad-en-vi"))]


def wrong(answer: Answer) -> list[str]:
    """Return the parts of an answer that are not where it says."""
    found: list[str] = []
    if not answer.found or answer.citation is None or answer.span is None or answer.sentence is None:
        return [] if answer.text == "" and not answer.quotes else ["not found, and yet something is given"]
    if not answer.quotes:
        found.append("no quotes")
    answer_quote = Quote(answer.text, answer.citation, answer.span, answer.sentence, answer.confidence, answer.marks)
    for quote in (answer_quote, *answer.quotes):
        passage, text = quote.citation.passage, quote.citation.article.text
        span, sentence = quote.span, quote.sentence
        if not quote.text or text[span.start : span.end] != quote.text:
            found.append(f"{quote.text!r} is not what stands at {span}")
        if passage.text != text[passage.start : passage.end]:
            found.append(f"passage {passage.id} is not what stands in its article")
        if passage.text[span.start - passage.start : span.end - passage.start] != quote.text:
            found.append(f"{quote.text!r} does not stand in passage {passage.id}")
        if not passage.start <= sentence.start <= span.start < span.end <= sentence.end <= passage.end:
            found.append(f"{quote.text!r} is not inside its sentence inside its passage")
        if any(not sentence.start <= mark.start < mark.end <= sentence.end for mark in quote.marks):
            found.append(f"a mark of {quote.text!r} is outside of its sentence")
        if not 0.0 <= quote.confidence <= 1.0:
            found.append(f"{quote.confidence} is no probability")
        if quote.citation not in answer.hits or any(hit.passage.text == "" for hit in quote.also):
            found.append(f"{quote.text!r} is cited from nowhere")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("folder", SETS, ids=lambda folder: folder.name)
def test_every_answer_stands_in_its_passage(folder: Path, tmp_path: Path) -> None:
    if not folder.is_dir():
        pytest.skip(f"../shared/data/dev/{folder.name} is not here")
    with (folder / "queries.jsonl").open(encoding="utf-8") as lines:
        questions = [json.loads(line)["text"] for line in lines]
    if folder.parent == DEV_SETS:
        questions = questions[:: max(1, len(questions) // SAMPLE)]
    reader = BundledReader(WORDS, min_confidence=0.0)
    with Index.create(tmp_path / "index") as index:
        index.sync([folder / "corpus.jsonl"])
        bad = {question: found for question in questions if (found := wrong(index.ask(question, reader=reader)))}
    assert not bad


def test_what_is_wrong_is_seen(tmp_path: Path) -> None:
    """The check itself: it notices an answer that was altered."""
    (tmp_path / "a.txt").write_text(
        "Cầu Bản Lầy thông xe\n\nCầu Bản Lầy dài 186 mét. Bà con rất vui.", encoding="utf-8"
    )
    with Index.create(tmp_path / "index") as index:
        index.sync([tmp_path / "a.txt"])
        answer = index.ask("Cầu Bản Lầy dài bao nhiêu mét?")
    assert answer.found and not wrong(answer)
    assert wrong(replace(answer, text="187 mét"))
    assert wrong(replace(answer, quotes=()))
    assert wrong(replace(answer, hits=()))
    cited = answer.quotes[0].citation
    passage = replace(cited.passage, start=cited.passage.start + 1)
    moved = replace(answer.quotes[0], citation=replace(cited, passage=passage))
    assert wrong(replace(answer, quotes=(moved,)))
    assert wrong(replace(answer, found=False))
