"""Stage 2 of the reader: a small network that reads a question and passages against each other.

    python scripts/training/train_reader.py DATA WORK --out made --only made --epochs 1
    python scripts/training/train_reader.py DATA WORK --out reader --start WORK/made.pt --epochs 8 --rate 1e-3

Convolutions over the bundled encoder's word vectors, which are not trained (Wu et al., "Fast reading comprehension
with ConvNets", 2017; blocks as in Liu et al., "A ConvNet for the 2020s", CVPR 2022), one attention from each word of a
passage to the question's (Chen et al., "Reading Wikipedia to Answer Open-Domain Questions", ACL 2017). A sentence is
scored by its words and by how well each word of the question matches it and its passage (late interaction: Khattab &
Zaharia, "ColBERT", SIGIR 2020). Trained to choose the sentence among all of a question's passages, or none of them
(one softmax over all: Clark & Gardner, "Simple and Effective Multi-Paragraph Reading Comprehension", ACL 2018), and the
first and last word of the answer. In one question in six a name, a number or an informative word is exchanged, so that
nothing answers it any more (Jia & Liang, "Adversarial Examples for Evaluating Reading Comprehension Systems", EMNLP
2017). The result is the moving average of the weights.

Writes WORK/OUT.pt after every epoch. One question in ten of the training sets, with all questions about the same
text, is held out, to measure on and to fit the confidence (scripts/training/calibrate_reader.py).
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import training_data  # noqa: F401  (finds the package)
from torch import nn

from semsearch.encoders import BUNDLED
from semsearch.encoders.safetensors import read_matrix
from semsearch.reader.words import MEETINGS, OVERLAPS, SHAPES, meetings, overlaps

HIDDEN = 96
KNOWN = 48
WIDTH = 5
DILATIONS = (1, 2), (1, 2, 4, 8)
GAP = (WIDTH // 2) * max(DILATIONS[1])
HEADS, DEPTH = 4, 24
AVERAGED = 0.998
FLAGS = 4  # opens a sentence, of a title, of a question, length of the vector


class Block(nn.Module):
    def __init__(self, dilation: int, drop: float) -> None:
        super().__init__()
        # Two dimensions, one of them 1: several times the speed of Conv1d on a processor.
        self.mix = nn.Conv2d(
            HIDDEN, HIDDEN, (1, WIDTH), groups=HIDDEN, dilation=dilation, padding=(0, dilation * (WIDTH // 2))
        )
        self.norm = nn.LayerNorm(HIDDEN)
        self.up, self.down = nn.Linear(HIDDEN, 2 * HIDDEN), nn.Linear(2 * HIDDEN, HIDDEN)
        self.drop = nn.Dropout(drop)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows = x.T[None, :, None].contiguous(memory_format=torch.channels_last)
        y = self.norm(self.mix(rows)[0, :, 0].T)
        return (x + self.drop(self.down(torch.relu(self.up(y))))) * mask


class Network(nn.Module):
    def __init__(self, dim: int, common: int, drop: float = 0.2) -> None:
        super().__init__()
        self.common = nn.Embedding(common + 1, KNOWN)
        nn.init.normal_(self.common.weight, std=0.3)
        self.enter = nn.Linear(dim + KNOWN + SHAPES + MEETINGS + FLAGS, HIDDEN)
        self.low = nn.ModuleList(Block(d, drop) for d in DILATIONS[0])
        self.look = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.gather = nn.Linear(HIDDEN, 1, bias=False)
        self.fuse = nn.Linear(4 * HIDDEN, HIDDEN)
        self.high = nn.ModuleList(Block(d, drop) for d in DILATIONS[1])
        self.edges = nn.Linear(HIDDEN, 2)
        self.edges_asked = nn.Linear(HIDDEN, 2 * HIDDEN)
        self.ask, self.tell = (nn.Linear(HIDDEN, HEADS * DEPTH, bias=False) for _ in range(2))
        self.weigh = nn.Linear(HIDDEN, HEADS)
        self.judge = nn.Linear(2 * HIDDEN + OVERLAPS + 4 * HEADS, HIDDEN)
        self.verdict = nn.Linear(HIDDEN, 1)
        self.plain = nn.Linear(OVERLAPS, 1)
        self.none = nn.Linear(HIDDEN, 1)
        self.drop = nn.Dropout(drop)

    def forward(self, b: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        vectors = b["vectors"]
        if self.training:  # drop one word in twelve
            vectors = vectors * (torch.rand(len(vectors), 1) > 0.08)
        x = self.enter(torch.cat([vectors, self.common(b["common"]), b["features"]], 1)) * b["mask"]
        x = self.drop(x)
        for block in self.low:
            x = block(x, b["mask"])
        question = x[b["asked"]]  # (examples, words of the question, hidden)
        lack = ~b["asked_there"]
        weight = self.gather(question)[..., 0].masked_fill(lack, -1e4).softmax(1)
        summary = (weight[..., None] * question).sum(1)
        text = x[b["text"]]  # (examples, words of its passages, hidden)
        scores = self.look(text) @ question.transpose(1, 2) / HIDDEN**0.5
        attended = scores.masked_fill(lack[:, None], -1e4).softmax(2) @ question
        around = summary[:, None].expand_as(text)
        fused = torch.relu(self.fuse(torch.cat([text, attended, text * attended, around * text], 2)))
        there = b["text_there"]
        y = torch.zeros_like(x)
        y[b["text"][there]] = fused[there]
        for block in self.high:
            y = block(y, b["mask"])
        seen = y[b["text"]]
        edges = (
            self.edges(seen)
            + torch.einsum("eth,ekh->etk", seen, self.edges_asked(summary).view(len(summary), 2, HIDDEN)) / HIDDEN**0.5
        )
        edges = edges.masked_fill(~b["quotable"][..., None], -1e4)
        count = len(b["overlaps"])
        index = b["sentence"][:, None].expand(-1, HIDDEN)
        pooled = torch.full((count, HIDDEN), -1e4).scatter_reduce(0, index, y[b["inside"]], "amax")
        matches = self.matches(question, lack, seen, b)
        evidence = torch.cat([pooled, pooled * summary[b["owner"]], b["overlaps"], matches], 1)
        verdict = self.verdict(torch.relu(self.judge(self.drop(evidence))))[:, 0] + self.plain(b["overlaps"])[:, 0]
        table = torch.full((len(summary), int(b["place"].max()) + 2), -1e4)
        table[:, 0] = self.none(summary)[:, 0]
        table[b["owner"], b["place"] + 1] = verdict
        return edges, table, verdict

    def matches(
        self, question: torch.Tensor, lack: torch.Tensor, seen: torch.Tensor, b: dict[str, torch.Tensor]
    ) -> Any:
        """Return how well sentences, and their passages, match the question's words, shape (sentences, 4 * HEADS)."""
        e, q = lack.shape
        ask = nn.functional.normalize(self.ask(question).view(e, q, HEADS, DEPTH), dim=-1)
        tell = nn.functional.normalize(self.tell(seen).view(e, -1, HEADS, DEPTH), dim=-1)
        cosines = torch.einsum("ethd,eqhd->etqh", tell, ask)
        share = self.weigh(question).masked_fill(lack[..., None], -1e4).log_softmax(1)  # (e, q, heads)
        found = []
        for sentence_numbers, count, back in (
            (b["sentence_of"], len(b["owner"]), None),
            (b["passage_of"], len(b["passage_owner"]), b["passage"]),
        ):
            mine = sentence_numbers >= 0
            index = sentence_numbers[mine][:, None, None].expand(-1, q, HEADS)
            best = torch.full((count, q, HEADS), -1.0).scatter_reduce(0, index, cosines[mine], "amax")
            shares = share[b["owner"] if back is None else b["passage_owner"]]
            mean = (shares.exp() * best).sum(1)
            least = -(shares - 8 * best).logsumexp(1) / 8
            matches = torch.cat([mean, least], 1)
            found.append(matches if back is None else matches[back])
        return torch.cat(found, 1)


class Data:
    def __init__(self, work: Path) -> None:
        d = np.load(work / "reader.npz")
        self.d = {k: d[k] for k in d.files}
        matrix = read_matrix(BUNDLED / "model.safetensors")
        ids, offsets = self.d["tokens"], self.d["token_offsets"]
        rows = np.zeros((len(offsets) - 1, matrix.shape[1]), np.float32)
        for at in range(0, len(rows), 20_000):
            sizes = np.diff(offsets[at : at + 20_001])
            here = ids[offsets[at] : offsets[min(at + 20_000, len(rows))]]
            filled = np.flatnonzero(sizes)
            starts = (offsets[at : at + len(sizes)] - offsets[at])[filled]
            if len(here):
                rows[at + filled] = (
                    np.add.reduceat(matrix[here].astype(np.float32), starts, axis=0) / sizes[filled, None]
                )
        self.lengths = np.linalg.norm(rows, axis=1)
        self.vectors = rows / np.maximum(self.lengths, 1e-9)[:, None]
        self.real = np.flatnonzero(self.d["origin"] > 0)
        self.made = np.flatnonzero(self.d["origin"] == 0)
        held = (self.d["origin"][self.real] - 1) % 10 == 0
        self.held, self.real = self.real[held], self.real[~held]

    def text(self, number: int) -> dict[str, Any]:
        d = self.d
        flat = d["flat"][d["offsets"][number] : d["offsets"][number + 1]]
        firsts = d["sentences"][d["sentence_offsets"][number] : d["sentence_offsets"][number + 1]]
        return {
            "token": flat[:, 0],
            "word": flat[:, 1],
            "folded": flat[:, 2].astype(np.int64),
            "shape": flat[:, 3],
            "idf": d["idf"][flat[:, 1]],
            "common": d["common"][flat[:, 1]],
            "firsts": firsts.astype(np.int64),
            "title": int(d["titles"][number]),
        }

    def exchanged(
        self, question: dict[str, Any], passages: list[int], spans: list[list[int]], rng: np.random.Generator
    ) -> dict[str, Any] | None:
        """Return the question with a name, a number or an informative word exchanged; None if that is impossible.

        The replacement is of the same type, and half of the time from the question's own passages.
        """
        there = runs(question)
        if not there:
            return None
        weights = np.array([question["idf"][a:z].sum() for _, a, z in there]) + 0.05
        kind, start, stop = there[int(rng.choice(len(there), p=weights / weights.sum()))]
        question_words = set(question["folded"].tolist())
        if rng.random() < 0.5:
            which = int(rng.integers(len(passages)))
            other = self.text(passages[which])
            taken = [(a, z) for p, a, z in spans if p == which]
        else:
            other, taken = self.text(int(self.d["questions"][rng.choice(self.real)])), []
        fitting = [
            (a, z)
            for other_kind, a, z in runs(other)
            if other_kind == kind
            and not question_words & set(other["folded"][a:z].tolist())
            and not any(a <= last and z > first for first, last in taken)
        ]
        if not fitting:
            return None
        a, z = fitting[int(rng.integers(len(fitting)))]
        changed = dict(question)
        for column in ("token", "word", "folded", "shape", "idf", "common"):
            changed[column] = np.concatenate([question[column][:start], other[column][a:z], question[column][stop:]])
        return changed

    def example(self, i: int, rng: np.random.Generator | None, most: int) -> tuple[Any, list[int], list[list[int]]]:
        """Return question, passages, and spans as [passage, first, last]; in training some right ones are left out."""
        d = self.d
        passages = d["passages"][d["passage_offsets"][i] : d["passage_offsets"][i + 1]]
        spans = d["spans"][d["span_offsets"][i] : d["span_offsets"][i + 1]]
        right = sorted(set(spans[:, 0].tolist()))
        wrong = [j for j in range(len(passages)) if j not in right]
        if rng is not None:
            rng.shuffle(wrong)
            right = [] if wrong and rng.random() < 0.12 else right[:most]
        chosen = (right + wrong)[:most]
        at = {j: n for n, j in enumerate(chosen)}
        question, read = self.text(int(d["questions"][i])), [int(passages[j]) for j in chosen]
        marked = [[at[p], a, b] for p, a, b in spans.tolist() if p in at]
        if rng is not None and marked and rng.random() < 0.16:
            changed = self.exchanged(question, read, marked, rng)
            if changed is not None:
                return changed, read, []
        return question, read, marked


def runs(text: dict[str, Any]) -> list[tuple[str, int, int]]:
    """Return the ranges [first, last) of a text's names, numbers and rare words."""
    shapes, idf = text["shape"], text["idf"]
    found: list[tuple[str, int, int]] = []
    at = max(1, text["title"])  # the first word is always capitalised
    while at < len(shapes):
        stop = at + 1
        if shapes[at] in (1, 2):
            while stop < len(shapes) and shapes[stop] in (1, 2):
                stop += 1
            if stop - at <= 6:
                found.append(("name", at, stop))
        elif shapes[at] == 3:
            found.append(("number", at, stop))
        elif shapes[at] == 0 and idf[at] > 0.45:
            while stop < len(shapes) and stop - at < 2 and shapes[stop] == 0 and idf[stop] > 0.4:
                stop += 1
            found.append(("word", at, stop))
        at = stop
    return found


def batch(data: Data, chosen: list[tuple[Any, list[int], list[list[int]]]]) -> dict[str, torch.Tensor]:
    features: list[np.ndarray] = []
    asked, texts, quotable, gold, scope = [], [], [], [], []
    owner, place, over, sentence, inside, right = [], [], [], [], [], []
    sentence_of, passage_of, passage_owner, passage = [], [], [], []
    at = GAP
    token_rows, common, mask = [np.zeros(GAP, np.int64)], [np.zeros(GAP, np.int64)], [np.zeros(GAP, np.float32)]

    def put(text: dict[str, Any], met: np.ndarray, question: bool) -> int:
        nonlocal at
        n = len(text["token"])
        flags = np.zeros((n, FLAGS), np.float32)
        if not question:
            flags[text["firsts"], 0] = 1
            flags[: text["title"], 1] = 1
        flags[:, 2] = question
        flags[:, 3] = data.lengths[text["token"]] / 4
        shapes = np.eye(SHAPES, dtype=np.float32)[text["shape"]]
        features.append(np.concatenate([shapes, met, flags], 1))
        token_rows.append(np.concatenate([text["token"], np.zeros(GAP)]).astype(np.int64))
        common.append(np.concatenate([text["common"], np.zeros(GAP)]).astype(np.int64))
        mask.append(np.concatenate([np.ones(n), np.zeros(GAP)]).astype(np.float32))
        features.append(np.zeros((GAP, SHAPES + MEETINGS + FLAGS), np.float32))
        at += n + GAP
        return at - n - GAP

    for e, (question, passages, spans) in enumerate(chosen):
        met = np.zeros((len(question["token"]), MEETINGS), np.float32)
        met[:, -1] = question["idf"]
        start = put(question, met, True)
        asked.append(np.arange(start, start + len(met)))
        words, allowed, within, starts, ends = [], [], [], [], []
        held, of_passage = [], []
        seats = 0
        for p, other in enumerate(passages):
            text = data.text(other)
            start = put(text, meetings(question, text), False)
            n = len(text["token"])
            firsts = text["firsts"]
            words.append(np.arange(start, start + n))
            allowed.append(np.arange(n) >= text["title"])
            mine = [(a, b) for q, a, b in spans if q == p]
            within.append(np.full(n, bool(mine)))
            for edge, found in ((0, starts), (1, ends)):
                marks = np.zeros(n, bool)
                marks[[span[edge] for span in mine]] = True
                found.append(marks)
            over.append(overlaps(question, text, firsts, text["title"]))
            base = sum(len(o) for o in over) - len(firsts)
            sentence_numbers = np.searchsorted(firsts, np.arange(firsts[0], n), side="right") - 1
            sentence.append(base + sentence_numbers)
            held.append(np.concatenate([np.full(firsts[0], -1), base + sentence_numbers]))
            of_passage.append(np.full(n, len(passage_owner)))
            passage.append(np.full(len(firsts), len(passage_owner)))
            passage_owner.append(e)
            inside.append(np.arange(start + firsts[0], start + n))
            owner.append(np.full(len(firsts), e))
            place.append(seats + np.arange(len(firsts)))
            seats += len(firsts)
            good = np.zeros(len(firsts), bool)
            for a, b in mine:
                low = max(0, np.searchsorted(firsts, a, side="right") - 1)
                good[low : max(low, np.searchsorted(firsts, b, side="right") - 1) + 1] = True
            right.append(good)
        sentence_of.append(np.concatenate(held))
        passage_of.append(np.concatenate(of_passage))
        texts.append(np.concatenate(words))
        quotable.append(np.concatenate(allowed))
        scope.append(np.concatenate(within))
        gold.append(np.stack([np.concatenate(starts), np.concatenate(ends)], 1))

    def padded(rows: list[np.ndarray], fill: Any) -> torch.Tensor:
        out = np.full((len(rows), max(map(len, rows)), *rows[0].shape[1:]), fill, rows[0].dtype)
        for i, row in enumerate(rows):
            out[i, : len(row)] = row
        return torch.from_numpy(out)

    token_row = np.concatenate(token_rows)
    owners, places = np.concatenate(owner), np.concatenate(place)
    good = np.zeros((len(chosen), places.max() + 2), bool)
    good[owners, places + 1] = np.concatenate(right)
    good[:, 0] = ~good[:, 1:].any(1)
    return {
        "vectors": torch.from_numpy(data.vectors[token_row]),
        "common": torch.from_numpy(np.concatenate(common)),
        "features": torch.from_numpy(
            np.concatenate([np.zeros((GAP, SHAPES + MEETINGS + FLAGS), np.float32), *features])
        ),
        "mask": torch.from_numpy(np.concatenate(mask))[:, None],
        "asked": padded(asked, 0),
        "asked_there": padded([np.ones(len(a), bool) for a in asked], False),
        "text": padded(texts, 0),
        "text_there": padded([np.ones(len(t), bool) for t in texts], False),
        "sentence_of": padded(sentence_of, -1),
        "passage_of": padded(passage_of, -1),
        "passage": torch.from_numpy(np.concatenate(passage)),
        "passage_owner": torch.tensor(passage_owner),
        "quotable": padded(quotable, False),
        "scope": padded(scope, False),
        "gold": padded(gold, False),
        "owner": torch.from_numpy(owners),
        "place": torch.from_numpy(places),
        "overlaps": torch.from_numpy(np.concatenate(over)),
        "sentence": torch.from_numpy(np.concatenate(sentence)),
        "inside": torch.from_numpy(np.concatenate(inside)),
        "good": torch.from_numpy(good),
    }


def losses(net: Network, b: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    edges, table, _ = net(b)
    good = b["good"]
    chosen = table.logsumexp(1) - table.masked_fill(~good, -1e9).logsumexp(1)
    answered = ~good[:, 0]
    if not answered.any():
        return chosen.mean(), chosen.new_zeros(())
    inside = edges[answered].masked_fill(~(b["scope"] & b["quotable"])[answered][..., None], -1e4)
    span = inside.logsumexp(1) - inside.masked_fill(~b["gold"][answered], -1e9).logsumexp(1)
    return chosen.mean(), span.clamp(max=50).mean()


def measure(net: Network, data: Data, indices: np.ndarray, most: int = 8) -> str:
    """Return the shares of right sentences and right spans, and the AUC of "no answer"."""
    net.eval()
    first = exact = f1 = count = 0
    none_margins: list[tuple[float, bool]] = []
    with torch.no_grad():
        for at in range(0, len(indices), 32):
            b = batch(data, [data.example(int(i), None, most) for i in indices[at : at + 32]])
            edges, table, _ = net(b)
            for e in range(len(table)):
                answerable = not bool(b["good"][e, 0])
                none_margins.append((float(table[e, 1:].max() - table[e, 0]), answerable))
                if not answerable:
                    continue
                count += 1
                best = int(table[e, 1:].argmax()) + 1
                first += bool(b["good"][e, best])
                scores = edges[e].masked_fill(~(b["scope"] & b["quotable"])[e][:, None], -1e4)
                s, t = best_span(scores.numpy())
                found = b["gold"][e].numpy()
                f, x = 0.0, False
                for a, z in zip(np.flatnonzero(found[:, 0]), np.flatnonzero(found[:, 1]), strict=False):
                    common = max(0, min(t, z) - max(s, a) + 1)
                    f = max(f, 2 * common / (t - s + 1 + z - a + 1))
                    x |= bool(s == a and t == z)
                exact, f1 = exact + x, f1 + f
    scores, labels = np.array([n[0] for n in none_margins]), np.array([n[1] for n in none_margins])
    ranks = scores.argsort().argsort()
    auc = (ranks[labels].mean() - (labels.sum() - 1) / 2) / max((~labels).sum(), 1)
    net.train()
    return f"sentence {first / count:.3f} exact {exact / count:.3f} f1 {f1 / count:.3f} ({count}) none {auc:.3f}"


def best_span(scores: np.ndarray, longest: int = 40) -> tuple[int, int]:
    total = scores[:, 0][:, None] + scores[:, 1][None, :]
    total[np.tril_indices(len(total), -1)] = -1e9
    total[np.triu_indices(len(total), longest)] = -1e9
    return tuple(int(v) for v in np.unravel_index(total.argmax(), total.shape))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--out", default="reader")
    parser.add_argument("--only", choices=("made", "real", "both"), default="both")
    parser.add_argument(
        "--epochs", type=float, default=8, help="over the asked questions, or the made ones if only those"
    )
    parser.add_argument("--made", type=float, default=0.3, help="share of made questions in a batch of both")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--passages", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, default=None)
    parser.add_argument("--every", type=int, default=400)
    parser.add_argument("--most", type=int, default=None)
    parser.add_argument("--threads", type=int, default=1, help="two are hardly faster: most of the work is small")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(args.seed)
    data = Data(args.work)
    net = Network(data.vectors.shape[1], len(data.d["common_words"]))
    if args.start:
        grown = net.state_dict()
        for name, values in torch.load(args.start).items():  # the network may lack newer parts
            grown[name][tuple(slice(n) for n in values.shape)] = values
            if grown[name].shape != values.shape:
                grown[name][:, values.shape[1] :] = 0
        net.load_state_dict(grown)
    average = copy.deepcopy(net)
    print(
        f"{sum(p.numel() for p in net.parameters())} numbers, {len(data.real)} asked, {len(data.made)} made", flush=True
    )
    share = {"made": 1.0, "real": 0.0, "both": args.made}[args.only]
    pool = data.made if args.only == "made" else data.real
    steps = args.most or int(args.epochs * len(pool) / (args.batch * (1 - share if args.only != "made" else 1)))
    decayed = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.02}, {"params": others, "weight_decay": 0}], lr=args.rate
    )
    began, shown = time.monotonic(), np.zeros(2)
    waiting: dict[str, list[int]] = {"real": [], "made": []}

    def some(name: str, count: int) -> list[int]:
        source = data.real if name == "real" else data.made
        while len(waiting[name]) < count:
            waiting[name] += rng.permutation(source).tolist()
        taken, waiting[name] = waiting[name][:count], waiting[name][count:]
        return taken

    net.train()
    for step in range(1, steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = args.rate * min(1.0, step / 100) * max(0.02, 1 - step / steps)
        count = round(args.batch * share)
        chosen = [data.example(i, rng, 2) for i in some("made", count)]
        chosen += [data.example(i, rng, args.passages) for i in some("real", args.batch - count)]
        chosen_loss, span_loss = losses(net, batch(data, chosen))
        optimiser.zero_grad()
        (chosen_loss + 0.5 * span_loss).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        weight = min(1 - AVERAGED, 1 / step) if step > 200 else 1.0
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), net.parameters(), strict=True):
                slow.lerp_(fast, weight)
        shown = 0.98 * shown + 0.02 * np.array([chosen_loss.item(), span_loss.item()])
        if step % args.every == 0 or step == steps:
            scale = 1 - 0.98**step
            print(
                f"{step}/{steps} {time.monotonic() - began:.0f}s sentence {shown[0] / scale:.3f} "
                f"span {shown[1] / scale:.3f} | {measure(average, data, data.held)}",
                flush=True,
            )
            torch.save(average.state_dict(), args.work / f"{args.out}.pt")


if __name__ == "__main__":
    main()
