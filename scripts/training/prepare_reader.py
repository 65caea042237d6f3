"""Stage 1 of the reader: questions with marked answers, and many more generated from news, as arrays.

    python scripts/training/prepare_reader.py DATA WORK [--articles 70000]

Generated questions: a number, date, name, office or clause of a sentence is replaced by the question word for it, which
in Vietnamese has the position of the answer (Lewis et al., "Unsupervised Question Answering by Cloze Translation", ACL
2019). Half of them are generated from an article's abstract and answered by its body in other words (Dhingra et al.,
"Simple and Effective Semi-Supervised Question Answering", NAACL 2018).

Writes WORK/reader.npz: texts as arrays of word ids, and examples (a question, its passages, where they answer).
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import training_data

from semsearch import load_encoder
from semsearch.reader.patterns import BREAK, CLASS, DATE, NAME, NOT_NAMES, NUMBER, ROLE, TITLE, TITLED, UNIT
from semsearch.reader.question import load_idf
from semsearch.reader.words import common_form, cut, idf_weights
from semsearch.segmentation import chunk, split_sentences
from semsearch.text import canonical, clean, fold, is_syllable
from semsearch.types import Span

COMMON = 3000
PASSAGES = 4  # of an example, at most
LONGEST = 260  # words of a passage; a longer one is not used
QUESTION = 48  # words of a question; a longer one is truncated


class Store:
    """Texts as word ids. Words, their tokens and their forms without accents are numbered in order of appearance."""

    def __init__(self) -> None:
        self.encoder = load_encoder()
        self.words: dict[str, int] = {}
        self.folded: dict[str, int] = {}
        self.token_ids: dict[tuple[int, ...], int] = {(): 0}
        self.idf = load_idf()
        self.columns: list[np.ndarray] = []  # of each text: (n, 4) tokens, word, folded, shape
        self.sentences: list[np.ndarray] = []
        self.titles: list[int] = []
        self.counts: Counter[str] = Counter()

    def text(self, text: str, sentences: list[Span] | None = None, title: str = "") -> tuple[int, Any, int]:
        """Add a text; return its number (-1 if it is too long), its words, and the number of title words before it."""
        found = cut(text)
        head = cut(title)
        words, folded, shapes = head.words + found.words, head.folded + found.folded, head.shapes + found.shapes
        if not found.words or len(words) > LONGEST:
            return -1, found, 0
        token_ids = self.encoder.word_token_ids(head.words) + self.encoder.word_token_ids(found.words)
        self.columns.append(
            np.array(
                [
                    [self.token_ids.setdefault(ids, len(self.token_ids)) for ids in token_ids],
                    [self.words.setdefault(w, len(self.words)) for w in words],
                    [self.folded.setdefault(w, len(self.folded)) for w in folded],
                    shapes,
                ],
                np.int32,
            ).T
        )
        self.counts.update(map(common_form, words))
        starts = [s.start for s in sentences] if sentences else [0]
        firsts = np.unique(np.searchsorted(found.starts, starts)) + len(head)
        self.sentences.append(firsts[firsts < len(words)].astype(np.int32))
        self.titles.append(len(head))
        return len(self.columns) - 1, found, len(head)


def spans_of(found: Any, head: int, start: int, end: int) -> tuple[int, int] | None:
    """Return the first and the last word of the characters [start, end), counted with the title."""
    first = int(np.searchsorted(found.ends, start, side="right"))
    last = int(np.searchsorted(found.starts, end, side="left")) - 1
    return (first + head, last + head) if first <= last else None


# Generated questions ------------------------------------------------------------------------------

_AFTER = {
    "reason": (
        re.compile(r"(?<!\w)(?:vì|do|bởi|nhờ)\s(?!vậy|đó|thế|sao)"),
        ("vì sao", "tại sao", "do đâu", "vì lý do gì"),
    ),
    "aim": (re.compile(r"(?<!\w)(?:nhằm|để)\s(?!lại|ý)"), ("để làm gì", "nhằm mục đích gì", "để làm gì")),
    "what": (
        re.compile(r"(?<!\w)(?:là|gồm|về|có|bị|được|thành|cho\sbiết|rằng|sẽ|phải|cần|gây|với|như|bằng|tên)\s"),
        ("gì", "những gì", "gì", "điều gì", "cái gì", "như thế nào", "thế nào"),
    ),
    "place": (re.compile(r"(?<!\w)(?:tại|ở|đến|từ)\s"), ("đâu", "đâu", "nơi nào")),
}
_WHERE = frozenset("tỉnh thành phố huyện xã quận phường thị trấn làng bản thôn nước sông núi biển vùng".split())


def answers_in(text: str) -> list[tuple[int, int, str, str]]:
    """Return (start, end, type of question, words removed before it) of the possible answers in a sentence."""
    lowered = canonical(text)
    if len(lowered) != len(text):
        return []
    found: list[tuple[int, int, str, str]] = []
    dates = []
    for m in DATE.finditer(lowered):
        dates.append(m.span())
        year = re.fullmatch(r"(?:năm\s)?\d{4}", m[0])
        found.append((m.start(), m.end(), "year" if year else "date", ""))
        if year and m[0].startswith("năm "):
            found.append((m.start() + 4, m.end(), "year after", ""))
    for m in NUMBER.finditer(lowered):
        if any(a <= m.start() < b for a, b in dates) or not any(c.isdigit() for c in m[0]):
            continue
        found.append((m.start(), m.end(), "number", ""))
        if unit := UNIT.match(lowered, m.end()):
            found.append((m.start(), unit.end(), "amount", unit[0].strip()))
    for m in ROLE.finditer(lowered):
        if 8 < len(m[0]) < 60:
            found.append((m.start(), m.end(), "role", ""))
    for m in NAME.finditer(text):
        start, end = m.start(), m.start() + len(m[0].rstrip(".-’'"))
        if title := TITLE.match(text[start:end]):
            start += title.end()
        name = text[start:end]
        if len(name) < 3 or canonical(name) in NOT_NAMES or name.isdigit() or (start == 0 and " " not in name):
            continue
        before = lowered[max(0, start - 16) : start]
        kind = CLASS.search(before)
        if name.startswith("SN ") or (" " not in name and is_syllable(name) and not kind and not TITLED.search(before)):
            continue
        if TITLED.search(before):
            found.append((start, end, "person", ""))
        elif kind:
            word = kind[0].strip()
            if word in _WHERE:
                found.append((start - len(kind[0]), end, "place", word))
            found.append((start - len(kind[0]), end, "body", word))
        elif " " in name and all(is_syllable(w) for w in name.split()) and 2 <= len(name.split()) <= 4:
            found.append((start, end, "person", ""))
        else:
            found.append((start, end, "name", ""))
    for kind, (cue, _) in _AFTER.items():
        for m in cue.finditer(lowered):
            stop = BREAK.search(lowered, m.end())
            end = stop.start() if stop else len(text)
            count = lowered[m.end() : end].count(" ") + 1
            if kind == "place" and (text[m.end() : end].islower() or text[m.end() : end][:4].lower() == "ngày"):
                continue
            if 2 <= count <= (8 if kind in ("what", "place") else 22):
                start = m.start() if kind in ("reason", "aim") else m.end()
                found.append((start, end, kind, ""))
                if kind == "reason":
                    found.append((m.end(), end, kind + " after", ""))
    return found


def asks(kind: str, unit: str, before: str, rng: random.Random) -> tuple[str, str]:
    """Return the question words that replace the answer, or that begin the question instead."""
    pick = rng.choice
    if kind == "number":
        return pick(["bao nhiêu", "bao nhiêu", "mấy"]), ""
    if kind == "amount":
        if unit in ("năm", "tháng", "tuần", "ngày", "giờ", "phút", "giây") and rng.random() < 0.5:
            return "bao lâu", ""
        return (f"bao nhiêu {unit}" if rng.random() < 0.7 else "bao nhiêu"), ""
    if kind == "date":
        return pick(
            [("khi nào", ""), ("vào ngày nào", ""), ("vào thời gian nào", ""), ("", "Khi nào"), ("lúc nào", "")]
        )
    if kind == "year":
        return pick([("năm nào", ""), ("vào năm nào", ""), ("", "Năm nào"), ("khi nào", ""), ("thời điểm nào", "")])
    if kind == "year after":
        return pick(["nào", "bao nhiêu"]), ""
    if kind == "person":
        return pick(["ai", "ai", "người nào", "ai là người"]), ""
    if kind == "place":
        return pick([f"{unit} nào", "đâu", "nơi nào", "địa phương nào", f"{unit} nào"]), ""
    if kind == "body":
        return pick([f"{unit} nào", f"{unit} gì", "đơn vị nào", "cơ quan nào", f"{unit} nào", "tổ chức nào"]), ""
    if kind == "name":
        return pick(["gì", "ai", "đâu", "cái gì", "đơn vị nào", "nước nào", "nào", "tên gì"]), ""
    if kind == "role":
        return pick(["chức vụ gì", "ai", "người nào"]), ""
    if kind == "reason after":
        return pick(["đâu", "sao", "lý do gì"]), ""
    words = pick(_AFTER[kind][1])
    if kind in ("reason", "aim") and rng.random() < 0.5:
        return "", pick(["Vì sao", "Tại sao", "Lý do gì khiến"]) if kind == "reason" else "Để làm gì"
    return words, ""


def question_from(text: str, answer: tuple[int, int, str, str], rng: random.Random) -> str:
    """Turn the sentence into a question: clauses near the answer, without some words."""
    start, end, kind, unit = answer
    inside, front = asks(kind, unit, text[:start], rng)
    left, right = text[:start], text[end:]
    if rng.random() < 0.75:
        breaks = [m.end() for m in re.finditer(r"[,;:(]\s", left)]
        if breaks:
            left = left[rng.choice([0, *breaks[-3:]]) :] if len(left) < 160 else left[rng.choice(breaks[-2:]) :]
        stops = [m.start() for m in re.finditer(r"[,;:)(]\s", right)]
        if stops:
            right = (
                right[: rng.choice([*stops[:3], len(right)])] if len(right) < 160 else right[: rng.choice(stops[:2])]
            )
    drop = rng.choice([0.0, 0.0, 0.1, 0.25, 0.4])
    keep = lambda some: " ".join(w for w in some.split() if rng.random() >= drop)  # noqa: E731
    left, right = keep(left), keep(right)
    if left and rng.random() < 0.12 and right:  # swap the parts, as in a question that begins with the question word
        left, right = "", f"{right} {left}"
    question = " ".join(part for part in (front, left, inside, right) if part)
    question = re.sub(r"\s+([,;:.])", r"\1", question).strip(" ,;:.-–/")
    return question[:1].upper() + question[1:] + ("?" if rng.random() < 0.9 else "")


def generated_examples(
    rows: Any, store: Store, rng: random.Random, articles: int
) -> list[tuple[int, list[int], list[list[int]], int]]:
    examples = []
    used = 0
    for row in rows:
        body = clean(row["text"] or "")
        if len(body) < 600 or rng.random() > (0.55 if "abstract" in row else 1.0):
            continue
        used += 1
        if used % 10_000 == 0:
            print(f"{used} articles, {len(examples)} questions", file=sys.stderr, flush=True)
        if used > articles:
            break
        title = clean(row["title"] or "") if rng.random() < 0.7 else ""
        sentences = split_sentences(body)
        lead = clean(row.get("abstract") or "")
        if "abstract" not in row:  # an encyclopaedia begins with a summary
            lead, sentences = body[: sentences[min(3, len(sentences) - 1)].start], sentences[3:]
        passages = chunk(body, sentences, [Span(m.start(), m.end()) for m in re.finditer(r".+", body)])
        if len(passages) < 2:
            continue
        texts = [body[p[0].start : p[-1].end] for p in passages]
        numbers: dict[int, tuple[int, Any, int]] = {}

        def stored(at: int, texts=texts, passages=passages, title=title, numbers=numbers):
            if at not in numbers:
                base = passages[at][0].start
                inner = [Span(s.start - base, s.end - base) for s in passages[at]]
                numbers[at] = store.text(texts[at], inner, title)
            return numbers[at]

        tried = []
        for line in [s.of(lead) for s in split_sentences(lead)] if lead else []:
            own_words = set(fold(line).split())
            for answer in answers_in(line):
                answer_text = line[answer[0] : answer[1]]
                if len(answer_text) < 2 or (answer_text.isdigit() and len(answer_text) < 2):
                    continue
                pattern = re.compile(r"(?<![\w.,/])" + re.escape(answer_text) + r"(?![\w]|[.,/]\d)", re.IGNORECASE)
                places = [(i, m.span()) for i, t in enumerate(texts) for m in pattern.finditer(t)]
                # Once or twice in the body, in a sentence that shares some words with the abstract's but not all.
                good = []
                for i, (a, b) in places:
                    base = passages[i][0].start
                    inside = next((s for s in passages[i] if s.start - base <= a < s.end - base), None)
                    if inside is None:
                        continue
                    there = set(fold(inside.of(body)).split())
                    shared = len(own_words & there) / max(1, min(len(own_words), len(there)))
                    if 0.3 <= shared <= 0.9:
                        good.append((shared, i, a, b))
                if good and len(places) <= 3:
                    best = max(good)
                    gold = [(i, a, b) for _, i, a, b in good if i == best[1]]
                    tried.append((line, answer, gold))
        rng.shuffle(tried)
        chosen = tried[:2]
        i = rng.randrange(len(passages))
        inner = rng.choice(passages[i])
        line = inner.of(body)
        if 50 < len(line) < 400:
            options = answers_in(line)
            if options:
                kinds = sorted({o[2] for o in options})
                kind = rng.choice(kinds)
                answer = rng.choice([o for o in options if o[2] == kind])
                shift = inner.start - passages[i][0].start
                chosen.append((line, answer, [(i, answer[0] + shift, answer[1] + shift)]))
        for line, answer, gold in chosen:
            question = question_from(line, answer, rng)
            if len(question.split()) < 6:
                continue
            if rng.random() < 0.12:
                question = fold(question)
            at = gold[0][0]
            number, found, head = stored(at)
            spans = [s for _, a, b in gold if (s := spans_of(found, head, a, b))] if number >= 0 else []
            if not spans:
                continue
            question_number = store.text(" ".join(question.split()[:QUESTION]))[0]
            if question_number < 0:
                continue
            answer_text = line[answer[0] : answer[1]].lower()
            others = [j for j in range(len(texts)) if j != at and answer_text not in texts[j].lower()]
            rng.shuffle(others)
            more = [stored(j)[0] for j in others[:2]]
            examples.append((question_number, [number, *(m for m in more if m >= 0)], [[0, a, b] for a, b in spans], 0))
    return examples


# Real questions ----------------------------------------------------------------------------------


def real_questions(data: Path, store: Store) -> list[tuple[int, list[int], list[list[int]], int]]:
    """Return questions of the training sets with the passages that lexical search finds for them."""
    from calibrate_reader import SETS, gather

    # More sets than for the calibration: also questions of several steps, and questions that depend on earlier ones.
    more = {"news": (*SETS["news"], "vicoqa_dev_followup", "vicoqa_test_followup"), "vimqa": ("vimqa_test1000",)}
    examples = []
    for sample in gather(data, SETS | more):
        question = sample.question
        hits = sample.hits
        right: list[tuple[Any, list[tuple[int, int]]]] = []
        wrong = []
        for hit in hits:
            gold = question.gold.get(hit.article.text, ())
            base = hit.passage.start
            inside = [
                (max(s - base, 0), min(s + len(t), hit.passage.end) - base)
                for t, s in gold
                if s < hit.passage.end and s + len(t) > base and t
            ]
            if inside:
                right.append((hit, inside))
            elif not gold and not any(contains_gold(question, hit)):
                wrong.append(hit)
        if not right and question.gold:
            continue
        numbers, spans = [], []
        for hit, inside in right[:2]:
            number, found, head = of_hit(store, hit)
            if number >= 0:
                placed = [s for a, b in inside if (s := spans_of(found, head, a, b))]
                spans += [[len(numbers), a, b] for a, b in placed]
                numbers.append(number)
        if question.gold and not spans:
            continue
        for hit in wrong[: 8 - len(numbers)]:
            number = of_hit(store, hit)[0]
            if number >= 0:
                numbers.append(number)
        number = store.text(" ".join(question.text.split()[:QUESTION]))[0]
        if number >= 0 and numbers:
            examples.append((number, numbers, spans, 1 + question.group))
    return examples


def contains_gold(question: Any, hit: Any) -> list[bool]:
    """Return for each short gold answer whether the passage contains it, though it is not marked there."""
    passage_text = canonical(hit.passage.text)
    answers = [text for found in question.gold.values() for text, _ in found]
    return [canonical(answer) in passage_text for answer in answers if 2 <= len(answer.split()) <= 6]


def of_hit(store: Store, hit: Any) -> tuple[int, Any, int]:
    base = hit.passage.start
    inner = [Span(s.start - base, s.end - base) for s in hit.passage.sentences]
    return store.text(hit.passage.text, inner, hit.article.title)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--articles", type=int, default=70_000)
    args = parser.parse_args()
    store = Store()
    real = real_questions(args.data, store)
    print(f"asked: {len(real)}", file=sys.stderr, flush=True)
    cloze = generated_examples(training_data.rows(args.data, "wiki"), store, random.Random(1), args.articles)
    cloze += generated_examples(training_data.rows(args.data, "news"), store, random.Random(0), args.articles)
    print(f"made: {len(cloze)}", file=sys.stderr, flush=True)
    examples = real + cloze
    words = list(store.words)
    common = [w for w, _ in sorted(store.counts.items(), key=lambda x: (-x[1], x[0]))[:COMMON]]
    places = {w: i + 1 for i, w in enumerate(common)}
    token_ids = list(store.token_ids)
    np.savez(
        args.work / "reader.npz",
        flat=np.concatenate(store.columns),
        offsets=np.cumsum([0] + [len(c) for c in store.columns]),
        sentences=np.concatenate(store.sentences),
        sentence_offsets=np.cumsum([0] + [len(s) for s in store.sentences]),
        titles=np.array(store.titles, np.int32),
        idf=idf_weights(words, store.idf),
        common=np.array([places.get(common_form(w), 0) for w in words], np.int32),
        common_words=np.array(common),
        tokens=np.array([id_ for ids in token_ids for id_ in ids], np.int32),
        token_offsets=np.cumsum([0] + [len(ids) for ids in token_ids]),
        questions=np.array([e[0] for e in examples], np.int32),
        origin=np.array([e[3] for e in examples], np.int32),
        passages=np.array([n for e in examples for n in e[1]], np.int32),
        passage_offsets=np.cumsum([0] + [len(e[1]) for e in examples]),
        spans=np.array([s for e in examples for s in e[2]] or np.zeros((0, 3)), np.int32),
        span_offsets=np.cumsum([0] + [len(e[2]) for e in examples]),
    )
    print(f"{len(store.columns)} texts, {len(words)} words, {len(token_ids)} sequences of tokens", file=sys.stderr)


if __name__ == "__main__":
    main()
