"""Reads the JSON files of a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..errors import EncoderUnavailable
from ..types import EncoderCard, FusionWeights

__all__ = ["declared_prompts", "read_card", "read_json"]

_QUERY_PROMPTS = ("query", "search_query")
_PASSAGE_PROMPTS = ("document", "passage", "corpus", "search_document")


def read_json(path: Path, default: Any = None) -> Any:
    """Return the content of a JSON file; ``default`` (if not None) if the file does not exist.

    Raises:
        EncoderUnavailable: The file cannot be read or is not JSON, or is missing and there is no default.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if default is not None:
            return default
        raise EncoderUnavailable(f"{path} is missing; install the model again.") from None
    except (OSError, ValueError) as error:
        raise EncoderUnavailable(f"{path} cannot be read as JSON ({error}); install the model again.") from error


def declared_prompts(config: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the query prompt and the passage prompt that a model declares, or None if it declares none.

    Args:
        config: The content of ``config_sentence_transformers.json``: ``prompts`` by name, and perhaps a
            ``default_prompt_name`` for all texts alike.
    """
    prompts = {name: text for name, text in (config.get("prompts") or {}).items() if text}
    query = next((prompts[name] for name in _QUERY_PROMPTS if name in prompts), "")
    passage = next((prompts[name] for name in _PASSAGE_PROMPTS if name in prompts), "")
    if query or passage:
        return query, passage
    default = prompts.get(config.get("default_prompt_name") or "")
    return (default, default) if default else None


def read_card(folder: Path) -> EncoderCard:
    """Read ``semsearch.json``: what was measured for an encoder, and the checksums of its files.

    Raises:
        EncoderUnavailable: The file is not what ``write_static_model`` writes.
    """
    path = folder / "semsearch.json"
    content = read_json(path, default={})
    try:
        fusion = {language: _fusion_weights(values) for language, values in content.get("fusion", {}).items()}
        checksums = {str(name): str(value) for name, value in content.get("sha256", {}).items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise EncoderUnavailable(f"{path} is not a valid encoder card ({error}); install the model again.") from error
    return EncoderCard(fusion, checksums)


def _fusion_weights(values: Mapping[str, float]) -> FusionWeights:
    return FusionWeights(**{field.name: float(values.get(field.name, 0.0)) for field in fields(FusionWeights)})
