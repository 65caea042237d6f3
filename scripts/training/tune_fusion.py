"""Stage 5 of the bundled encoder: fusion weights for hybrid search, chosen on the development sets.

    python scripts/training/tune_fusion.py DATA WORK [--write]

Searches real indexes for the questions of the sets, keeps all scores of all candidates, and climbs to the weights with
the best mean nDCG@10: one set of weights for Vietnamese, one for Vietnamese without accents, one for English.
``--write`` puts them into semsearch/model/semsearch.json. Six numbers for each language are chosen, on sets that were
not trained on; still, the figures on these sets are slightly optimistic.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from training_data import dev_set

from semsearch.encoders import BUNDLED, StaticEncoder
from semsearch.index import Index
from semsearch.search.candidates import retrieve_candidates, top_k
from semsearch.search.request import SearchRequest
from semsearch.search.scoring import Signals, fuse_signals, score_candidates, score_tokens
from semsearch.search.search import MAXSIM_TOP_K
from semsearch.search.snapshot import Snapshot
from semsearch.storage import Store
from semsearch.text import as_query, fold
from semsearch.types import FusionWeights

SETS = {
    "vi": ["xquad-vi", "vinewsqa", "news-title", "viquad-noanswer"],
    "vi-plain": ["xquad-vi", "vinewsqa", "news-title"],
    "en": ["xquad-en-vi"],
}
START = {
    "vi": FusionWeights(dense=0.25, sentence=0.2, article_dense=0.05, lexical=0.2, article=0.1, maxsim=0.2),
    "vi-plain": FusionWeights(dense=0.25, sentence=0.2, article_dense=0.05, lexical=0.2, article=0.1, maxsim=0.2),
    "en": FusionWeights(dense=0.3, sentence=0.3, article_dense=0.05, lexical=0.05, article=0.05, maxsim=0.25),
}
FACTORS = (2.0, 1.5, 1.25)
MIN_GAIN = 1e-4  # of the mean nDCG@10, for a step to be taken
COMPARED = 2 * MAXSIM_TOP_K  # candidates whose token ids are compared: those that any weights may bring to the top


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A question with the scores of its candidates.

    Attributes:
        ids: Candidate passages, shape (n,).
        articles: The article of each, shape (n,).
        signals: Scores that every candidate has, each of shape (n,).
        token_signals: Scores of the candidates whose token ids were compared, NaN for the others.
        relevant: The articles that answer.
    """

    ids: NDArray[np.int64]
    articles: NDArray[np.int64]
    signals: Signals
    token_signals: Signals
    relevant: frozenset[int]


def collect(data: Path, work: Path, name: str, language: str, limit: int) -> list[Case]:
    """Search an index of a development set for its questions."""
    _, queries, relevant = dev_set(data, name)
    if name == "viquad-noanswer":  # its unanswerable questions have no relevant passage
        answerable = _answerable(data / "dev" / name / "answers.jsonl")
        queries = [query for query in queries if query["_id"] in answerable]

    cases: list[Case] = []
    with Index.open_or_create(work / f"index-{name}") as index:
        index.sync([data / "dev" / name / "corpus.jsonl"])
        article_ids = {
            source.rsplit("#", 1)[1]: article.id for article in index.articles() for source in article.sources
        }
        encoder = index.encoder
        assert isinstance(encoder, StaticEncoder)
        for query in queries[:limit]:
            text = fold(query["text"]) if language == "vi-plain" else query["text"]
            vector = encoder.encode_queries([text])[0]
            request = SearchRequest(as_query(text), vector, 10, "hybrid", with_maxsim=True)
            articles = frozenset(article_ids[entry] for entry in relevant[query["_id"]])

            def operation(store: Store, snapshot: Snapshot) -> Case:
                return _case(store, snapshot, request, encoder, START[language], articles)  # noqa: B023

            cases.append(index._search(operation, "hybrid"))
    return cases


def _answerable(path: Path) -> set[str]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {row["_id"] for row in rows if row["answers"]}


def _case(
    store: Store,
    snapshot: Snapshot,
    request: SearchRequest,
    encoder: StaticEncoder,
    start: FusionWeights,
    relevant: frozenset[int],
) -> Case:
    candidates = retrieve_candidates(store, snapshot, request, None)
    signals = score_candidates(store, snapshot, request, candidates)
    best = top_k(candidates.ids, fuse_signals(signals, start), COMPARED)
    scores = score_tokens(store, encoder, snapshot.manifest.fingerprint, request, candidates.ids[best])
    assert scores.maxsim is not None
    sentence, maxsim = np.full((2, len(candidates)), np.nan)
    sentence[best], maxsim[best] = scores.best_sentence, scores.maxsim
    return Case(candidates.ids, candidates.articles, signals, {"sentence": sentence, "maxsim": maxsim}, relevant)


def ndcg(case: Case, weights: FusionWeights) -> float:
    """Return nDCG@10 of the articles of a question, as ``search`` would rank them with these weights."""
    fused = fuse_signals(case.signals, weights)
    is_compared = ~np.isnan(case.token_signals["maxsim"])
    best = top_k(case.ids, np.where(is_compared, fused, -1.0), MAXSIM_TOP_K)
    is_best = np.zeros(len(case.ids), bool)
    is_best[best] = True
    token_signals = {name: np.where(is_best, scores, np.nan) for name, scores in case.token_signals.items()}
    fused = fuse_signals({**case.signals, **token_signals}, weights)

    ranked = case.articles[top_k(case.ids, fused, len(case.ids))]
    top_articles = list(dict.fromkeys(ranked.tolist()))[:10]
    gain = sum(1 / np.log2(rank + 2) for rank, article in enumerate(top_articles) if article in case.relevant)
    best_gain = sum(1 / np.log2(rank + 2) for rank in range(min(len(case.relevant), 10)))
    return float(gain / best_gain)


def figures(sets: Mapping[str, Sequence[Case]], weights: FusionWeights) -> dict[str, float]:
    """Return the mean nDCG@10 of each set."""
    return {name: float(np.mean([ndcg(case, weights) for case in cases])) for name, cases in sets.items()}


def climb(sets: Mapping[str, Sequence[Case]], start: FusionWeights) -> tuple[FusionWeights, dict[str, float]]:
    """Coordinate ascent with shrinking steps on the mean over the sets."""
    weights, best = start, figures(sets, start)
    for factor in FACTORS:
        for field in fields(FusionWeights):
            for scale in (factor, 1 / factor):
                trial = replace(weights, **{field.name: getattr(weights, field.name) * scale})
                found = figures(sets, trial)
                if np.mean(list(found.values())) > np.mean(list(best.values())) + MIN_GAIN:
                    weights, best = trial, found
    total = sum(asdict(weights).values())
    return FusionWeights(**{name: round(value / total, 3) for name, value in asdict(weights).items()}), best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--limit", type=int, default=700, help="questions of each set")
    parser.add_argument("--languages", default="vi,vi-plain,en")
    parser.add_argument("--write", action="store_true", help="write the weights into the encoder's card")
    args = parser.parse_args()

    tuned: dict[str, dict[str, float]] = {}
    for language in args.languages.split(","):
        sets = {}
        for name in SETS[language]:
            began = time.monotonic()
            sets[name] = collect(args.data, args.work, name, language, args.limit)
            print(f"{language} {name}: {len(sets[name])} questions, {time.monotonic() - began:.0f} s", flush=True)
        weights, found = climb(sets, START[language])
        tuned[language] = asdict(weights)
        print(language, tuned[language], {name: round(figure, 4) for name, figure in found.items()}, flush=True)

    if args.write:
        path = BUNDLED / "semsearch.json"
        card = json.loads(path.read_text(encoding="utf-8"))
        card["fusion"] = card.get("fusion", {}) | tuned
        path.write_text(json.dumps(card, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
