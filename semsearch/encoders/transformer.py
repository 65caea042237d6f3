"""Any sentence-transformers model, by the path of its folder or by its name on the hub.

Nothing heavy is imported before it is sure that there is a model to load: torch and
sentence-transformers take seconds.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import EncoderUnavailable
from ..hub import INSTALL, NAME, bars, hub_refusal, is_cached, positions, pyvi, quiet, short
from .arrays import sample_blocks, unit_rows
from .families import Family, family_of
from .model_files import declared_prompts, read_json

if TYPE_CHECKING:
    from ..types import Vectors

__all__ = ["TransformerEncoder", "load_transformer"]

_BUNDLED = "or use the bundled encoder, which needs nothing more"
_PROBE = "Quân khu 4 có 38 mô hình tự quản; the U.S. spent 11,5% more, không dấu: khu vuc phong thu."


class TransformerEncoder:
    """A loaded ``SentenceTransformer`` with its prompts, segmentation and maximum length set right.

    Prompts: those the model declares; else those of its family; else none. Segmentation by pyvi for the
    PhoBERT family. A text longer than the maximum length is cut by the model. On a CPU the weights are
    used as float32, whatever they are stored as. A blank text gets the first basis vector.

    ``family`` is found by the name and the tokenizer if not given. Raises ``EncoderUnavailable`` if
    the model needs pyvi and it is not installed.
    """

    def __init__(self, model: Any, *, name: str, family: Family | None = None) -> None:
        self.name = name
        self._model = model
        self._family = family or family_of(name, tokenizer=type(model.tokenizer).__name__)
        # sentence-transformers adds empty "query" and "document" prompts of its own, and its
        # encode_document would take that empty one before a declared "passage"; so it is chosen here.
        declared = declared_prompts({"prompts": model.prompts, "default_prompt_name": model.default_prompt_name})
        self._query_prompt, self._passage_prompt = declared or (self._family.query_prompt, self._family.passage_prompt)
        self._segment = _segmenter(name) if self._family.segmentation == "pyvi" else None
        self._max_length = _limit_length(model)
        if model.device.type == "cpu":
            model.float()  # half precision is slow and coarse there
        with quiet():
            self.dim = int(model.encode(["."], show_progress_bar=False).shape[1])
            self.fingerprint = self._fingerprint()

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """``(len(texts), dim)`` float32, rows of unit length, in the order of ``texts``."""
        return self._encode(self._model.encode_query, texts, self._query_prompt)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """``(len(texts), dim)`` float32, rows of unit length, in the order of ``texts``."""
        return self._encode(self._model.encode_document, texts, self._passage_prompt)

    def describe(self) -> dict[str, Any]:
        """How texts are treated; plain values, ready for JSON. ``max_length`` is in tokens, None without limit."""
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
        # A blank text is not given to the model: not every tokenizer makes anything of it.
        filled = [i for i, text in enumerate(texts) if text.strip()]
        chosen = [self._segment(texts[i]) if self._segment else texts[i] for i in filled]
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        if chosen:
            vectors[filled] = encode(chosen, prompt=prompt, show_progress_bar=False)
        return unit_rows(vectors)

    def _fingerprint(self) -> str:
        """Hash of the weights (sampled evenly), the tokenizer (by what it makes of a text) and the settings.

        Numbers are hashed as float32, tensors without their names or order: neither the device nor a
        newer version of a library makes another model of the same one.
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

    ``threads`` sets torch's number of threads, which holds for the whole process. ``device`` is torch's
    ("cpu", "cuda"); None takes an accelerator if there is one. ``trust_remote_code`` lets the model
    run the Python code that comes with it.

    Raises ``EncoderUnavailable``, with one sentence on what was tried and what to do.
    """
    folder = Path(name).expanduser()
    local = folder.is_dir()
    repository: str | None = name  # what the hub can give that this machine has not
    tried = f'The encoder "{name}" cannot be loaded: it is no folder here, it was not downloaded before'
    if local:
        name = folder.resolve().as_posix()
        repository = _check_folder(folder, trust_remote_code)
        tried = f"The model in {name} cannot be loaded: its code, of {repository}, was not downloaded before"
    elif folder.exists():
        raise EncoderUnavailable(f'"{name}" is a file; an encoder is the folder of a model, or its name on the hub.')
    elif not NAME.fullmatch(name):
        raise EncoderUnavailable(f'There is no folder "{name}"; give the folder of a model, {_BUNDLED}.')
    needed = ["sentence_transformers", "torch"] + (["pyvi"] if family_of(name).segmentation == "pyvi" else [])
    if missing := [package for package in needed if find_spec(package) is None]:
        raise EncoderUnavailable(
            f'The encoder "{name}" needs {" and ".join(missing)}, not installed here: {INSTALL}, {_BUNDLED}.'
        )
    model = None
    if local or is_cached(_on_hub(name), ("modules.json", "config.json")):
        try:
            model = _load(name, device, trust_remote_code, offline=True)
        except OSError as error:  # what is on this machine may not be all of it: the hub may have the rest
            if repository is None:
                raise _unloadable(name, error) from error
    if model is None:
        if refusal := hub_refusal(_on_hub(repository or name)):
            reason, cause = refusal
            raise EncoderUnavailable(f"{tried}, and {reason}; give the folder of a model, {_BUNDLED}.") from cause
        try:
            model = _load(name, device, trust_remote_code, offline=False)
        except OSError as error:
            raise _unloadable(name, error) from error
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    return TransformerEncoder(model, name=name)


def _check_folder(folder: Path, trust_remote_code: bool) -> str | None:
    """Make sure that it is a model's; give the hub's repository that its code comes from, if any."""
    modules = read_json(folder / "modules.json", default=[])
    config = read_json(folder / "config.json", default={})
    if not modules and not config:
        raise EncoderUnavailable(
            f"{folder} is no model (there is neither modules.json nor config.json in it); "
            f"give the folder of a sentence-transformers model, {_BUNDLED}."
        )
    if not trust_remote_code and any(not str(m.get("type")).startswith("sentence_transformers.") for m in modules):
        raise _untrusted(str(folder))
    code = [str(reference) for reference in config.get("auto_map", {}).values()]
    return next((c.split("--")[0] for c in code if "--" in c), None) if trust_remote_code else None


def _on_hub(name: str) -> list[str]:
    """Where on the hub a name may stand: those without an owner belong to sentence-transformers, or are old."""
    return [name] if "/" in name else [f"sentence-transformers/{name}", name]


def _load(name: str, device: str | None, trust_remote_code: bool, *, offline: bool) -> Any:
    """The ``SentenceTransformer``. Raises OSError where files are missing, ``EncoderUnavailable`` otherwise."""
    with quiet():
        try:
            from sentence_transformers import SentenceTransformer

            with bars(not offline and sys.stderr.isatty()):  # a download may show itself, on a terminal
                return SentenceTransformer(
                    name, device=device, trust_remote_code=trust_remote_code, local_files_only=offline
                )
        except OSError:
            raise
        except Exception as error:  # whatever torch, transformers and the model's own code raise
            raise _unloadable(name, error) from error


def _limit_length(model: Any) -> int | None:
    """Make the model cut texts where its position embeddings end, if it would go on; the limit, None if none."""
    limit = getattr(model, "max_seq_length", None)
    config: Any = getattr(getattr(model[0], "auto_model", None), "config", None)
    if getattr(config, "model_type", "") in ("roberta", "xlm-roberta", "camembert"):
        usable = positions(config)
        if usable is not None and (limit is None or limit > usable):
            limit = model.max_seq_length = usable
    return None if limit is None or limit > 10**9 else int(limit)


def _pooling(module: Any) -> str:
    """How a Pooling module pools ("mean", "cls"); sentence-transformers 5 has a method for it, 6 an attribute."""
    method = getattr(module, "get_pooling_mode_str", None)
    return str(method() if method else getattr(module, "pooling_mode", ""))


def _segmenter(name: str) -> Callable[[str], str]:
    try:
        return pyvi()
    except ImportError as error:
        raise EncoderUnavailable(
            f'The encoder "{name}" reads segmented words and needs pyvi for it: {INSTALL}, {_BUNDLED}.'
        ) from error


def _untrusted(name: str) -> EncoderUnavailable:
    return EncoderUnavailable(
        f'The encoder "{name}" runs Python code of its own; if you trust it, load it with '
        f"load_encoder(name, trust_remote_code=True), {_BUNDLED}."
    )


def _unloadable(name: str, error: Exception) -> EncoderUnavailable:
    if "trust_remote_code" in str(error):
        return _untrusted(name)
    return EncoderUnavailable(
        f'The model "{name}" cannot be loaded ({short(error)}); check its files or download it again, {_BUNDLED}.'
    )
