"""Reads a matrix of token vectors from a safetensors file, without the ``safetensors`` package.

The format: 8 bytes little-endian n, n bytes of JSON (name -> dtype, shape, data_offsets counted from the end of the
header), then the tensors. https://huggingface.co/docs/safetensors/index#format
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import EncoderUnavailable
from .arrays import sample_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TENSOR_NAMES", "read_header", "read_matrix"]

TENSOR_NAMES = ("embedding.weight", "embeddings")
"""The names of a matrix of token vectors: sentence-transformers' and model2vec's."""

_DTYPES = {"F16": "<f2", "F32": "<f4"}


def read_header(path: Path) -> tuple[dict[str, Any], int]:
    """Return the header of a file, and the offset at which its tensors begin.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not a safetensors file.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size - 8:
            raise ValueError("its header is longer than the file")
        header = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header is not a table of tensors")
    return header, 8 + length


def read_matrix(path: Path) -> NDArray[np.float16 | np.float32]:
    """Map the token vectors of a file into memory.

    Returns:
        ``(tokens, dim)``, float16 or float32.

    Raises:
        EncoderUnavailable: The file is missing, damaged, or without token vectors.
    """
    try:
        header, base = read_header(path)
        entry = next(header[name] for name in TENSOR_NAMES if name in header)
        (start, end), (tokens, dim), dtype = entry["data_offsets"], entry["shape"], np.dtype(_DTYPES[entry["dtype"]])
        if not 0 <= start <= end or end - start != tokens * dim * dtype.itemsize or not end:
            raise ValueError("its header contradicts itself")
        if base + end > path.stat().st_size:
            raise ValueError(f"it is truncated: {path.stat().st_size} of {base + end} bytes")
        # As a plain array: the memmap class would cost more at each access than the rows themselves.
        matrix = np.asarray(np.memmap(path, dtype, "r", offset=base + start, shape=(tokens, dim)))
    except FileNotFoundError:
        raise EncoderUnavailable(f"{path} is missing; install the model again.") from None
    except (KeyError, StopIteration, TypeError) as error:
        raise EncoderUnavailable(f"{path} has no token vectors in float16 or float32.") from error
    except (OSError, ValueError) as error:
        raise EncoderUnavailable(f"{path} is damaged ({error}); install the model again.") from error
    if not all(np.isfinite(block).all() for block in sample_blocks(matrix.reshape(-1))):
        raise EncoderUnavailable(f"{path} is damaged (it has values that are not finite); install the model again.")
    return matrix
