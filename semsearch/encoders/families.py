"""What published models need and do not declare in their own files.

Most models declare their prompts in ``config_sentence_transformers.json`` and their maximum length in
``sentence_bert_config.json``, and that takes precedence. This table is for models that mention prefixes, word
segmentation or code to be trusted only in their README.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["FAMILIES", "UNKNOWN", "Family", "family_of"]

Segmentation = Literal["none", "pyvi"]
_WEB_SEARCH = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"


@dataclass(frozen=True, slots=True)
class Family:
    """How models of one family expect their texts.

    Attributes:
        name: The family's name.
        examples: Names of models on the hub.
        query_prompt: Put before each query, exactly as it is.
        passage_prompt: Put before each passage, exactly as it is.
        segmentation: "pyvi" if the syllables of a Vietnamese word must be joined with ``_`` first.
        max_length: In the model's tokens, for information; the model's files decide.
        note: What else users should know.
    """

    name: str
    examples: tuple[str, ...]
    query_prompt: str = ""
    passage_prompt: str = ""
    segmentation: Segmentation = "none"
    max_length: int | None = None
    note: str = ""


_PHOBERT = Family(
    "phobert",
    (
        "bkai-foundation-models/vietnamese-bi-encoder",
        "VoVanPhuc/sup-SimCSE-VietNamese-phobert-base",
        "keepitreal/vietnamese-sbert",
        "dangvantuan/vietnamese-embedding",
        "vinai/phobert-base-v2",
    ),
    segmentation="pyvi",
    max_length=256,
    note="reads words, not syllables; also recognised by its tokenizer, whatever the model's name",
)

# By a regular expression that is searched in the model's name, ignoring case. The first match wins, so narrow
# expressions come before wide ones.
FAMILIES: dict[str, Family] = {
    r"halong_embedding": Family(
        "halong",
        ("hiieu/halong_embedding",),
        max_length=512,
        note="derived from multilingual-e5-base, but its card shows no prefixes",
    ),
    r"e5-(large-instruct|mistral-7b-instruct)": Family(
        "e5-instruct",
        ("intfloat/multilingual-e5-large-instruct",),
        query_prompt=_WEB_SEARCH + " ",
        max_length=512,
        note="the instruction precedes queries only",
    ),
    r"(^|[/_-])e5-(small|base|large)": Family(
        "e5",
        ("intfloat/multilingual-e5-small", "intfloat/multilingual-e5-base", "intfloat/multilingual-e5-large"),
        query_prompt="query: ",
        passage_prompt="passage: ",
        max_length=512,
    ),
    r"bge-m3|AITeamVN/Vietnamese_Embedding": Family(
        "bge-m3",
        ("BAAI/bge-m3", "AITeamVN/Vietnamese_Embedding"),
        max_length=8192,
        note="dense vectors only",
    ),
    r"gte-multilingual|vietnamese-document-embedding|vietnamese-embedding-LongContext": Family(
        "gte-multilingual",
        ("Alibaba-NLP/gte-multilingual-base", "dangvantuan/vietnamese-document-embedding"),
        max_length=8192,
        note="runs Python code of its own: load_encoder(name, trust_remote_code=True)",
    ),
    r"phobert|vietnamese-sbert|vietnamese-bi-encoder|dangvantuan/vietnamese-embedding$": _PHOBERT,
    r"Qwen3-Embedding": Family(
        "qwen3-embedding",
        ("Qwen/Qwen3-Embedding-0.6B",),
        query_prompt=_WEB_SEARCH,
        max_length=32768,
        note="declares its prompt itself",
    ),
    r"snowflake-arctic-embed-.*v2": Family(
        "arctic-embed",
        ("Snowflake/snowflake-arctic-embed-l-v2.0",),
        query_prompt="query: ",
        max_length=8192,
        note="declares its prompt itself",
    ),
    r"LaBSE": Family("labse", ("sentence-transformers/LaBSE",), max_length=256),
    r"paraphrase-multilingual|distiluse-base-multilingual": Family(
        "paraphrase-multilingual",
        (
            "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
            "sentence-transformers/paraphrase-multilingual-mpnet-base-v2",
        ),
        max_length=128,
    ),
}
UNKNOWN = Family("unknown", (), note="no prompt except those that the model declares, no segmentation")


def family_of(name: str, tokenizer: str = "") -> Family:
    """Return the family of a model by its name or path, or else by the class of its tokenizer.

    >>> family_of("intfloat/multilingual-e5-base").query_prompt
    'query: '
    >>> family_of("my-own-model", tokenizer="PhobertTokenizer").segmentation
    'pyvi'
    """
    # In the hub's cache, the path of a model is .../models--org--name/snapshots/<commit>.
    for part in name.split("/"):
        if part.startswith("models--"):
            name = part.removeprefix("models--").replace("--", "/")
            break
    last_parts = "/".join(name.rstrip("/").split("/")[-2:])
    for pattern, family in FAMILIES.items():
        if re.search(pattern, last_parts, re.IGNORECASE):
            return family
    # Every model with PhoBERT's tokenizer needs what PhoBERT needs, whatever it is called.
    return _PHOBERT if "phobert" in tokenizer.lower() else UNKNOWN
