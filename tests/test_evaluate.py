"""Measures against values worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsearch import evaluate as ev
from semsearch.types import Answer, Article, Hit, Passage, Scores, Span


def ranking(*entries: str) -> list[tuple[str, float]]:
    return [(entry, 1.0 / (i + 1)) for i, entry in enumerate(entries)]


def test_retrieval_by_hand() -> None:
    qrels = {"q1": {"a": 1}, "q2": {"b": 1, "c": 1}, "q3": {"d": 1}, "q4": {"e": 1}}
    run = {
        "q1": ranking("a", "x"),  # first
        "q2": ranking("x", "c", "y", "b"),  # second and fourth
        "q3": ranking("x", "y"),  # never
    }  # q4 was not even tried
    ideal = 1 + 1 / math.log2(3)
    ndcg2 = (1 / math.log2(3) + 1 / math.log2(5)) / ideal
    assert ev.evaluate_retrieval(run, qrels) == pytest.approx(
        {"nDCG@10": (1 + ndcg2) / 4, "RR@10": (1 + 1 / 2) / 4, "R@10": (1 + 1) / 4, "Success@1": 1 / 4}
    )


def test_graded_ndcg_by_hand() -> None:
    # trec_eval's gain is the grade itself, its discount log2(rank + 1).
    found = ev.evaluate_retrieval(
        {"q": ranking("low", "none", "high")}, {"q": {"high": 2, "low": 1, "none": 0}}, ["nDCG@10"]
    )
    assert found["nDCG@10"] == pytest.approx((1 + 2 / math.log2(4)) / (2 + 1 / math.log2(3)))


def test_below_the_cut_counts_nothing() -> None:
    run = {"q": ranking(*(f"x{i}" for i in range(10)), "a")}
    assert ev.evaluate_retrieval(run, {"q": {"a": 1}}) == {"nDCG@10": 0, "RR@10": 0, "R@10": 0, "Success@1": 0}


def test_order_of_the_run_decides_ties_for_every_measure() -> None:
    for first, second in (("a", "x"), ("x", "a")):
        found = ev.evaluate_retrieval({"q": [(first, 0.5), (second, 0.5)]}, {"q": {"a": 1}})
        assert found["Success@1"] == (first == "a")
        assert found["RR@10"] == (1.0 if first == "a" else 0.5)
        assert found["nDCG@10"] == pytest.approx(1.0 if first == "a" else 1 / math.log2(3))


def test_questions_without_an_answer_are_left_out() -> None:
    qrels = {"q1": {"a": 1}, "q2": {"b": 1}}
    assert ev.evaluate_retrieval({"q1": ranking("a")}, qrels, leave_out={"q2"})["Success@1"] == 1.0
    assert ev.evaluate_retrieval({"q1": ranking("a")}, qrels)["Success@1"] == 0.5


def test_evaluate_refuses_what_cannot_be_meant() -> None:
    with pytest.raises(ValueError, match="no relevance judgements"):
        ev.evaluate_retrieval({}, {})
    with pytest.raises(ValueError, match="twice"):
        ev.evaluate_retrieval({"q": ranking("a", "a")}, {"q": {"a": 1}})
    with pytest.raises(ValueError, match="Unknown measure"):
        ev.evaluate_retrieval({"q": ranking("a")}, {"q": {"a": 1}}, ["Loveliness@3"])


def test_best_per_entry() -> None:
    passages = [("b", 0.7), ("a", 0.2), ("a", 0.9), ("c", 0.7), ("b", 0.1)]
    assert ev.best_per_entry(passages) == [("a", 0.9), ("b", 0.7), ("c", 0.7)]
    assert ev.best_per_entry([]) == []


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.floats(-10, 10)), max_size=30))
def test_best_per_entry_is_the_maximum(passages: list[tuple[str, float]]) -> None:
    found = ev.best_per_entry(passages)
    assert dict(found) == {e: max(s for f, s in passages if f == e) for e, _ in passages}
    assert [s for _, s in found] == sorted((s for _, s in found), reverse=True)


@pytest.mark.parametrize(
    ("predicted", "gold", "exact", "f1"),
    [
        ("11,5 tỷ đồng", ["hơn 11,5 tỷ đồng"], 0, 2 * 3 / (3 + 4)),
        ("“Hoà Bình”.", ["hòa bình"], 1, 1),
        ("năm 1999", ["1999", "vào năm 1999"], 0, 0.8),  # best over the golds: 2*2/(2+3)
        ("Huế", ["Đà Nẵng"], 0, 0),
        ("xa xa xa", ["xa xa"], 0, 0.8),  # repetition counts: 2*2/(3+2)
        ("", ["gì đó"], 0, 0),
        ("The Beatles", ["Beatles"], 0, 2 / 3),  # English articles stay
        ("bất kỳ", [], 0, 0),
    ],
)
def test_exact_and_f1_by_hand(predicted: str, gold: list[str], exact: float, f1: float) -> None:
    assert ev.exact_match(predicted, gold) == exact
    assert ev.token_f1(predicted, gold) == pytest.approx(f1)


@given(st.text(max_size=40), st.text(max_size=40))
def test_f1_is_symmetric_and_bounded(a: str, b: str) -> None:
    assert ev.token_f1(a, [b]) == ev.token_f1(b, [a])
    assert ev.exact_match(a, [b]) <= ev.token_f1(a, [b]) + 1e-9 <= 1 + 1e-8
    assert ev.token_f1(a, [a]) == ev.exact_match(a, [a]) == 1
    assert ev.normalise_answer(ev.normalise_answer(a)) == ev.normalise_answer(a)


def test_sentence_at_1() -> None:
    gold = ev.GoldAnswers(frozenset({"e"}), (("38 loại", 100), ("38", 100)))

    def said(entry: str, start: int, end: int) -> ev.PredictedAnswer:
        return ev.PredictedAnswer(True, entry, "", Span(start, end), "")

    assert ev.sentence_at_1(said("e", 90, 101), gold) == 1
    assert ev.sentence_at_1(said("e", 90, 100), gold) == 0  # ends where the answer begins
    assert ev.sentence_at_1(said("e", 106, 120), gold) == 1
    assert ev.sentence_at_1(said("e", 107, 120), gold) == 0
    assert ev.sentence_at_1(said("other", 90, 110), gold) == 0
    assert ev.sentence_at_1(ev.PredictedAnswer(False), gold) == 0
    nowhere = ev.GoldAnswers(frozenset({"e"}), (("Hoà Bình", -1),))
    assert ev.sentence_at_1(ev.PredictedAnswer(True, "e", "", Span(0, 9), "Ở Hòa Bình, mưa."), nowhere) == 1
    assert ev.sentence_at_1(ev.PredictedAnswer(True, "e", "", Span(0, 9), "Ở Hòa Bìnhh."), nowhere) == 0


def test_evaluate_answers_by_hand() -> None:
    gold = {
        "right": ev.GoldAnswers(frozenset({"e"}), (("38", 10),)),
        "near": ev.GoldAnswers(frozenset({"e"}), (("hơn 37.000 người", 50),)),
        "refused": ev.GoldAnswers(frozenset({"e"}), (("Huế", 90),)),
        "missing": ev.GoldAnswers(frozenset({"e"}), (("Vinh", 95),)),
        "none": ev.GoldAnswers(frozenset(), ()),
        "none too": ev.GoldAnswers(frozenset(), ()),
    }
    predictions = {
        "right": ev.PredictedAnswer(True, "e", "38", Span(0, 20), ""),
        "near": ev.PredictedAnswer(
            True, "f", "37.000 người", Span(40, 70), ""
        ),  # the words are right, the entry is not
        "refused": ev.PredictedAnswer(False),
        "none": ev.PredictedAnswer(False),
        "none too": ev.PredictedAnswer(True, "e", "38", Span(0, 20), ""),
        "not asked for": ev.PredictedAnswer(True, "e", "38", Span(0, 20), ""),
    }
    assert ev.evaluate_answers(predictions, gold) == pytest.approx(
        {"sentence@1": 1 / 4, "exact": 1 / 4, "f1": (1 + 4 / 5) / 4, "refused": 1 / 2, "wrongly_refused": 2 / 4}
    )
    assert list(ev.evaluate_answers(predictions, gold)) == ["sentence@1", "exact", "f1", "refused", "wrongly_refused"]
    assert set(ev.evaluate_answers(predictions, {"none": gold["none"]})) == {"refused"}
    assert "refused" not in ev.evaluate_answers(predictions, {"right": gold["right"]})
    assert ev.evaluate_answers({}, {}) == {}


def test_quoted_from_an_answer() -> None:
    text = "Cầu dài 320 mét. Cầu rộng 9 mét."
    article = Article(text, ("corpus.jsonl#e1",), (Span(0, len(text)),))
    passage = Passage(1, 1, 0, 0, len(text), text, (Span(0, 16), Span(17, len(text))))
    hit = Hit(passage, article, 1.0, Scores(1.0), Span(0, 16))
    answer = Answer("?", True, "320 mét", hit, Span(8, 15), Span(0, 16), 0.9)
    assert ev.predicted_answer(answer, "e1") == ev.PredictedAnswer(
        True, "e1", "320 mét", Span(0, 16), "Cầu dài 320 mét."
    )
    assert not ev.predicted_answer(Answer("?", False), "e1").found
