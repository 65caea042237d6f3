"""Kinds of approximate search side by side: on the passages of an index and real questions, in one thread.

    python scripts/benchmarks/vector_indexes.py INDEX QUERIES.jsonl ... [--count 300] [--vectors 200000]

The first ``--vectors`` passages of INDEX are encoded. Printed are, for each kind and setting, the mean share of the ten
nearest passages (by exact inner product) that it finds, milliseconds of processor time per question, and bytes per
vector that it needs beside the float16 vectors. Each kind compares float16 vectors in the end, so scores are exact.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from vectors import questions

from semsearch.index import Index
from semsearch.storage.vectors.pq import PQScanner, code_size, encode, train_codebook

Search = Callable[[Any], Any]
"""A function from a query of shape (1, dim) to the rows of its ten nearest vectors."""
Built = Iterator[tuple[str, float, Search]]
"""The settings of one kind: name, bytes per vector, search."""

FLOAT16 = faiss.ScalarQuantizer.QT_fp16
INNER_PRODUCT = faiss.METRIC_INNER_PRODUCT
DEPTH = 10
BLOCK = 16_384


def passage_vectors(index: Index, count: int) -> Any:
    """Return float16 vectors of the first ``count`` passages."""
    blocks = []
    texts: list[str] = []
    found = 0
    for article in index.articles():
        for passage in islice(index.passages(article.id), count - found):
            texts.append(passage.text)
            found += 1
        if len(texts) >= BLOCK or found == count:
            blocks.append(index.encoder.encode_passages(texts).astype(np.float16))
            texts = []
        if found == count:
            break
    if texts:
        blocks.append(index.encoder.encode_passages(texts).astype(np.float16))
    return np.concatenate(blocks)


def exact(vectors: Any) -> Search:
    index = faiss.IndexScalarQuantizer(vectors.shape[1], FLOAT16, INNER_PRODUCT)
    index.add_sa_codes(vectors.view(np.uint8))
    return lambda query: index.search(query, DEPTH)[1][0]


def add(index: Any, vectors: Any) -> None:
    for start in range(0, len(vectors), BLOCK):
        index.add(vectors[start : start + BLOCK].astype(np.float32))


def inverted_lists(vectors: Any) -> Built:
    """IVF over float16 vectors."""
    dim = vectors.shape[1]
    for lists in (512, 2048):
        index = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatIP(dim), dim, lists, FLOAT16, INNER_PRODUCT, False)
        index.cp.spherical = True
        index.cp.niter = 10
        index.train(vectors[:: max(1, len(vectors) // (40 * lists))].astype(np.float32))
        add(index, vectors)
        for share in (0.01, 0.03, 0.1, 0.3):
            index.nprobe = max(1, round(share * lists))
            extra = 8 + 4 * dim * lists / len(vectors)  # ids, and the lists' centroids
            name = f"IVF, {lists} lists, {index.nprobe} searched"
            yield name, extra, lambda query, index=index: index.search(query, DEPTH)[1][0]


def graph(vectors: Any) -> Built:
    """HNSW over float16 vectors."""
    index = faiss.IndexHNSWSQ(vectors.shape[1], FLOAT16, 16, INNER_PRODUCT)
    index.hnsw.efConstruction = 80
    index.train(vectors[:1024].astype(np.float32))
    add(index, vectors)
    links = index.hnsw.neighbors.size() * 4 / len(vectors)
    for effort in (100, 400, 1600):
        index.hnsw.efSearch = effort
        yield f"HNSW with 16 links, efSearch {effort}", links, lambda query: index.search(query, DEPTH)[1][0]


def product_quantisation(vectors: Any) -> Built:
    """Codes of four bits for four numbers, then float16 vectors."""
    dim = vectors.shape[1]
    codebook = train_codebook(vectors[:: max(1, len(vectors) // 16_384)])
    scanner = PQScanner(dim, codebook, encode(codebook, vectors))

    def rescoring(count: int) -> Search:
        def search(query: Any) -> Any:
            rows = np.sort(scanner.nearest(query[0], count)[0])
            return rows[exact(vectors[rows])(query)]

        return search

    for count in (250, 500, 1000, 2000):
        yield f"PQ, {count} re-scored", float(code_size(dim)), rescoring(count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("queries", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--vectors", type=int, default=200_000)
    args = parser.parse_args()
    faiss.omp_set_num_threads(1)
    with Index.open(args.index) as index:
        vectors = passage_vectors(index, args.vectors)
        queries = index.encoder.encode_queries(questions(args.queries, args.count))

    def measured(name: str, extra: float, search: Search, best: list[Any]) -> list[Any]:
        """Print a row and return the rows found; ``best`` are those of the exact search, if it has run."""
        search(queries[:1])
        started = time.thread_time()
        found = [search(query[None]) for query in queries]
        spent_ms = 1e3 * (time.thread_time() - started) / len(queries)
        shares = []
        for rows, wanted in zip(found, best or found, strict=True):
            shares.append(len({*rows.tolist()} & {*wanted.tolist()}) / len(wanted))
        print(f"| {name} | {np.mean(shares):.4f} | {spent_ms:.2f} | {extra:.0f} |", flush=True)
        return found

    print(f"{len(vectors)} passage vectors of {vectors.shape[1]} numbers, {len(queries)} questions\n")
    print("| kind | of the ten nearest | ms | additional bytes per vector |\n|---|---:|---:|---:|")
    best = measured("exact, float16", 0, exact(vectors), [])
    for build in (product_quantisation, inverted_lists, graph):
        started = time.thread_time()
        build_seconds: float | None = None
        for name, extra, search in build(vectors):
            if build_seconds is None:
                build_seconds = time.thread_time() - started
                name += f" (built in {build_seconds:.0f} s)"
            measured(name, extra, search, best)


if __name__ == "__main__":
    main()
