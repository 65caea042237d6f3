"""How well and how fast articles that say the same are found, among real news and copies made of them.

    python scripts/benchmarks/duplicates.py ../shared/data [--articles 20000] [--copies 200] [--share 0.5]

DATA is a folder as ``training_data`` describes it. Of some articles one copy each is made, changed in one way; then all
are compared, and each kind of copy is looked for in the group of its original. Words are changed for words of other
articles, figures are kept. The same seed gives the same copies.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))
from training_data import rows

from semsearch.duplicates import overlap
from semsearch.duplicates.groups import duplicates
from semsearch.filters import NO_FILTER
from semsearch.segmentation import chunk, split_sentences
from semsearch.storage import Source, Store, body_hash
from semsearch.text import fold
from semsearch.types import Article, Duplicates, Passage, Span

SEED = 20240501
MIXED = ("seven tenths of it behind another", "three tenths of it before another (not to be found)")
HEADER = "Bản tin của cộng tác viên gửi từ cơ sở, tòa soạn đã biên tập lại đôi chỗ cho gọn."


def articles(data: Path, count: int) -> Iterator[list[str]]:
    """The sentences of articles of at least five, ``count`` if there are so many: news, then the encyclopedia."""
    for row in chain(rows(data, "news"), rows(data, "wiki")):
        sentences = [span.of(row["text"]) for span in split_sentences(row["text"] or "")]
        if len(sentences) >= 5 and count:
            count -= 1
            yield sentences
        elif not count:
            return


class Copier:
    """The ways to make a copy of an article; ``other`` is one that has nothing to do with it."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.vocabulary: list[str] = []
        self.kinds: dict[str, Callable[[list[str], list[str]], list[str]]] = {
            "another first and last line": lambda own, other: [HEADER, *own, other[-1]],
            "sentences in another order": lambda own, other: rng.sample(own, len(own)),
            "a third of the sentences dropped": lambda own, other: self._some(own, 0.67),
            "two thirds of the sentences dropped": lambda own, other: self._some(own, 0.33),
            "without accents": lambda own, other: [fold(s) for s in own],
            "1 word in 20 changed": lambda own, other: self._reworded(own, 0.05),
            "1 word in 10 changed": lambda own, other: self._reworded(own, 0.1),
            "1 word in 5 changed": lambda own, other: self._reworded(own, 0.2),
            "3 words in 10 changed": lambda own, other: self._reworded(own, 0.3),
            "1 word in 10 changed, reordered, a third dropped": lambda own, other: self._some(
                rng.sample(self._reworded(own, 0.1), len(own)), 0.67
            ),
            MIXED[0]: lambda own, other: [*other, *self._some(own, 0.7)],
            MIXED[1]: lambda own, other: [*self._some(own, 0.3), *other],
        }

    def _some(self, sentences: list[str], part: float) -> list[str]:
        kept = sorted(self._rng.sample(range(len(sentences)), max(1, round(part * len(sentences)))))
        return [sentences[i] for i in kept]

    def _reworded(self, sentences: list[str], part: float) -> list[str]:
        def word(old: str) -> str:
            if self._rng.random() >= part or any(char.isdigit() for char in old):
                return old
            return self._rng.choice(self.vocabulary)

        return [" ".join(map(word, sentence.split())) for sentence in sentences]


def fill(store: Store, texts: Iterator[tuple[str, list[str]]]) -> int:
    """Puts texts where an index would; one whose very sentences are there already is left out."""
    passage = store.counts()["passages"]
    count = store.counts()["articles"]
    with store.transaction():
        for name, sentences in texts:
            text, spans, at = "\n".join(sentences), [], 0
            for sentence in sentences:
                spans.append(Span(at, at + len(sentence)))
                at += len(sentence) + 1
            article = Article(text, (name,), tuple(spans), id=count + 1)
            body = body_hash(article)
            if store.article_with(body) is not None:
                continue
            count += 1
            passages = []
            for position, window in enumerate(chunk(text, spans, spans)):
                passage += 1
                start, end = window[0].start, window[-1].end
                passages.append(Passage(passage, count, position, start, end, text[start:end], window))
            store.put_article(article, passages, body)
            store.put_source(Source(name, count, "", b""))
    return count


def compare(store: Store, share: float) -> tuple[list[Duplicates], float]:
    began = time.process_time()
    with store.snapshot():
        found = duplicates(store, NO_FILTER, share, lambda stage, done, total: None)
    return found, time.process_time() - began


def told(groups: list[Duplicates], made: dict[str, tuple[str, str, str]], kinds: Iterable[str], share: float) -> None:
    """For each kind: how many copies are with their original, and how many are with what they have no part of."""
    of = {member.article.source: group for group in groups for member in group.members}
    print("| copy | made | with its original | with another | share told, mean |")
    print("|---|---:|---:|---:|---:|")
    for kind in kinds:
        right = wrong = 0
        shares = []
        copies = {copy: rest for copy, (own, *rest) in made.items() if own == kind}
        for copy, (original, other) in copies.items():
            beside = {member.article.source: member for member in of[copy].members} if copy in of else {}
            right += original in beside
            # Real articles may be like each other, so what came along with the original is not counted.
            wrong += bool(beside) and original not in beside and not (kind in MIXED and other in beside)
            if original in beside:
                shares.append(min(beside[copy].share, beside[original].share))
        mean = f"{sum(shares) / len(shares):.2f}" if shares else ""
        print(f"| {kind} | {len(copies)} | {right / len(copies):.3f} | {wrong / len(copies):.3f} | {mean} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--articles", type=int, default=20_000)
    parser.add_argument("--copies", type=int, default=200, help="of each kind; 0: only the real articles")
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--near", type=float, default=overlap.NEAR, help="2: only sentences that are the same")
    parser.add_argument("--show", type=int, default=0, help="print so many groups of real articles")
    args = parser.parse_args()
    overlap.NEAR = args.near
    rng = random.Random(SEED)
    copier = Copier(rng)
    wanted = 2 * args.copies * len(copier.kinds)
    chosen = sorted(rng.sample(range(args.articles), wanted))  # an original and one beside it for each copy
    sample: list[list[str]] = []
    made: dict[str, tuple[str, str, str]] = {}

    def texts() -> Iterator[tuple[str, list[str]]]:
        for number, sentences in enumerate(articles(args.data, args.articles)):
            if len(sample) < len(chosen) and number == chosen[len(sample)]:
                sample.append(sentences)
            yield f"real:{number}", sentences
        if len(sample) < len(chosen):
            sys.exit("there are not so many articles; name fewer with --articles")
        order = rng.sample(range(len(sample)), len(sample))
        copier.vocabulary = [word for sentences in sample[:2000] for sentence in sentences for word in sentence.split()]
        for kind, change in copier.kinds.items():
            for _ in range(args.copies):
                own, other = order.pop(), order.pop()
                made[f"copy:{len(made)}"] = (kind, f"real:{chosen[own]}", f"real:{chosen[other]}")
                yield f"copy:{len(made) - 1}", change(sample[own], sample[other])

    with tempfile.TemporaryDirectory() as folder, closing(Store.create(Path(folder) / "store.db", {})) as store:
        began = time.process_time()
        fill(store, texts())
        counts = store.counts()
        print(f"{counts['articles']} articles of {counts['sentences']} sentences, {len(made)} of them copies")
        print(f"stored in {time.process_time() - began:.0f} s of processor time")
        groups, seconds = compare(store, args.share)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"compared in {seconds:.1f} s ({1e3 * seconds / counts['articles']:.2f} ms an article), {peak:.0f} MiB at most"
    )
    real = [group.members for group in groups if all(m.article.source.startswith("real") for m in group.members)]
    print(f"{len(real)} groups of real articles alone, {sum(map(len, real))} in all\n")
    told(groups, made, copier.kinds, args.share)
    for members in rng.sample(real, min(args.show, len(real))):
        print()
        for member in members[:3]:
            text = " ".join(member.article.text.split())[:400]
            print(f"  {member.share:.2f} same {member.same:.2f} covers {member.covers:.2f} {text}")


if __name__ == "__main__":
    main()
