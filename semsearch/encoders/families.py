"""What is known of published models and is not written in their own files.

Most models say all that is needed themselves: prompts in ``config_sentence_transformers.json``, the
maximum length in ``sentence_bert_config.json``. This table is for those which only say it in their
README: prefixes, word segmentation, code that has to be trusted. What a model declares goes first.
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
    """How models of one kind want their texts.

    ``query_prompt`` and ``passage_prompt`` are put before each text, exactly as they stand.
    ``segmentation`` is ``pyvi`` where Vietnamese syllables of one word must be joined with ``_`` first.
    ``max_length`` is in the model's own tokens, to be told here: the model's files decide it.
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
    note="reads words, not syllables; known by its tokenizer too, whatever the model's name",
)

# By a regular expression that is searched in the model's name, without regard to case. The first that is
# found wins, so the narrow ones stand before the wide ones.
FAMILIES: dict[str, Family] = {
    r"halong_embedding": Family(
        "halong",
        ("hiieu/halong_embedding",),
        max_length=512,
        note="made from multilingual-e5-base, but its card shows no prefixes",
    ),
    r"e5-(large-instruct|mistral-7b-instruct)": Family(
        "e5-instruct",
        ("intfloat/multilingual-e5-large-instruct",),
        query_prompt=_WEB_SEARCH + " ",
        max_length=512,
        note="the instruction stands before queries only",
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
        note="the dense vectors only",
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
UNKNOWN = Family("unknown", (), note="used plainly: no prompt but what the model declares, no segmentation")


def family_of(name: str, tokenizer: str = "") -> Family:
    """The family of a model by its name or path; by the class of its ``tokenizer`` where the name says nothing.

    >>> family_of("intfloat/multilingual-e5-base").query_prompt
    'query: '
    >>> family_of("my-own-model", tokenizer="PhobertTokenizer").segmentation
    'pyvi'
    """
    # In the hub's cache a model lies at .../models--org--name/snapshots/<commit>.
    short = next((p[8:].replace("--", "/") for p in name.split("/") if p.startswith("models--")), name)
    short = "/".join(short.rstrip("/").split("/")[-2:])
    found = (family for pattern, family in FAMILIES.items() if re.search(pattern, short, re.IGNORECASE))
    # Whatever it is called, a model with PhoBERT's tokenizer wants what PhoBERT wants.
    return next(found, _PHOBERT if "phobert" in tokenizer.lower() else UNKNOWN)
