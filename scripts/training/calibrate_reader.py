"""Fits the weights of the reader, semsearch/reader/weights.json, and measures it on the development sets.

    python scripts/training/calibrate_reader.py DATA             fit and write the weights, then measure
    python scripts/training/calibrate_reader.py DATA --measure   only measure, with the present weights

DATA holds ``train/qa.jsonl.zst``, ``train/news.jsonl.zst``, ``train/wiki.jsonl.zst`` and ``dev/``. Fitted on questions
of ``train`` alone; the few numbers of SETTINGS were chosen on ``dev``. Deterministic; takes some minutes on one core.

The bundled encoder was trained on the questions of ``train``, so its cosines are too good there. Everything here is
therefore fitted on lexical search, and the weights of cosines are in SETTINGS. The network
(scripts/training/train_reader.py) was trained on nine in ten of them; the confidence is fitted on the tenth.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import training_data
from numpy.typing import NDArray

from semsearch.encoders import load_encoder
from semsearch.evaluate import (
    GoldAnswers,
    PredictedAnswer,
    evaluate_answers,
    normalise_answer,
    predicted_answer,
    sentence_at_1,
    token_f1,
)
from semsearch.index import Index
from semsearch.reader import bundled as sr
from semsearch.reader.depth import MIN_HITS
from semsearch.reader.evidence import FEATURES, SIGNS, Line, features, lines, signs
from semsearch.reader.extract import GROUPS, SPAN_FEATURES, candidates, span_features
from semsearch.reader.question import Idf, Question, idf_from, understand
from semsearch.text import as_query, clean, terms
from semsearch.types import Article, Hit, Mode, Span

OUT = Path(sr.__file__).with_name("weights.json")
DEPTH = MIN_HITS  # hits that are read
DEV = ("xquad-vi", "vinewsqa", "xquad-en-vi", "viquad-noanswer")

SETS = {
    "viquad": ("viquad2_trainsubset_dt024", "viquad2_urasys1000", "hamy_mrc_qa"),
    "news": ("vinewsqa_dev", "vicoqa_dev", "vicoqa_test"),
    "web": ("mailong25_full",),
    "wiki": ("seminar_train_wiki",),
    "rules": ("seminar_train_reg",),
}
"""Each corpus consists of the contexts of these sets. Only questions whose answer is a span are used."""
WHOLE = ("vicoqa_dev", "vicoqa_test")  # their answers are whole sentences, which do not help to learn spans

SETTINGS: dict[str, dict[str, float]] = {
    # The training corpora have no titles and no headings, and cosines on their questions are flattered.
    # The weights of the network's features were chosen too: a fit on the few questions that the network has not seen
    # gives the same.
    "sentence": {
        "title": 4.5,
        "lead": 3.1,
        "bare": -1.0,
        "cosine": 2.0,
        "local": 1.5,
        "fused": -1.5,
        "read": 0.7,
        "sense": 6.0,
    },
    # There are no English questions in train. Vietnamese sentences share at most names and numbers with them.
    "sentence_english": {
        "overlap": 1.0,
        "local": 2.5,
        "title": 2.0,
        "lead": 1.0,
        "fused": 12.0,
        "marked": 1.5,
        "cosine": 5.0,
        "names": -0.5,
        "kind": 1.0,
        "lacks": -1.5,
        "unit": 1.0,
        "bare": -1.0,
    },
    "confidence": {"cosine": 6.0, "dense": -3.0},
    "confidence_english": {"score": 0.25, "margin": 0.6, "names": -1.0, "cosine": 3.5, "constant": -6.5},
}
"""Chosen on dev (see docs/results/reader.md); added to what is fitted."""

PLATT = (0.564, -0.016)
"""Scale and shift of the confidence's logit, fitted on dev (Platt scaling; Guo et al., ICML 2017) over MIX."""

MIX = {"answered": 0.5, "removed": 0.2, "elsewhere": 0.15, "deceiving": 0.15}
"""The mixture of questions for which the confidence is calibrated: with their passage, without it, asked of another
corpus, and written to deceive."""

Floats = NDArray[np.float64]
Outcomes = dict[str, list[tuple[float, bool, bool]]]
"""By set, for each question: the confidence, whether it has an answer, and whether the right sentence was quoted."""


@dataclass(slots=True)
class Asked:
    """A question of a set, and where it is answered: context -> (text, start)."""

    text: str
    origin: str
    gold: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    contexts: set[str] = field(default_factory=set)
    used: bool = True  # False if it has an answer without a known place: only its context is used

    @property
    def group(self) -> int:
        """0 to 999, the same for all questions about the same texts; multiples of 10 are held out from the network."""
        return int.from_bytes(min(self.contexts).encode()[:4000][-8:], "little") % 1_000_003 % 1000

    def right(self, line: Line) -> bool:
        """Whether a line answers: it overlaps the gold span, or contains a gold answer of several words elsewhere."""
        spans = self.gold.get(line.hit.article.text, ())
        if any(line.span.overlaps(Span(start, start + max(1, len(text)))) for text, start in spans):
            return True
        normalised = f" {normalise_answer(line.text)} "
        short = (normalise_answer(text) for found in self.gold.values() for text, _ in found)
        return any(f" {text} " in normalised for text in short if 2 <= len(text.split()) <= 6)


def load_questions(data: Path, sets: Mapping[str, Sequence[str]]) -> dict[str, list[Asked]]:
    """Return the questions of each corpus; the same question over several contexts is one."""
    corpus_of = {name: corpus for corpus, names in sets.items() for name in names}
    found: dict[str, dict[str, Asked]] = {corpus: {} for corpus in sets}
    for row in training_data.rows(data, "qa"):
        if row["set"] not in corpus_of:
            continue
        questions = found[corpus_of[row["set"]]]
        text, context = clean(row["question"]).strip(), clean(row["context"])
        question = questions.setdefault(text, Asked(text, row["set"]))
        question.contexts.add(context)
        for answer in row["answers"]:
            if answer["start"] >= 0 and context == row["context"]:
                question.gold.setdefault(context, []).append((answer["text"], answer["start"]))
        question.used = question.used and not (row["answerable"] and not question.gold)
    return {corpus: list(questions.values()) for corpus, questions in found.items()}


def idf(data: Path) -> dict[str, Any]:
    """Return the IDF of the 4,000 most common terms, counted in windows of 100 terms of news and Wikipedia."""
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
    max_idf = round(math.log(stretches / common[-1][1]) + 0.5, 1)
    return {"max_idf": max_idf, "idf": {key: " ".join(sorted(words)) for key, words in sorted(table.items())}}


def listwise(groups: Sequence[tuple[Floats, Floats]], *, l2: float = 1e-3, steps: int = 200) -> Floats:
    """Fit the weights of a softmax over the rows of each group to the group's target shares (Adam, full batch)."""
    rows = np.concatenate([x for x, _ in groups])
    target = np.concatenate([y / y.sum() for _, y in groups])
    starts = np.cumsum([0] + [len(y) for _, y in groups[:-1]])
    group_of_row = np.repeat(np.arange(len(groups)), [len(y) for _, y in groups])
    scale = rows.std(0)
    scale[scale == 0] = np.inf  # constant features get no weight
    rows = rows / scale
    weights, first, second = (np.zeros(rows.shape[1]) for _ in range(3))
    for step in range(1, steps + 1):
        scores = rows @ weights
        share = np.exp(scores - np.maximum.reduceat(scores, starts)[group_of_row])
        share /= np.add.reduceat(share, starts)[group_of_row]
        gradient = (share - target) @ rows / len(groups) + l2 * weights
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        weights -= 0.1 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    fitted: Floats = weights / scale
    return fitted


def logistic(rows: Floats, labels: Floats, weights: Floats, *, l2: float = 1e-3, steps: int = 30) -> Floats:
    """Return weights and constant of a logistic regression, by Newton's method; ``weights`` of the rows sum to 1."""
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
    fitted: Floats = np.r_[w[:-1] / scale, w[-1]]
    return fitted


def named(names: Iterable[str], values: Iterable[float], added: dict[str, float]) -> dict[str, float]:
    total = dict(zip(names, values, strict=True))
    for name, value in added.items():
        total[name] = total.get(name, 0.0) + value
    return {name: round(float(value), 3) for name, value in total.items() if abs(value) >= 0.0005}


@dataclass(slots=True)
class Sample:
    """A question and the hits that lexical search finds for it: in its own corpus, and in another."""

    question: Asked
    hits: list[Hit]  # a few more than are read, since some will be removed
    elsewhere: list[Hit]

    def without(self) -> list[Hit]:
        """Return the hits of a corpus without the question's passages."""
        return [hit for hit in self.hits if hit.article.text not in self.question.contexts]


def gather(data: Path, sets: Mapping[str, Sequence[str]] = SETS) -> list[Sample]:
    """Index each corpus and search it for the questions."""
    rng = random.Random(0)
    questions = load_questions(data, sets)
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        indexes = {}
        for corpus, found in questions.items():
            contexts = sorted({context for question in found for context in question.contexts})
            indexes[corpus] = index = stack.enter_context(Index.create(Path(folder) / corpus))
            index.add(Article(text, (f"{corpus}#{i}",), (Span(0, len(text)),)) for i, text in enumerate(contexts))
            print(f"{corpus}: {len(contexts)} contexts, {len(found)} questions", file=sys.stderr)
        for corpus, found in questions.items():
            others = [index for name, index in indexes.items() if name != corpus]
            for question in found:
                if question.used:
                    hits = indexes[corpus].search(question.text, DEPTH + 4, mode="lexical")
                    strange: list[Hit] = []
                    if question.gold and rng.random() < 0.5:
                        strange = rng.choice(others).search(question.text, DEPTH, mode="lexical")
                    samples.append(Sample(question, hits, strange))
    return samples


def fit(samples: Sequence[Sample], rare: Idf) -> dict[str, Any]:
    """Fit all weights: for ranking sentences, for choosing spans, and for the confidence."""
    sentence = fit_sentence(samples, rare)
    return {
        "sentence": sentence,
        "sentence_english": SETTINGS["sentence_english"],
        "span": fit_span(samples, rare),
        "confidence": fit_confidence([s for s in samples if s.question.group % 10 == 0], rare, sentence),
        "confidence_english": SETTINGS["confidence_english"],
    }


def fit_sentence(samples: Sequence[Sample], rare: Idf) -> dict[str, float]:
    groups = []
    for sample in samples:
        read = understand(sample.question.text, rare)
        there = lines(read, sample.hits[:DEPTH])
        right = np.array([sample.question.right(line) for line in there], float)
        if sample.question.gold and right.any():
            groups.append((np.array(features(read, there, *[[0.0] * len(there)] * 2)), right))
    print(f"sentence: {len(groups)} questions", file=sys.stderr)
    return named(FEATURES, listwise(groups), SETTINGS["sentence"])


def fit_span(samples: Sequence[Sample], rare: Idf) -> dict[str, dict[str, float]]:
    groups: dict[str, list[tuple[Floats, Floats]]] = defaultdict(list)
    for sample in samples:
        question = sample.question
        read = understand(question.text, rare)
        there = lines(read, sample.hits[:DEPTH]) if question.gold and question.origin not in WHOLE else []
        line = next((line for line in there if len(line.text) <= 700 and question.right(line)), None)
        if line is None:
            continue
        gold = [text for text, _ in question.gold.get(line.hit.article.text, ())]
        gold = gold or [text for found in question.gold.values() for text, _ in found]
        spans = candidates(read, line.text)
        near = np.array([token_f1(span.of(line.text), gold) for span in spans])
        if near.max() >= 0.5:
            rows = np.array(span_features(read, line.text, spans))
            groups[GROUPS[read.kind]].append((rows, np.exp(8 * (near - near.max()))))
    print("span:", {group: len(found) for group, found in sorted(groups.items())}, file=sys.stderr)
    return {group: named(SPAN_FEATURES, listwise(groups[group]), {}) for group in sorted(groups)}


def fit_confidence(samples: Sequence[Sample], rare: Idf, sentence: dict[str, float]) -> dict[str, float]:
    ranking = [sentence.get(name, 0.0) for name in FEATURES]
    reader = sr.BundledReader(load_encoder())
    rows: list[list[float]] = []
    labels: list[float] = []
    kinds: list[str] = []
    for sample in samples:
        question = sample.question
        read = understand(question.text, rare)
        if question.gold:
            tries = {"answered": sample.hits, "removed": sample.without(), "elsewhere": sample.elsewhere}
        else:
            tries = {"deceiving": sample.hits}
        for kind, hits in tries.items():
            if there := lines(read, hits[:DEPTH]):
                best, evidence = judged(read, there, ranking, reader)
                kinds.append(kind)
                rows.append(evidence)
                labels.append(float(question.right(best)))
    counts = Counter(kinds)
    share = np.array([MIX[kind] / counts[kind] for kind in kinds])
    print("confidence:", dict(counts), file=sys.stderr)
    fitted = named((*SIGNS, "constant"), logistic(np.array(rows), np.array(labels), share), SETTINGS["confidence"])
    scale, shift = PLATT
    fitted = {name: round(scale * value, 3) for name, value in fitted.items()}
    return fitted | {"constant": round(fitted["constant"] + shift, 3)}


def judged(
    read: Question, there: Sequence[Line], ranking: Sequence[float], reader: sr.BundledReader
) -> tuple[Line, list[float]]:
    """Return the line ranked best, and its confidence features."""
    seen = reader.seen(read.text, [line.hit for line in there])
    verdicts = [seen.verdict(line) for line in there]
    table = features(read, there, verdicts, [seen.sense(read, line) for line in there])
    scores = np.array(table) @ np.array(ranking)
    top = int(scores.argmax())
    others = [s for s, line in zip(scores, there, strict=True) if line.hit.passage.id != there[top].hit.passage.id]
    rival = max(others, default=scores[top] - 3.0)
    return there[top], signs(read, there[top], table[top], float(scores[top]), float(rival), verdicts[top])


# Measuring -------------------------------------------------------------------------------------


@dataclass(slots=True)
class Put:
    """A question of a development set, its hits, and the right answers."""

    id: str
    text: str
    hits: list[Hit]
    gold: GoldAnswers


def put(data: Path, mode: Mode) -> dict[str, list[Put]]:
    """Index each development set and search it for its questions; the first also for questions of other sets."""
    found: dict[str, list[Put]] = {}
    for name in DEV:
        corpus, queries, relevant = training_data.dev_set(data, name)
        with (data / "dev" / name / "answers.jsonl").open(encoding="utf-8") as rows:
            answers = {
                row["_id"]: tuple((a["text"], a["start"]) for a in row["answers"]) for row in map(json.loads, rows)
            }
        with tempfile.TemporaryDirectory() as folder, Index.create(Path(folder) / "index") as index:
            index.add(_article(entry, name) for entry in corpus)

            def ask(query: dict[str, Any], gold: GoldAnswers, index: Index = index) -> Put:
                text = clean(query["text"]).strip()
                return Put(query["_id"], text, index.search(text, DEPTH, mode=mode), gold)

            found[name] = [ask(q, GoldAnswers(frozenset(relevant[q["_id"]]), answers[q["_id"]])) for q in queries]
            if name == "xquad-vi":
                strangers = random.Random(0).sample(training_data.dev_set(data, "vinewsqa")[1], 500)
                found["strangers"] = [ask(q, GoldAnswers(frozenset(), ())) for q in strangers]
    return found


def platt(outcomes: Outcomes) -> tuple[float, float]:
    """Return scale and shift that calibrate the confidences on dev over MIX, without "removed"."""
    groups = {
        "answered": [row for name in ("xquad-vi", "vinewsqa", "viquad-noanswer") for row in outcomes[name] if row[1]],
        "elsewhere": outcomes["strangers"],
        "deceiving": [row for row in outcomes["viquad-noanswer"] if not row[1]],
    }
    rows = np.concatenate([[[c, right] for c, _, right in group] for group in groups.values()])
    share = np.concatenate([np.full(len(group), MIX[name] / len(group)) for name, group in groups.items()])
    confidences = np.clip(rows[:, 0], 1e-6, 1 - 1e-6)
    scale, shift = logistic(np.log(confidences / (1 - confidences))[:, None], rows[:, 1], share / share.sum(), l2=0.0)
    return float(scale), float(shift)


def reliability(outcomes: Outcomes) -> str:
    """Return a reliability diagram as SVG: confidence against share of right answers, ten bins for each set."""
    colours = {"xquad-vi": "#1b6ca8", "vinewsqa": "#c8553d", "viquad-noanswer": "#5b8c5a", "strangers": "#888888"}
    drawn = [
        '<path d="M60 360 L360 60" stroke="#bbb" fill="none" stroke-dasharray="4"/>',
        '<path d="M60 60 V360 H360" stroke="#444" fill="none"/>',
    ]
    for tick in (0.0, 0.5, 1.0):
        drawn.append(f'<text x="{60 + 300 * tick}" y="378" text-anchor="middle">{tick}</text>')
        drawn.append(f'<text x="50" y="{364 - 300 * tick}" text-anchor="end">{tick}</text>')
    for row, (name, colour) in enumerate(colours.items()):
        drawn.append(f'<text x="380" y="{80 + 20 * row}" fill="{colour}">{name}</text>')
        bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
        for confidence, _, right in outcomes[name]:
            bins[min(9, int(confidence * 10))].append((confidence, right))
        for points in bins.values():
            x, y = (sum(values) / len(points) for values in zip(*points, strict=True))
            size = 2 + math.sqrt(len(points)) / 2
            place = f'cx="{60 + 300 * x:.1f}" cy="{360 - 300 * y:.1f}" r="{size:.1f}"'
            drawn.append(f'<circle {place} fill="{colour}" opacity="0.7"/>')
    drawn.append('<text x="210" y="398" text-anchor="middle">confidence</text>')
    drawn.append('<text x="18" y="210" text-anchor="middle" transform="rotate(-90 18 210)">share right</text>')
    body = "\n".join(drawn)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 520 410" font-family="sans-serif" font-size="13" '
        f'fill="none"><rect width="520" height="410" fill="#fff"/><g fill="#222">\n{body}\n</g></svg>\n'
    )


def measure(found: dict[str, list[Put]], reader: sr.BundledReader, plot: Path | None) -> None:
    """Print the answer measures without a threshold, then the effect of each threshold; plot the reliability."""
    outcomes: Outcomes = {}
    print("                 whole corpus              | only hits of the right entry | entry first")
    print("set              sentence@1  exact     f1  | sentence@1  exact     f1     |")
    for name, puts in found.items():
        predictions: dict[str, PredictedAnswer] = {}
        helped: dict[str, PredictedAnswer] = {}
        outcomes[name] = []
        for each in puts:
            answer = reader.read(as_query(each.text), each.hits)
            predictions[each.id] = (
                predicted_answer(answer, _entry(answer.citation)) if answer.citation else PredictedAnswer(found=False)
            )
            if each.gold.answers:
                helped_answer = reader.read(
                    as_query(each.text), [hit for hit in each.hits if _entry(hit) in each.gold.entries]
                )
                helped[each.id] = (
                    predicted_answer(helped_answer, _entry(helped_answer.citation))
                    if helped_answer.citation
                    else PredictedAnswer(found=False)
                )
            right = sentence_at_1(predictions[each.id], each.gold) > 0
            outcomes[name].append((answer.confidence, bool(each.gold.answers), right))
        answerable = [each for each in puts if each.gold.answers]
        if answerable:
            value = evaluate_answers(predictions, {each.id: each.gold for each in puts})
            helped_measures = evaluate_answers(helped, {each.id: each.gold for each in answerable})
            first = sum(bool(each.hits) and _entry(each.hits[0]) in each.gold.entries for each in answerable)
            figures = "  | ".join(
                f"{v['sentence@1']:10.3f} {v['exact']:6.3f} {v['f1']:6.3f}" for v in (value, helped_measures)
            )
            print(f"{name:16s} {figures}     | {first / len(answerable):6.3f}", flush=True)
    print("\nrefused below     xquad-vi  vinewsqa  xquad-en-vi  strangers | noanswer: refused  answered   mean")
    for threshold in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6):

        def share(name: str, answerable: bool, threshold: float = threshold) -> float:
            return float(np.mean([c < threshold for c, can, _ in outcomes[name] if can == answerable]))

        deceived, answered = share("viquad-noanswer", False), 1 - share("viquad-noanswer", True)
        print(
            f"{threshold:13.2f} {share('xquad-vi', True):12.3f} {share('vinewsqa', True):9.3f}"
            f" {share('xquad-en-vi', True):12.3f} {share('strangers', False):10.3f} |"
            f" {deceived:17.3f} {answered:9.3f} {(deceived + answered) / 2:6.3f}"
        )
    scale, shift = platt(outcomes)
    print(f"\nPlatt scaling of the confidences: {scale:.3f}, {shift:.3f}")
    if plot:
        plot.write_text(reliability(outcomes), encoding="utf-8")
    print("\nconfidence -> share right (questions)")
    for name, rows in outcomes.items():
        bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
        for confidence, _, right in rows:
            bins[min(4, int(confidence * 5))].append((confidence, right))
        shown = (
            f"{sum(c for c, _ in b) / len(b):.2f} -> {sum(r for _, r in b) / len(b):.2f} ({len(b)})"
            for _, b in sorted(bins.items())
        )
        print(f"{name:16s}", "   ".join(shown))


def _entry(hit: Hit) -> str:
    return hit.article.source.partition("#")[2]


def _article(entry: dict[str, Any], name: str) -> Article:
    text = clean(entry["text"])
    return Article(text, (f"{name}#{entry['_id']}",), (Span(0, len(text)),), title=clean(entry["title"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--measure", action="store_true", help="fit nothing, only measure on dev")
    parser.add_argument("--mode", choices=("hybrid", "dense", "lexical"), default="hybrid", help="when measuring")
    parser.add_argument("--plot", type=Path, help="when measuring: an SVG of confidence against truth")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    if options.measure:
        measure(put(options.data, options.mode), sr.BundledReader(load_encoder(), min_confidence=0.0), options.plot)
        return
    table = idf(options.data)
    table |= fit(gather(options.data), idf_from(table))
    options.out.write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
