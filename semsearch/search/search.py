"""Hybrid search over one snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..filters import Filter
from ..protocols import Encoder, LateInteraction
from ..storage import Store
from ..types import Hit, Mode, Query, Scores
from .candidates import Candidates, retrieve_candidates, top_k
from .highlight import best_sentence
from .request import SearchRequest
from .scoring import Signals, fuse_signals, score_candidates, score_tokens
from .snapshot import Snapshot
from .weights import fusion_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["hybrid_search", "search"]

MAXSIM_TOP_K = 100
"""Minimum number of candidates whose token ids are compared with the query: the best by all other signals."""


def search(
    store: Store,
    snapshot: Snapshot,
    query: Query,
    k: int,
    *,
    mode: Mode,
    filters: Filter,
    encoder: Encoder | None,
) -> list[Hit]:
    """Return the ``k`` passages that match ``query`` best; ``encoder`` is ``None`` in lexical mode."""
    vector = encoder.encode_queries([query.text])[0] if encoder is not None else None
    request = SearchRequest(query, vector, k, mode, filters, with_maxsim=mode == "hybrid")
    return hybrid_search(store, snapshot, request, encoder)


def hybrid_search(store: Store, snapshot: Snapshot, request: SearchRequest, encoder: Encoder | None) -> list[Hit]:
    """Retrieve candidates, score them, fuse the scores, and return the best as hits.

    Args:
        store: The database, in the state of the snapshot.
        snapshot: Vectors and terms.
        request: What is searched for.
        encoder: Its card weighs the signals, and it compares token ids; ``None`` in lexical mode.
    """
    allowed = snapshot.passages_that_pass(store, request.filters)
    nothing_allowed = allowed is not None and not len(allowed)
    if not request.query.terms or nothing_allowed:
        return []

    candidates = retrieve_candidates(store, snapshot, request, allowed)
    if not len(candidates):
        return []

    weights = fusion_weights(encoder, request.query.language, request.mode)
    signals = score_candidates(store, snapshot, request, candidates)
    fused = fuse_signals(signals, weights)

    sentence_cosines: dict[int, list[float]] = {}
    if request.vector is not None and isinstance(encoder, LateInteraction):
        best = top_k(candidates.ids, fused, max(MAXSIM_TOP_K, request.k))
        passages = candidates.ids[best]
        token_scores = score_tokens(store, encoder, snapshot.manifest.fingerprint, request, passages)
        sentence_cosines = dict(zip(passages.tolist(), token_scores.sentences, strict=True))
        signals["sentence"] = _only_at(best, token_scores.best_sentence, len(candidates))
        if token_scores.maxsim is not None and weights.maxsim:
            signals["maxsim"] = _only_at(best, token_scores.maxsim, len(candidates))
        fused = fuse_signals(signals, weights)

    return _hits(store, request, candidates, signals, fused, sentence_cosines)


def _hits(
    store: Store,
    request: SearchRequest,
    candidates: Candidates,
    signals: Signals,
    fused: NDArray[np.float64],
    sentence_cosines: Mapping[int, Sequence[float]],
) -> list[Hit]:
    best = top_k(candidates.ids, fused, request.k)
    stored = store.load(candidates.ids[best].tolist())
    hits = []
    for rank, place in enumerate(best.tolist(), 1):
        passage, article = stored[int(candidates.ids[place])]
        scores = _scores_at(place, signals, fused)
        cosines = sentence_cosines.get(passage.id, ())
        sentence = best_sentence(request.query.text, article, passage, cosines)
        hits.append(Hit(passage, article, scores.fused, scores, sentence, rank))
    return hits


def _scores_at(place: int, signals: Signals, fused: NDArray[np.float64]) -> Scores:
    values = {}
    for name, scores in signals.items():
        score = float(scores[place])
        values[name] = None if np.isnan(score) else score
    return Scores(round(float(fused[place]), 6), **values)


def _only_at(places: NDArray[np.int64], scores: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return ``scores`` at their ``places`` among ``count`` candidates, NaN elsewhere."""
    spread = np.full(count, np.nan)
    spread[places] = scores
    return spread
