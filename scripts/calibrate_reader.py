"""Make the weights of the reader, semsearch/reader/weights.json, and measure it on the development sets.

    python scripts/calibrate_reader.py DATA             fit everything anew and write the weights
    python scripts/calibrate_reader.py DATA --measure   only measure, with the weights there are

DATA holds ``train/qa.jsonl.zst``, ``train/news.jsonl.zst``, ``train/wiki.jsonl.zst`` and ``dev/``. Fitted on questions
of ``train`` alone; the few numbers of SETTINGS were chosen on ``dev``. Deterministic; some minutes on one core.

The bundled encoder has been trained on the very questions of ``train``: its cosines there flatter it. So everything
here is fitted on lexical search, which has not seen them, and what cosines count stands in SETTINGS.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import training_data
from numpy.typing import NDArray

from semsearch.evaluate import Gold, Quoted, evaluate_answers, normalise_answer, quoted, token_f1
from semsearch.index import Index
from semsearch.reader import sentence_reader as sr
from semsearch.reader.evidence import FEATURES, SIGNS, Line, features, lines, signs
from semsearch.reader.extract import GROUPS, SPAN_FEATURES, candidates, span_features
from semsearch.reader.question import Question, Rarity, understand
from semsearch.text import clean, terms
from semsearch.types import Article, Hit, Mode, Span

OUT = Path(sr.__file__).with_name("weights.json")
DEPTH = 10  # hits that are read

SETS = {
    "viquad": ("viquad2_trainsubset_dt024", "viquad2_urasys1000", "hamy_mrc_qa"),
    "news": ("vinewsqa_dev", "vicoqa_dev", "vicoqa_test"),
    "web": ("mailong25_full",),
    "wiki": ("seminar_train_wiki",),
    "rules": ("seminar_train_reg",),
}
"""Each is one corpus: the contexts of these sets. Only questions whose answer is a span are used."""
WHOLE = ("vicoqa_dev", "vicoqa_test")  # their answers are whole sentences: of no use for learning spans

SETTINGS: dict[str, dict[str, float]] = {
    # The training corpora have no titles.
    "sentence": {"title": 2.0},
    # There are no English questions in train. Vietnamese sentences hold their names and numbers at most.
    "sentence_english": {"overlap": 1.0, "local": 3.0, "fused": 1.0, "marked": 0.5, "cosine": 10.0, "names": -1.0, "kind": 0.7, "lacks": -1.2},
    "confidence": {},
    "confidence_english": {"cosine": 12.0, "names article": -1.0, "constant": -5.5},
}
"""Chosen on dev (see docs/results/reader.md); added to what is fitted."""

MIX = {"answered": 0.5, "removed": 0.2, "elsewhere": 0.15, "deceiving": 0.15}
"""What the confidence is calibrated for: the share of questions whose passage is there, whose passage was taken out,
that were put to another corpus, and that were written to deceive."""

Floats = NDArray[np.float64]


@dataclass(slots=True)
class Asked:
    """A question of a set, and where it is answered: context -> (text, start)."""

    text: str
    set: str
    gold: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    contexts: set[str] = field(default_factory=set)

    def right(self, line: Line) -> bool:
        """Whether a line answers: it overlaps the gold span, or says a gold answer of several words elsewhere."""
        spans = self.gold.get(line.hit.article.text, ())
        if any(line.span.overlaps(Span(start, start + max(1, len(text)))) for text, start in spans):
            return True
        said = f" {normalise_answer(line.text)} "
        short = (normalise_answer(text) for found in self.gold.values() for text, _ in found)
        return any(f" {text} " in said for text in short if 2 <= len(text.split()) <= 6)


def asked(data: Path) -> dict[str, list[Asked]]:
    """The questions of each corpus; the same question over several contexts is one."""
    corpus_of = {name: corpus for corpus, names in SETS.items() for name in names}
    found: dict[str, dict[str, Asked]] = {corpus: {} for corpus in SETS}
    for row in training_data.rows(data, "qa"):
        if row["set"] not in corpus_of:
            continue
        questions = found[corpus_of[row["set"]]]
        text, context = clean(row["question"]).strip(), clean(row["context"])
        question = questions.setdefault(text, Asked(text, row["set"]))
        question.contexts.add(context)
        for answer in row["answers"]:
            if answer["start"] >= 0 and context == row["context"]:
                question.gold[context].append((answer["text"], answer["start"]))
        if row["answerable"] and not question.gold:
            question.set = ""  # answered, but nobody says where: only its context is of use
    return {corpus: list(questions.values()) for corpus, questions in found.items()}


def rarity(data: Path) -> dict[str, Any]:
    """How rare the 4,000 commonest terms are, counted in stretches of 100 terms of news and of Wikipedia."""
    rng = random.Random(0)
    counts: Counter[str] = Counter()
    stretches = 0
    for name, share in (("news", 0.12), ("wiki", 0.5)):
        for row in training_data.rows(data, name):
            if rng.random() < share:
                found = terms(clean(row.get("abstract", "") + "\n" + row["text"]))
                for start in range(0, len(found), 100):
                    counts.update(set(found[start : start + 100]))
                    stretches += 1
    table: dict[str, list[str]] = defaultdict(list)
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:4000]
    for term, count in common:
        table[f"{math.log(stretches / count):.1f}"].append(term)
    rarest = round(math.log(stretches / common[-1][1]) + 0.5, 1)
    return {"rarest": rarest, "rarity": {key: " ".join(sorted(words)) for key, words in sorted(table.items())}}


def listwise(groups: Sequence[tuple[Floats, Floats]], *, l2: float = 1e-3, steps: int = 200) -> Floats:
    """Weights of a softmax over the rows of each group, nearest to the group's target shares (Adam, full batch)."""
    rows = np.concatenate([x for x, _ in groups])
    target = np.concatenate([y / y.sum() for _, y in groups])
    starts = np.cumsum([0] + [len(y) for _, y in groups[:-1]])
    of = np.repeat(np.arange(len(groups)), [len(y) for _, y in groups])
    scale = rows.std(0)
    scale[scale == 0] = np.inf  # what never varies is given no weight
    rows = rows / scale
    weights, first, second = (np.zeros(rows.shape[1]) for _ in range(3))
    for step in range(1, steps + 1):
        scores = rows @ weights
        share = np.exp(scores - np.maximum.reduceat(scores, starts)[of])
        share /= np.add.reduceat(share, starts)[of]
        gradient = (share - target) @ rows / len(groups) + l2 * weights
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        weights -= 0.1 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    return weights / scale


def logistic(rows: Floats, labels: Floats, weights: Floats, *, l2: float = 1e-3, steps: int = 30) -> Floats:
    """Weights and constant of a logistic regression, by Newton's method; ``weights`` of the rows sum to 1."""
    scale = rows.std(0)
    scale[scale == 0] = np.inf
    x = np.c_[rows / scale, np.ones(len(rows))]
    penalty = np.full(x.shape[1], l2)
    penalty[-1] = 0
    w = np.zeros(x.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-x @ w))
        gradient = x.T @ (weights * (p - labels)) + penalty * w
        curvature = (x.T * (weights * p * (1 - p))) @ x + np.diag(penalty + 1e-9)
        w -= np.linalg.solve(curvature, gradient)
    return np.r_[w[:-1] / scale, w[-1]]


def named(names: Iterable[str], values: Iterable[float], added: dict[str, float]) -> dict[str, float]:
    total = dict(zip(names, values, strict=True))
    for name, value in added.items():
        total[name] = total.get(name, 0.0) + value
    return {name: round(float(value), 3) for name, value in total.items() if abs(value) >= 0.0005}


class Fit:
    """The stages, each using what the ones before it found."""

    def __init__(self, indexes: dict[str, Index], questions: dict[str, list[Asked]], rare: Rarity) -> None:
        self.indexes, self.questions, self.rare = indexes, questions, rare
        self.hits: dict[str, list[Hit]] = {}
        for corpus, index in indexes.items():
            for question in self.used(corpus):
                self.hits[corpus + question.text] = index.search(question.text, DEPTH + 4, mode="lexical")

    def used(self, corpus: str) -> Iterator[Asked]:
        return (q for q in self.questions[corpus] if q.set)

    def found(self, corpus: str, question: Asked) -> tuple[Question, list[Line]]:
        read = understand(question.text, self.rare)
        return read, lines(read, self.hits[corpus + question.text][:DEPTH])

    def sentence(self) -> dict[str, float]:
        groups = []
        for corpus in self.indexes:
            for question in self.used(corpus):
                read, there = self.found(corpus, question)
                right = np.array([question.right(line) for line in there], float)
                if question.gold and right.any():
                    groups.append((np.array(features(read, there)), right))
        print(f"sentence: {len(groups)} questions", file=sys.stderr)
        return named(FEATURES, listwise(groups), SETTINGS["sentence"])

    def span(self) -> dict[str, dict[str, float]]:
        groups: dict[str, list[tuple[Floats, Floats]]] = defaultdict(list)
        for corpus in self.indexes:
            for question in self.used(corpus):
                read, there = self.found(corpus, question)
                line = next((line for line in there if question.gold and question.right(line)), None)
                if line is None or question.set in WHOLE or len(line.text) > 700:
                    continue
                gold = [text for text, _ in question.gold.get(line.hit.article.text, ())]
                gold = gold or [text for found in question.gold.values() for text, _ in found]
                spans = candidates(read, line.text)
                near = np.array([token_f1(span.of(line.text), gold) for span in spans])
                if near.max() >= 0.5:
                    rows = np.array(span_features(read, line.text, spans))
                    groups[GROUPS[read.kind]].append((rows, np.exp(8 * (near - near.max()))))
        print("span:", {group: len(found) for group, found in groups.items()}, file=sys.stderr)
        return {group: named(SPAN_FEATURES, listwise(groups[group]), {}) for group in sorted(groups)}

    def confidence(self, sentence: dict[str, float]) -> dict[str, float]:
        rng = random.Random(0)
        ranking = [sentence.get(name, 0.0) for name in FEATURES]
        rows: list[list[float]] = []
        labels: list[float] = []
        kinds: list[str] = []

        def add(kind: str, question: Asked, hits: list[Hit]) -> None:
            read = understand(question.text, self.rare)
            there = lines(read, hits[:DEPTH])
            if not there:
                return
            best, evidence = judged(read, there, ranking)
            kinds.append(kind)
            rows.append(evidence)
            labels.append(float(question.right(best)))

        for corpus in self.indexes:
            others = [name for name in self.indexes if name != corpus]
            for question in self.used(corpus):
                hits = self.hits[corpus + question.text]
                if not question.gold:
                    add("deceiving", question, hits)
                    continue
                add("answered", question, hits)
                add("removed", question, [hit for hit in hits if hit.article.text not in question.contexts])
                if rng.random() < 0.5:
                    other = self.indexes[rng.choice(others)]
                    add("elsewhere", question, other.search(question.text, DEPTH, mode="lexical"))
        counts = Counter(kinds)
        share = np.array([MIX[kind] / counts[kind] for kind in kinds])
        y = np.array(labels)
        print("confidence:", {k: (n, round(float(y[np.array(kinds) == k].mean()), 3)) for k, n in counts.items()}, file=sys.stderr)
        fitted = logistic(np.array(rows), y, share)
        return named((*SIGNS, "constant"), fitted, SETTINGS["confidence"])


def judged(read: Question, there: Sequence[Line], ranking: Sequence[float]) -> tuple[Line, list[float]]:
    """The line ranked best, and its signs."""
    table = features(read, there)
    scores = np.array(table) @ np.array(ranking)
    top = int(scores.argmax())
    others = [s for s, line in zip(scores, there, strict=True) if line.hit.passage.id != there[top].hit.passage.id]
    rival = max(others, default=scores[top] - 3.0)
    return there[top], signs(read, there[top], table[top], float(scores[top]), float(rival))


def fit(data: Path) -> dict[str, Any]:
    table = rarity(data)
    rare = Rarity({word: float(key) for key, group in table["rarity"].items() for word in group.split()}, table["rarest"])
    questions = asked(data)
    with tempfile.TemporaryDirectory() as folder:
        indexes = {}
        for corpus, found in questions.items():
            contexts = sorted({context for question in found for context in question.contexts})
            indexes[corpus] = Index.create(Path(folder) / corpus)
            indexes[corpus].add(
                Article(text, (f"{corpus}#{i}",), (Span(0, len(text)),)) for i, text in enumerate(contexts)
            )
            print(f"{corpus}: {len(contexts)} contexts, {len(found)} questions", file=sys.stderr)
        stages = Fit(indexes, questions, rare)
        sentence = stages.sentence()
        table["sentence"] = sentence
        table["sentence_english"] = SETTINGS["sentence_english"]
        table["span"] = stages.span()
        table["confidence"] = stages.confidence(sentence)
        table["confidence_english"] = SETTINGS["confidence_english"]
        for index in indexes.values():
            index.close()
    return table


# Measuring -------------------------------------------------------------------------------------


def measure(data: Path, mode: Mode) -> None:
    """Prints the answer measures on dev without withholding, then what each threshold withholds."""
    reader = sr.SentenceReader(min_confidence=0.0)
    told: dict[str, list[tuple[float, bool, bool]]] = {}  # (confidence, answerable, right)
    print("set              sentence@1  exact     f1   passage@1")
    for name in ("xquad-vi", "vinewsqa", "xquad-en-vi", "viquad-noanswer"):
        corpus, queries, relevant = training_data.dev_set(data, name)
        with (data / "dev" / name / "answers.jsonl").open(encoding="utf-8") as rows:
            answers = {row["_id"]: row["answers"] for row in map(json.loads, rows)}
        with tempfile.TemporaryDirectory() as folder, Index.create(Path(folder) / "index") as index:
            index.add(_article(entry, name) for entry in corpus)
            gold, said, first = {}, {}, 0
            told[name] = []
            for query in queries:
                id_ = query["_id"]
                hits = index.search(clean(query["text"]), DEPTH, mode=mode)
                answer = reader.read(clean(query["text"]), hits)
                gold[id_] = Gold(frozenset(relevant[id_]), tuple((a["text"], a["start"]) for a in answers[id_]))
                said[id_] = quoted(answer, answer.citation.article.source.split("#")[1]) if answer.citation else Quoted(False)
                right = evaluate_answers({id_: said[id_]}, {id_: gold[id_]}).get("sentence@1", 0.0) > 0
                told[name].append((answer.confidence, bool(answers[id_]), right))
                first += bool(hits) and bool(answers[id_]) and hits[0].article.source.split("#")[1] in relevant[id_]
            found = evaluate_answers(said, gold)
            count = sum(1 for right_ in gold.values() if right_.answers)
            print(f"{name:16s} {found['sentence@1']:10.3f} {found['exact']:6.3f} {found['f1']:6.3f} {first / count:8.3f}")
            if name == "xquad-vi":
                _, strangers, _ = training_data.dev_set(data, "vinewsqa")
                told["stranger"] = []
                for query in random.Random(0).sample(strangers, 500):
                    answer = reader.read(clean(query["text"]), index.search(clean(query["text"]), DEPTH, mode=mode))
                    told["stranger"].append((answer.confidence, False, False))
    print("\nthreshold  refused of: xquad-vi  vinewsqa  xquad-en-vi  strangers   noanswer: refused answered  mean")
    for threshold in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6):
        def share(name: str, answerable: bool) -> float:
            rows = [c < threshold for c, is_answerable, _ in told[name] if is_answerable == answerable]
            return sum(rows) / len(rows)
        deceived, answered = share("viquad-noanswer", False), 1 - share("viquad-noanswer", True)
        print(
            f"{threshold:9.2f} {share('xquad-vi', True):20.3f} {share('vinewsqa', True):9.3f} {share('xquad-en-vi', True):12.3f}"
            f" {share('stranger', False):10.3f} {deceived:19.3f} {answered:8.3f} {(deceived + answered) / 2:6.3f}"
        )
    print("\nconfidence: said -> right (questions)")
    for name, rows in told.items():
        bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
        for confidence, _, right in rows:
            bins[min(9, int(confidence * 10))].append((confidence, right))
        shown = (f"{sum(c for c, _ in b) / len(b):.2f}->{sum(r for _, r in b) / len(b):.2f} ({len(b)})" for _, b in sorted(bins.items()))
        print(f"{name:16s}", "  ".join(shown))


def _article(entry: dict[str, Any], name: str) -> Article:
    text = clean(entry["text"])
    return Article(text, (f"{name}#{entry['_id']}",), (Span(0, len(text)),), title=clean(entry["title"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--measure", action="store_true", help="fit nothing, only measure on dev")
    parser.add_argument("--mode", choices=("hybrid", "dense", "lexical"), default="hybrid", help="of searching when measuring")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    if options.measure:
        measure(options.data, options.mode)
    else:
        table = fit(options.data)
        options.out.write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
