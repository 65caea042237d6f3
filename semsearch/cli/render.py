"""Results for people. What readers of articles see is Vietnamese with English beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..types import Answer, Article, Duplicates, Hit, Quote, Scores, Span
from .terminal import Paper, date, decimal, one_line, safe, where

if TYPE_CHECKING:
    from ..encoders import Family
    from ..reports import Finding, Status, SyncReport

__all__ = [
    "answer",
    "duplicates",
    "encoders",
    "evaluation",
    "explanation",
    "findings",
    "hits",
    "report",
    "show",
    "status",
]

NOT_FOUND = "Không tìm thấy câu trả lời trong các bài đã lập chỉ mục. (Not found.)"


def confidence(probability: float) -> str:
    words = "cao (high)" if probability >= 0.8 else "vừa (fair)" if probability >= 0.5 else "thấp (low)"
    return f"{decimal(probability)}, {words}"


def title(article: Article) -> str:
    """Title and date, or the file's name where there is no title."""
    name = one_line(article.title) or one_line(article.source.rsplit("/", 1)[-1])
    return " · ".join(filter(None, [name, date(article.date)]))


def place(article: Article, offset: int) -> str:
    return f"{where(article.source)}:{article.line(offset)}"


def answer(paper: Paper, item: Answer, why: Mapping[str, Any] | None) -> None:
    """The answer, the sentence it stands in, its source, and the passages behind it."""
    cited = item.citation
    if not item.found or cited is None or item.span is None or item.sentence is None:
        paper.print(NOT_FOUND)
        if why and item.hits:
            paper.print()
            paper.print("Các đoạn gần nhất (the nearest passages):")
            hits(paper, item.hits, why)
        return
    if item.composed:
        worded(paper, item, why)
        return
    whole = Quote(item.text, cited, item.span, item.sentence, item.confidence, item.marks)
    quotes = item.quotes or (whole,)
    if len(quotes) > 1 and len({quote.citation.article.source for quote in quotes}) == 1:
        listed(paper, whole, quotes)
    elif len(quotes) > 1:
        paper.print(f"Các bài nêu {len(quotes)} điều khác nhau, mới nhất trước. (The articles differ; newest first.)")
        for number, quote in enumerate(quotes, 1):
            paper.print()
            quotation(paper, quote, f"{number}. ")
    else:
        quotation(paper, quotes[0])
    if item.hits:
        paper.print()
        paper.print("Các đoạn làm căn cứ (the passages behind it):")
        # In a passage that answers, the sentence to see is the one that was quoted.
        seen = {quote.citation.passage.id: quote.sentence for quote in (*quotes, whole)}
        hits(paper, [replace(h, sentence=seen.get(h.passage.id, h.sentence)) for h in item.hits], why)


def quotation(paper: Paper, quote: Quote, first: str = "") -> None:
    """A quote: its words, the sentence they stand in, the source and what else says it; all after ``first``."""
    article, indent = quote.citation.article, " " * len(first)
    if quote.span != quote.sentence:
        paper.print(paper.strong(one_line(quote.text)), first=first, indent=indent)
        first = indent
        if not indent:
            paper.print()
    paper.print(f"“{paper.words(article.text, quote.sentence, quote.marks)}”", first=first, indent=indent)
    if not indent:
        paper.print()
    sources(paper, quote, indent)


def listed(paper: Paper, whole: Quote, items: Sequence[Quote]) -> None:
    """A list: its items, each with what else says it, then the sentence if one lists them all, and the source."""
    everywhere = [hit for hit in items[0].also if all(hit in item.also for item in items)]
    for item in items:
        paper.print(paper.strong(one_line(item.text)), first="- ", indent="  ")
        for hit in item.also:
            if hit not in everywhere:
                paper.print(f"cũng trong (also in): {source(hit)}", indent="    ", first="  ")
    paper.print()
    if len({item.citation.passage.id for item in items}) == 1:
        paper.print(f"“{paper.words(whole.citation.article.text, whole.sentence, whole.marks)}”")
        paper.print()
    sources(paper, replace(whole, also=tuple(everywhere)), "")


def sources(paper: Paper, quote: Quote, indent: str) -> None:
    """Where a quote stands, where else the same text does, which articles say the same, and how sure that is."""
    article = quote.citation.article
    line = article.line(quote.sentence.start)
    paper.print(
        f"{title(article)} · {where(article.source)}, dòng {line} (line)",
        first=f"{indent}Nguồn (source): ",
        indent=f"{indent}  ",
    )
    if article.url:
        paper.print(safe(article.url), indent=f"{indent}  ")
    for other in article.sources[1:]:
        paper.print(f"cũng ở (also in): {where(other)}", indent=f"{indent}  ")
    for hit in quote.also:
        paper.print(f"cũng trong (also in): {source(hit)}", first=f"{indent}  ", indent=f"{indent}    ")
    paper.print(f"Độ tin cậy (confidence): {confidence(quote.confidence)}", indent=indent)


def source(hit: Hit) -> str:
    return f"{title(hit.article)} · {place(hit.article, hit.sentence.start)}"


def worded(paper: Paper, item: Answer, why: Mapping[str, Any] | None) -> None:
    """A language model's answer, a quote from each passage that it cites, and the passages."""
    for line in item.composed.splitlines():
        paper.print(paper.strong(one_line(line)))
    paper.print()
    paper.print(
        "Do một mô hình ngôn ngữ viết; [n] là đoạn làm căn cứ. (Worded by a language model; [n] is its source.)"
    )
    paper.print()
    paper.print("Trích nguyên văn (quoted):")
    for quote in item.quotes:
        article = quote.citation.article
        number = f"[{quote.citation.rank}] "
        indent = " " * len(number)
        paper.print(f"“{paper.words(article.text, quote.sentence, quote.marks)}”", first=number, indent=indent)
        at = article.line(quote.sentence.start)
        paper.print(f"{title(article)} · {where(article.source)}, dòng {at} (line)", indent=indent)
    paper.print()
    paper.print("Các đoạn làm căn cứ (the passages behind it):")
    quoted = {quote.citation.passage.id: quote.sentence for quote in item.quotes}
    hits(paper, [replace(h, sentence=quoted.get(h.passage.id, h.sentence)) for h in item.hits], why)


def hits(paper: Paper, found: Sequence[Hit], why: Mapping[str, Any] | None) -> None:
    """Ranked passages: score, title, date, place, and the text with the sentence that matched."""
    told = {item["passage_id"]: item for item in why["hits"]} if why else {}
    for i, hit in enumerate(found):
        article, passage = hit.article, hit.passage
        if i:
            paper.print()
        number = f"{hit.rank}. "
        indent = " " * len(number)
        paper.print(f"{decimal(hit.score)}  {paper.strong(title(article))}", first=number, indent=indent)
        paper.print(paper.faint(f"{place(article, hit.sentence.start)} · id {passage.id}"), indent=indent)
        breaks = [block.start for block in article.blocks]
        paper.print(paper.sentence(article.text, passage.span, hit.sentence, breaks), indent=indent)
        if passage.id in told:
            shared = told[passage.id]
            paper.print(f"score {parts(hit.scores)}", indent=indent)
            paper.print(f"terms {', '.join(shared['terms']) or '-'}", indent=indent)
            if shared["folded_terms"]:
                paper.print(f"terms without accents {', '.join(shared['folded_terms'])}", indent=indent)


def duplicates(paper: Paper, groups: Sequence[Duplicates], limit: int | None) -> None:
    """The first ``limit`` groups of articles that say the same: the earliest first, each with what it shares."""
    for number, group in enumerate(groups[:limit], 1):
        if number > 1:
            paper.print()
        articles, places = len(group.members), group.places
        told = f"{articles} bài ở {places} nơi ({count(articles, 'article')} in {count(places, 'place')})"
        paper.print(paper.strong(told), first=f"{number}. ")
        for position, member in enumerate(group.members):
            roles = {"sớm nhất": "earliest"} if position == 0 and articles > 1 and member.article.date else {}
            roles |= {"dài nhất": "longest"} if member.article.id == group.longest and articles > 1 else {}
            role = f" [{', '.join(roles)} ({', '.join(roles.values())})]" if roles else ""
            paper.print(title(member.article) + role, first=f"   {decimal(member.share)}  ", indent=" " * 9)
            for source in member.article.sources:
                paper.print(paper.faint(where(source)), indent=" " * 9)
            if member.article.id != group.longest:
                paper.print(
                    f"chung (in common) {decimal(member.share)}, nguyên văn (word for word) {decimal(member.same)}, "
                    f"phủ (covers) {decimal(member.covers)} bài dài nhất (of the longest)",
                    indent=" " * 9,
                )
    paper.print()
    shown = "" if limit is None or limit >= len(groups) else f", đây là {limit} nhóm đầu (the first {limit})"
    paper.print(f"{len(groups)} nhóm ({count(len(groups), 'group')}){shown}")


def parts(scores: Scores) -> str:
    """``0,93 = dense 0,71 · sentence 0,80 ...``: the score and what it was made of, each as measured."""
    named = [
        ("dense", scores.dense),
        ("sentence", scores.sentence),
        ("article_dense", scores.article_dense),
        ("BM25", scores.lexical),
        ("article", scores.article),
        ("maxsim", scores.maxsim),
        ("rerank", scores.rerank),
    ]
    asked = " · ".join(f"{name} {decimal(value)}" for name, value in named if value is not None)
    return f"{decimal(scores.fused)} from {asked or 'nothing'}"


def explanation(paper: Paper, told: Mapping[str, Any]) -> None:
    weights = " · ".join(f"{name} {decimal(value)}" for name, value in told["weights"].items())
    line = f"language {told['language']} · mode {told['mode']}"
    paper.print(paper.faint(f"{line} · weights: {weights}" if weights else line))
    paper.print()


def show(paper: Paper, hit: Hit, context: int | None) -> None:
    """The passage in its article: numbered lines, the passage's own marked with ``│``."""
    article, passage = hit.article, hit.passage
    paper.print(paper.strong(title(article)))
    for source in article.sources:
        paper.print(where(source))
    if article.author or article.url:
        paper.print(" · ".join(filter(None, [one_line(article.author), one_line(article.url)])))
    paper.print()
    first, last = article.line(passage.start), article.line(max(passage.start, passage.end - 1))
    start, at = 0, 0
    lines = article.text.split("\n")
    digits = len(str(len(lines)))
    for at, line in enumerate(lines, 1):
        span = Span(start, start + len(line))
        start = span.end + 1
        if context is not None and not first - context <= at <= last + context:
            continue
        inside = first <= at <= last
        gutter = f"{at:>{digits}} {'│' if inside else ' '} "
        own = Span(max(span.start, passage.start), min(span.end, passage.end))
        if inside and own.of(article.text).strip() != line.strip():  # the passage is part of the line
            text = paper.sentence(article.text, span, own)
        else:
            text = paper.strong(one_line(line)) if inside else one_line(line)
        paper.print(text, first=gutter, indent=" " * digits + (" │ " if inside else "   "))


def report(paper: Paper, path: str, made: SyncReport) -> None:
    """What ``index`` did, in one or two lines."""
    if made.nothing_done and not made.failed and not made.encoded:
        what = f"{count(made.unchanged, 'article')} unchanged" if made.unchanged else "no articles there"
        paper.print(f"{path}: nothing to do, {what}")
        return
    told = [f"{made.added} added", f"{made.changed} changed", f"{made.removed} removed", f"{made.unchanged} unchanged"]
    told += [count(made.duplicates, "duplicate")] if made.duplicates else []
    told += [f"{len(made.failed)} failed"] if made.failed else []
    paper.print(f"{path}: {', '.join(told)}")
    paper.print(f"{count(made.passages, 'passage')} made, {count(made.encoded, 'text')} encoded, {made.seconds:.1f} s")


def rebuilt(paper: Paper, path: str, made: SyncReport) -> None:
    """What ``rebuild`` did: the terms are always made anew, vectors only where they are not what they should be."""
    texts = count(made.encoded, "text")
    paper.print(f"{path}: terms of {count(made.passages, 'passage')} made, {texts} encoded, {made.seconds:.1f} s")


def status(paper: Paper, item: Status) -> None:
    updated = item.updated.isoformat(" ", "seconds") if item.updated else "never"
    rows = [
        ("index", where(item.path.as_posix())),
        ("articles", f"{item.articles} from {count(item.sources, 'source')} in {count(item.files, 'file')}"),
        ("passages", f"{item.passages}, in them {count(item.sentences, 'sentence')}"),
        ("paths", ", ".join(where(root) for root in item.roots) or "none"),
        ("encoder", f"{item.encoder}, {item.dim} dimensions, fingerprint {item.fingerprint[:12]}"),
        ("vectors", f"{count(item.segments, 'segment')}, {item.dead_vectors} of removed texts, {item.vectors}"),
        ("size", size(item.bytes)),
        ("updated", f"{updated} (change {item.generation})"),
        ("format", f"{item.format}, made with semsearch {item.made_with}"),
        ("writer", item.writer or "none"),
    ]
    for name, value in rows:
        paper.print(value, first=f"{name:<9} ", indent=" " * 10)
    for note in item.notes:
        paper.print(note, first="note      ", indent=" " * 10)


def findings(paper: Paper, found: Sequence[Finding]) -> None:
    if not found:
        paper.print("Everything is in order.")
    for item in found:
        state = "repaired" if item.repaired else item.level
        paper.print(f"{safe(item.part)}: {item.problem}", first=f"{state:<9} ", indent=" " * 10)
        if not item.repaired:
            paper.print(item.cure, indent=" " * 10)


def encoders(paper: Paper, known: Sequence[Family]) -> None:
    """One block for each: its name, how it is prompted and segmented, which models are of its kind."""
    for family in known:
        paper.print(paper.strong(family.name) + (f": {family.note}" if family.note else ""), first="", indent="  ")
        told = {
            "query": repr(family.query_prompt) if family.query_prompt else "",
            "passage": repr(family.passage_prompt) if family.passage_prompt else "",
            "words": f"segmented by {family.segmentation}" if family.segmentation != "none" else "",
            "length": f"{family.max_length} tokens" if family.max_length else "",
            "models": ", ".join(family.examples) if family.examples != (family.name,) else "",
        }
        for name, value in told.items():
            if value:
                paper.print(value, first=f"  {name:<8} ", indent=" " * 11)
    paper.print()
    paper.print("Any other sentence-transformers model works too, by name or folder, as its own files say.")


def evaluation(paper: Paper, measured: Mapping[str, float]) -> None:
    for name, value in measured.items():
        whole = name in ("queries", "passages")
        paper.print(f"{name:<15} {value:.0f}" if whole else f"{name:<15} {value:.4f}")


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size(number: float) -> str:
    if number < 1024:
        return f"{number:.0f} bytes"
    for unit in ("KiB", "MiB", "GiB"):  # noqa: B007
        number /= 1024
        if number < 1024:
            break
    return f"{number:.1f} {unit}"
