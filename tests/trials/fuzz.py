"""Feeds hostile texts and files to the code: the outcome must be sound articles or an IngestError, in bounded time.

    python tests/trials/fuzz.py [--count 24000] [--seed 1] [--only NAME]

There are six kinds of input: any text for the functions of ``text``; any text for the sentence splitter and the
chunker; files of every format made of such text; Vietnamese in old encodings and in UTF-8, which must come back word
for word; the files of seeds/ changed in some places; and questions to an index (COUNT / 25 of them). All but the
changed files come from hypothesis, which reduces a failing input to its smallest form. The same seed gives the same
inputs. Exits with 1 if anything failed.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import json
import random
import re
import sys
import tempfile
import time
import traceback
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import zstandard
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from semsearch.encoders import load_encoder
from semsearch.errors import IngestError, SemsearchError
from semsearch.index import Index
from semsearch.indexing.prepare import prepare
from semsearch.ingest import ParsedRecord, read_file
from semsearch.ingest.encoding import from_tcvn3, from_vni
from semsearch.segmentation import MAX_PASSAGE_SENTENCES, MAX_SENTENCE, chunk, split_sentences
from semsearch.text import canonical, clean, detect_language, fold, has_accents, is_syllable, terms, tokenize
from semsearch.types import Span

SEEDS = Path(__file__).parents[2] / "seeds"
MAX_PROCESSOR_S = 5.0
"""Bound for one input of some kilobytes: work that grows with the square of the input would exceed it."""
HANG_S = 120
"""The process prints its stack and ends after so long."""

SUFFIXES = (
    ".txt",
    ".md",
    ".html",
    ".htm",
    ".pdf",
    ".docx",
    ".jsonl",
    ".jsonl.zst",
    ".ndjson",
    ".csv",
    ".tsv",
    "",
    ".x",
)


# What must hold ----------------------------------------------------------------------------------


def check_text(text: str) -> None:
    """Check all functions of ``text`` on any string."""
    cleaned = clean(text)
    cleaned.encode()
    assert clean(cleaned) == cleaned
    assert clean(unicodedata.normalize("NFD", text)) == cleaned
    lowered = canonical(cleaned)
    assert len(lowered) == len(cleaned) + cleaned.count("İ"), "İ alone is longer in lower case"
    assert canonical(lowered) == lowered
    folded = fold(cleaned)
    assert fold(folded) == folded
    if "Σ" not in cleaned:  # its lower case depends on what follows
        assert fold(lowered) == folded
    end = 0
    for span in tokenize(cleaned):
        assert end <= span.start < span.end <= len(cleaned)
        assert not any(c.isspace() for c in span.of(cleaned))
        end = span.end
    assert all(term and not any(c.isspace() for c in term) for term in terms(cleaned))
    assert detect_language(cleaned) in ("vi", "vi-plain", "en")
    has_accents(cleaned)
    is_syllable(cleaned)


def check_sentences(text: str, blocks: Sequence[Span], size: int = 100) -> None:
    """Check that sentences cover the blocks once and in order, and that passages hold all of them."""
    spans = []
    for block in blocks:
        end = block.start
        for span in split_sentences(text, block.start, block.end):
            assert not text[end : span.start].strip()
            assert block.start <= end <= span.start < span.end <= block.end
            assert span.of(text) == span.of(text).strip()
            assert span.end - span.start <= MAX_SENTENCE
            end = span.end
            spans.append(span)
        assert not text[end : block.end].strip()
    passages = chunk(text, spans, blocks, size)
    assert [span for passage in passages for span in passage] == spans
    for passage in passages:
        assert 1 <= len(passage) <= MAX_PASSAGE_SENTENCES
        inside = "".join(span.of(text) for span in passage)
        assert "".join(text[passage[0].start : passage[-1].end].split()) == "".join(inside.split())


def check_record(record: ParsedRecord) -> None:
    """Check an article as ingest returns it, and what is made of it before it is stored."""
    article = record.article
    assert article.text == clean(article.text)
    assert article.text.strip()
    end = 0
    for block in article.blocks:
        assert end <= block.start < block.end <= len(article.text)
        assert block.of(article.text) == block.of(article.text).strip()
        end = block.end
    for written in (article.text, article.title, article.author, article.url, *article.sources):
        written.encode()
        assert clean(written) == written
    assert "\n" not in article.title + article.author + article.url
    check_sentences(article.text, article.blocks)
    prepare(article)


def read(data: bytes, file: Path) -> list[ParsedRecord]:
    """Return the records of ``data`` in a file of this name, after checking them and every error."""
    errors: list[IngestError] = []
    file.write_bytes(data)
    records = []
    try:
        for record in read_file(file, errors.append):
            check_record(record)
            records.append(record)
    except IngestError as error:
        errors.append(error)
    for error in errors:
        check_error(error)
    below = re.sub(rb"""[\s\0"',;|\xef\xbb\xbf\xfe\xff]""", b"", data.partition(b"\n")[2])
    assert records or errors or not below, "neither an article nor an error, and not a table without rows"
    return records


def check_error(error: SemsearchError) -> None:
    """Check that the message is one line of bounded length."""
    message = str(error)
    message.encode()
    assert message.strip(), "an empty message"
    assert "\n" not in message, "more than one line"
    assert len(message) < 600, "more than one sentence"


# Inputs that hypothesis makes --------------------------------------------------------------------

_WORDS = (
    "Ông Phan Kim Đ. bà Nguyễn Thị của và là được huyện Mường Tè xã Nậm Cắt hoà hòa khoẻ thuỷ quý đường Đường ĐƯỜNG "
    "nghiêng ngoằn ngoèo thuyền hai mươi tám tỷ đồng sáng nay họp tại TP. Vinh T.P. GS.TS. ThS. BS. Q.1 P. Tân An "
    "v.v. v.v... vv. cty CT. UBND HĐND Đ/c đ/c Mr. No. St. a.m. ĐT: 0912.345.678 www.bao.vn abc@x.vn 27/8 27/8/2018 "
    "27-8-2018 ngày 27 tháng 8 năm 2018 08:30 37.000 37,000 11,5 1.2.3.4 3,14.15 1/2/3/4/5 100% 25°C m2 km/h IV. XII. "
    "a) 1. 1.1. (1) [1] • – - * # ## > | | --- === ``` **đậm** __a__ [a](b) <b> </p> &amp; &#x41; &lt; Tiêu đề: "
    "Tác giả: Ngày: Theo TTXVN Nguồn: Ảnh: Xem thêm Trang chủ (TTXVN) İstanbul ẞ ﬁ 한국 日本。 العربية ไทย Σας ǅ"
).split()
_MARKS = (
    ". ",
    "... ",
    "…",
    "? ",
    "! ",
    ", ",
    "; ",
    ": ",
    '" ',
    "“",
    "” ",
    "(",
    ") ",
    "[",
    "] ",
    "/.",
    "\n",
    "\n\n",
    "\r\n",
)
_ODD = (
    *("\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u2066", "\u200f", "\x00", "\x07", "\x1b", "\x7f"),
    *("\x85", "\u2028", "\u00a0", "\u3000", "\t", "\v", "\f", "\r", "\u0301", "\u0323\u0302", "\u031b", "\ud800"),
    *("\udcff", "\udfff", "\ufffd", "\ufffe", "\U0010ffff", "\u00d0", "\u0189", "\ue000", "\u1160", "\u0344"),
)
_LONG = (
    "\u0301" * 400,
    "." * 900,
    "a" * 2500,
    "(" * 600,
    ")" * 600,
    "\n" * 300,
    "1." * 500,
    "Đ. " * 500,
    "; và " * 300,
)
_MORE = ('"' * 500, "x" * 1999 + " ", " " * 800, "a.\n" * 300, "1/1/" * 300, "- a\n" * 200, "[" * 400, "<b>" * 300)


@lru_cache
def texts() -> SearchStrategy[str]:
    """Vietnamese text with odd characters between; also decomposed, and in capitals."""
    piece = st.one_of(
        st.sampled_from(_WORDS).map(lambda word: word + " "),
        st.sampled_from(_WORDS),
        st.sampled_from(_MARKS),
        st.sampled_from(_ODD),
        st.sampled_from(_LONG + _MORE),
        st.text(max_size=6),
        st.characters(categories=("Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Lm", "Nl", "No", "Zs", "Lt")),
    )
    forms: tuple[Callable[[str], str], ...] = (
        str,
        str.upper,
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: unicodedata.normalize("NFKD", text),
    )
    written = st.lists(piece, max_size=40).map("".join)
    return st.builds(lambda text, form: form(text), written, st.sampled_from(forms)) | st.text(max_size=200)


@lru_cache
def files() -> SearchStrategy[tuple[bytes, str]]:
    """(bytes, suffix): files of every format, made of such texts and pieces of syntax; some have a wrong suffix."""
    text = texts()
    simple = st.one_of(text, st.none(), st.booleans(), st.integers(), st.floats(), st.just("2018-08-27"))
    value = simple | st.lists(simple, max_size=3) | st.dictionaries(st.text(max_size=3), simple, max_size=2)
    names = (
        "text",
        "content",
        "body",
        "abstract",
        "title",
        "date",
        "author",
        "url",
        "_id",
        "id",
        "TEXT",
        "Nội dung",
        "x",
    )
    fields = st.dictionaries(st.sampled_from(names), value, max_size=6)
    rows = st.lists(fields, max_size=4)
    lines = rows.map(lambda some: "\n".join(json.dumps(row) for row in some))
    cell = text.map(lambda some: '"' + some.replace('"', '""') + '"') | text
    table = st.builds(
        lambda names, cells, sign: (
            sign.join(names) + "\n" + "\n".join(sign.join(cells[i : i + len(names)]) for i in range(0, 9, len(names)))
        ),
        st.lists(st.sampled_from(names), min_size=1, max_size=4),
        st.lists(cell, min_size=9, max_size=12),
        st.sampled_from(",;\t|"),
    )
    tags = "p div b table tr td li ul h1 h2 a br script style article title head body !-- ! meta"
    tag = st.sampled_from([f"<{end}{name}>" for name in tags.split() for end in ("", "/")])
    page = st.lists(
        tag
        | text
        | st.sampled_from(("&nbsp;", "&#0;", "&#xD800;", "&bad", "<", ">", "<a href=", "-->", "<![CDATA[", "<?")),
        max_size=25,
    ).map("".join)
    head = st.lists(
        st.builds(
            "{}: {}\n".format, st.sampled_from(("Tiêu đề", "title", "Ngày", "date", "Tác giả", "URL", "a")), text
        ),
        max_size=4,
    ).map("".join)
    plain = st.builds(
        lambda fence, front, rest: fence + front + fence + rest, st.sampled_from(("", "---\n", "\n")), head, text
    )
    codecs = (
        "utf-8",
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "cp1258",
        "cp1252",
        "latin-1",
    )

    def encoded(some: str, codec: str) -> bytes:
        return some.encode(codec, "surrogatepass" if codec.startswith("utf") else "replace")

    def of(kind: SearchStrategy[str], *suffixes: str) -> SearchStrategy[tuple[bytes, str]]:
        data = st.builds(encoded, kind, st.sampled_from(codecs)) | kind.map(lambda some: encoded(some, "utf-8"))
        return st.tuples(data, st.sampled_from(suffixes) | st.sampled_from(SUFFIXES))

    packed = st.tuples(lines.map(lambda some: zstandard.compress(encoded(some, "utf-8"))), st.just(".jsonl.zst"))
    return st.one_of(
        of(plain, ".txt"),
        of(plain, ".md"),
        of(lines, ".jsonl"),
        of(table, ".csv", ".tsv"),
        of(page, ".html"),
        packed,
        st.tuples(st.binary(max_size=300), st.sampled_from(SUFFIXES)),
    )


# Old encodings are written with the reverse of the tables that read them; these have tests of their own.


def _reverse(convert: Callable[[str], str], ones: Sequence[str]) -> dict[str, str]:
    return {convert(one): one for one in reversed(ones) if len(convert(one)) == 1 and not convert(one).isascii()}


_HIGH = [chr(code) for code in range(0xA1, 0x100)]
_TCVN3 = _reverse(from_tcvn3, _HIGH)
_VNI = _reverse(from_vni, [*_HIGH, *(letter + mark for letter in "aeouyôö" for mark in _HIGH)])
_TONES = "\u0300\u0301\u0303\u0309\u0323"


def to_tcvn3(text: str) -> bytes:
    return "".join(_TCVN3.get(c, c) for c in text).encode("latin-1")


def to_vni(text: str) -> bytes:
    return "".join(_VNI.get(c, c) for c in text).encode("cp1252")


def to_1258(text: str) -> bytes:
    """Write windows-1258: a tone is a byte after its letter, unless the two share one."""
    out = b""
    for char in text:
        base = unicodedata.normalize("NFC", "".join(c for c in unicodedata.normalize("NFD", char) if c not in _TONES))
        tone = "".join(c for c in unicodedata.normalize("NFD", char) if c in _TONES)
        try:
            out += char.encode("cp1258")
        except UnicodeEncodeError:
            out += (base + tone).encode("cp1258")
    return out


_WRITTEN = {
    "utf-8": lambda text: text.encode(),
    "utf-8 decomposed": lambda text: unicodedata.normalize("NFD", text).encode(),
    "utf-16": lambda text: text.encode("utf-16"),
    "windows-1258": to_1258,
    "TCVN3": to_tcvn3,
    "VNI": to_vni,
}
_SAID = (
    "huyện Mường Tè, xã Nậm Cắt mở lễ hội đua thuyền độc mộc; mười chín đội từ bảy bản dọc sông kéo về, phụ nữ bày xôi "
    "ngũ sắc, cá nướng, rượu ngô, trẻ em chạy nhảy, hò reo ầm ĩ. kết quả đội về nhất được thưởng một con bò. nước sông "
    "cạn hơn mọi năm nên ban tổ chức rút đường đua còn sáu trăm mét. thuyền nhỏ mà khỏe, quý ở chỗ cả bản góp sức đẽo. "
    "từ 27/8/2018 đến 11,5 tỷ đồng, 37.000 người, 100% hộ nghèo ở thị trấn, kỹ sư vẫn nghĩ giữ rừng bằng mọi giá"
).split()


@lru_cache
def encodings() -> SearchStrategy[tuple[str, str]]:
    """(text, name of the encoding): running Vietnamese, long enough for the encoding to be recognised."""
    running = st.lists(st.sampled_from(_SAID), min_size=25, max_size=60).map(" ".join)
    lines = st.lists(running, min_size=1, max_size=4).map("\n\n".join)
    return st.tuples(lines, st.sampled_from(sorted(_WRITTEN)))


def check_encoding(text: str, way: str, file: Path) -> None:
    """Check that a text file in a known encoding comes back word for word."""
    (record,) = read(_WRITTEN[way](text), file)
    assert record.article.text == text, (way, record.encoding)


def check_valid(text: str, file: Path) -> None:
    """Check that a text file in valid UTF-8 comes back whole, unless ingest reports another encoding."""
    data = text.encode("utf-8", "replace")
    for record in read(data, file):
        if record.encoding == "utf-8":
            assert record.article.text == clean(data.decode()).rstrip()
            assert tokenize(clean(data.decode())) == tokenize(record.article.text)


# Real files, changed -----------------------------------------------------------------------------


@lru_cache
def real_files() -> tuple[tuple[str, bytes], ...]:
    """(suffix, bytes) of the articles of seeds/, some of them compressed or in another encoding too."""
    paths = sorted(p for p in [*SEEDS.rglob("*.*"), *SEEDS.glob("*.jsonl")] if p.is_file())
    there = [(path.suffix, path.read_bytes()[:60_000]) for path in paths]
    texts = [data for suffix, data in there if suffix in (".txt", ".md", ".html")]
    there += [(".jsonl.zst", zstandard.compress(data)) for suffix, data in there if suffix == ".jsonl"]
    there += [(".txt", data.decode().encode("utf-16")) for data in texts[:2]]
    there += [(".html", to_1258(data.decode("utf-8", "ignore").replace("–", "-")[:3000])) for data in texts[2:4]]
    return tuple(there)


_TOKENS = (
    b'<div>|</p>|<table><tr><td>|"|\n|\0|&#xD800;|---\n|obj|endstream|<<|\xff|\xef\xbb\xbf|{"text":|,|<!--|\x1a|PK'
)


def changed(data: bytes, chance: random.Random) -> bytes:
    """Flip, cut, double and swap bytes, splice in bytes of another file, and insert pieces of file syntax."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20, 100))):
        if not out:
            break
        at, length = chance.randrange(len(out)), chance.choice((1, 8, 60, 500, 5000))
        other = chance.randrange(len(out))
        what = chance.randrange(8)
        if what == 0:
            out[at] ^= 1 << chance.randrange(8)
        elif what == 1:
            del out[at : at + length]
        elif what == 2:
            out[at:at] = chance.randbytes(length % 61)
        elif what == 3:
            out[at:at] = out[at : at + length] * chance.randrange(1, 4)
        elif what == 4:
            out[at : at + length], out[other : other + length] = out[other : other + length], out[at : at + length]
        elif what == 5:
            stranger = chance.choice(real_files())[1]
            begin = chance.randrange(len(stranger))
            out[at:at] = stranger[begin : begin + length]
        elif what == 6:
            out[at:at] = chance.choice(_TOKENS.split(b"|"))
        elif length > 100:
            del out[at:]
        if len(out) > 200_000:
            del out[200_000:]
    return bytes(out)


def changed_inside(data: bytes, chance: random.Random) -> bytes:
    """Change the largest part of a Word document; the archive around it stays valid."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = old.read(name)
            new.writestr(name, changed(part, chance) if name == "word/document.xml" else part)
    return out.getvalue()


def mutant(number: int, begin: int) -> tuple[bytes, str]:
    """Return (bytes, suffix) of the ``number``-th changed file; one in eight has a wrong suffix."""
    chance = random.Random(f"{begin} {number}")
    suffix, data = chance.choice(real_files())
    inside = suffix == ".docx" and chance.random() < 0.6
    data = changed_inside(data, chance) if inside else changed(data, chance)
    return data, chance.choice(SUFFIXES) if chance.random() < 0.125 else suffix


# Running -----------------------------------------------------------------------------------------


class Watch:
    """Counts inputs and bounds the processor time of each."""

    def __init__(self, seconds: float = MAX_PROCESSOR_S) -> None:
        self.seconds, self.count, self.slowest, self.outcomes = seconds, 0, 0.0, Counter[str]()

    def __call__(self, work: Callable[[], object]) -> object:
        faulthandler.dump_traceback_later(HANG_S, exit=True, file=sys.__stderr__)
        began = time.process_time()
        try:
            return work()
        finally:
            faulthandler.cancel_dump_traceback_later()
            took = time.process_time() - began
            self.count += 1
            self.slowest = max(self.slowest, took)
            if took >= self.seconds:
                raise AssertionError(f"one input took {took:.1f} s")


def families(folder: Path, index: Index) -> dict[str, tuple[SearchStrategy[object], Callable[..., object]]]:
    """Return for each kind of input its strategy and its check."""

    def sentences(text: str, start: int, end: int, size: int) -> None:
        text = clean(text)
        check_sentences(text, [Span(0, len(text))], size)
        cuts = sorted({min(place, len(text)) for place in (0, start, end, start + end)})
        check_sentences(text, [Span(a, b) for a, b in pairwise(cuts)], size)

    def file(data: bytes, suffix: str) -> str:
        return "read" if read(data, folder / f"a{suffix}") else "refused"

    def encoding(text: str, way: str, other: str) -> None:
        check_encoding(text, way, folder / "a.txt")
        check_valid(other, folder / "a.txt")

    def question(text: str, mode: str) -> str:
        try:
            hits = index.search(text, mode=mode)  # type: ignore[arg-type]
            answer = index.ask(text, mode=mode)  # type: ignore[arg-type]
        except SemsearchError as error:
            check_error(error)
            return "refused"
        for hit in (*hits, *answer.hits):
            assert hit.passage.span.of(hit.article.text) == hit.passage.text
            assert hit.sentence.of(hit.article.text) in hit.passage.text
        for quote in answer.quotes:
            assert quote.span.of(quote.citation.article.text) == quote.text
        return "answered" if answer.found else "nothing found"

    numbers = st.integers(0, 400)
    asked = st.lists(
        st.sampled_from((*_SAID, *_WORDS, "bao nhiêu", "là ai", "khi nào?", "Who is", "ở đâu?")), max_size=12
    )
    return {
        "text": (st.tuples(texts()), check_text),
        "sentences": (st.tuples(texts(), numbers, numbers, st.integers(1, 200)), sentences),
        "files": (files(), file),
        "encodings": (st.builds(lambda a, b: (*a, b), encodings(), texts()), encoding),
        "questions": (
            st.tuples(asked.map(" ".join) | texts(), st.sampled_from(("hybrid", "dense", "lexical"))),
            question,
        ),
        "changed files": (st.nothing(), file),
    }


def run(name: str, count: int, begin: int, folder: Path, index: Index, watch: Watch) -> None:
    """Check ``count`` inputs of one kind; raise what the first failing one raises, with the input."""
    inputs, check = families(folder, index)[name]

    def one(given: Sequence[object]) -> None:
        outcome = watch(lambda: check(*given))
        watch.outcomes[str(outcome or "sound")] += 1

    if name == "changed files":
        for number in range(count):
            made = mutant(number, begin)
            try:
                one(made)
            except Exception as error:
                error.add_note(f"changed file {number} of seed {begin}, suffix {made[1]!r}")
                raise
        return
    trial = given(inputs)(one)
    trial = settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )(trial)
    seed(begin)(trial)()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=24_000, help="number of inputs, questions not counted")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="only this kind of input")
    given = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Index.create(folder / "index", load_encoder()) as index:
            index.sync([SEEDS / "articles"])
            kinds = [given.only] if given.only else list(families(folder, index))
            print("| inputs | of them | outcomes | slowest, s | seconds |\n|---|---|---|---|---|")
            for kind in kinds:
                watch, began = Watch(), time.perf_counter()
                count = given.count // (25 if kind == "questions" else 5) if len(kinds) > 1 else given.count
                try:
                    run(kind, count, given.seed, folder, index, watch)
                except Exception:
                    failed += 1
                    traceback.print_exc()
                outcomes = ", ".join(f"{count} {what}" for what, count in watch.outcomes.most_common())
                seconds = time.perf_counter() - began
                print(f"| {kind} | {watch.count} | {outcomes} | {watch.slowest:.2f} | {seconds:.0f} |", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
