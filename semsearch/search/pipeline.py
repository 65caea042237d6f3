"""From a query, a text or something stored to hits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .. import text as words
from ..errors import UsageError
from ..paths import absolute, below, globs
from ..protocols import Encoder, LateInteraction
from ..storage import Store
from ..storage.vectors import spans
from ..text.dates import as_date
from ..types import Hit, Mode
from .ranking import Align, Wanted, best_sentence, passage_text, ranked, weights
from .view import View

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Ids

__all__ = ["Filter", "like_article", "like_passage", "like_text", "search"]

LEADING = 3
"""So many of an article's first passages speak for its words; its vector is the mean of all."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which articles may be found. Raises UsageError if nothing can lie within the bounds, or they are no dates."""

    source: str | None
    since: dt.date | None
    until: dt.date | None
    _path: str = field(init=False, default="")  # what ``source`` is as a path, in the folder that is current now

    def __post_init__(self) -> None:
        object.__setattr__(self, "since", as_date("since", self.since))
        object.__setattr__(self, "until", as_date("until", self.until))
        if self.source is not None:
            object.__setattr__(self, "_path", absolute(self.source))
        if self.since and self.until and self.since > self.until:
            raise UsageError(f"nothing lies between {self.since} and {self.until}; since must not be after until")

    def allowed(self, store: Store) -> Ids | None:
        """The passages that are left, ascending; None if nothing is filtered."""
        if self.source is None and self.since is None and self.until is None:
            return None
        ranges = np.array(store.select_passages(self._globs(store), self.since, self.until), np.int64).reshape(-1, 2)
        return spans(ranges[:, 0], ranges[:, 1] + 1)

    def articles(self, store: Store) -> list[int]:
        """The articles that are left, ascending."""
        return store.select(self._globs(store), self.since, self.until)

    def _globs(self, store: Store) -> list[str]:
        return [] if self.source is None else globs(store, self.source, self._path)


def search(
    store: Store, view: View, query: str, k: int, mode: Mode, encoder: Encoder | None, only: Filter
) -> list[Hit]:
    """Passages for a query; ``encoder`` is None in lexical mode."""
    wanted = Wanted(query, encoder.encode_queries([query]) if encoder else None)
    fingerprint = view.manifest.fingerprint
    align = (
        _alignment(store, query, encoder, fingerprint)
        if mode == "hybrid" and isinstance(encoder, LateInteraction)
        else None
    )
    return _found(store, view, wanted, k, mode, encoder, only, (), align)


def like_text(
    store: Store, view: View, text: str, k: int, mode: Mode, encoder: Encoder | None, only: Filter
) -> list[Hit]:
    """Passages like a text; none that says the very same."""
    vector = encoder.encode_passages([text]) if encoder else None
    wanted, said = Wanted(text, vector), _said(text)
    same: set[int] = set()
    while True:  # the same words may stand in many articles: the more there were, the further is looked
        hits = _found(store, view, wanted, max(k, 2 * len(same)), mode, encoder, only, same)
        more = {hit.passage.id for hit in hits if _said(hit.passage.text) == said}
        if not more:
            return hits[:k]
        same |= more


def like_passage(
    store: Store,
    view: View,
    passage: int,
    k: int,
    mode: Mode,
    encoder: Encoder | None,
    only: Filter,
    *,
    same_article: bool,
) -> list[Hit]:
    """Passages like a stored one, from what is stored of it. Raises UsageError if there is none."""
    found = store.load([passage])
    if not found:
        raise UsageError(f"there is no passage {passage} in the index; `search` tells the ids of those that are there")
    wanted = Wanted(found[passage][0].text, None if mode == "lexical" else view.mean([passage]))
    excluded = [passage] if same_article else store.passage_ids([found[passage][1].id])
    return _found(store, view, wanted, k, mode, encoder, only, excluded)


def like_article(
    store: Store,
    view: View,
    source: str,
    k: int,
    mode: Mode,
    encoder: Encoder | None,
    only: Filter,
    *,
    same_article: bool,
) -> list[Hit]:
    """Passages like a stored article. Raises UsageError if there is none, or more than one."""
    known = store.source(source) or store.source(absolute(source))
    if known is None:
        many = store.sources_like([*below(source), *below(absolute(source))], 2)
        raise UsageError(
            f"{source} holds several articles; name one, like {many[0]}"
            if many
            else f"{source} is not in the index; `search` and `show` name the sources"
        )
    article = store.article(known.article)
    passages = store.passages(article)
    if not passages:
        return []
    text = "\n\n".join([article.title, *(passage.text for passage in passages[:LEADING])])
    ids = [passage.id for passage in passages]
    wanted = Wanted(text, None if mode == "lexical" else view.mean(ids))
    return _found(store, view, wanted, k, mode, encoder, only, () if same_article else ids)


def _found(
    store: Store,
    view: View,
    wanted: Wanted,
    k: int,
    mode: Mode,
    encoder: Encoder | None,
    only: Filter,
    excluded: Collection[int],
    align: Align | None = None,
) -> list[Hit]:
    allowed = view.allowed(only, store)
    if not words.terms(wanted.text) or (allowed is not None and not len(allowed)):
        return []
    tuned = weights(encoder, words.detect_language(wanted.text), mode)
    found = ranked(view, store, wanted, k, mode, tuned, allowed, excluded, align)
    stored = store.load(id_ for id_, _ in found)
    cosines: dict[int, list[float]] = {}
    if wanted.vector is not None:
        cosines = view.sentences(np.array(sorted(stored), np.int64), wanted.vector[0])
    hits = []
    for rank, (id_, scores) in enumerate(found, 1):
        passage, article = stored[id_]
        sentence = best_sentence(wanted.text, article, passage, cosines.get(id_, ()))
        hits.append(Hit(passage, article, scores.fused, scores, sentence, rank))
    return hits


def _alignment(store: Store, query: str, encoder: LateInteraction, fingerprint: str) -> Align:
    def align(ids: Sequence[int]) -> NDArray[np.float64]:
        token_ids = store.token_ids(fingerprint, ids)
        lacking = store.load(id_ for id_ in ids if id_ not in token_ids)
        if lacking:
            texts = [passage_text(article.title, passage.text) for passage, article in lacking.values()]
            token_ids.update(zip(lacking, encoder.token_ids(texts), strict=True))
        return encoder.maxsim(query, [token_ids[id_] for id_ in ids]).astype(np.float64).round(6)

    return align


def _said(text: str) -> str:
    return " ".join(words.canonical(text).split())
