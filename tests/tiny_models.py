"""Small models with random weights, in the formats of real ones; each takes a folder and fills it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

_SCRIPT = Path(__file__).parents[1] / "scripts" / "training" / "static_model.py"
WORDS = """
    khu vực phòng thủ tỉnh được đầu tư tỷ đồng mô hình tự quản khen bộ đội biên giúp dân quân và
    the how many people live in district ghế đá gỗ ngày a b c d e g h i k l m n o ô u v x y 1 2 3 5 7 8 , . /
""".split()
PIECES = ["<unk>", "▁", *sorted({f"▁{w}" for w in WORDS} | set("".join(WORDS))), "▁khu▁vực", "▁phòng▁thủ"]


def static_model_script() -> Any:
    spec = importlib.util.spec_from_file_location("static_model", _SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unigram() -> Tokenizer:
    """Tokens of one or several syllables, like those of the bundled encoder."""
    tokenizer = Tokenizer(models.Unigram([(piece, -float(len(piece) < 3) - 1) for piece in PIECES], unk_id=0))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    return tokenizer


def matrix(dim: int = 16, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((len(PIECES), dim))


def static(folder: Path, *, dim: int = 16, seed: int = 0, **options: Any) -> Path:
    written = static_model_script().write_static_model(folder, unigram(), matrix(dim, seed), **options)
    assert written == folder
    return folder


def bert(folder: Path, *, prompts: dict[str, str] | None = None, default: str | None = None, seed: int = 0) -> Path:
    """Two layers over words and letters, at most 64 tokens, mean pooling."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    letters = sorted(set("".join(WORDS)) | set("query:pasg"))
    pieces = list(dict.fromkeys([*special, *WORDS, *letters, *(f"##{letter}" for letter in letters)]))
    tokenizer = Tokenizer(models.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    plain = folder.with_name(folder.name + "-plain")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(plain)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=64, initializer_range=0.5,
    )  # fmt: skip
    BertModel(config).save_pretrained(plain)
    model = SentenceTransformer(modules=[Transformer(str(plain)), Pooling(24, "mean")], device="cpu")
    model.save_pretrained(str(folder), create_model_card=False)
    settings = folder / "config_sentence_transformers.json"
    content = json.loads(settings.read_text())
    settings.write_text(json.dumps({**content, "prompts": prompts or {}, "default_prompt_name": default}))
    return folder


def phobert(folder: Path) -> Path:
    """PhoBERT's tokenizer (letters here) and its 258 positions; a plain transformers folder."""
    import torch
    from transformers import PhobertTokenizer, RobertaConfig, RobertaModel

    folder.mkdir(parents=True)
    letters = sorted(set("".join(WORDS)) | set("_BĐS"))
    vocabulary = [*letters, *(f"{letter}@@" for letter in letters)]
    (folder / "vocab.txt").write_text("".join(f"{piece} 1\n" for piece in vocabulary), encoding="utf-8")
    (folder / "bpe.codes").write_text("", encoding="utf-8")
    tokenizer = PhobertTokenizer(str(folder / "vocab.txt"), str(folder / "bpe.codes"))
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=258, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        initializer_range=0.5,
    )  # fmt: skip
    RobertaModel(config).save_pretrained(folder)
    return folder
