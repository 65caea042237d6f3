"""Kinds of approximate search side by side: on the sentence vectors of an index and real questions, in one thread.

    python scripts/benchmarks/vector_indexes.py INDEX QUERIES.jsonl... [--count 300] [--vectors 200000]

INDEX has to hold so many sentences. Printed are, for each kind and setting, the mean share of the ten nearest sentences
(by exact inner product) that it finds, milliseconds of processor time a question, and bytes a vector that it needs
beside the float16 vectors themselves. Each kind compares float16 vectors in the end, so scores are exact.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from vectors import questions

from semsearch.float16 import to_float32
from semsearch.index import Index
from semsearch.storage import Store
from semsearch.storage.layout import Folder
from semsearch.storage.segments import read
from semsearch.storage.vectors import trained
from semsearch.storage.vectors.pq import Scanner, encoded, width

Search = Callable[[Any], Any]
FP16 = faiss.ScalarQuantizer.QT_fp16
IP = faiss.METRIC_INNER_PRODUCT


def held(path: Path, count: int) -> Any:
    """The first ``count`` sentence vectors of an index, float16."""
    folder = Folder(path)
    store = Store.open(folder.database)
    parts = [read(folder, segment, "sentences")[1] for segment in store.segments()]
    store.close()
    return np.concatenate(parts)[:count]


def exact(halves: Any) -> Search:
    index = faiss.IndexScalarQuantizer(halves.shape[1], FP16, IP)
    index.add_sa_codes(halves.view(np.uint8))
    return lambda query: index.search(query, 10)[1][0]


def cells(halves: Any) -> Iterator[tuple[str, float, Search]]:
    """Inverted lists of float16 vectors."""
    for lists in (512, 2048):
        coarse = faiss.IndexFlatIP(halves.shape[1])
        index = faiss.IndexIVFScalarQuantizer(coarse, halves.shape[1], lists, FP16, IP, False)
        index.cp.spherical = True
        index.cp.niter = 10
        index.train(to_float32(halves[:: max(1, len(halves) // (40 * lists))]))
        for start in range(0, len(halves), 65_536):
            index.add(to_float32(halves[start : start + 65_536]))
        for share in (0.01, 0.03, 0.1, 0.3):
            index.nprobe = max(1, round(share * lists))
            name = f"IVF, {lists} cells, {index.nprobe} of them looked into"
            more = 8 + 4 * halves.shape[1] * lists / len(halves)  # ids in the lists, and the cells' middles
            yield name, more, lambda query, of=index: of.search(query, 10)[1][0]


def graph(halves: Any) -> Iterator[tuple[str, float, Search]]:
    """HNSW over float16 vectors."""
    index = faiss.IndexHNSWSQ(halves.shape[1], FP16, 16, IP)
    index.hnsw.efConstruction = 80
    index.train(to_float32(halves[:1024]))
    for start in range(0, len(halves), 16_384):
        index.add(to_float32(halves[start : start + 16_384]))
    links = index.hnsw.neighbors.size() * 4 / len(halves)
    for effort in (100, 400, 1600):
        index.hnsw.efSearch = effort
        yield f"HNSW of 16 links, efSearch {effort}", links, lambda query: index.search(query, 10)[1][0]


def codes(halves: Any) -> Iterator[tuple[str, float, Search]]:
    """Codes of four bits for four numbers, then float16 vectors."""
    codebook = trained(halves[:: max(1, len(halves) // 16_384)])
    scanner = Scanner(halves.shape[1], codebook, encoded(codebook, halves))

    def near(count: int) -> Search:
        def search(query: Any) -> Any:
            rows = np.sort(scanner.near(query[0], count)[0])
            index = faiss.IndexScalarQuantizer(halves.shape[1], FP16, IP)
            index.add_sa_codes(halves[rows].view(np.uint8))
            return rows[index.search(query, 10)[1][0]]

        return search

    for count in (250, 500, 1000, 2000):
        yield f"codes, {count} compared after them", float(width(halves.shape[1])), near(count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("queries", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--vectors", type=int, default=200_000)
    args = parser.parse_args()
    faiss.omp_set_num_threads(1)
    halves = held(args.index, args.vectors)
    with Index.open(args.index) as index:
        queries = index.encoder.encode_queries(questions(args.queries, args.count))

    def told(name: str, more: float, search: Search) -> list[Any]:
        search(queries[:1])
        began = time.thread_time()
        found = [search(query[None]) for query in queries]
        spent = 1e3 * (time.thread_time() - began) / len(queries)
        shares = [
            len({*some.tolist()} & {*all_.tolist()}) / 10 for some, all_ in zip(found, best or found, strict=True)
        ]
        print(f"| {name} | {np.mean(shares):.4f} | {spent:.2f} | {more:.0f} |", flush=True)
        return found

    print(f"{len(halves)} sentence vectors of {halves.shape[1]} numbers, {len(queries)} questions\n")
    print("| kind | of the ten nearest | ms | bytes a vector more |\n|---|---:|---:|---:|")
    best: list[Any] = []
    best = told("exact, float16", 0, exact(halves))
    for kind in (codes, cells, graph):
        began = time.thread_time()
        for name, more, search in kind(halves):
            if began:
                made, began = time.thread_time() - began, 0.0
                name += f" (made in {made:.0f} s)"
            told(name, more, search)


if __name__ == "__main__":
    main()
