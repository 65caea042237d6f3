"""How well and how fast near-duplicate articles are found, among real news and altered copies of them.

    python scripts/benchmarks/duplicates.py ../shared/data [--articles 20000] [--copies 200] [--share 0.5]

DATA is a folder as ``scripts/training/training_data.py`` describes it. Some articles are copied once each, altered in
one way; then all articles are compared, and each copy is looked for in the group of its original. Words are replaced by
words of other articles; figures are kept. The same seed gives the same copies. The vectors of the index are all equal,
since only the texts are compared.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from checkouts import ROOT, table

sys.path.insert(0, str(ROOT / "scripts" / "training"))
from training_data import rows

from semsearch.index import Index
from semsearch.segmentation import split_sentences
from semsearch.text import fold
from semsearch.types import Article, Duplicates, Span

SEED = 20240501
MIN_SENTENCES = 5
MIXED = ("seven tenths of it after another article", "three tenths of it before another (not to be found)")
HEADER = "Bản tin của cộng tác viên gửi từ cơ sở, tòa soạn đã biên tập lại đôi chỗ cho gọn."


class ConstantEncoder:
    """Gives every text the same vector."""

    name = "constant"
    dim = 8
    fingerprint = "constant"

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        return np.eye(1, self.dim, dtype=np.float32).repeat(len(texts), axis=0)

    encode_passages = encode_queries


@dataclass(frozen=True, slots=True)
class Copy:
    """An altered copy: how it was altered, its original's source, and the source of the text mixed into it."""

    kind: str
    original: str
    other: str


def news(data: Path, count: int) -> Iterator[list[str]]:
    """Yield the sentences of at most ``count`` articles of five sentences or more: news, then the encyclopedia."""
    found = 0
    for row in chain(rows(data, "news"), rows(data, "wiki")):
        if found == count:
            return
        text = row["text"] or ""
        sentences = [span.of(text) for span in split_sentences(text)]
        if len(sentences) >= MIN_SENTENCES:
            found += 1
            yield sentences


class Copier:
    """The ways to alter an article; ``other`` is an unrelated article."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.vocabulary: list[str] = []
        self.kinds: dict[str, Callable[[list[str], list[str]], list[str]]] = {
            "another first and last line": lambda own, other: [HEADER, *own, other[-1]],
            "sentences in another order": lambda own, other: rng.sample(own, len(own)),
            "a third of the sentences dropped": lambda own, other: self._part(own, 0.67),
            "two thirds of the sentences dropped": lambda own, other: self._part(own, 0.33),
            "without accents": lambda own, other: [fold(sentence) for sentence in own],
            "1 word in 20 changed": lambda own, other: self._reworded(own, 0.05),
            "1 word in 10 changed": lambda own, other: self._reworded(own, 0.1),
            "1 word in 5 changed": lambda own, other: self._reworded(own, 0.2),
            "3 words in 10 changed": lambda own, other: self._reworded(own, 0.3),
            "1 word in 10 changed, reordered, a third dropped": lambda own, other: self._part(
                rng.sample(self._reworded(own, 0.1), len(own)), 0.67
            ),
            MIXED[0]: lambda own, other: [*other, *self._part(own, 0.7)],
            MIXED[1]: lambda own, other: [*self._part(own, 0.3), *other],
        }

    def _part(self, sentences: list[str], share: float) -> list[str]:
        kept = sorted(self._rng.sample(range(len(sentences)), max(1, round(share * len(sentences)))))
        return [sentences[i] for i in kept]

    def _reworded(self, sentences: list[str], share: float) -> list[str]:
        def changed(word: str) -> str:
            if self._rng.random() >= share or any(char.isdigit() for char in word):
                return word
            return self._rng.choice(self.vocabulary)

        return [" ".join(map(changed, sentence.split())) for sentence in sentences]


class Corpus:
    """Real articles, and copies of some of them."""

    def __init__(self, data: Path, articles: int, copies: int) -> None:
        self.copies: dict[str, Copy] = {}
        self.rng = random.Random(SEED)
        self.copier = Copier(self.rng)
        self._data = data
        self._articles = articles
        self._copies_of_a_kind = copies

    def __iter__(self) -> Iterator[Article]:
        wanted = 2 * self._copies_of_a_kind * len(self.copier.kinds)  # an original and an unrelated one for each copy
        chosen = sorted(self.rng.sample(range(self._articles), wanted))
        sample: list[list[str]] = []
        for number, sentences in enumerate(news(self._data, self._articles)):
            if len(sample) < len(chosen) and number == chosen[len(sample)]:
                sample.append(sentences)
            yield article(f"real:{number}", sentences)
        if len(sample) < len(chosen):
            sys.exit("the data has too few articles; name fewer with --articles")

        order = self.rng.sample(range(len(sample)), len(sample))
        for sentences in sample[:2000]:
            for sentence in sentences:
                self.copier.vocabulary += sentence.split()
        for kind, alter in self.copier.kinds.items():
            for _ in range(self._copies_of_a_kind):
                own, other = order.pop(), order.pop()
                source = f"copy:{len(self.copies)}"
                self.copies[source] = Copy(kind, f"real:{chosen[own]}", f"real:{chosen[other]}")
                yield article(source, alter(sample[own], sample[other]))


def article(source: str, sentences: Sequence[str]) -> Article:
    """Return an article whose blocks are the sentences."""
    blocks = []
    start = 0
    for sentence in sentences:
        blocks.append(Span(start, start + len(sentence)))
        start += len(sentence) + 1
    return Article("\n".join(sentences), (source,), tuple(blocks))


def results(groups: list[Duplicates], copies: dict[str, Copy], kinds: Iterable[str]) -> list[list[str]]:
    """Return for each kind: how many copies are grouped with their original, and how many with an unrelated article."""
    group_of = {member.article.source: group for group in groups for member in group.members}
    table_rows = []
    for kind in kinds:
        right = wrong = 0
        shares = []
        own = {source: copy for source, copy in copies.items() if copy.kind == kind}
        for source, copy in own.items():
            if source not in group_of:
                continue
            members = {member.article.source: member for member in group_of[source].members}
            # Real articles may resemble each other, so what came along with the original is not counted.
            expected_other = kind in MIXED and copy.other in members
            if copy.original in members:
                right += 1
                shares.append(min(members[source].share, members[copy.original].share))
            elif not expected_other:
                wrong += 1
        mean = f"{sum(shares) / len(shares):.2f}" if shares else ""
        count = max(1, len(own))
        table_rows.append([kind, str(len(own)), f"{right / count:.3f}", f"{wrong / count:.3f}", mean])
    return table_rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--articles", type=int, default=20_000)
    parser.add_argument("--copies", type=int, default=200, help="of each kind; 0 compares only the real articles")
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--show", type=int, default=0, help="print some groups of real articles")
    args = parser.parse_args()

    corpus = Corpus(args.data, args.articles, args.copies)
    with tempfile.TemporaryDirectory() as folder, Index.create(Path(folder) / "index", ConstantEncoder()) as index:
        started = time.process_time()
        index.add(corpus)
        count = len(index)
        print(f"{count} articles, {len(corpus.copies)} of them copies")
        print(f"stored in {time.process_time() - started:.0f} s of processor time")
        started = time.process_time()
        groups = index.duplicates(args.share)
        seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"compared in {seconds:.1f} s ({1e3 * seconds / count:.2f} ms an article), {peak:.0f} MiB at most")

    real = []
    for group in groups:
        if all(member.article.source.startswith("real") for member in group.members):
            real.append(group.members)
    print(f"{len(real)} groups of real articles alone, with {sum(map(len, real))} articles\n")
    header = ["copy", "made", "with its original", "with another", "share reported, mean"]
    print(table(header, results(groups, corpus.copies, corpus.copier.kinds)))
    for members in corpus.rng.sample(real, min(args.show, len(real))):
        print()
        for member in members[:3]:
            text = " ".join(member.article.text.split())[:400]
            print(f"  share {member.share:.2f}, word for word {member.same:.2f}: {text}")


if __name__ == "__main__":
    main()
