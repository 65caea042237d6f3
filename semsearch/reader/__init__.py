"""Readers: answer a question from the hits that search found, by quoting one or more of them.

- ``BundledReader`` comes with semsearch and needs nothing more.
- ``TransformerReader`` runs a question-answering model of the transformers library.
- ``llm.LLMReader`` asks the server of a language model, and verifies what it cites.
"""

from .loading import load_reader

__all__ = ["load_reader"]
