"""Encoders: texts to vectors of unit length.

    load_encoder()                                    the bundled one, which needs no download
    load_encoder("models/my-model")                   a folder
    load_encoder("intfloat/multilingual-e5-base")     a name on the model hub, downloaded once

Queries and passages are encoded by methods of their own, because models use different prompts for them. Texts are
expected as ``text.clean`` returns them.
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
    """Load the bundled encoder, or a model by the path of its folder or by its name on the hub.

    A folder of token vectors (sentence-transformers' ``StaticEmbedding``) needs neither torch nor
    sentence-transformers; any other model needs both.

    Args:
        name: "bundled", the path of a folder, or a name on the hub.
        threads: How many threads to use; None leaves it to the libraries.
        device: Torch's device ("cpu", "cuda"); None takes an accelerator if there is one.
        trust_remote_code: Whether a model may run Python code of its own.

    Raises:
        EncoderUnavailable: It cannot be loaded; the message says what was tried and what to do.
        UsageError: The name is empty, or ``threads`` is below 1.
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
    """Return the bundled encoder and the families of published models that need special treatment.

    Any other sentence-transformers model works too, as its own files say.
    """
    bundled = Family("bundled", ("bundled",), note="comes with semsearch; needs neither a download nor torch")
    return (bundled, *FAMILIES.values())


if TYPE_CHECKING:

    def _hold(static: StaticEncoder, transformer: TransformerEncoder) -> tuple[protocols.Encoder, protocols.Encoder]:
        """Let mypy check that the classes satisfy the protocols."""
        return static, transformer

    def _holds_more(
        static: StaticEncoder,
    ) -> tuple[protocols.LateInteraction, protocols.Pretokenized, protocols.HasCard]:
        return static, static, static
