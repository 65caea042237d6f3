"""Stage 3 of the bundled encoder: static token embeddings by contrastive learning.

    python scripts/training/train_encoder.py DATA WORK [--steps 4000] [--out NAME]

InfoNCE with in-batch negatives (van den Oord et al. 2018) at temperature 1/20, over the whole vector and its first 64
dimensions (Kusupati et al. 2022). Each batch is of one kind: titles, abstracts and windows of news and Wikipedia; a
line and the lines after it; a line with gaps and the window around it; questions and passages; English and Vietnamese.
Part of the queries are without accents. Half of the article batches are drawn from few topics (Hofstätter et al. 2021),
so that the negatives are hard.
Writes WORK/NAME.npy (float32, tokens x dim) at every evaluation.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import scipy.sparse
import torch
from tokenizers import Tokenizer
from training_data import dev_set

from semsearch.text import fold

MAX_TOKENS = 160


def gather(ids: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return flat ids and offsets of the slices ``ids[starts[i]:ends[i]]``, each truncated at MAX_TOKENS."""
    sizes = np.minimum(ends - starts, MAX_TOKENS)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    flat = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes) + np.repeat(starts, sizes)
    return ids[flat], offsets[:-1]


class Batches:
    """Draws (queries, positives, groups) of one kind; rows of equal groups are not negatives of each other."""

    def __init__(self, work: Path, seed: int, plain: float) -> None:
        data = np.load(work / "pairs.npz")
        self.ids, self.offsets = data["ids"], data["offsets"]
        self.articles, self.questions = data["articles"], data["questions"]
        self.parallel, self.faq = data["parallel"], data["faq"]
        self.rng = np.random.default_rng(seed)
        self.plain = plain
        a = self.articles
        self.sizes = a[:, 5] - a[:, 4]
        self.with_body = np.flatnonzero(self.sizes >= 2)
        self.with_title = np.flatnonzero((a[:, 0] >= 0) & ((a[:, 2] >= 0) | (self.sizes >= 1)))
        names = list(data["sets"])
        weak = {names.index(s) for s in names if "followup" in s or "vimmrc" in s}
        good = (self.questions[:, 5] == 1) & ~np.isin(self.questions[:, 6], list(weak))
        self.answered = self.questions[good]
        groups = np.unique(self.answered[:, 2], return_inverse=True)[1]
        self.question_group = groups
        # Questions of sets with very long or very similar answers have less weight.
        covid = np.isin(self.answered[:, 6], [names.index(s) for s in names if "vicov" in s])
        weight = np.where(covid, 0.4, 1.0) * np.where(self.answered[:, 4] >= 0, 1.6, 1.0)
        self.question_weight = weight / weight.sum()
        self.sides = tuple(self.contiguous(self.parallel[:, side]) for side in (0, 1))
        self.topics: np.ndarray | None = None

    def contiguous(self, lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ids, offsets = self.rows(lines, lines + 1)
        return ids, np.append(offsets, len(ids))

    def rows(self, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return gather(self.ids, self.offsets[first], self.offsets[last])

    def window(self, first: np.ndarray, last: np.ndarray, sizes: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Return a random run of lines inside [first, last)."""
        count = np.minimum(self.rng.integers(sizes[0], sizes[1] + 1, len(first)), last - first)
        start = first + (self.rng.random(len(first)) * (last - first - count + 1)).astype(np.int64)
        return start, start + count

    def pick(self, pool: np.ndarray, size: int) -> np.ndarray:
        """Draw articles at random, or, once topics are known, half of the time from a few topics."""
        if self.topics is not None and self.rng.random() < 0.5:
            known = self.topics.max() + 1
            few = self.rng.choice(known, min(known, 1 + 3 * size * known // (2 * len(self.topics))), replace=False)
            near = pool[np.isin(self.topics[pool], few)]
            if len(near) >= size // 2:
                return self.rng.choice(near, min(size, len(near)), replace=False)
        return self.rng.choice(pool, min(size, len(pool)), replace=False)

    def draw(self, kind: str, size: int):
        """Return queries and positives, each as (token ids, offsets), and the group of each row."""
        rng = self.rng
        if kind == "article":
            chosen = self.pick(self.with_title, size)
            a = self.articles[chosen]
            n = len(a)
            plain = rng.random(n) < self.plain
            has_abstract, has_body = a[:, 2] >= 0, self.sizes[chosen] >= 1
            first, last = self.window(a[:, 4], np.maximum(a[:, 5], a[:, 4] + 1), (1, 5))
            mode = rng.random(n)
            from_abstract = has_abstract & has_body & (mode < 0.3)
            to_abstract = has_abstract & ~from_abstract & ((mode < 0.65) | ~has_body)
            query = np.where(from_abstract, np.where(plain, a[:, 3], a[:, 2]), np.where(plain, a[:, 1], a[:, 0]))
            p_first = np.where(to_abstract, a[:, 2], first)
            p_last = np.where(to_abstract, a[:, 2] + 1, last)
            return self.rows(query, query + 1), self.rows(p_first, p_last), chosen
        if kind == "next":
            chosen = self.pick(self.with_body, size)
            a = self.articles[chosen]
            at = a[:, 4] + (rng.random(len(a)) * (self.sizes[chosen] - 1)).astype(np.int64)
            stop = np.minimum(at + 1 + rng.integers(1, 4, len(a)), a[:, 5])
            return self.rows(at, at + 1), self.rows(at + 1, stop), chosen
        if kind == "cloze":
            chosen = self.pick(self.with_body, size)
            a = self.articles[chosen]
            n = len(a)
            first, last = self.window(a[:, 4], a[:, 5], (2, 5))
            at = first + (rng.random(n) * (last - first)).astype(np.int64)
            plain = (rng.random(n) < self.plain) & (a[:, 6] >= 0)
            middle = a[:, 4] + (a[:, 5] - a[:, 4]) // 2  # the line stored without accents
            at = np.where(plain, middle, at)
            first = np.where(plain, np.maximum(a[:, 4], middle - 1), first)
            last = np.where(plain, np.minimum(a[:, 5], middle + 2), last)
            source = np.where(plain, a[:, 6], at)
            q_ids, q_off = self.rows(source, source + 1)
            sizes = np.diff(np.append(q_off, len(q_ids)))
            keep = rng.random(len(q_ids)) < np.repeat(rng.uniform(0.25, 0.7, n), sizes)
            kept = np.add.reduceat(keep, q_off) if len(q_ids) else np.zeros(n, np.int64)
            kept = np.where(sizes > 0, kept, 0)
            return (q_ids[keep], np.concatenate([[0], np.cumsum(kept)])[:-1]), self.rows(first, last), chosen
        if kind == "question":
            index = rng.choice(len(self.answered), size, replace=False, p=self.question_weight)
            q = self.answered[index]
            n = len(q)
            plain = rng.random(n) < self.plain
            query = np.where(plain, q[:, 1], q[:, 0])
            whole_first, whole_last = q[:, 2], q[:, 3]
            near = (q[:, 4] >= 0) & (rng.random(n) < 0.5)
            first = np.where(near, np.maximum(q[:, 2], q[:, 4] - rng.integers(0, 3, n)), whole_first)
            last = np.where(near, np.minimum(q[:, 3], q[:, 4] + 1 + rng.integers(0, 3, n)), whole_last)
            return self.rows(query, query + 1), self.rows(first, last), self.question_group[index]
        if kind == "parallel":  # most lines are in the order of their texts, so a window around one is a passage
            index = rng.choice(len(self.parallel), size, replace=False)
            first = np.maximum(index - rng.integers(0, 3, size), 0)
            last = np.minimum(index + 1 + rng.integers(0, 3, size), len(self.parallel))
            whole = rng.random(size) < 0.5
            first, last = np.where(whole, index, first), np.where(whole, index + 1, last)
            other, (ids, offsets) = self.sides if rng.random() < 0.7 else self.sides[::-1]
            return (
                gather(other[0], other[1][index], other[1][index + 1]),
                gather(ids, offsets[first], offsets[last]),
                index,
            )
        index = rng.choice(len(self.faq), min(size, len(self.faq)), replace=False)
        left, right = self.faq[index, 0], self.faq[index, 1]
        return self.rows(left, left + 1), self.rows(right, right + 1), index

    def thinned(self, bags: tuple[np.ndarray, np.ndarray], most: float) -> tuple[np.ndarray, np.ndarray]:
        """Drop a random share (up to ``most``) of the tokens of each bag, so that no single token is relied on."""
        ids, offsets = bags
        sizes = np.diff(np.append(offsets, len(ids)))
        keep = self.rng.random(len(ids)) >= np.repeat(self.rng.uniform(0, most, len(offsets)), sizes)
        running = np.concatenate([[0], np.cumsum(keep)])
        return ids[keep], running[offsets]


def join(left: tuple[np.ndarray, np.ndarray], right: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([left[0], right[0]]), np.concatenate([left[1], right[1] + len(left[0])])


class Table:
    """Token embeddings whose bag means are sparse products, with Adam on the rows a batch touches.

    On a CPU this is several times as fast as torch's EmbeddingBag with SparseAdam: the gradient of the rows is one
    sparse product too, and nothing is sorted twice.
    """

    def __init__(self, tokens: int, dim: int, seed: int) -> None:
        self.weight = np.random.default_rng(seed).normal(0, 0.1, (tokens, dim)).astype(np.float32)
        self.mean = np.zeros_like(self.weight)
        self.square = np.zeros_like(self.weight)
        self.count = 0

    def forward(self, ids: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Return the mean of the rows of each bag, (bags, dim) float32; zeros for an empty bag."""
        self.touched, columns = np.unique(ids, return_inverse=True)
        ends = np.append(offsets, len(ids))
        sizes = np.diff(ends)
        values = np.repeat((1 / np.maximum(sizes, 1)).astype(np.float32), sizes)
        self.bags = scipy.sparse.csr_matrix((values, columns, ends), shape=(len(offsets), len(self.touched)))
        return self.bags @ self.weight[self.touched]

    def step(self, gradient: np.ndarray, rate: float, beta1: float = 0.9, beta2: float = 0.999) -> None:
        """Update the rows touched by the last forward pass with Adam (Kingma & Ba 2015)."""
        self.count += 1
        rows = self.touched
        g = torch.from_numpy(self.bags.T.tocsr() @ gradient)
        m = torch.from_numpy(self.mean[rows]).mul_(beta1).add_(g, alpha=1 - beta1)
        v = torch.from_numpy(self.square[rows]).mul_(beta2).addcmul_(g, g, value=1 - beta2)
        self.mean[rows], self.square[rows] = m.numpy(), v.numpy()
        scale = rate * (1 - beta2**self.count) ** 0.5 / (1 - beta1**self.count)
        self.weight[rows] -= m.div_(v.sqrt_().add_(1e-8)).mul_(scale).numpy()


class Evaluator:
    """nDCG@10 of a dense ranking by the cosine of the whole entry plus that of its best sentence."""

    def __init__(self, data: Path, tokenizer: Tokenizer, sets: list[str]) -> None:
        from prepare_pairs import lines_of

        self.sets = {}
        for name in sets:
            corpus, queries, relevant = dev_set(data, name)
            queries = queries[:1200]
            texts = [(c["title"] + ". " if c["title"] else "") + c["text"] for c in corpus]
            parts = [lines_of(t)[:40] or [t] for t in texts]
            owner = np.repeat(np.arange(len(corpus)), [len(p) for p in parts])
            index = {c["_id"]: i for i, c in enumerate(corpus)}
            gold = [np.array([index[e] for e in relevant[q["_id"]]]) for q in queries]
            encode = lambda some: self.flat(tokenizer, some)  # noqa: E731
            forms = {"": [q["text"] for q in queries]}
            if name != "xquad-en-vi":
                forms[" plain"] = [fold(t) for t in forms[""]]
            flat = [line for p in parts for line in p]
            self.sets[name] = (encode(texts), encode(flat), owner, gold, {k: encode(v) for k, v in forms.items()})

    @staticmethod
    def flat(tokenizer: Tokenizer, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        found = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        ids = np.concatenate([np.array(e.ids, np.int64) for e in found])
        return ids, np.concatenate([[0], np.cumsum([len(e.ids) for e in found])])[:-1]

    def __call__(self, table: Table) -> dict[str, float]:
        found = {}
        for name, (texts, parts, owner, gold, forms) in self.sets.items():
            whole, lines = vectors(table, texts), vectors(table, parts).numpy()
            firsts = np.searchsorted(owner, np.arange(len(whole)))
            for form, queries in forms.items():
                query = vectors(table, queries)
                best = np.maximum.reduceat(query.numpy() @ lines.T, firsts, axis=1)
                scores = (query @ whole.T).numpy() + best
                gains = []
                for i, right in enumerate(gold):
                    top = np.argsort(-scores[i], kind="stable")[:10]
                    gain = (np.isin(top, right) / np.log2(np.arange(2, len(top) + 2))).sum()
                    gains.append(gain / (1 / np.log2(np.arange(2, min(len(right), 10) + 2))).sum())
                found[name + form] = float(np.mean(gains))
        return found


def vectors(table: Table, texts: tuple[np.ndarray, np.ndarray]) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.from_numpy(table.forward(*texts)), dim=1)


def topics(table: Table, batches: Batches, count: int) -> np.ndarray:
    import faiss

    a = batches.articles
    head = np.where(a[:, 0] >= 0, a[:, 0], np.where(a[:, 2] >= 0, a[:, 2], a[:, 4]))
    last = np.where(a[:, 2] >= 0, a[:, 2] + 1, np.maximum(head + 1, np.minimum(a[:, 5], a[:, 4] + 3)))
    found = vectors(table, batches.rows(head, last)).numpy()
    means = faiss.Kmeans(found.shape[1], count, niter=8, seed=0, spherical=True, max_points_per_centroid=100)
    means.train(found)
    return means.index.search(found, 1)[1][:, 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--out", default="encoder")
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument(
        "--until", type=int, default=None, help="stop after this step; the learning rate follows --steps"
    )
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--rate", type=float, default=1e-2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", type=float, default=0.15, help="share of queries without accents")
    parser.add_argument("--mix", default="article=4,next=1,cloze=3,question=0.8,parallel=1.2,faq=0.05")
    parser.add_argument("--thin", type=float, default=0.4, help="largest share of tokens dropped from a text")
    parser.add_argument("--topics", type=int, default=400, help="number of topics; 0 for no topic batches")
    parser.add_argument("--evaluate-every", type=int, default=500)
    parser.add_argument("--evaluate", default="xquad-vi,vinewsqa,xquad-en-vi")
    parser.add_argument("--start", type=Path, default=None, help="a .npy to continue from")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    tokenizer = Tokenizer.from_file(str(args.work / "tokenizer.json"))
    batches = Batches(args.work, args.seed, args.plain)
    evaluator = Evaluator(args.data, tokenizer, args.evaluate.split(","))
    table = Table(tokenizer.get_vocab_size(), args.dim, args.seed)
    if args.start:
        table.weight = np.load(args.start)
    kinds = [pair.split("=") for pair in args.mix.split(",")]
    names, odds = [k for k, _ in kinds], np.array([float(v) for _, v in kinds])
    order = np.random.default_rng(args.seed + 1).choice(len(names), args.steps, p=odds / odds.sum())
    began = time.monotonic()
    losses: dict[str, float] = {}
    last = args.until or args.steps
    for step in range(last):
        if args.topics and step == args.steps // 5:
            batches.topics = topics(table, batches, args.topics)
        progress = step / args.steps
        rate = args.rate * min(1.0, (step + 1) / 50) * (1 - progress) + 1e-5
        kind = names[order[step]]
        query, positive, group_ids = batches.draw(kind, args.batch)
        query, positive = batches.thinned(query, args.thin), batches.thinned(positive, args.thin)
        n = len(query[1])
        both = torch.from_numpy(table.forward(*join(query, positive))).requires_grad_()
        same = torch.from_numpy(group_ids)[:, None] == torch.from_numpy(group_ids)[None, :]
        same.fill_diagonal_(False)
        loss = torch.zeros(())
        for dim, weight in ((args.dim, 1.0), (64, 0.25)):
            unit = torch.nn.functional.normalize(both[:, :dim], dim=1)
            scores = (unit[:n] @ unit[n:].T) * 20
            scores = scores.masked_fill(same, -1e4)
            target = torch.arange(n)
            part = torch.nn.functional.cross_entropy(scores, target)
            part = part + torch.nn.functional.cross_entropy(scores.T, target)
            loss = loss + weight * part / 2
        loss.backward()
        table.step(both.grad.numpy(), rate)
        losses[kind] = 0.95 * losses.get(kind, loss.item()) + 0.05 * loss.item()
        if (step + 1) % args.evaluate_every == 0 or step + 1 == last:
            figures = " ".join(f"{k} {v:.4f}" for k, v in evaluator(table).items())
            shown = " ".join(f"{k} {v:.3f}" for k, v in losses.items())
            print(f"{step + 1} {time.monotonic() - began:.0f}s | {figures} | {shown}", flush=True)
            np.save(args.work / f"{args.out}.npy", table.weight)


if __name__ == "__main__":
    main()
