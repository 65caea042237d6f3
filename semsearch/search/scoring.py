"""Scores of candidates: every signal scores every candidate, whichever retriever found it.

So no score is missing where the least and the greatest of a signal are taken. Only a vector can be missing, if a
rebuild was interrupted; the score is NaN then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ..encoders.passages import PassageText, TokenIds, tokenize
from ..protocols import LateInteraction
from ..storage import Store
from ..storage.bm25 import score_with_articles
from ..storage.term_vectors import TermVectors
from ..types import FusionWeights
from .candidates import Candidates, unique
from .fusion import fuse
from .request import SearchRequest
from .snapshot import Snapshot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Ids, Vectors

    ScoreArray = NDArray[np.float64]  # shape (n,), NaN for no score

__all__ = ["SIMILARITY_DECIMALS", "Signals", "TokenScores", "fuse_signals", "score_candidates", "score_tokens"]

SIMILARITY_DECIMALS = 6
"""Further decimals of a cosine differ with the other vectors it is computed with."""

Signals = dict[str, "ScoreArray"]
"""Scores of all candidates by signal; the names are those of ``Scores``."""


@dataclass(frozen=True, slots=True, eq=False)
class TokenScores:
    """What the token ids of some passages say.

    Attributes:
        sentences: For each passage the cosines of its sentences with the query.
        maxsim: Shape (n,); ``None`` if it was not asked for.
    """

    sentences: list[list[float]]
    maxsim: ScoreArray | None

    @property
    def best_sentence(self) -> ScoreArray:
        """The best cosine of each passage, shape (n,)."""
        return np.array([max(cosines, default=np.nan) for cosines in self.sentences], np.float64)


def score_candidates(store: Store, snapshot: Snapshot, request: SearchRequest, candidates: Candidates) -> Signals:
    """Return the scores of all candidates by vectors and terms."""
    # Articles are scored as a whole, so all their passages are needed. In the order of ids those of an article are
    # neighbours.
    members = store.passages_of_articles(unique(candidates.articles).tolist())
    passages, articles = np.array(sorted(members.items()), np.int64).T
    places = np.searchsorted(passages, candidates.ids)

    signals: Signals = {}
    if request.vector is not None:
        dense, article_dense = _cosines_with_articles(snapshot, passages, articles, request.vector)
        signals["dense"] = dense[places]
        signals["article_dense"] = article_dense[places]
    if request.uses_terms:
        assert snapshot.terms is not None
        term_vectors = TermVectors(store.term_vectors(passages.tolist()))
        query_terms = snapshot.terms.analyze(request.query.text)
        lexical, article = score_with_articles(term_vectors, articles, query_terms, snapshot.passages_per_article)
        signals["lexical"] = lexical[places]
        signals["article"] = article[places]
    return signals


def score_tokens(
    store: Store, encoder: LateInteraction, fingerprint: str, request: SearchRequest, passages: Ids
) -> TokenScores:
    """Compare the query with passages sentence by sentence, and token by token if the request wants it."""
    assert request.vector is not None
    token_ids = _token_ids(store, encoder, fingerprint, passages.tolist())

    sentences = [sentence for passage in token_ids for sentence in passage.sentences]
    similarities = encoder.encode_tokens(sentences) @ request.vector
    rounded = iter(similarities.astype(np.float64).round(SIMILARITY_DECIMALS).tolist())
    cosines = [list(islice(rounded, len(passage.sentences))) for passage in token_ids]

    if not request.with_maxsim:
        return TokenScores(cosines, None)
    maxsim = encoder.maxsim(request.query.text, [passage.all for passage in token_ids])
    return TokenScores(cosines, maxsim.astype(np.float64).round(SIMILARITY_DECIMALS))


def fuse_signals(signals: Signals, weights: FusionWeights) -> ScoreArray:
    """Return the fused scores, shape (n,).

    A lexical signal without any match contributes nothing, but its weight still counts, so that the fused score means
    the same. If all weights are 0, signals count alike.
    """
    weighted = []
    for name, scores in signals.items():
        is_without_match = name in ("lexical", "article") and not scores.any()
        usable = np.full_like(scores, np.nan) if is_without_match else scores
        weighted.append((usable, float(getattr(weights, name))))
    if not any(weight for _, weight in weighted):
        weighted = [(scores, 1.0) for scores, _ in weighted]
    return fuse(weighted)


def _cosines_with_articles(
    snapshot: Snapshot, passages: Ids, articles: Ids, vector: Vectors
) -> tuple[ScoreArray, ScoreArray]:
    """Return for each passage its cosine with ``vector``, and that of the mean of its article's passages.

    Args:
        snapshot: The vectors.
        passages: Ids, shape (n,), those of one article next to each other.
        articles: The article of each, shape (n,).
        vector: Shape (dim,), of unit length.
    """
    assert snapshot.vectors is not None
    has_vector = snapshot.vectors.has(passages)
    vectors = snapshot.vectors.get(passages[has_vector])
    dense = np.full(len(passages), np.nan)
    dense[has_vector] = np.round((vectors @ vector).astype(np.float64), SIMILARITY_DECIMALS)

    owners = articles[has_vector]
    firsts = np.flatnonzero(np.diff(owners, prepend=-1))
    counts = np.diff(firsts, append=len(owners))
    sums: Vectors = np.add.reduceat(vectors, firsts, axis=0)
    lengths = np.maximum(np.linalg.norm(sums, axis=1), 1e-12, dtype=np.float64)
    means = np.round((sums @ vector).astype(np.float64) / lengths, SIMILARITY_DECIMALS)
    article_dense = np.full(len(passages), np.nan)
    article_dense[has_vector] = np.repeat(means, counts)
    return dense, article_dense


def _token_ids(store: Store, encoder: LateInteraction, fingerprint: str, passages: Sequence[int]) -> list[TokenIds]:
    """Return the token ids of passages, in order; those that are not stored are computed."""
    token_ids = {passage: TokenIds.unpack(data) for passage, data in store.token_ids(fingerprint, passages).items()}
    missing = store.load(passage for passage in passages if passage not in token_ids)
    if missing:
        texts = [PassageText.of(article, passage.sentences) for passage, article in missing.values()]
        token_ids.update(zip(missing, tokenize(encoder, texts), strict=True))
    return [token_ids[passage] for passage in passages]
