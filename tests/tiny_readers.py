"""Small question-answering models whose weights are set by hand: certain words begin an answer, certain words end it.

Attention and feed-forward layers are zero, so a token's scores depend on the token alone: those of STARTS and ENDS are
high, the first token's ("no answer") lie between theirs and all others'. Each builder takes a folder and fills it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

STARTS, ENDS = ("186", "Lạng_Sơn", "lạng"), ("mét", "Lạng_Sơn", "sơn")
WORDS = """
    cầu bản lầy dài rộng mét gồm năm nhịp xe qua sông người dân và là ở đâu bao nhiêu ai đoàn đến lạng sơn hôm
    . , ? ( ) 186 9 m the
""".split()
LETTERS = sorted(set("".join(WORDS)) | set("abcdeghiklmnopqrstuvxyđ0123456789"))


def _by_hand(model: Any, ids: dict[str, int], null: int, *, strength: float = 3.0) -> Any:
    """Set the weights so that the words of STARTS and ENDS, as far as ``ids`` has them, mark the answer."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(1.0 if "LayerNorm.weight" in name else 0.0)
        words = next(p for name, p in model.named_parameters() if name.endswith("word_embeddings.weight"))
        words[:, 0] = 1.0  # nothing in particular
        for token, kind in [
            (null, 3),
            *((ids[w], 1) for w in STARTS if w in ids),
            *((ids[w], 2) for w in ENDS if w in ids),
        ]:
            words[token, 0] = 0.0
            words[token, kind] = 1.0  # a word that both starts and ends has both
        model.qa_outputs.weight[0, 1] = model.qa_outputs.weight[1, 2] = strength
        model.qa_outputs.weight[:, 3] = strength / 3
    return model


def _sizes(vocabulary: int, positions: int) -> dict[str, int]:
    return {
        "vocab_size": vocabulary, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1,
        "intermediate_size": 4, "max_position_embeddings": positions,
    }  # fmt: skip


def bert(folder: Path, *, positions: int = 64, by_hand: bool = True, head: str = "BertForQuestionAnswering") -> Path:
    """Words and letters, at most 64 tokens. With ``by_hand`` False its weights are random."""
    import torch
    import transformers as hf

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    pieces = list(dict.fromkeys([*special, *WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS)]))
    ids = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=inputs, **names).save_pretrained(folder)
    torch.manual_seed(0)
    model = getattr(hf, head)(hf.BertConfig(**_sizes(len(pieces), positions), initializer_range=1.0))
    (_by_hand(model, ids, 2) if by_hand else model).save_pretrained(folder)
    return folder


def xlmr(folder: Path) -> Path:
    """Tokens with the space before them, like those of SentencePiece; at most 64 tokens (66 positions)."""
    import transformers as hf

    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *(f"▁{word}" for word in WORDS), *LETTERS, ".", ","]
    pieces = list(dict.fromkeys(pieces))
    tokenizer = Tokenizer(models.Unigram([(p, -2.0 - (len(p) < 3) * 4) for p in pieces], unk_id=3))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>"}
    # For every window but the first it gives types that the model does not have.
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=inputs, **names).save_pretrained(folder)
    config = hf.XLMRobertaConfig(
        **_sizes(len(pieces), 66), type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2
    )
    ids = {piece.removeprefix("▁"): i for i, piece in enumerate(pieces)}
    _by_hand(hf.XLMRobertaForQuestionAnswering(config), ids, 0).save_pretrained(folder)
    return folder


def phobert(folder: Path, *, by_hand: bool = True) -> Path:
    """PhoBERT's own tokenizer: the words below are whole, all others letters; 258 positions, so 256 tokens."""
    import torch
    import transformers as hf

    whole = ["Lạng_Sơn", "186", "mét", "đoàn", "đến", "cầu"]
    letters = sorted({*LETTERS, *"".join(WORDS), "_"})
    folder.mkdir(parents=True)
    parts = {word[: i + 1] for word in whole for i in range(len(word))}
    vocabulary = dict.fromkeys([*whole, *letters, *(f"{part}@@" for part in {*letters, *parts})])
    (folder / "vocab.txt").write_text("".join(f"{piece} 1\n" for piece in vocabulary), encoding="utf-8")
    merges = [
        f"{word[:i]} {word[i]}{'</w>' if i == len(word) - 1 else ''} 1" for word in whole for i in range(1, len(word))
    ]
    (folder / "bpe.codes").write_text("".join(f"{merge}\n" for merge in merges), encoding="utf-8")
    tokenizer = hf.PhobertTokenizer(str(folder / "vocab.txt"), str(folder / "bpe.codes"))
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = hf.RobertaConfig(
        **_sizes(len(tokenizer), 258), type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        initializer_range=1.0,
    )  # fmt: skip
    model = hf.RobertaForQuestionAnswering(config)
    (_by_hand(model, tokenizer.get_vocab(), 0) if by_hand else model).save_pretrained(folder)
    return folder
