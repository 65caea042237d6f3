"""Stage 5 of the bundled encoder: what each side counts in hybrid search, found on the development sets.

    python scripts/training/tune_fusion.py DATA WORK [--write]

Puts the questions of the sets to real indexes, keeps what every side says of every candidate, and climbs
to the weights with the best mean nDCG@10, one set of weights for Vietnamese, one for Vietnamese without
accents, one for English. ``--write`` puts them into semsearch/model/semsearch.json. Few numbers are
chosen here and on sets that no training saw; still, the figures on these sets lean to the good side.
"""

from __future__ import annotations

import argparse
import json
import pickle
import time
from pathlib import Path

import numpy as np
from training_data import dev_set

from semsearch.index import Index
from semsearch.search.fusion import combined
from semsearch.search.pipeline import _alignment
from semsearch.search.ranking import ALIGNED, DEPTH, Wanted, Weights, gathered
from semsearch.text import fold

SIDES = ("dense", "sentence", "article_dense", "lexical", "article", "maxsim")
SETS = {
    "vi": ["xquad-vi", "vinewsqa", "news-title", "viquad-noanswer"],
    "vi-plain": ["xquad-vi", "vinewsqa", "news-title"],
    "en": ["xquad-en-vi"],
}
FIRST = {
    "vi": Weights(dense=0.25, sentence=0.2, topic=0.05, lexical=0.2, article=0.1, maxsim=0.2),
    "vi-plain": Weights(dense=0.25, sentence=0.2, topic=0.05, lexical=0.2, article=0.1, maxsim=0.2),
    "en": Weights(dense=0.3, sentence=0.3, topic=0.05, lexical=0.05, article=0.05, maxsim=0.25),
}
Case = tuple[np.ndarray, np.ndarray, np.ndarray, set[int]]  # scores (n, sides), aligned (n,), owners (n,), right owners


def cases(data: Path, work: Path, name: str, language: str, most: int) -> list[Case]:
    _, queries, relevant = dev_set(data, name)
    if name == "viquad-noanswer":  # its unanswerable questions have no right passage
        answered = {
            row["_id"]
            for row in map(json.loads, (data / "dev" / name / "answers.jsonl").open(encoding="utf-8"))
            if row["answers"]
        }
        queries = [q for q in queries if q["_id"] in answered]
    found: list[Case] = []
    with Index.open_or_create(work / f"index-{name}") as index:
        index.sync([data / "dev" / name / "corpus.jsonl"])
        entries = {source.rsplit("#", 1)[1]: a.id for a in index.articles() for source in a.sources}
        encoder = index.encoder
        for query in queries[:most]:
            text = fold(query["text"]) if language == "vi-plain" else query["text"]
            wanted = Wanted(text, encoder.encode_queries([text]))

            def look(store, view, wanted=wanted, text=text):
                owners, scored = gathered(view, store, wanted, DEPTH, "hybrid")
                first = FIRST[language]
                fused = combined((scored[s], getattr(first, s)) for s in SIDES[:-1] if scored[s].any())
                best = np.argsort(-fused, kind="stable")[: 2 * ALIGNED]
                scored["maxsim"] = np.full(len(owners), np.nan)
                align = _alignment(store, text, encoder, encoder.fingerprint)
                scored["maxsim"][best] = align(np.array(list(owners))[best].tolist())
                return owners, scored

            owners, scored = index._session.search(look, vectors=True)
            scores = np.column_stack([scored[s] for s in SIDES]).astype(np.float32)
            right = {entries[e] for e in relevant[query["_id"]]}
            found.append((scores, ~np.isnan(scores[:, -1]), np.array(list(owners.values())), right))
    return found


def scaled(case: Case) -> Case:
    """Each side but the maxsim to 0..1; that one is scaled over those it was asked about."""
    scores, aligned, owners, right = case
    low, high = scores[:, :-1].min(axis=0), scores[:, :-1].max(axis=0)
    sides = (scores[:, :-1] - low) / np.maximum(high - low, 1e-9)
    return np.column_stack([sides, scores[:, -1]]), aligned, owners, right


def gain(case: Case, weights: np.ndarray) -> float:
    scores, aligned, owners, right = case
    fused = scores[:, :-1] @ weights[:-1]
    if weights[-1] > 0:
        best = np.lexsort((np.arange(len(fused)), -np.where(aligned, fused, -1.0)))[:ALIGNED]
        best = best[aligned[best]]
        asked = scores[best, -1]
        span = asked.max() - asked.min()
        fused = fused.copy()
        fused[best] += weights[-1] * ((asked - asked.min()) / span if span > 0 else 1.0)
    seen: list[int] = []
    for owner in owners[np.argsort(-fused, kind="stable")]:
        if owner not in seen:
            seen.append(owner)
            if len(seen) == 10:
                break
    best_gain = sum(1 / np.log2(rank + 2) for rank in range(min(len(right), 10)))
    return sum(1 / np.log2(rank + 2) for rank, owner in enumerate(seen) if owner in right) / best_gain


def climb(sets: dict[str, list[Case]], first: Weights) -> tuple[np.ndarray, dict[str, float]]:
    """Coordinate ascent with shrinking steps on the mean over the sets."""

    def figures(weights: np.ndarray) -> dict[str, float]:
        return {name: float(np.mean([gain(c, weights) for c in some])) for name, some in sets.items()}

    weights = np.array([getattr(first, side) for side in SIDES])
    best = figures(weights)
    for factor in (2.0, 1.5, 1.25):
        for side in range(len(SIDES)):
            for trial in (factor, 1 / factor):
                tried = weights.copy()
                tried[side] *= trial
                found = figures(tried)
                if np.mean(list(found.values())) > np.mean(list(best.values())) + 1e-4:
                    weights, best = tried, found
    return weights / weights.sum(), best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--most", type=int, default=700, help="questions of each set")
    parser.add_argument("--languages", default="vi,vi-plain,en")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    tuned = {}
    for language in args.languages.split(","):
        sets = {}
        for name in SETS[language]:
            began = time.monotonic()
            some = cases(args.data, args.work, name, language, args.most)
            with (args.work / f"cases-{language}-{name}.pkl").open("wb") as file:
                pickle.dump(some, file)
            sets[name] = [scaled(c) for c in some]
            print(f"{language} {name}: {len(some)} questions, {time.monotonic() - began:.0f} s", flush=True)
        weights, figures = climb(sets, FIRST[language])
        tuned[language] = {side: round(float(w), 3) for side, w in zip(SIDES, weights, strict=True)}
        print(language, tuned[language], {k: round(v, 4) for k, v in figures.items()}, flush=True)
    if args.write:
        path = Path(__file__).resolve().parents[2] / "semsearch" / "model" / "semsearch.json"
        card = json.loads(path.read_text(encoding="utf-8"))
        card["fusion"] = card.get("fusion", {}) | tuned
        path.write_text(json.dumps(card, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
