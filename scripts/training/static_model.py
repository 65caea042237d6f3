"""Write an encoder of token vectors as the folder that semsearch, sentence-transformers and model2vec read.

Used by whatever trains one; see docs/decisions/encoders.md for the layout and why it is so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer

_MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"},
    {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"},
]


def write_static_model(
    folder: str | Path,
    tokenizer: Tokenizer,
    matrix: NDArray[Any],
    *,
    prompts: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    readme: str | None = None,
) -> Path:
    """Write the folder and return it.

    ``matrix`` is ``(pieces, dim)``, row i for token id i of ``tokenizer``; it is stored as float16. The row
    of the unknown piece is stored as zeros: then it does not turn a text's mean, and model2vec, which leaves
    unknown pieces out, gives the same vectors. ``prompts`` may hold "query" and "document". ``settings``
    (fusion weights, calibration) goes into ``semsearch.json`` beside the checksums of the files.

    Raises ValueError if matrix and tokenizer do not belong together or a number is not finite in float16.
    """
    pieces = tokenizer.get_vocab_size(with_added_tokens=True)
    if matrix.ndim != 2 or len(matrix) != pieces:
        raise ValueError(f"the tokenizer has {pieces} pieces, the matrix has the shape {matrix.shape}")
    # A copy of the tokenizer that neither pads nor cuts, whatever training had it do.
    tokenizer = Tokenizer.from_str(tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    with np.errstate(over="ignore"):  # said below, in words
        weights = matrix.astype(np.float16)
    if not np.isfinite(weights).all():
        raise ValueError("the matrix has numbers that are not finite in float16")
    if (unknown := unknown_id(tokenizer)) is not None:
        weights[unknown] = 0

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # model2vec takes a folder with a config.json for its own format, where the tensor has another name.
    (folder / "config.json").unlink(missing_ok=True)
    save_file({"embedding.weight": np.ascontiguousarray(weights)}, folder / "model.safetensors")
    (folder / "model.safetensors").chmod(0o644)  # it is written for its owner only
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    _write_json(folder / "modules.json", _MODULES)
    config = {
        "__version__": {"sentence_transformers": "5.0.0"},
        "model_type": "SentenceTransformer",
        "prompts": {"query": "", "document": "", **(prompts or {})},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
        # For model2vec, which reads this file too: unit length, no cut.
        "normalize": True,
        "max_length": None,
    }
    _write_json(folder / "config_sentence_transformers.json", config)
    sums = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("model.safetensors", "tokenizer.json", "modules.json", "config_sentence_transformers.json")
    }
    _write_json(folder / "semsearch.json", {**(settings or {}), "sha256": sums})
    if readme is not None:
        (folder / "README.md").write_text(readme, encoding="utf-8")
    return folder


def unknown_id(tokenizer: Tokenizer) -> int | None:
    """The id that stands for what the vocabulary does not have, None if there is none."""
    model = json.loads(tokenizer.to_str())["model"]
    if model["type"] == "Unigram":
        unknown: int | None = model.get("unk_id")
        return unknown
    token = model.get("unk_token")
    return None if token is None else tokenizer.token_to_id(token)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
