"""Which signals count in a search, and how much."""

from __future__ import annotations

from dataclasses import replace

from ..protocols import Encoder, HasCard, LateInteraction
from ..types import FusionWeights, Language, Mode

__all__ = ["DEFAULT_WEIGHTS", "fusion_weights", "weights_by_signal"]

DEFAULT_WEIGHTS = {
    "vi": FusionWeights(dense=0.2, sentence=0.2, lexical=0.4, article=0.2),
    "vi-plain": FusionWeights(dense=0.2, sentence=0.2, lexical=0.4, article=0.2),
    "en": FusionWeights(dense=0.3, sentence=0.3, lexical=0.3, article=0.1),
    "dense": FusionWeights(dense=0.2, sentence=0.58, article_dense=0.22),
}
"""For encoders without a card: by the language of the query, and for dense mode."""

SIGNALS: dict[Mode, tuple[str, ...]] = {
    "hybrid": ("dense", "sentence", "article_dense", "lexical", "article", "maxsim"),
    "dense": ("dense", "sentence", "article_dense"),
    "lexical": ("lexical", "article"),
}
"""By mode, the signals that are computed: names of fields of ``Scores`` and ``FusionWeights``."""


def fusion_weights(encoder: Encoder | None, language: Language, mode: Mode) -> FusionWeights:
    """Return the weights from the encoder's card, or the defaults.

    Without token ids there is no sentence score; its weight is added to that of the passage.

    Args:
        encoder: ``None`` in lexical mode.
        language: That of the query.
        mode: In dense mode the weights do not depend on the language.
    """
    key = "dense" if mode == "dense" else language
    weights = DEFAULT_WEIGHTS[key]
    if isinstance(encoder, HasCard):
        weights = encoder.card.fusion.get(key, weights)
    if isinstance(encoder, LateInteraction):
        return weights
    return replace(weights, dense=weights.dense + weights.sentence, sentence=0.0, maxsim=0.0)


def weights_by_signal(encoder: Encoder | None, language: Language, mode: Mode) -> dict[str, float]:
    """Return the weight of each signal of ``mode``."""
    weights = fusion_weights(encoder, language, mode)
    return {signal: getattr(weights, signal) for signal in SIGNALS[mode]}
