"""The bundled encoder: one vector per piece of the vocabulary, their mean for a text.

The format is sentence-transformers' own ``StaticEmbedding``, so that ``SentenceTransformer(folder)``
gives the same vectors; here it is read with ``tokenizers`` and numpy alone, which is what makes a
question answerable in a fraction of a second from a cold start.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import EncoderUnavailable
from ..float16 import to_float32
from .unigram import Unigram

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from ..types import Vectors
    from .cutter import Cutter

__all__ = ["StaticEncoder", "cutter_from", "declared_prompts", "is_static", "read_json", "sampled", "unit"]

_DTYPES = {"F16": "<f2", "F32": "<f4"}
_KINDS = ["StaticEmbedding", "Normalize"]
_TENSORS = ("embedding.weight", "embeddings")  # sentence-transformers' name and model2vec's
_TEXTS_AT_ONCE = 1024
_FEW = 4  # so many short texts are cut in Python, if nothing has loaded the library before
_TOKENS_AT_ONCE = 65_536  # bounds the memory that one endless text may take
_ROWS_AT_ONCE = 256  # of several texts: they stay in the processor's cache until they are added up
_RUN = 4  # words of the longest pieces
_KEPT = 100_000  # words whose pieces are remembered
_REST = 32  # so many of those that a Cutter leaves
_MANY = 2048  # so many texts are worth a Cutter, which takes as long to make as the library to cut them
_THREADS = 6  # more of the library's are quicker than it
_ASKED_AT_ONCE = 512  # the same for an endless query


class StaticEncoder:
    """Mean of token vectors, of unit length.

    The sum of the token rows is taken in float32 and divided by its own length (the mean points the
    same way). A text without known pieces gets the first basis vector, where sentence-transformers
    gives zeros: every vector here has unit length. Texts are never cut.

    ``folder`` holds ``modules.json``, ``tokenizer.json`` and ``model.safetensors``. ``threads=1`` tokenises
    in the calling thread; any other value leaves it to the tokenizer's own pool (as many threads as cores,
    or as the environment variable RAYON_NUM_THREADS says).

    Raises ``EncoderUnavailable`` where a file is missing or damaged.
    """

    def __init__(self, folder: str | Path, *, name: str | None = None, threads: int | None = None) -> None:
        self.folder = Path(folder).resolve()
        self.name = name or self.folder.as_posix()
        self._threads = threads
        files = _files(self.folder)
        if files is None:
            raise EncoderUnavailable(
                f"{self.folder} holds no model of token vectors (StaticEmbedding in modules.json)."
            )
        self._matrix = _read_matrix(files / "model.safetensors")
        content = _read_tokenizer(files / "tokenizer.json")
        self._quick = _quick(content, files / "tokenizer.json")
        # A question is cut when it is encoded and again when it is aligned.
        self._quick_ids = lru_cache(maxsize=_FEW)(self._quick.ids) if self._quick else None
        self._content = content  # until the library is needed
        self._file = (str(files / "tokenizer.json"), hashlib.sha256(content).hexdigest())
        self._loaded: Tokenizer | None = None
        self._cutter: Cutter | None = None
        pieces = len(self._quick) if self._quick else self._tokenizer().get_vocab_size()
        if pieces > len(self._matrix):
            raise EncoderUnavailable(
                f"The model in {self.folder} does not fit together: its tokenizer knows {pieces} pieces, its weights "
                f"have {len(self._matrix)} rows; install it again."
            )
        self._piece = self._quick.id if self._quick else self._tokenizer().token_to_id
        self._cut: dict[str, tuple[int, ...]] = {}
        self._width = 2 if len(self._matrix) <= 1 << 16 else 4
        config = read_json(self.folder / "config_sentence_transformers.json", default={})
        self._query_prompt, self._passage_prompt = declared_prompts(config) or ("", "")
        digest = hashlib.sha256(b"semsearch static 1\0")
        digest.update(repr((self._matrix.shape, self._query_prompt, self._passage_prompt)).encode())
        digest.update(hashlib.sha256(content).digest())
        for block in sampled(self._matrix.reshape(-1)):
            digest.update(block.astype("<f4").tobytes())
        self.fingerprint = digest.hexdigest()

    @property
    def dim(self) -> int:
        return int(self._matrix.shape[1])

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """``(len(texts), dim)`` float32, rows of unit length, in the order of ``texts``."""
        return self._encode(texts, self._query_prompt)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """``(len(texts), dim)`` float32, rows of unit length, in the order of ``texts``."""
        return self._encode(texts, self._passage_prompt)

    def token_ids(self, texts: Sequence[str]) -> list[bytes]:
        """The ids of each text's pieces, little-endian, of two bytes where that is enough, else four."""
        return self._pieces(texts, many=len(texts) >= _MANY)

    def encode_tokens(self, pieces: Sequence[bytes]) -> Vectors:
        """``encode_passages`` of the texts that have these pieces, prompt and all."""
        sums = np.zeros((len(pieces), self.dim), dtype=np.float32)
        # Each text's rows are added up by themselves, so that a vector does not depend on what else is in the batch.
        for first, some in _batches(pieces, _ROWS_AT_ONCE * self._width):
            if len(some) == 1:
                ids = self._numbers(some[0])
                for at in range(0, len(ids), _TOKENS_AT_ONCE):
                    sums[first] += to_float32(self._matrix.take(ids[at : at + _TOKENS_AT_ONCE], axis=0)).sum(axis=0)
                continue
            rows = to_float32(self._matrix.take(self._numbers(b"".join(some)), axis=0))
            end = 0
            for row, one in enumerate(some, first):
                start, end = end, end + len(one) // self._width
                sums[row] += rows[start:end].sum(axis=0)
        return unit(sums)

    def encode_with_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[bytes]]:
        """``encode_passages`` and ``pieces`` of the same texts, which are cut into pieces once."""
        pieces = self.token_ids(texts)
        return self.encode_passages(texts) if self._passage_prompt else self.encode_tokens(pieces), pieces

    def cutting(self) -> tuple[str, str, int] | None:
        """What :func:`cutter_from` needs to cut texts as ``pieces`` does; None if it cannot, or texts get a prompt."""
        if self._passage_prompt or not self._quick or not self._quick.apart:
            return None
        return (*self._file, self._width)

    def cutter(self) -> Cutter | None:
        """What cuts texts here as :func:`cutter_from` has it done elsewhere; None if ``pieces`` has to."""
        if not self._cutter and self._quick and self._quick.apart:
            from .cutter import Cutter

            self._cutter = Cutter(self._quick, self._width)
        return self._cutter

    def maxsim(self, query: str, pieces: Sequence[bytes]) -> NDArray[np.float32]:
        """``(len(pieces),)`` float32 in -1..1: how well each piece of the query is met in a text.

        The greatest cosine of each of the query's pieces with a piece of the text (MaxSim of Khattab &
        Zaharia, "ColBERT", SIGIR 2020, on vectors without context), meaned by the lengths of the query's
        vectors: training makes them long for words that tell much. 0 where either side has no piece.
        """
        result = np.zeros(len(pieces), np.float32)
        asked = self._tokenise([query])[0]
        found = [self._numbers(some) for some in pieces]
        filled = [place for place, ids in enumerate(found) if len(ids)]
        if not asked or not filled:
            return result
        sizes = [len(found[place]) for place in filled]
        met = np.concatenate([found[place] for place in filled])
        # What np.unique would give, by a table of all pieces: that many are quicker marked than sorted.
        table = np.zeros(len(self._matrix), np.intp)
        table[met] = 1
        known = np.flatnonzero(table)
        table[known] = np.arange(len(known))
        places = table[met]
        theirs = unit(self._matrix.take(known, axis=0))
        firsts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        likeness, total = np.zeros(len(filled), np.float32), 0.0
        for at in range(0, len(asked), _ASKED_AT_ONCE):
            own = to_float32(self._matrix.take(asked[at : at + _ASKED_AT_ONCE], axis=0))
            lengths = np.linalg.norm(own, axis=1)
            likeness += lengths @ np.maximum.reduceat((unit(own) @ theirs.T).take(places, axis=1), firsts, axis=1)
            total += float(lengths.sum())
        result[filled] = likeness / max(total, 1e-12)
        return result

    def words(self, words: Sequence[str]) -> tuple[Vectors, NDArray[np.float32]]:
        """For consecutive words the unit vector ``(n, dim)`` of the piece around each, and its own length ``(n,)``.

        From the left, the longest run of up to four words that is one piece gives its vector to all of them; a word
        that is none is the mean of its own pieces. Zeros where there is nothing (a full stop). ``words`` are in lower
        case and hold no space.
        """
        found = [piece or self._inside(word) for piece, word in zip(self._covering(words), words, strict=True)]
        known: dict[tuple[int, ...], int] = {}
        places = [known.setdefault(ids, len(known)) for ids in found]
        rows = np.zeros((len(known), self.dim), np.float32)
        for ids, place in known.items():
            if ids:
                rows[place] = to_float32(self._matrix.take(ids, axis=0)).mean(axis=0)
        lengths = np.linalg.norm(rows, axis=1).astype(np.float32)
        rows /= np.maximum(lengths, 1e-9)[:, None]
        return rows[places], lengths[places]

    def _covering(self, words: Sequence[str]) -> list[tuple[int, ...]]:
        """For each word the piece around it, as a tuple of one; an empty one where no piece is made of whole words."""
        found: list[tuple[int, ...]] = []
        piece = self._piece
        while len(found) < len(words):
            at = len(found)
            for size in range(min(_RUN, len(words) - at), 0, -1):
                id_ = piece("▁" + "▁".join(words[at : at + size]))
                if id_ is not None:
                    found += [(id_,)] * size
                    break
            else:
                found.append(())
        return found

    def _inside(self, word: str) -> tuple[int, ...]:
        if word not in self._cut:
            if len(self._cut) >= _KEPT:
                self._cut.clear()
            self._cut[word] = tuple(self._tokenise([word])[0])
        return self._cut[word]

    def describe(self) -> dict[str, Any]:
        """How texts are treated; plain values, ready for JSON. ``max_length`` None: texts are never cut."""
        return {
            "name": self.name,
            "family": "static",
            "dim": self.dim,
            "pieces": len(self._matrix),
            "query_prompt": self._query_prompt,
            "passage_prompt": self._passage_prompt,
            "segmentation": "none",
            "max_length": None,
            "fingerprint": self.fingerprint,
        }

    def verify(self) -> None:
        """Compare each file with the sha256 that ``semsearch.json`` gives for it, reading them whole.

        The fingerprint samples the weights so that opening is quick; this is for a thorough check.
        Raises ``EncoderUnavailable`` naming the first file that is missing or differs.
        """
        sums = read_json(self.folder / "semsearch.json", default={}).get("sha256", {})
        for name, expected in sums.items():
            try:
                with (self.folder / name).open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise EncoderUnavailable(f"{self.folder / name} cannot be read ({error.strerror}).") from error
            if found != expected:
                raise EncoderUnavailable(f"{self.folder / name} is not the file it was made as; install it again.")

    def _encode(self, texts: Sequence[str], prompt: str) -> Vectors:
        if prompt:
            texts = [prompt + text for text in texts]
        vectors = [np.empty((0, self.dim), np.float32)]
        for first in range(0, len(texts), _TEXTS_AT_ONCE):
            vectors.append(self.encode_tokens(self._pieces(texts[first : first + _TEXTS_AT_ONCE])))
        return np.concatenate(vectors)

    def _pieces(self, texts: Sequence[str], *, many: bool = False) -> list[bytes]:
        """Of ``many`` in one thread, but with a fraction of the work: while indexing, others need the processor too."""
        cutter = self._cutter
        if many and (self._threads or _processors()) <= _THREADS:
            cutter = self.cutter()
        if cutter:
            found = list(map(cutter.token_ids, texts))
            rest = [text for text, pieces in zip(texts, found, strict=True) if pieces is None]
            others = map(self._packed, self._tokenise(rest, few=_REST))
            return [next(others) if pieces is None else pieces for pieces in found]
        return list(map(self._packed, self._tokenise(texts)))

    def _packed(self, ids: Sequence[int]) -> bytes:
        return np.array(ids, f"<u{self._width}").tobytes()

    def _numbers(self, pieces: bytes) -> NDArray[Any]:
        return np.frombuffer(pieces, f"<u{self._width}")

    def _tokenizer(self) -> Tokenizer:
        """The library's, made when it is first needed."""
        if self._loaded is None:
            self._loaded, self._content = _tokenizer(self._content, self.folder), b""
        return self._loaded

    def _tokenise(self, texts: Sequence[str], few: int = _FEW) -> list[list[int]]:
        if self._quick_ids and not self._loaded and len(texts) <= few:
            found = [ids for text in texts if (ids := self._quick_ids(text)) is not None]
            if len(found) == len(texts):
                return found
        tokenizer = self._tokenizer()
        if len(texts) == 1 or self._threads == 1:  # a pool of threads costs more than one question
            return [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
        return [e.ids for e in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


def cutter_from(cutting: tuple[str, str, int]) -> Cutter | None:
    """Cuts texts as the encoder does whose ``cutting`` this is; None if its files are not there any longer."""
    from .cutter import Cutter

    path, sha256, width = cutting
    try:
        content = Path(path).read_bytes()
    except OSError:
        return None
    unigram = Unigram.parse(content) if hashlib.sha256(content).hexdigest() == sha256 else None
    return Cutter(unigram, width) if unigram else None


def _batches(texts: Sequence[bytes], size: int) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Consecutive texts of ``size`` bytes together, or one that has more; each time with the place of the first."""
    first = total = 0
    for place, text in enumerate(texts):
        if total + len(text) > size and place > first:
            yield first, texts[first:place]
            first, total = place, 0
        total += len(text)
    if first < len(texts):
        yield first, texts[first:]


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def unit(vectors: NDArray[Any]) -> Vectors:
    """Rows divided by their length, float32; a row of zeros becomes the first basis vector."""
    result: Vectors = to_float32(vectors)
    lengths = np.linalg.norm(result, axis=1, keepdims=True)
    empty = lengths[:, 0] == 0
    lengths[empty] = 1
    result /= lengths
    result[empty, 0] = 1
    return result


def sampled(flat: Any, blocks: int = 16, block: int = 4096) -> list[Any]:
    """Slices of a one-dimensional array or tensor: all of a short one, evenly spaced blocks of a long one.

    Enough to tell trained weights apart, and a thousandth of the reading.
    """
    if len(flat) <= blocks * block:
        return [flat]
    return [flat[at : at + block] for at in (i * (len(flat) - block) // (blocks - 1) for i in range(blocks))]


def is_static(folder: Path) -> bool:
    """True for a model of token vectors that :class:`StaticEncoder` reads; looks into two files at most."""
    files = _files(folder)
    if files is None:
        return False
    try:
        tensors = set(_read_header(files / "model.safetensors")[0]) - {"__metadata__"}
    except (OSError, ValueError):
        return True  # StaticEncoder says best what is wrong with the file
    # model2vec may add weights or a mapping for its tokens; those models go through sentence-transformers.
    return len(tensors) == 1 and tensors <= set(_TENSORS)


def _files(folder: Path) -> Path | None:
    """Where the weights and the tokenizer lie, if ``modules.json`` names token vectors and nothing else."""
    modules = read_json(folder / "modules.json", default=[])
    try:
        kinds = [module["type"].rsplit(".", 1)[-1] for module in modules]
        # The path is "" in our own layout, "0_StaticEmbedding" in others.
        return folder / modules[0]["path"] if kinds in (_KINDS, _KINDS[:1]) else None
    except (TypeError, KeyError, AttributeError):
        return None


def declared_prompts(config: dict[str, Any]) -> tuple[str, str] | None:
    """(query prompt, passage prompt) as a model's own settings give them, None where they give none.

    ``config`` is the content of ``config_sentence_transformers.json``: ``prompts`` by name, and perhaps
    a ``default_prompt_name`` for all texts alike.
    """
    prompts = {name: text for name, text in (config.get("prompts") or {}).items() if text}
    query = next((prompts[n] for n in ("query", "search_query") if n in prompts), "")
    passage = next((prompts[n] for n in ("document", "passage", "corpus", "search_document") if n in prompts), "")
    if query or passage:
        return query, passage
    default = prompts.get(config.get("default_prompt_name") or "")
    return (default, default) if default else None


def read_json(path: Path, default: Any = None) -> Any:
    """The content of a JSON file of a model; ``default`` (if not None) where there is no such file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if default is not None:
            return default
        raise EncoderUnavailable(f"{path} is missing, so the model in its folder cannot be used.") from None
    except (OSError, ValueError) as error:
        raise EncoderUnavailable(f"{path} cannot be read as JSON ({error}); install the model again.") from error


def _read_tokenizer(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise EncoderUnavailable(f"{path} is missing; install the model again.") from None
    except OSError as error:
        raise EncoderUnavailable(f"{path} cannot be read ({error.strerror}); install the model again.") from error


def _quick(content: bytes, path: Path) -> Unigram | None:
    try:
        return Unigram.parse(content)
    except ValueError as error:
        raise EncoderUnavailable(f"{path} is not a tokenizer that can be read ({error}).") from error


def _tokenizer(content: bytes, folder: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_buffer(content)
    except Exception as error:  # tokenizers raises bare Exception for whatever is wrong in the file
        raise EncoderUnavailable(f"The tokenizer in {folder} cannot be read ({error}).") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    """What stands in a safetensors file, and where its tensors begin.

    The format: 8 bytes little-endian n, n bytes of JSON (name -> dtype, shape, data_offsets counted from
    the end of the header), then the tensors. https://huggingface.co/docs/safetensors/index#format
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size - 8:
            raise ValueError("its header is longer than the file")
        header = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header is no table of tensors")
    return header, 8 + length


def _read_matrix(path: Path) -> NDArray[np.float16 | np.float32]:
    """The token vectors, ``(pieces, dim)``, mapped from the file and not read."""
    try:
        header, base = _read_header(path)
        entry = next(header[name] for name in _TENSORS if name in header)
        (start, end), (pieces, dim), dtype = entry["data_offsets"], entry["shape"], np.dtype(_DTYPES[entry["dtype"]])
        if not 0 <= start <= end or end - start != pieces * dim * dtype.itemsize or not end:
            raise ValueError("its header contradicts itself")
        if base + end > path.stat().st_size:
            raise ValueError(f"it is cut short: {path.stat().st_size} bytes of {base + end}")
        # As a plain array: the memmap class would cost more at each access than the rows themselves.
        matrix = np.asarray(np.memmap(path, dtype, "r", offset=base + start, shape=(pieces, dim)))
    except FileNotFoundError:
        raise EncoderUnavailable(f"{path} is missing; install the model again.") from None
    except (KeyError, StopIteration, TypeError) as error:
        raise EncoderUnavailable(f"{path} holds no token vectors in float16 or float32.") from error
    except (OSError, ValueError) as error:
        raise EncoderUnavailable(f"{path} is damaged ({error}); install the model again.") from error
    if not all(np.isfinite(block).all() for block in sampled(matrix.reshape(-1))):
        raise EncoderUnavailable(f"{path} is damaged (numbers that are none); install the model again.")
    return matrix
