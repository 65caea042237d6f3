"""The bundled reader's network, in NumPy: scores the sentences and words of passages for a question.

``scripts/training/train_reader.py`` trains it and cites the sources of its parts. Words enter as vectors of the bundled
encoder and embeddings of common words. Convolutions add the context of each word, and attention adds the words of the
question. The outputs are a logit for each sentence, and for each word the logits of being the first and the last word
of the answer.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from zipfile import BadZipFile

import numpy as np

from ..errors import ReaderUnavailable
from ..types import Hit, Span
from .question import Idf
from .words import MEETINGS, SHAPES, Text, common_form, cut, idf_weights, meetings, overlaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

__all__ = ["Edges", "Network", "Part", "Read", "WordVectors", "part", "softmax"]

_BREAK = "\n"  # between texts, so that no token spans two of them
_MAX_ANSWER_WORDS = 40
_STOPS = frozenset(".,;:!?…")
_DILATIONS = ((1, 2), (1, 2, 4, 8))


class WordVectors(Protocol):
    """A source of word vectors: the bundled encoder."""

    def word_vectors(self, words: Sequence[str]) -> tuple[Floats, Floats]: ...


@dataclass(frozen=True, slots=True)
class Part:
    """A passage: its words, the first ``title`` of them the article's title, and the first words of its sentences."""

    text: Text
    title: int
    firsts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Read:
    """The network's output for one passage.

    Attributes:
        sentences: Logits of the sentences, shape (n,).
        edges: Logits of the first and the last word of an answer, shape (words, 2).
        cosines: Greatest cosine of each word of the question with a word of the sentence, at least 0, shape
            (n, words of the question).
    """

    sentences: Floats
    edges: Floats
    cosines: Floats


def part(hit: Hit) -> Part:
    """Return the passage of a hit, with the title of its article before it."""
    head, body = cut(hit.article.title), cut(hit.article.text, hit.passage.start, hit.passage.end)
    text = Text(
        head.starts + body.starts,
        head.ends + body.ends,
        head.words + body.words,
        head.folded + body.folded,
        head.shapes + body.shapes,
    )
    starts = [sentence.start for sentence in hit.passage.sentences]
    # By the ends of words: a sentence may begin inside a very long word.
    return Part(text, len(head), np.searchsorted(body.ends, starts, "right") + len(head))


class Edges:
    """Scores of answer spans in a passage; spans are offsets into the article."""

    def __init__(self, part: Part, read: Read) -> None:
        title = part.title
        self._starts, self._ends = np.array(part.text.starts[title:]), np.array(part.text.ends[title:])
        shares = [softmax(read.edges[title:, edge].astype(np.float64)) for edge in (0, 1)]
        self._first, self._last = (np.log(np.maximum(share, 1e-9)) for share in shares)
        self._stops = np.array([word in _STOPS for word in part.text.words[title:]], bool)

    def score(self, span: Span) -> float:
        """Return the log probability of a span of the passage."""
        first, last = self._words(span)
        return float(self._first[first] + self._last[last - 1]) if first < last else -50.0

    def best(self, within: Span, count: int) -> list[Span]:
        """Return the most probable spans inside ``within``, best first; none begins or ends with punctuation."""
        first, last = self._words(within)
        if first >= last:
            return []
        firsts = np.where(self._stops, -np.inf, self._first)[first:last]
        ends = np.where(self._stops, -np.inf, self._last)[first:last]
        # By first word and number of words: a very long sentence would have too many pairs of words.
        lasts = np.append(ends, np.full(_MAX_ANSWER_WORDS - 1, -np.inf))
        scores = firsts[:, None] + np.lib.stride_tricks.sliding_window_view(lasts, _MAX_ANSWER_WORDS)
        order = np.argsort(-scores, axis=None, kind="stable")[:count]
        found = [divmod(int(i), _MAX_ANSWER_WORDS) for i in order if scores.flat[i] > -np.inf]
        return [Span(int(self._starts[first + i]), int(self._ends[first + i + more])) for i, more in found]

    def _words(self, span: Span) -> tuple[int, int]:
        return int(np.searchsorted(self._ends, span.start, "right")), int(np.searchsorted(self._starts, span.end))


class Network:
    """The network. Its logits of sentences are comparable across passages and with that of "no answer"."""

    def __init__(self, weights: Mapping[str, Floats], known: Sequence[str], words: WordVectors, idf: Idf) -> None:
        """Take the weights by their names in training, and the common words in the order of their rows."""
        self._w = weights
        self._common = {word: place for place, word in enumerate(known, 1)}
        self._vectors, self._idf = words, idf
        self._hidden = len(self._w["look.weight"])

    @classmethod
    def load(cls, file: Path, words: WordVectors, idf: Idf) -> Network:
        """Load the network.

        Raises:
            ReaderUnavailable: The file is missing or damaged.
        """
        try:
            with np.load(file, allow_pickle=False) as arrays:
                head, flat = json.loads(bytes(arrays["head"])), arrays["flat"].astype(np.float32)
            weights, at = {}, 0
            for name, shape in head["shapes"].items():
                size = math.prod(shape)
                weights[name], at = flat[at : at + size].reshape(shape), at + size
            return cls(weights, head["words"], words, idf)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
            raise ReaderUnavailable(
                f"The reader's weights {file} cannot be read ({error}); install semsearch again."
            ) from error

    def read(self, question: Text, parts: Sequence[Part]) -> tuple[float, list[Read]]:
        """Return the logit of "no answer", and the scores of each part. Neither question nor parts may be empty."""
        w, hidden, gap = self._w, self._hidden, 2 * max(_DILATIONS[1])
        texts = [question, *(part.text for part in parts)]
        facts = self._facts(texts)
        starts = np.cumsum([gap] + [len(text) + gap for text in texts])
        size = int(starts[-1])
        x: Any = np.zeros((size, len(w["enter.weight"][0])), np.float32)
        mask = np.zeros((size, 1), np.float32)
        vectors, lengths = self._known(question, parts)
        at = 0
        over: list[Floats] = []
        cosines_of_parts: list[Floats] = []
        for place, (text, start) in enumerate(zip(texts, starts, strict=False)):
            stop, n = start + len(text), len(text)
            rows = x[start:stop]
            mask[start:stop] = 1
            rows[:, : vectors.shape[1]] = vectors[at : at + n]
            column = vectors.shape[1]
            text_facts = facts[place]
            rows[:, column : column + w["common.weight"].shape[1]] = w["common.weight"][text_facts["common"]]
            column += w["common.weight"].shape[1]
            rows[np.arange(n), column + np.array(text.shapes, np.int64)] = 1
            column += SHAPES
            if place == 0:
                rows[:, column + MEETINGS - 1] = text_facts["idf"]
                rows[:, column + MEETINGS + 2] = 1
            else:
                part = parts[place - 1]
                rows[:, column : column + MEETINGS] = meetings(facts[0], text_facts)
                rows[part.firsts, column + MEETINGS] = 1
                rows[: part.title, column + MEETINGS + 1] = 1
                over.append(overlaps(facts[0], text_facts, part.firsts, part.title))
                alike = vectors[at : at + n] @ vectors[: len(question)].T
                alike = np.maximum(alike, text_facts["folded"][:, None] == facts[0]["folded"][None, :])
                cosines_of_parts.append(np.maximum.reduceat(alike, part.firsts, axis=0))
            rows[:, column + MEETINGS + 3] = lengths[at : at + n] / 4
            at += n
        x = (x @ w["enter.weight"].T + w["enter.bias"]) * mask
        for place, dilation in enumerate(_DILATIONS[0]):
            x = self._block(f"low.{place}", x, mask, dilation)
        q = x[gap : gap + len(question)]
        weight = softmax((q @ w["gather.weight"].T)[:, 0])
        summary = weight @ q
        p = x[gap + len(question) + gap :]
        taken = softmax(p @ w["look.weight"].T @ q.T / np.float32(hidden**0.5)) @ q
        fuse = w["fuse.weight"]
        # The parts of one matrix: [text, taken, text * taken, whole * text].
        text_weights = fuse[:, :hidden] + fuse[:, 3 * hidden :] * summary
        y = (
            p @ text_weights.T
            + taken @ fuse[:, hidden : 2 * hidden].T
            + (p * taken) @ fuse[:, 2 * hidden : 3 * hidden].T
        )
        y += w["fuse.bias"]
        mask = mask[gap + len(question) + gap :]
        y = np.maximum(y, 0) * mask
        for place, dilation in enumerate(_DILATIONS[1]):
            y = self._block(f"high.{place}", y, mask, dilation)
        by_question = (w["edges_asked.weight"] @ summary + w["edges_asked.bias"]).reshape(2, hidden) / np.float32(
            hidden**0.5
        )
        edges = y @ (w["edges.weight"] + by_question).T + w["edges.bias"]
        none = float(w["none.weight"][0] @ summary + w["none.bias"][0])
        shift = gap + len(question) + gap
        pooled = np.concatenate(
            [
                np.maximum.reduceat(y[start - shift : start - shift + len(part.text)], part.firsts, axis=0)
                for part, start in zip(parts, starts[1:], strict=False)
            ]
        )
        shares = np.concatenate(over)
        ways = self._matches(q, y, parts, (starts[1:-1] - shift).tolist())
        evidence = np.concatenate([pooled, pooled * summary, shares, ways], axis=1)
        hiddens = np.maximum(evidence @ w["judge.weight"].T + w["judge.bias"], 0)
        verdict = (hiddens @ w["verdict.weight"].T + shares @ w["plain.weight"].T)[:, 0]
        verdict += w["verdict.bias"] + w["plain.bias"]
        found, row = [], 0
        for part, start, cosines in zip(parts, starts[1:], cosines_of_parts, strict=False):
            count = len(part.firsts)
            part_edges = edges[start - shift : start - shift + len(part.text)]
            found.append(Read(verdict[row : row + count], part_edges, np.clip(cosines, 0.0, 1.0)))
            row += count
        return none, found

    def _matches(self, q: Floats, y: Any, parts: Sequence[Part], starts: Sequence[int]) -> Floats:
        """Return how well each sentence, and its passage, matches the question's words, shape (sentences, 4 heads)."""
        w = self._w
        heads = len(w["weigh.bias"])
        ask, tell = (
            _unit((x @ w[name].T).reshape(len(x), heads, -1)) for x, name in ((q, "ask.weight"), (y, "tell.weight"))
        )
        cosines = np.matmul(tell.transpose(1, 0, 2), ask.transpose(1, 2, 0))  # (heads, words, words of the question)
        share = softmax((q @ w["weigh.weight"].T + w["weigh.bias"]).T)[:, None, :]
        found = []
        for part, start in zip(parts, starts, strict=True):
            part_cosines = cosines[:, start : start + len(part.text)]
            best = np.maximum.reduceat(part_cosines, part.firsts, axis=1)
            matches = [best, np.broadcast_to(part_cosines.max(axis=1, keepdims=True), best.shape)]
            found.append(np.concatenate([side for match in matches for side in _summed(match, share)]).T)
        return np.concatenate(found)

    def _known(self, question: Text, parts: Sequence[Part]) -> tuple[Floats, Floats]:
        """Return the vectors of all words in order, and their lengths."""
        words = [*question.words, _BREAK]
        for part in parts:
            words += [*part.text.words[: part.title], _BREAK, *part.text.words[part.title :], _BREAK]
        vectors, lengths = self._vectors.word_vectors(words)
        there = np.array([word != _BREAK for word in words])
        return vectors[there], lengths[there]

    def _facts(self, texts: Sequence[Text]) -> list[dict[str, Any]]:
        """Return for each text the ids of its words and of their forms without accents, their IDF and common forms."""
        words: dict[str, int] = {}
        forms: dict[str, int] = {}
        ids = [_number(text.words, words) for text in texts]
        folded = [_number(text.folded, forms) for text in texts]
        idf = idf_weights(list(words), self._idf)
        common = np.array([self._common.get(common_form(word), 0) for word in words], np.int64)
        return [{"word": i, "folded": f, "idf": idf[i], "common": common[i]} for i, f in zip(ids, folded, strict=True)]

    def _block(self, name: str, x: Any, mask: Floats, dilation: int) -> Any:
        w = self._w
        kernel = w[f"{name}.mix.weight"]  # (hidden, 1, 1, width)
        half = kernel.shape[3] // 2
        y = x * kernel[:, 0, 0, half] + w[f"{name}.mix.bias"]
        for k in range(kernel.shape[3]):
            shift = (k - half) * dilation
            if shift > 0:
                y[:-shift] += x[shift:] * kernel[:, 0, 0, k]
            elif shift < 0:
                y[-shift:] += x[:shift] * kernel[:, 0, 0, k]
        y -= y.mean(axis=1, keepdims=True)
        y /= np.sqrt(np.einsum("ij,ij->i", y, y)[:, None] / np.float32(y.shape[1]) + np.float32(1e-5))
        y = y * w[f"{name}.norm.weight"] + w[f"{name}.norm.bias"]
        y = np.maximum(y @ w[f"{name}.up.weight"].T + w[f"{name}.up.bias"], 0)
        y = x + y @ w[f"{name}.down.weight"].T + w[f"{name}.down.bias"]
        return y * mask


def _number(words: Sequence[str], numbers: dict[str, int]) -> NDArray[np.int64]:
    """Return the numbers of words; new words are added to ``numbers``."""
    return np.array([numbers.setdefault(word, len(numbers)) for word in words], np.int64)


def _summed(match: Any, share: Any) -> tuple[Any, Any]:
    """Return the weighted mean over the last axis, and a soft minimum: -log(mean of exp(-8 match)) / 8."""
    return (share * match).sum(axis=-1), -np.log((share * np.exp(-8 * match)).sum(axis=-1)) / 8


def _unit(vectors: Any) -> Any:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def softmax(scores: Any) -> Any:
    """Return the softmax over the last axis."""
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return scores / scores.sum(axis=-1, keepdims=True)
