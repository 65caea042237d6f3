"""Writes a static encoder as a folder that semsearch, sentence-transformers and model2vec read.

docs/decisions/encoders.md explains the layout.
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

    Args:
        folder: Created if it does not exist.
        tokenizer: The tokenizer; padding and truncation are removed from the copy that is written.
        matrix: ``(tokens, dim)``, row i for token id i; stored as float16. The row of the unknown token is stored as
            zeros, so that it does not affect the mean of a text, and model2vec, which leaves out unknown tokens, gives
            the same vectors.
        prompts: "query" and "document", by default empty.
        settings: What ``semsearch.json`` contains besides the checksums (fusion weights).
        readme: The model card.

    Raises:
        ValueError: Matrix and tokenizer do not belong together, or a number is not finite in float16.
    """
    tokens = tokenizer.get_vocab_size(with_added_tokens=True)
    if matrix.ndim != 2 or len(matrix) != tokens:
        raise ValueError(f"the tokenizer has {tokens} tokens, the matrix has the shape {matrix.shape}")
    # A copy that neither pads nor truncates, whatever the tokenizer did in training.
    tokenizer = Tokenizer.from_str(tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    with np.errstate(over="ignore"):  # reported below
        weights = matrix.astype(np.float16)
    if not np.isfinite(weights).all():
        raise ValueError("the matrix has numbers that are not finite in float16")
    unknown = unknown_id(tokenizer)
    if unknown is not None:
        weights[unknown] = 0

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # model2vec takes a folder with a config.json for its own format, in which the tensor has another name.
    (folder / "config.json").unlink(missing_ok=True)
    save_file({"embedding.weight": np.ascontiguousarray(weights)}, folder / "model.safetensors")
    (folder / "model.safetensors").chmod(0o644)  # save_file makes it readable for its owner only
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    _write_json(folder / "modules.json", _MODULES)
    config = {
        "__version__": {"sentence_transformers": "5.0.0"},
        "model_type": "SentenceTransformer",
        "prompts": {"query": "", "document": "", **(prompts or {})},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
        # For model2vec, which reads this file too: unit length, no truncation.
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
    """Return the id of the unknown token, or None if there is none."""
    model = json.loads(tokenizer.to_str())["model"]
    if model["type"] == "Unigram":
        unknown: int | None = model.get("unk_id")
        return unknown
    token = model.get("unk_token")
    return None if token is None else tokenizer.token_to_id(token)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
