"""Static encoders: one vector per token of the vocabulary, their mean for a text.

The format is sentence-transformers' own ``StaticEmbedding``, so that ``SentenceTransformer(folder)`` gives the same
vectors. Here it is read with numpy alone, which makes a cold question cheap.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import EncoderUnavailable
from ..float16 import to_float32
from . import late_interaction, safetensors
from .arrays import sample_blocks, unit_rows
from .model_files import declared_prompts, read_card, read_json
from .tokenizer import AdaptiveTokenizer, Tokenizer, TokenizerSpec, unpack_ids
from .word_vectors import WordVectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import EncoderCard, Vectors

__all__ = ["StaticEncoder", "is_static"]

_MODULES = ["StaticEmbedding", "Normalize"]
_BATCH_TEXTS = 1024
_BLOCK_TOKENS = 65_536  # bounds the memory for one very long text
_BATCH_ROWS = 256  # of several texts: they stay in the processor's cache until they are added up


class StaticEncoder:
    """Encodes a text as the mean of its tokens' vectors, scaled to unit length.

    The vectors of the tokens are added in float32, and the sum is divided by its length (the mean has the same
    direction). A text without known tokens gets the first basis vector, where sentence-transformers gives zeros: every
    vector has unit length. Texts are never truncated.

    Args:
        folder: The model: ``modules.json``, ``tokenizer.json`` and ``model.safetensors``.
        name: The encoder's name; by default the path of the folder.
        threads: 1 tokenizes in the calling thread. Any other value lets the tokenizer use its own pool, which has as
            many threads as the machine has cores, or as the environment variable RAYON_NUM_THREADS says.

    Raises:
        EncoderUnavailable: A file is missing or damaged.
    """

    def __init__(self, folder: str | Path, *, name: str | None = None, threads: int | None = None) -> None:
        self.folder = Path(folder).resolve()
        self.name = name or self.folder.as_posix()
        weights_folder = _weights_folder(self.folder)
        if weights_folder is None:
            raise EncoderUnavailable(
                f"{self.folder} is not a model of token vectors (modules.json does not name a StaticEmbedding)."
            )
        self._matrix = safetensors.read_matrix(weights_folder / "model.safetensors")
        self._token_bytes = 2 if len(self._matrix) <= 1 << 16 else 4
        self._tokenizer = AdaptiveTokenizer(weights_folder / "tokenizer.json", self._token_bytes, threads)
        if self._tokenizer.vocabulary_size > len(self._matrix):
            raise EncoderUnavailable(
                f"The files in {self.folder} do not belong together: the tokenizer has "
                f"{self._tokenizer.vocabulary_size} tokens, the weights have {len(self._matrix)} rows; install the "
                "model again."
            )
        config = read_json(self.folder / "config_sentence_transformers.json", default={})
        self._query_prompt, self._passage_prompt = declared_prompts(config) or ("", "")
        self._word_vectors = WordVectors(self._matrix, self._tokenizer)
        self.card: EncoderCard = read_card(self.folder)
        self.fingerprint = self._fingerprint()

    @property
    def dim(self) -> int:
        """The dimension of the vectors."""
        return int(self._matrix.shape[1])

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return ``(len(texts), dim)`` float32, rows of unit length."""
        return self._encode(texts, self._query_prompt)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Return ``(len(texts), dim)`` float32, rows of unit length."""
        return self._encode(texts, self._passage_prompt)

    def token_ids(self, texts: Sequence[str]) -> list[bytes]:
        """Return the token ids of each text, without a prompt.

        The ids are little-endian, of two bytes if that is enough for the vocabulary, else of four.
        """
        return self._tokenizer.token_ids(texts)

    def encode_tokens(self, token_ids: Sequence[bytes]) -> Vectors:
        """Return the vectors of the texts that have these token ids, ``(len(token_ids), dim)`` float32.

        The vector of a text does not depend on the other texts of the batch, not by a bit.
        """
        sums = np.zeros((len(token_ids), self.dim), dtype=np.float32)
        for first, batch in _batches(token_ids, _BATCH_ROWS * self._token_bytes):
            if len(batch) == 1:
                ids = self._unpack(batch[0])
                for start in range(0, len(ids), _BLOCK_TOKENS):
                    rows = self._matrix.take(ids[start : start + _BLOCK_TOKENS], axis=0)
                    sums[first] += to_float32(rows).sum(axis=0)
                continue
            rows = to_float32(self._matrix.take(self._unpack(b"".join(batch)), axis=0))
            end = 0
            for place, text in enumerate(batch, first):
                start, end = end, end + len(text) // self._token_bytes
                sums[place] += rows[start:end].sum(axis=0)
        return unit_rows(sums)

    def tokenizer_spec(self) -> TokenizerSpec | None:
        """Return what ``load_tokenizer`` needs to tokenize passages in another process.

        None if passages get a prompt, or if the tokenizer is of a kind for which that does not pay.
        """
        if self._passage_prompt or not self._tokenizer.is_cacheable:
            return None
        return self._tokenizer.spec

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer for many texts in this process, always the same one."""
        return self._tokenizer.caching() or self._tokenizer

    def maxsim(self, query: str, token_ids: Sequence[bytes]) -> NDArray[np.float32]:
        """Score texts by late interaction with a query: see :func:`late_interaction.maxsim`.

        Args:
            query: The text of the query.
            token_ids: The token ids of n texts.

        Returns:
            ``(n,)`` float32 in -1..1.
        """
        [query_ids] = self._tokenizer.token_ids([query])
        texts = [self._unpack(ids) for ids in token_ids]
        return late_interaction.maxsim(self._matrix, self._unpack(query_ids), texts)

    def word_vectors(self, words: Sequence[str]) -> tuple[Vectors, NDArray[np.float32]]:
        """Return one vector for each word of a text, for the bundled reader.

        Args:
            words: Consecutive words, in lower case and without spaces.

        Returns:
            The unit vectors ``(n, dim)``, and the lengths ``(n,)`` that the vectors had: see :class:`WordVectors`.
        """
        return self._word_vectors.of(words)

    def word_token_ids(self, words: Sequence[str]) -> list[tuple[int, ...]]:
        """Return for each word the ids of the tokens that :meth:`word_vectors` takes its vector from."""
        return self._word_vectors.token_ids(words)

    def describe(self) -> dict[str, Any]:
        """Return how texts are treated, ready for JSON. ``max_length`` None: texts are never truncated."""
        return {
            "name": self.name,
            "family": "static",
            "dim": self.dim,
            "vocabulary": len(self._matrix),
            "query_prompt": self._query_prompt,
            "passage_prompt": self._passage_prompt,
            "segmentation": "none",
            "max_length": None,
            "fingerprint": self.fingerprint,
        }

    def verify(self) -> None:
        """Compare every file with its checksum in the card, reading it whole.

        The fingerprint only samples the weights, so that opening is fast.

        Raises:
            EncoderUnavailable: A file is missing or differs; the message names the first one.
        """
        for name, expected in self.card.sha256.items():
            path = self.folder / name
            try:
                with path.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise EncoderUnavailable(f"{path} cannot be read ({error.strerror}).") from error
            if found != expected:
                raise EncoderUnavailable(f"{path} does not match its checksum; install the model again.")

    def _encode(self, texts: Sequence[str], prompt: str) -> Vectors:
        if prompt:
            texts = [prompt + text for text in texts]
        vectors = [np.empty((0, self.dim), np.float32)]
        for first in range(0, len(texts), _BATCH_TEXTS):
            vectors.append(self.encode_tokens(self._tokenizer.token_ids(texts[first : first + _BATCH_TEXTS])))
        return np.concatenate(vectors)

    def _unpack(self, token_ids: bytes) -> NDArray[Any]:
        return unpack_ids(token_ids, self._token_bytes)

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(b"semsearch static 1\0")
        digest.update(repr((self._matrix.shape, self._query_prompt, self._passage_prompt)).encode())
        digest.update(bytes.fromhex(self._tokenizer.spec.sha256))
        for block in sample_blocks(self._matrix.reshape(-1)):
            digest.update(block.astype("<f4").tobytes())
        return digest.hexdigest()


def is_static(folder: Path) -> bool:
    """Whether a folder is a model of token vectors that :class:`StaticEncoder` reads."""
    weights_folder = _weights_folder(folder)
    if weights_folder is None:
        return False
    try:
        header, _ = safetensors.read_header(weights_folder / "model.safetensors")
    except (OSError, ValueError):
        return True  # StaticEncoder has the better message about what is wrong with the file
    # model2vec may add weights or a mapping for its tokens; sentence-transformers reads those models.
    tensors = set(header) - {"__metadata__"}
    return len(tensors) == 1 and tensors <= set(safetensors.TENSOR_NAMES)


def _weights_folder(folder: Path) -> Path | None:
    """Return the folder of weights and tokenizer, if ``modules.json`` names token vectors and nothing else."""
    modules = read_json(folder / "modules.json", default=[])
    try:
        types = [module["type"].rsplit(".", 1)[-1] for module in modules]
        # The path is "" in semsearch's own layout, "0_StaticEmbedding" in others.
        return folder / modules[0]["path"] if types in (_MODULES, _MODULES[:1]) else None
    except (TypeError, KeyError, AttributeError):
        return None


def _batches(texts: Sequence[bytes], size: int) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Split texts into consecutive batches of at most ``size`` bytes, or of one longer text.

    Yields:
        The place of the first text of a batch, and the batch.
    """
    first = total = 0
    for place, text in enumerate(texts):
        if total + len(text) > size and place > first:
            yield first, texts[first:place]
            first, total = place, 0
        total += len(text)
    if first < len(texts):
        yield first, texts[first:]
