"""Stage 2 of the bundled encoder: the training sets as token ids.

    python scripts/training/prepare_pairs.py DATA WORK

Writes WORK/pairs.npz: one flat array of token ids, its offsets (a row is one line of text), and tables that say which
rows are titles, abstracts, body lines, questions, contexts and translations.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from training_data import rows

from semsearch.text import clean, fold

_STOP = re.compile(r"(?<=[.!?…])\s+(?=[^\W\d_a-zàáảãạăâđèéẻẽẹêìíỉĩịòóỏõọôơùúủũụưỳýỷỹỵ])")


def lines_of(text: str) -> list[str]:
    """Split a text into approximate sentences: training needs no exact boundaries."""
    return [s for line in text.split("\n") for s in _STOP.split(line) if len(s) > 15]


class Rows:
    """Tokenizes texts in batches and numbers them as rows."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.ids: list[np.ndarray] = []
        self.sizes: list[np.ndarray] = []
        self.waiting: list[str] = []
        self.count = 0

    def add(self, text: str) -> int:
        """Add a text and return its row."""
        self.waiting.append(text)
        self.count += 1
        if len(self.waiting) >= 20_000:
            self.flush()
        return self.count - 1

    def flush(self) -> None:
        found = self.tokenizer.encode_batch_fast(self.waiting, add_special_tokens=False)
        self.sizes.append(np.array([len(e.ids) for e in found], np.int64))
        self.ids.append(np.concatenate([np.array(e.ids, np.int32) for e in found] or [np.zeros(0, np.int32)]))
        self.waiting = []

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the token ids of all rows, and the offsets of the rows in them."""
        self.flush()
        return np.concatenate(self.ids), np.concatenate([[0], np.cumsum(np.concatenate(self.sizes))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    args = parser.parse_args()
    store = Rows(Tokenizer.from_file(str(args.work / "tokenizer.json")))

    # articles: title, title without accents, abstract, abstract without accents, first line, past the last line
    articles: list[tuple[int, ...]] = []
    for name in ("news", "wiki"):
        for row in rows(args.data, name):
            title, abstract = clean(row["title"] or ""), clean(row.get("abstract") or "")
            body = lines_of(clean(row["text"] or ""))
            heads = [store.add(t) if t else -1 for t in (title, fold(title), abstract, fold(abstract))]
            first = store.count
            for line in body:
                store.add(line)
            plain = store.add(fold(body[len(body) // 2])) if body else -1
            articles.append((*heads, first, first + len(body), plain, int(name == "wiki")))

    # questions: question, question without accents, first and past the last line of the context, line of the
    # answer, answerable, set
    questions: list[tuple[int, ...]] = []
    contexts: dict[str, tuple[int, int, list[int]]] = {}
    sets: dict[str, int] = {}
    for row in rows(args.data, "qa"):
        context = clean(row["context"])
        if context not in contexts:
            starts, at = [], 0
            first = store.count
            for line in lines_of(context):
                at = context.find(line, at)
                starts.append(at)
                store.add(line)
            contexts[context] = (first, store.count, starts)
        first, last, starts = contexts[context]
        if last == first:
            continue
        question = clean(row["question"])
        spans = [a["start"] for a in row["answers"] if a["start"] >= 0]
        answer = -1
        if spans and starts:
            answer = first + max(0, sum(s <= spans[0] for s in starts) - 1)
        kind = sets.setdefault(row["set"], len(sets))
        questions.append(
            (store.add(question), store.add(fold(question)), first, last, answer, int(row["answerable"]), kind)
        )

    parallel = [(store.add(clean(r["en"])), store.add(clean(r["vi"]))) for r in rows(args.data, "parallel_en_vi")]
    faq = [(store.add(clean(r["a"])), store.add(clean(r["b"]))) for r in rows(args.data, "faq_pairs")]
    ids, offsets = store.arrays()
    np.savez(
        args.work / "pairs.npz",
        ids=ids,
        offsets=offsets,
        articles=np.array(articles, np.int64),
        questions=np.array(questions, np.int64),
        parallel=np.array(parallel, np.int64),
        faq=np.array(faq, np.int64),
        sets=np.array(list(sets)),
    )
    print(f"{store.count} lines, {len(ids)} tokens, {len(articles)} articles, {len(questions)} questions; sets {sets}")


if __name__ == "__main__":
    main()
