"""Readers with third-party models: quotes, their places in the original text, and models that are refused."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import cli_case
import numpy as np
import pytest
from factories import HashEncoder, hit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semsearch import hub
from semsearch.errors import ReaderUnavailable, UsageError
from semsearch.index import Index
from semsearch.reader.bundled import MIN_CONFIDENCE, BundledReader
from semsearch.reader.loading import load_reader
from semsearch.reader.windows import Window, aligned
from semsearch.text import as_query, clean, tokenize
from semsearch.types import Hit, Span

pytest.importorskip("transformers")
pytest.importorskip("torch")
pytest.importorskip("pyvi")

import tiny_readers

from semsearch.reader import transformer as extractive
from semsearch.reader.transformer import TransformerReader, probable

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("torch")]

QUESTION = "Cầu dài bao nhiêu?"
BRIDGE = "Người dân qua sông. Cầu Bản Lầy dài 186 mét, rộng 9 m. Xe qua cầu."
NOTHING = "Người dân ở đâu. Đoàn qua sông, qua cầu."


def stopped(text: str, *, before: str = "", id: int = 1, outside: Sequence[str] = ()) -> Hit:
    """Return a hit whose sentences end at ". ", without those that hold one of the words ``outside``."""
    sentences: list[Span] = []
    start = len(before)
    for part in text.split(". "):
        end = min(start + len(part) + 1, len(before) + len(text))
        if not any(words in part for words in outside):
            sentences.append(Span(start, end))
        start = end + 1
    return hit(id, text, before=before, sentences=sentences)


def windows(reader: TransformerReader, question: str, text: str) -> list[Window]:
    return reader._windows.windows(question, text)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readers")
    for build in (tiny_readers.bert, tiny_readers.xlmr, tiny_readers.phobert):
        build(folder / build.__name__)
    tiny_readers.bert(folder / "bert-random", by_hand=False)
    tiny_readers.phobert(folder / "phobert-random", by_hand=False)
    return folder


@pytest.fixture(scope="module")
def readers(models: Path) -> dict[str, TransformerReader]:
    return {path.name: TransformerReader(str(path), device="cpu") for path in models.iterdir()}


@pytest.fixture(params=["bert", "xlmr", "phobert"])
def reader(request: pytest.FixtureRequest, readers: dict[str, TransformerReader]) -> TransformerReader:
    return readers[request.param]


# What is quoted --------------------------------------------------------------------------------


def test_the_span_its_sentence_and_its_place(reader: TransformerReader) -> None:
    found = stopped(BRIDGE, before="Tin mới.\n\n")
    answer = reader.read(as_query(QUESTION), [found])
    assert answer.found and answer.text == "186 mét" and answer.citation == found and answer.hits == (found,)
    assert answer.span and answer.sentence
    assert answer.span.of(found.article.text) == "186 mét" and answer.span.start == len("Tin mới.\n\n") + 36
    assert answer.sentence.of(found.article.text) == "Cầu Bản Lầy dài 186 mét, rộng 9 m."
    assert answer.confidence > 0.9
    assert [mark.of(found.article.text) for mark in answer.marks] == ["Cầu", "dài 186 mét", "9 m"]


def test_nothing_where_the_model_says_so(reader: TransformerReader) -> None:
    answer = reader.read(as_query(QUESTION), [stopped(NOTHING), stopped(NOTHING, id=2)])
    assert not answer.found and answer.text == "" and answer.citation is None
    assert 0 < answer.confidence < 0.5 and len(answer.hits) == 2


def test_the_threshold_decides(models: Path) -> None:
    eager = TransformerReader(str(models / "bert"), min_confidence=0.0)
    assert eager.read(as_query(QUESTION), [stopped(NOTHING)]).found
    certain = TransformerReader(str(models / "bert"), min_confidence=1.0)
    answer = certain.read(as_query(QUESTION), [stopped(BRIDGE)])
    assert not answer.found and 0.9 < answer.confidence < 1.0


def test_no_hits_and_no_question(reader: TransformerReader) -> None:
    assert not reader.read(as_query(QUESTION), []).found
    assert not reader.read(as_query(""), [stopped(BRIDGE)]).found
    assert not reader.read(as_query("   "), [stopped(BRIDGE)]).found


def test_the_passage_that_answers_is_cited_wherever_it_ranks(reader: TransformerReader) -> None:
    found = [stopped(NOTHING, id=1), stopped(NOTHING, id=2), stopped(BRIDGE, id=3)]
    answer = reader.read(as_query(QUESTION), found)
    assert answer.citation == found[2] and answer.text == "186 mét"


def test_a_cut_word_is_quoted_whole(readers: dict[str, TransformerReader]) -> None:
    # "186kg" becomes the pieces 186, ##k, ##g, and the model marks the first alone.
    [first, *_] = readers["bert"].candidates(QUESTION, [stopped("Xe dài (186kg) mét")])
    assert first.text == "186kg) mét"
    [first, *_] = readers["bert"].candidates(QUESTION, [stopped("Xe 186kg")])
    assert first.text == "186kg"


def test_what_is_quoted_stands_in_sentences(readers: dict[str, TransformerReader]) -> None:
    text = "Cầu dài 186. Mét là gì. Xe qua."
    [first, *_] = readers["bert"].candidates(QUESTION, [stopped(text)])
    assert first.text == "186. Mét" and first.sentence.of(text) == "Cầu dài 186. Mét là gì."
    # A part outside of the passage's sentences is never in a quote.
    assert all(
        "mét" not in q.text.lower() for q in readers["bert"].candidates(QUESTION, [stopped(text, outside=["Mét"])])
    )
    text = "Cầu dài 186. Ảnh lầy. Mét qua."
    assert all("Ảnh" not in q.text for q in readers["bert"].candidates(QUESTION, [stopped(text, outside=["Ảnh"])]))


def test_the_full_stop_of_a_sentence_is_no_part_of_the_answer() -> None:
    found = stopped("Cầu dài 186 mét. Hết.")
    span = Span(8, 16)
    assert span.of(found.article.text) == "186 mét."
    quote = extractive._quote(extractive.understand(QUESTION, extractive.Idf({}, 1.0)), found, span, 0.5)
    assert quote and quote.text == "186 mét"


def test_two_answers_of_one_passage(readers: dict[str, TransformerReader]) -> None:
    text = "Cầu dài 186 mét" + " và cầu" * 25 + " dài 186 mét."  # too far apart for one answer
    found = [q for q in readers["xlmr"].candidates(QUESTION, [stopped(text)]) if q.confidence > 0.1]
    assert [q.text for q in found] == ["186 mét", "186 mét"]
    assert not found[0].span.overlaps(found[1].span) and sum(q.confidence for q in found) <= 1.0


def test_a_passage_is_read_alone_or_among_others_the_same(reader: TransformerReader) -> None:
    passages = [stopped(BRIDGE, id=1), stopped(NOTHING, id=2), stopped("186 mét " * 90, id=3), stopped("Cầu.", id=4)]
    together = {(q.citation.passage.id, q.span): q.confidence for q in reader.candidates(QUESTION, passages * 3)}
    alone = {(q.citation.passage.id, q.span): q.confidence for p in passages for q in reader.candidates(QUESTION, [p])}
    assert together.keys() == alone.keys()
    assert together == pytest.approx(alone, abs=1e-5)


def test_signs_alone_are_no_answer() -> None:
    found = stopped("Cầu (…) dài.")
    analysed = extractive.understand(QUESTION, extractive.Idf({}, 1.0))
    assert extractive._quote(analysed, found, Span(4, 7), 0.5) is None
    assert extractive._quote(analysed, found, Span(0, 7), 0.5)


@given(
    name=st.sampled_from(["bert-random", "phobert-random", "xlmr"]),
    question=st.text(max_size=30) | st.just(QUESTION),
    parts=st.lists(
        st.sampled_from(
            ["Lạng Sơn", "186 mét", "cầu dài", ". ", "\n", ", ", "11,5", "(", "_", "@@", "[SEP]", "</s>", "🙂"]
        )
        | st.text(max_size=12),
        max_size=40,
    ),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_quote_stands_where_it_says(
    readers: dict[str, TransformerReader], name: str, question: str, parts: list[str]
) -> None:
    found = stopped(clean(" ".join(parts)), before="Trước. ")
    for quote in readers[name].candidates(clean(question), [found]):
        assert quote.text and quote.text == quote.span.of(found.article.text)
        assert found.passage.start <= quote.sentence.start <= quote.span.start
        assert quote.span.end <= quote.sentence.end <= found.passage.end
        assert quote.text == quote.text.strip() and 0.0 <= quote.confidence <= 1.0
        # It begins and ends at word boundaries.
        for word in tokenize(found.passage.text):
            place = Span(word.start + found.passage.start, word.end + found.passage.start)
            assert not place.start < quote.span.start < place.end and not place.start < quote.span.end < place.end
        for mark in quote.marks:
            assert quote.sentence.start <= mark.start < mark.end <= quote.sentence.end


# Confidence ------------------------------------------------------------------------------------


def test_probabilities_are_a_softmax_over_spans_and_none(readers: dict[str, TransformerReader]) -> None:
    """Compare with the model called directly and a search over every span of the text."""
    import torch

    reader = readers["bert-random"]
    text = "Cầu dài 186 mét."
    encoded = reader._windows._tokenizer(QUESTION, text, return_tensors="pt", return_offsets_mapping=True)
    offsets, sides = encoded.pop("offset_mapping")[0].tolist(), encoded.sequence_ids(0)
    with torch.inference_mode():
        out = reader._model(**encoded)
    start, end = out.start_logits[0].double().tolist(), out.end_logits[0].double().tolist()
    inside = [i for i, side in enumerate(sides) if side == 1]
    scores = {
        Span(offsets[i][0], offsets[j][1]): start[i] + end[j] for i in inside for j in inside if i <= j
    }  # fmt: skip
    assert len(scores) == 15
    total = sum(math.exp(score) for score in scores.values()) + math.exp(start[0] + end[0])
    [window] = windows(reader, QUESTION, text)
    found = probable([(window, *reader._logits([window])[0])])
    assert dict(found) == pytest.approx({span: math.exp(score) / total for span, score in scores.items()}, rel=1e-4)
    assert [chance for _, chance in found] == sorted((chance for _, chance in found), reverse=True)


def _window(*places: Span | None) -> Window:
    return Window(tuple(range(len(places))), (0,) * len(places), places, 0)


def test_probabilities_by_hand() -> None:
    window = _window(None, Span(0, 2), Span(3, 5))
    found = probable([(window, np.array([0.0, math.log(2), 0.0]), np.array([0.0, 0.0, math.log(3)]))])
    # none 1; "0-2" 2; "0-5" 2 x 3; "3-5" 3: of 12
    assert dict(found) == pytest.approx({Span(0, 5): 6 / 12, Span(3, 5): 3 / 12, Span(0, 2): 2 / 12})
    # A second window with the same span and a lower "no answer": the better score of each counts.
    second = (_window(None, Span(3, 5)), np.array([-math.log(2), 1.0]), np.array([0.0, math.log(6) - 1.0]))
    found = probable([(window, np.array([0.0, math.log(2), 0.0]), np.array([0.0, 0.0, math.log(3)])), second])
    assert dict(found) == pytest.approx({Span(0, 5): 6 / 14.5, Span(3, 5): 6 / 14.5, Span(0, 2): 2 / 14.5})
    assert probable([]) == [] and probable([(_window(None), np.array([1.0]), np.array([1.0]))]) == []


def test_scores_of_any_size() -> None:
    window = _window(None, Span(0, 2))
    for null, score in ((-1e4, 1e4), (1e4, -1e4), (3e4, 3e4)):
        [(_, chance)] = probable([(window, np.array([null, score]), np.array([null, score]))])
        assert chance == pytest.approx({True: 1.0, False: 0.0}[score > null] if score != null else 0.5)


def test_an_answer_has_a_longest_length_and_never_ends_before_it_starts() -> None:
    count = 100
    window = _window(None, *(Span(i, i + 1) for i in range(count)))
    start, end = np.full(count + 1, -9.0), np.full(count + 1, -9.0)
    start[[1, 60]], end[[50, 100]] = 9.0, 9.0
    spans = dict(probable([(window, start, end)]))
    assert spans[Span(0, 50)] == pytest.approx(0.5, abs=1e-6) and spans[Span(59, 100)] == pytest.approx(0.5, abs=1e-6)
    assert all(0 < span.end - span.start <= extractive._MAX_ANSWER_TOKENS for span in spans)


def test_other_cuts_of_the_same_answer_add_to_it() -> None:
    found = stopped("Cầu dài 186 mét và rộng 9 mét.")
    chances = [(Span(8, 15), 0.4), (Span(8, 11), 0.2), (Span(4, 15), 0.1), (Span(24, 29), 0.15)]
    assert dict(extractive._apart(found, chances)) == pytest.approx({Span(8, 15): 0.7, Span(24, 29): 0.15})


# Long texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "limit"), [("bert", 64), ("xlmr", 64), ("phobert", 256)])
def test_a_long_passage_goes_in_by_windows(readers: dict[str, TransformerReader], name: str, limit: int) -> None:
    reader = readers[name]
    text = "cầu xe và " * 300 + "dài 186 mét."
    found = windows(reader, QUESTION, text)
    assert len(found) > 3 and all(len(w.ids) == len(w.types) == len(w.places) <= limit for w in found)
    places = [[place for place in w.places if place] for w in found]
    assert all(a.start < b.start for window_places in places for a, b in pairwise(window_places))
    # Nothing is left out, and neighbouring windows overlap.
    covered = {at for window_places in places for place in window_places for at in range(place.start, place.end)}
    assert covered == {at for at, c in enumerate(text) if not c.isspace()}
    shared = [sum(place in window_places for place in following) for window_places, following in pairwise(places)]
    assert min(shared) >= 15
    answer = reader.read(as_query(QUESTION), [stopped(text)])
    assert answer.text == "186 mét" and answer.span == Span(len(text) - 8, len(text) - 1)


def test_a_text_as_long_as_a_window_is_one(readers: dict[str, TransformerReader]) -> None:
    room = 64 - 3 - len(["cầu", "dài", "bao", "nhiêu", "?"])
    for name, left in (("bert", room), ("xlmr", room - 1)):
        assert len(windows(readers[name], QUESTION, " ".join(["cầu"] * left))) == 1
        assert len(windows(readers[name], QUESTION, " ".join(["cầu"] * (left + 1)))) == 2
    room = 256 - 4 - len(readers["phobert"]._windows._pieces(readers["phobert"]._windows._segmented(QUESTION)[0]))
    assert len(windows(readers["phobert"], QUESTION, " ".join(["186"] * room))) == 1
    assert len(windows(readers["phobert"], QUESTION, " ".join(["186"] * (room + 1)))) == 2


def test_a_question_longer_than_a_window_is_cut(reader: TransformerReader) -> None:
    answer = reader.read(as_query("cầu " * 500), [stopped(BRIDGE)])
    assert answer.text == "186 mét"


# Words and their places ------------------------------------------------------------------------


def test_phobert_reads_segmented_words_and_quotes_the_raw_text(readers: dict[str, TransformerReader]) -> None:
    reader = readers["phobert"]
    text = 'Hôm qua,đoàn đến "Lạng  Sơn"(186 km).'
    [window] = windows(reader, "Ở đâu?", text)
    vocabulary = reader._windows._tokenizer.get_vocab()
    assert [window.places[window.ids.index(vocabulary[w])] for w in ("đoàn", "đến", "Lạng_Sơn", "186")] == [
        Span(8, 12), Span(13, 16), Span(18, 27), Span(29, 32),
    ]  # fmt: skip
    answer = reader.read(as_query("Đoàn đến đâu?"), [stopped(text.replace("186", "12"))])
    assert answer.text == "Lạng  Sơn" and answer.span == Span(18, 27)


def test_pieces_of_words_have_places_of_their_own(readers: dict[str, TransformerReader]) -> None:
    text = "Bộ đội giúp"
    [window] = windows(readers["phobert"], "Ai?", text)
    places = [place for place in window.places if place]
    assert [place.of(text) for place in places] == [c for c in text if c != " "]


def test_a_tokenizer_that_changes_letters_gives_the_whole_word() -> None:
    from semsearch.reader.windows import _spelled

    assert _spelled(["Lạ@@", "ng_@@", "Sơn"], "Lạng_Sơn", 5) == [Span(5, 7), Span(7, 10), Span(10, 13)]
    assert _spelled(["▁Lạng", "▁Sơn"], "LạngSơn", 0) == [Span(0, 4), Span(4, 7)]
    assert _spelled(["lang", "son"], "LạngSơn", 2) == [Span(2, 9)] * 2


@pytest.mark.parametrize(
    ("text", "segmented", "places"),
    [
        ("Hà Nội.", "Hà_Nội .", [0, 1, -1, 3, 4, 5, -1, 6]),
        ("a_b c", "a_b c", [0, 1, 2, 3, 4]),
        ("a\n b", "a \n b", [0, -1, 1, 2, 3]),
        ("", "", []),
        ("a b ", "a_b", [0, -1, 2]),
        ("ab", "ac", None),
        ("ab", "a", None),
        ("a", "ab", None),
    ],
)
def test_aligned(text: str, segmented: str, places: list[int] | None) -> None:
    assert aligned(text, segmented) == places


@given(
    st.lists(
        st.sampled_from("Hà Nội|thành phố|186|11,5|27/8/2018|TP.|a_b|__|\n|(|🙂|e\u0301|x@y.vn".split("|"))
        | st.text(max_size=9)
    )
)
@settings(max_examples=60, deadline=None)
def test_segmented_text_is_found_again_in_the_raw(parts: list[str]) -> None:
    from pyvi import ViTokenizer

    text = clean(" ".join(parts))
    segmented = ViTokenizer.tokenize(text)
    places = aligned(text, segmented)
    if places is None:  # a lone underscore beside a space can be read in two ways; then the raw text is used
        assert "_" in text
        return
    assert all(at == -1 or text[at] == c for at, c in zip(places, segmented, strict=True))
    known = [at for at in places if at >= 0]
    assert known == sorted(set(known)) and {i for i, c in enumerate(text) if not c.isspace()} <= set(known)


def test_where_segmentation_cannot_be_followed_the_raw_text_is_read(readers: dict[str, TransformerReader]) -> None:
    from semsearch.reader.windows import WindowBuilder

    builder = WindowBuilder(readers["phobert"]._windows._tokenizer, 64, lambda text: text.upper())
    [window] = builder.windows("đâu", "đoàn đến Lạng_Sơn")
    assert [p for p in window.places if p] == [Span(0, 4), Span(5, 8), Span(9, 17)]


# Loading ---------------------------------------------------------------------------------------


def refused(name: str, **options: Any) -> str:
    with pytest.raises(ReaderUnavailable) as caught:
        TransformerReader(name, **options)
    message = str(caught.value)
    assert "\n" not in message and "bundled reader" in message and message.endswith(".")
    assert caught.value.exit_code == 5
    return message


@pytest.mark.parametrize("head", ["BertModel", "BertForTokenClassification", "BertForMaskedLM"])
def test_a_model_without_a_head_for_answers_is_refused(head: str, tmp_path: Path) -> None:
    message = refused(str(tiny_readers.bert(tmp_path / "m", by_hand=False, head=head)))
    assert "is not trained to answer questions (it has no weights for qa_outputs.bias)" in message


def test_a_model_that_cannot_have_such_a_head_is_refused(models: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(models / "bert", tmp_path / "m")
    (folder / "config.json").write_text(json.dumps({"model_type": "vit"}))
    assert "is not trained to answer questions (it is a vit model)" in refused(str(folder))


def test_names_that_cannot_be(tmp_path: Path) -> None:
    assert "no config.json" in refused(str(tmp_path))
    assert 'There is no folder "./nowhere"' in refused("./nowhere")
    file = tmp_path / "model.bin"
    file.write_bytes(b"x")
    assert "is a file" in refused(str(file))


def test_damaged_models(models: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(models / "bert", tmp_path / "m")
    (folder / "model.safetensors").write_bytes(b"\x00" * 100)
    assert "cannot be loaded" in refused(str(folder))
    (folder / "model.safetensors").unlink()
    assert "cannot be loaded" in refused(str(folder))
    (folder / "config.json").write_text("{")
    assert "cannot be loaded" in refused(str(folder))


def test_code_of_its_own_is_not_run(models: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(models / "bert", tmp_path / "m")
    config = {"model_type": "new", "auto_map": {"AutoConfig": "configuration.C"}}
    (folder / "config.json").write_text(json.dumps(config))
    assert "runs Python code of its own" in refused(str(folder))


def test_without_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    constants = pytest.importorskip("huggingface_hub").constants
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # the discard port: nobody listens
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    message = refused("org/no-such-reader")
    assert "not a local folder, not in the cache, and the hub is unreachable" in message


def test_a_model_downloaded_before_needs_no_hub(
    models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    constants = pytest.importorskip("huggingface_hub").constants
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--org--reader"
    shutil.copytree(models / "bert", repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert TransformerReader("org/reader").read(as_query(QUESTION), [stopped(BRIDGE)]).text == "186 mét"
    assert capfd.readouterr() == ("", "")


def test_packages_that_are_not_installed(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(hub, "find_spec", lambda package: None if package == "torch" else object())
        message = refused("org/reader")
        assert "needs torch, which is not installed" in message and 'pip install "semsearch[models]"' in message
        patch.setattr(hub, "find_spec", lambda package: None)
        error = extractive._LOADER.unloadable(
            "org/reader", ValueError("`tiktoken` is required to read a `tiktoken` file.")
        )
        assert "needs sentencepiece, which is not installed" in str(error)
    monkeypatch.setitem(sys.modules, "pyvi", None)
    assert "needs pyvi" in refused(str(models / "phobert"))


def test_load_reader(models: Path) -> None:
    bundled = load_reader()
    assert isinstance(bundled, BundledReader) and bundled.min_confidence == MIN_CONFIDENCE
    strict = load_reader(min_confidence=0.9)
    assert isinstance(strict, BundledReader) and strict.min_confidence == 0.9
    loaded = load_reader(str(models / "bert"))
    assert isinstance(loaded, TransformerReader) and loaded.min_confidence == extractive.MIN_CONFIDENCE == 0.5
    other = load_reader(str(models / "bert"), min_confidence=0.2)
    assert isinstance(other, TransformerReader) and other.min_confidence == 0.2


@pytest.mark.parametrize("name", ["bundled", "model"])
@pytest.mark.parametrize("least", [-0.1, 1.1, math.nan])
def test_a_confidence_lies_between_0_and_1(name: str, least: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        load_reader(name, min_confidence=least)


def test_wrong_calls() -> None:
    with pytest.raises(UsageError, match="empty"):
        load_reader(" ")
    with pytest.raises(UsageError, match="threads"):
        load_reader("model", threads=0)


def test_the_page_names_the_thresholds() -> None:
    page = (Path(__file__).parents[1] / "docs" / "readers.md").read_text(encoding="utf-8")
    thresholds = {
        row.split("|")[1].strip(): row.split("|")[-2].strip() for row in page.splitlines() if row.startswith("| ")
    }
    assert float(thresholds["bundled"]) == MIN_CONFIDENCE
    assert float(thresholds["`--reader NAME`"]) == extractive.MIN_CONFIDENCE


# Doors -----------------------------------------------------------------------------------------

ARTICLE = "Cầu Bản Lầy\n\nNgười dân qua sông Nậm Pha. Cầu Bản Lầy dài 186 mét, rộng 9 m. Xe qua cầu.\n"


def test_an_index_asks_the_reader_it_is_given(readers: dict[str, TransformerReader], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(ARTICLE, encoding="utf-8")
    with Index.create(tmp_path / "index", HashEncoder()) as index:
        index.sync([tmp_path / "a.txt"])
        answer = index.ask("Cầu Bản Lầy dài bao nhiêu?", reader=readers["phobert"])
    assert answer.text == "186 mét" and answer.citation and answer.hits[0] == answer.citation


def test_the_command_line(models: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(ARTICLE, encoding="utf-8")
    path = tmp_path / "index"
    assert cli_case.run("index", tmp_path / "a.txt", index=path).exit_code == 0
    command = ["ask", "Cầu Bản Lầy dài bao nhiêu?"]
    output = cli_case.run_json(*command, "--reader", models / "bert", index=path)
    assert output["found"] and output["answer"]["text"] == "186 mét"
    output = cli_case.run_json(*command, "--reader", models / "bert", "--min-confidence", "1", index=path)
    assert not output["found"] and output["confidence"] > 0.5
    assert cli_case.run(*command, "--min-confidence", "1", index=path).exit_code == 1
    assert cli_case.run(*command, "--min-confidence", "0", index=path).exit_code == 0
    assert cli_case.run(*command, "--min-confidence", "2", index=path).exit_code == 2
    refusal = cli_case.run_json(*command, "--reader", "./nowhere", index=path)
    assert refusal["error"]["code"] == "reader-unavailable"
    assert cli_case.run(*command, "--reader", "./nowhere", index=path).exit_code == 5


def test_eval_measures_the_reader(models: Path, tmp_path: Path) -> None:
    rows = {
        "corpus.jsonl": [{"_id": "d1", "title": "", "text": ARTICLE}, {"_id": "d2", "title": "", "text": NOTHING}],
        "queries.jsonl": [{"_id": "q1", "text": "Cầu Bản Lầy dài bao nhiêu?"}],
        "answers.jsonl": [{"_id": "q1", "answers": [{"text": "186 mét", "start": ARTICLE.index("186")}]}],
    }
    for name, items in rows.items():
        (tmp_path / name).write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    result = cli_case.run("eval", tmp_path, "--reader", models / "phobert", "--json")
    figures = json.loads(result.stdout)
    assert (figures["exact"], figures["sentence@1"], figures["wrongly_refused"]) == (1.0, 1.0, 0.0)
    result = cli_case.run("eval", tmp_path, "--reader", models / "phobert", "--min-confidence", "1", "--json")
    assert json.loads(result.stdout)["wrongly_refused"] == 1.0
    assert cli_case.run("eval", tmp_path, "--reader", "./nowhere").exit_code == 5
