"""Reader for extractive question-answering models of the transformers library, from a folder or from the hub."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ReaderUnavailable, UsageError
from ..hub import ModelLoader, max_tokens, quiet
from ..text import tokenize
from ..types import Answer, Hit, Query, Quote, Span
from .compose import compose
from .depth import hits_to_read
from .extract import marks
from .question import Idf, Question, understand
from .windows import Window, WindowBuilder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Logits = NDArray[np.float64]  # shape (tokens of a window,)

__all__ = ["MIN_CONFIDENCE", "TransformerReader", "probable"]

MIN_CONFIDENCE = 0.5
"""Below this, "no answer" is more probable."""

_LOADER = ModelLoader(
    role="reader",
    error=ReaderUnavailable,
    files=("config.json",),
    alternative="or leave out --reader: the bundled reader needs nothing more",
    trust="name another",
)
_WINDOW_TOKENS = 384  # as in the training of these models
_BATCH_WINDOWS = 8
_MAX_ANSWER_TOKENS = 64
_MAX_SPANS = 20  # of a passage, in the softmax with "no answer"
_MAX_QUOTES = 3  # of a passage


class TransformerReader:
    """Quotes the spans that a question-answering model marks in the passages.

    A passage longer than the model takes is read in overlapping windows. For PhoBERT and its relatives words are
    segmented by pyvi.

    The confidence of an answer is the model's own probability: a softmax over the best spans of the passage and
    "no answer" (the score of its first token, as in SQuAD 2: P. Rajpurkar et al., ACL 2018). It is not calibrated, and
    for a model that was never trained on questions without an answer it means little.

    Args:
        name: The folder of a model for transformers' ``AutoModelForQuestionAnswering``, or its name on the hub, from
            where it is downloaded once.
        min_confidence: An answer with a confidence below this (0..1) is withheld.
        threads: Torch's number of threads, for the whole process; None leaves it to torch.
        device: Torch's device ("cpu", "cuda"); None takes an accelerator if there is one.

    Raises:
        ReaderUnavailable: The model cannot be loaded; the message says what was tried and what to do.
        UsageError: The name is empty, ``min_confidence`` is outside 0..1, or ``threads`` is below 1.
    """

    def __init__(
        self,
        name: str,
        *,
        min_confidence: float = MIN_CONFIDENCE,
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        if not name.strip():
            raise UsageError('The name of the reader is empty; give "bundled", a folder, or a name on the hub.')
        if not 0.0 <= min_confidence <= 1.0:
            raise UsageError(f"`min_confidence` must be between 0 and 1 (got {min_confidence}).")
        if threads is not None and threads < 1:
            raise UsageError(f"`threads` must be at least 1 (got {threads}).")
        self.name = name
        self.min_confidence = min_confidence
        tokenizer, self._model, segment = _load(name)
        import torch

        if threads is not None:
            torch.set_num_threads(threads)
        self._model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval()
        if self._model.device.type == "cpu":
            self._model.float()  # on a CPU half precision is slow and coarse
        limits = (_WINDOW_TOKENS, max_tokens(self._model.config), tokenizer.model_max_length)
        self._windows = WindowBuilder(tokenizer, min(limit for limit in limits if limit), segment)
        self._padding = tokenizer.pad_token_id or 0
        # Models of the RoBERTa family have a single token type, whatever the tokenizer returns.
        several = getattr(self._model.config, "type_vocab_size", 0) > 1
        self._typed = several and "token_type_ids" in tokenizer.model_input_names
        try:
            self._logits(self._windows.windows("1", "1"))
        except Exception as error:  # raised by a model that needs more than a question and a text
            raise _LOADER.unloadable(name, error) from error

    def depth(self, query: Query) -> int:
        """Return how many hits to read for ``query``."""
        return hits_to_read(query)

    def read(self, query: Query, hits: Sequence[Hit]) -> Answer:
        """Return what ``hits`` (best first) answer to ``query``, or an Answer that is not ``found``."""
        return compose(query.text, self.candidates(query.text, hits), hits, self.min_confidence)

    def candidates(self, question: str, hits: Sequence[Hit]) -> list[Quote]:
        """Return possible answers, best first: up to three spans of each passage that do not overlap."""
        analysed = understand(question, Idf({}, 1.0))
        windows = [self._windows.windows(question, hit.passage.text) for hit in hits]
        logits = iter(self._logits(list(chain.from_iterable(windows))))
        quotes: list[Quote] = []
        for hit, hit_windows in zip(hits, windows, strict=True):
            spans = probable([(window, *next(logits)) for window in hit_windows])
            for span, probability in _apart(hit, spans):
                quote = _quote(analysed, hit, span, probability)
                if quote is not None:
                    quotes.append(quote)
        return sorted(quotes, key=lambda quote: -quote.confidence)

    def _logits(self, windows: Sequence[Window]) -> list[tuple[Logits, Logits]]:
        """Return the logits of every token of each window, as the first and as the last of the answer."""
        import torch

        found: dict[int, tuple[Logits, Logits]] = {}
        by_length = sorted(range(len(windows)), key=lambda i: -len(windows[i].ids))  # less padding
        for at in range(0, len(windows), _BATCH_WINDOWS):
            batch = by_length[at : at + _BATCH_WINDOWS]
            width = len(windows[batch[0]].ids)
            ids = np.full((len(batch), width), self._padding)
            types, mask = np.zeros_like(ids), np.zeros_like(ids)
            for row, i in enumerate(batch):
                length = len(windows[i].ids)
                ids[row, :length], types[row, :length], mask[row, :length] = windows[i].ids, windows[i].types, 1
            inputs = {"input_ids": ids, "attention_mask": mask} | ({"token_type_ids": types} if self._typed else {})
            with torch.inference_mode(), quiet():
                out = self._model(
                    **{key: torch.from_numpy(value).to(self._model.device) for key, value in inputs.items()}
                )
            starts, ends = (
                logits.float().cpu().numpy().astype(np.float64) for logits in (out.start_logits, out.end_logits)
            )
            for row, i in enumerate(batch):
                length = len(windows[i].ids)
                found[i] = starts[row, :length], ends[row, :length]
        return [found[i] for i in range(len(windows))]


def probable(read: Sequence[tuple[Window, Logits, Logits]]) -> list[tuple[Span, float]]:
    """Return the best spans of a text that was read in windows, best first, each with its probability.

    The score of a span is the start logit of its first token plus the end logit of its last. The probabilities are a
    softmax over the best spans and "no answer", whose score is the lowest of the windows, as for SQuAD 2 (Devlin et
    al., "BERT", 2019, section 4.3); they add up to 1 together with that of "no answer".
    """
    scores: dict[Span, float] = {}
    null = np.inf
    for window, start, end in read:
        null = min(null, float(start[window.null] + end[window.null]))
        inside = [(i, place) for i, place in enumerate(window.places) if place is not None]
        count = len(inside)
        places = [place for _, place in inside]
        tokens = [i for i, _ in inside]
        allowed = np.triu(np.ones((count, count), bool)) & ~np.triu(np.ones((count, count), bool), _MAX_ANSWER_TOKENS)
        table = np.where(allowed, start[tokens][:, None] + end[tokens][None, :], -np.inf).ravel()
        for at in np.argsort(-table, kind="stable")[:_MAX_SPANS].tolist():
            if table[at] > -np.inf:
                first, last = divmod(at, count)
                span = Span(places[first].start, places[last].end)
                scores[span] = max(float(table[at]), scores.get(span, -np.inf))
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:_MAX_SPANS]
    if not best:
        return []
    highest = max(null, best[0][1])
    weights = [float(np.exp(score - highest)) for _, score in best]
    total = sum(weights) + float(np.exp(null - highest))
    return [(span, weight / total) for (span, _), weight in zip(best, weights, strict=True)]


def _apart(hit: Hit, spans: Sequence[tuple[Span, float]]) -> list[tuple[Span, float]]:
    """Return the answers of a passage, as spans of its article, best first and without overlap.

    Each has the probability of all spans that overlap it, which are other boundaries of the same answer.
    """
    words = tokenize(hit.passage.text)
    chances: dict[Span, float] = {}
    for span, chance in spans:
        extended = _whole_words(hit.passage.text, words, span)
        chances[extended] = chances.get(extended, 0.0) + chance
    answers: list[tuple[Span, float]] = []
    while chances and len(answers) < _MAX_QUOTES:
        best = max(chances, key=lambda span: (chances[span], -span.start, -span.end))
        near = [span for span in chances if span.overlaps(best) or span == best]
        chance = min(1.0, sum(chances.pop(span) for span in near))
        if best.end > best.start:
            answers.append((Span(best.start + hit.passage.start, best.end + hit.passage.start), chance))
    return answers


def _whole_words(text: str, words: Sequence[Span], span: Span) -> Span:
    """Return ``span`` extended to whole words, without spaces and commas around it."""
    starts = [word.start for word in words]
    start, end = span.start, span.end
    first = bisect_right(starts, start) - 1
    if first >= 0 and start < words[first].end:
        start = words[first].start
    last = bisect_right(starts, end - 1) - 1
    if last >= 0 and end <= words[last].end:
        end = words[last].end
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip(" \n,;:"))
    return Span(start, max(start, start + len(inside.strip(" \n,;:"))))


def _quote(question: Question, hit: Hit, span: Span, chance: float) -> Quote | None:
    """Return the span with the sentences that contain it; None if it is not inside sentences or has no word."""
    text = hit.article.text
    held = [sentence for sentence in hit.passage.sentences if sentence.overlaps(span)]
    if not held:
        return None
    sentence = Span(held[0].start, held[-1].end)
    gaps = [text[a.end : b.start] for a, b in pairwise(held)]
    if span.start < sentence.start or span.end > sentence.end or any(gap.strip() for gap in gaps):
        return None
    if span.end == sentence.end:
        span = Span(span.start, span.start + len(span.of(text).removesuffix(".").rstrip()))
    if not any(c.isalnum() for c in span.of(text)):
        return None
    quote = sentence.of(text)
    answer = Span(span.start - sentence.start, span.end - sentence.start)
    placed = tuple(Span(s.start + sentence.start, s.end + sentence.start) for s in marks(question, quote, answer))
    return Quote(span.of(text), hit, span, sentence, chance, placed)


def _load(name: str) -> tuple[Any, Any, Callable[[str], str] | None]:
    """Return tokenizer, model and, if the model needs it, word segmentation."""
    location = _LOADER.locate(name)
    _LOADER.require(name, ("transformers", "torch"))
    return _LOADER.load(location, lambda only_local: _from_files(location.name, only_local))


def _from_files(name: str, only_local: bool) -> tuple[Any, Any, Callable[[str], str] | None]:
    import transformers as hf

    options = {"local_files_only": only_local, "trust_remote_code": False}
    config = hf.AutoConfig.from_pretrained(name, **options)
    if type(config) not in hf.MODEL_FOR_QUESTION_ANSWERING_MAPPING:
        raise _not_trained(name, f"it is a {config.model_type} model")
    tokenizer = hf.AutoTokenizer.from_pretrained(name, **options)
    # Every model with PhoBERT's tokenizer needs segmented words, whatever it is called.
    names = (type(tokenizer).__name__, getattr(config, "tokenizer_class", None), *name.split("/")[-2:])
    needs_words = any("phobert" in str(candidate).lower() for candidate in names)
    segment = _LOADER.segmenter(name) if needs_words else None
    model, report = hf.AutoModelForQuestionAnswering.from_pretrained(
        name, config=config, output_loading_info=True, **options
    )
    missing = sorted(report["missing_keys"])
    if missing:
        # They would be random, and so would the answers.
        raise _not_trained(name, f"it has no weights for {missing[0]}")
    return tokenizer, model, segment


def _not_trained(name: str, why: str) -> ReaderUnavailable:
    return ReaderUnavailable(
        f'The model "{name}" is not trained to answer questions ({why}); name an extractive question-answering '
        f"model, {_LOADER.alternative}."
    )
