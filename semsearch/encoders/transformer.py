"""Any sentence-transformers model, by the path of its folder or by its name on the hub.

Torch and sentence-transformers take seconds to import, so they are imported only when there is a model to load.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import EncoderUnavailable
from ..hub import ModelLoader, max_tokens, quiet
from .arrays import sample_blocks, unit_rows
from .families import Family, family_of
from .model_files import declared_prompts, read_json

if TYPE_CHECKING:
    from ..types import Vectors

__all__ = ["TransformerEncoder", "load_transformer"]

_LOADER = ModelLoader(
    role="encoder",
    error=EncoderUnavailable,
    files=("modules.json", "config.json"),
    alternative="or use the bundled encoder, which needs nothing more",
    trust="if you trust it, load it with load_encoder(name, trust_remote_code=True)",
)
_PROBE = "Quân khu 4 có 38 mô hình tự quản; the U.S. spent 11,5% more, không dấu: khu vuc phong thu."


class TransformerEncoder:
    """Encodes texts with a ``SentenceTransformer``, with the right prompts, segmentation and maximum length.

    The prompts are those that the model declares, else those of its family, else none. Texts for the PhoBERT family
    are segmented by pyvi. The model truncates a text longer than its maximum length. On a CPU the weights are used as
    float32, whatever they are stored as. A blank text gets the first basis vector.

    Args:
        model: The ``SentenceTransformer``.
        name: The encoder's name.
        family: By default found by the name and the tokenizer.

    Raises:
        EncoderUnavailable: The model needs pyvi, which is not installed.
    """

    def __init__(self, model: Any, *, name: str, family: Family | None = None) -> None:
        self.name = name
        self._model = model
        self._family = family or family_of(name, tokenizer=type(model.tokenizer).__name__)
        # sentence-transformers adds empty "query" and "document" prompts of its own, and its
        # encode_document would take that empty one before a declared "passage"; so it is chosen here.
        declared = declared_prompts({"prompts": model.prompts, "default_prompt_name": model.default_prompt_name})
        self._query_prompt, self._passage_prompt = declared or (self._family.query_prompt, self._family.passage_prompt)
        self._segment = _LOADER.segmenter(name) if self._family.segmentation == "pyvi" else None
        self._max_length = _limit_length(model)
        if model.device.type == "cpu":
            model.float()  # half precision is slow and coarse there
        with quiet():
            self.dim = int(model.encode(["."], show_progress_bar=False).shape[1])
            self.fingerprint = self._fingerprint()

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return ``(len(texts), dim)`` float32, rows of unit length."""
        return self._encode(self._model.encode_query, texts, self._query_prompt)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Return ``(len(texts), dim)`` float32, rows of unit length."""
        return self._encode(self._model.encode_document, texts, self._passage_prompt)

    def describe(self) -> dict[str, Any]:
        """Return how texts are treated, ready for JSON. ``max_length`` is in tokens, None without limit."""
        return {
            "name": self.name,
            "family": self._family.name,
            "dim": self.dim,
            "query_prompt": self._query_prompt,
            "passage_prompt": self._passage_prompt,
            "segmentation": self._family.segmentation,
            "max_length": self._max_length,
            "fingerprint": self.fingerprint,
        }

    def _encode(self, encode: Callable[..., Any], texts: Sequence[str], prompt: str) -> Vectors:
        # Blank texts are left out: some tokenizers fail on them.
        places = [place for place, text in enumerate(texts) if text.strip()]
        inputs = [texts[place] for place in places]
        if self._segment is not None:
            inputs = [self._segment(text) for text in inputs]
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        if inputs:
            vectors[places] = encode(inputs, prompt=prompt, show_progress_bar=False)
        return unit_rows(vectors)

    def _fingerprint(self) -> str:
        """Hash the weights (sampled evenly), the tokenizer (by the ids of one text) and the settings.

        Numbers are hashed as float32, and tensors without their names or order, so that neither the device nor another
        version of a library changes the fingerprint.
        """
        weights = set()
        for parameter in self._model.parameters():
            digest = hashlib.sha256(repr(tuple(parameter.shape)).encode())
            for block in sample_blocks(parameter.detach().reshape(-1)):
                digest.update(block.float().cpu().numpy().tobytes())
            weights.add(digest.digest())
        text = self._segment(_PROBE) if self._segment else _PROBE
        tokenizer = self._model.tokenizer
        ids = tokenizer(text)["input_ids"] if callable(tokenizer) else tokenizer.encode(text).ids
        settings = (
            [type(module).__name__ for module in self._model],
            [_pooling(module) for module in self._model],
            (self._query_prompt, self._passage_prompt, self._family.segmentation, self._max_length, self.dim),
            list(ids),
        )
        return hashlib.sha256(repr(settings).encode() + b"".join(sorted(weights))).hexdigest()


def load_transformer(
    name: str, *, threads: int | None = None, device: str | None = None, trust_remote_code: bool = False
) -> TransformerEncoder:
    """Load a model from a folder, from the hub's cache on this machine, or from the hub, in this order.

    Args:
        name: The path of a folder, or a name on the hub.
        threads: Torch's number of threads, for the whole process; None leaves it to torch.
        device: Torch's device ("cpu", "cuda"); None takes an accelerator if there is one.
        trust_remote_code: Whether the model may run the Python code that comes with it.

    Raises:
        EncoderUnavailable: It cannot be loaded; the message says what was tried and what to do.
    """
    location = _LOADER.locate(name)
    repositories = None
    if location.is_local:
        repositories = _code_repositories(Path(location.name), trust_remote_code)
    elif "/" not in name:
        # Names without an owner are those of sentence-transformers, or old.
        repositories = [f"sentence-transformers/{name}", name]
    segmenters = ["pyvi"] if family_of(location.name).segmentation == "pyvi" else []
    _LOADER.require(name, ["sentence_transformers", "torch", *segmenters])

    def load(only_local: bool) -> Any:
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(
            location.name, device=device, trust_remote_code=trust_remote_code, local_files_only=only_local
        )

    model = _LOADER.load(location, load, repositories=repositories)
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    return TransformerEncoder(model, name=location.name)


def _code_repositories(folder: Path, trust_remote_code: bool) -> list[str]:
    """Return the repository on the hub that a local model's trusted code comes from, if any.

    Raises:
        EncoderUnavailable: The model runs code of its own and is not trusted.
    """
    modules = read_json(folder / "modules.json", default=[])
    config = read_json(folder / "config.json", default={})
    foreign = [module for module in modules if not str(module.get("type")).startswith("sentence_transformers.")]
    if not trust_remote_code:
        if foreign:
            raise _LOADER.untrusted(str(folder))
        return []
    code = [str(reference) for reference in config.get("auto_map", {}).values()]
    return [reference.split("--")[0] for reference in code if "--" in reference][:1]


def _limit_length(model: Any) -> int | None:
    """Make the model truncate texts where its position embeddings end; return its maximum length, None if unlimited."""
    limit = getattr(model, "max_seq_length", None)
    config: Any = getattr(getattr(model[0], "auto_model", None), "config", None)
    if getattr(config, "model_type", "") in ("roberta", "xlm-roberta", "camembert"):
        usable = max_tokens(config)
        if usable is not None and (limit is None or limit > usable):
            limit = model.max_seq_length = usable
    return None if limit is None or limit > 10**9 else int(limit)


def _pooling(module: Any) -> str:
    """Return how a Pooling module pools ("mean", "cls"): a method in sentence-transformers 5, an attribute in 6."""
    method = getattr(module, "get_pooling_mode_str", None)
    return str(method() if method else getattr(module, "pooling_mode", ""))
