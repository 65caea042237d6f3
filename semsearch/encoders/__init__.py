"""Texts to unit vectors: the bundled encoder, or any sentence-transformers model.

    load_encoder()                                    the bundled one: tokenizers and numpy, no download
    load_encoder("models/my-model")                   a folder
    load_encoder("intfloat/multilingual-e5-base")     a name on the model hub, downloaded once

An encoder has separate verbs for queries and passages, because models are prompted differently for the
two; each encoder knows its prompts and its word segmentation (``describe()``). Texts are expected as
``text.clean`` leaves them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EncoderUnavailable, UsageError
from .families import FAMILIES, Family, family_of
from .static import StaticEncoder, is_static
from .tokenizer import Tokenizer, TokenizerSpec, load_tokenizer

if TYPE_CHECKING:
    from .. import protocols
    from .transformer import TransformerEncoder

__all__ = [
    "BUNDLED",
    "Family",
    "StaticEncoder",
    "Tokenizer",
    "TokenizerSpec",
    "family_of",
    "known",
    "load_encoder",
    "load_tokenizer",
]

BUNDLED = Path(__file__).parent.parent / "model"
"""The folder of the bundled encoder."""


def load_encoder(
    name: str = "bundled",
    *,
    threads: int | None = None,
    device: str | None = None,
    trust_remote_code: bool = False,
) -> StaticEncoder | TransformerEncoder:
    """The encoder called ``bundled``, or a model by the path of its folder or by its name on the hub.

    A folder of token vectors (sentence-transformers' ``StaticEmbedding``) needs neither torch nor
    sentence-transformers. Everything else does, and may take ``device`` (torch's) and
    ``trust_remote_code`` (for models that bring Python code of their own). ``threads``: how many to use;
    None leaves it to the libraries.

    Raises ``EncoderUnavailable`` with what was tried and what to do, ``UsageError`` for an empty name or
    threads below 1.
    """
    if not name.strip():
        raise UsageError('The name of the encoder is empty; give "bundled", a folder, or a name on the hub.')
    if threads is not None and threads < 1:
        raise UsageError(f"`threads` must be at least 1 (got {threads}).")
    if name == "bundled":
        if not (BUNDLED / "modules.json").exists():
            raise EncoderUnavailable(
                f"The bundled encoder is missing from {BUNDLED}: install semsearch again, or name another encoder."
            )
        return StaticEncoder(BUNDLED, name="bundled", threads=threads)
    folder = Path(name).expanduser()
    if folder.is_dir() and is_static(folder):
        return StaticEncoder(folder, threads=threads)
    from .transformer import load_transformer

    return load_transformer(name, threads=threads, device=device, trust_remote_code=trust_remote_code)


def known() -> tuple[Family, ...]:
    """What can encode: the bundled encoder first, then the families of published models that need care.

    Any other sentence-transformers model works too, as its own files say.
    """
    bundled = Family("bundled", ("bundled",), note="comes with semsearch; needs no download and no torch")
    return (bundled, *FAMILIES.values())


if TYPE_CHECKING:

    def _hold(static: StaticEncoder, transformer: TransformerEncoder) -> tuple[protocols.Encoder, protocols.Encoder]:
        """Both are encoders; mypy says so here."""
        return static, transformer

    def _holds_more(
        static: StaticEncoder,
    ) -> tuple[protocols.LateInteraction, protocols.Pretokenized, protocols.HasCard]:
        return static, static, static
