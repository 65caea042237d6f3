"""Results for people, in the language of the console."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..types import Answer, Article, Duplicate, Duplicates, Hit, Quote, Scores, Span
from . import messages
from .language import Locale, Message
from .terminal import Console, display_path, escape_controls, one_line

if TYPE_CHECKING:
    from ..encoders import Family
    from ..explain import Explanation, HitExplanation
    from ..reports import Finding, Status, SyncReport

__all__ = [
    "answer",
    "duplicates",
    "encoders",
    "explanation",
    "findings",
    "hits",
    "measures",
    "passage",
    "rebuild_report",
    "status",
    "sync_report",
]

HIGH_CONFIDENCE, MODERATE_CONFIDENCE = 0.8, 0.5


# Answers -------------------------------------------------------------------------------------


def answer(console: Console, item: Answer, why: Explanation | None) -> None:
    """Print the answer, the sentence it is quoted from, its source, and the supporting passages.

    Args:
        console: Where to print.
        item: The answer.
        why: The explanation of its hits, if it was asked for.
    """
    text = console.locale.text
    answer_quote = _whole_quote(item)
    if answer_quote is None:
        console.print(text(messages.NO_ANSWER))
        if why and item.hits:
            console.print()
            console.print(text(messages.NEAREST_PASSAGES))
            hits(console, item.hits, why)
        return

    quotes = item.quotes or (answer_quote,)
    if item.composed:
        _written_answer(console, item)
        shown_sentences = {quote.citation.passage.id: quote.sentence for quote in item.quotes}
    else:
        _quoted_answer(console, answer_quote, quotes)
        shown_sentences = {quote.citation.passage.id: quote.sentence for quote in (*quotes, answer_quote)}
    if not item.hits:
        return
    console.print()
    console.print(text(messages.SUPPORTING_PASSAGES))
    # In a passage that answers, mark the sentence that was quoted rather than the one that matched best.
    supporting = [replace(hit, sentence=shown_sentences.get(hit.passage.id, hit.sentence)) for hit in item.hits]
    hits(console, supporting, why)


def _whole_quote(item: Answer) -> Quote | None:
    """Return the answer itself as a quote, or None if there is no answer."""
    if not item.found or item.citation is None or item.span is None or item.sentence is None:
        return None
    return Quote(item.text, item.citation, item.span, item.sentence, item.confidence, item.marks)


def _quoted_answer(console: Console, answer_quote: Quote, quotes: Sequence[Quote]) -> None:
    """Print one answer, several that differ, or the items of a list."""
    if len(quotes) == 1:
        _quote(console, quotes[0])
        return
    sources = {quote.citation.article.source for quote in quotes}
    if len(sources) == 1:
        _list(console, answer_quote, quotes)
        return
    locale = console.locale
    console.print(locale.text(messages.ANSWERS_DIFFER, count=locale.integer(len(quotes))))
    for number, quote in enumerate(quotes, 1):
        console.print()
        _quote(console, quote, f"{number}. ")


def _quote(console: Console, quote: Quote, label: str = "") -> None:
    """Print the words of a quote, the sentence around them, and its sources; ``label`` comes before the first line."""
    indent = " " * len(label)
    sentence = _quoted_sentence(console, quote)
    if quote.span == quote.sentence:
        console.print(sentence, first=label, indent=indent)
    else:
        console.print(console.bold(one_line(quote.text)), first=label, indent=indent)
        if not label:
            console.print()
        console.print(sentence, indent=indent)
    if not label:
        console.print()
    _sources(console, quote, indent)


def _list(console: Console, answer_quote: Quote, items: Sequence[Quote]) -> None:
    """Print the items of a list, the sentence if one sentence holds them all, and the source."""
    in_every_item = tuple(hit for hit in items[0].also if all(hit in item.also for item in items))
    for item in items:
        console.print(console.bold(one_line(item.text)), first="- ", indent="  ")
        for hit in item.also:
            if hit not in in_every_item:
                _also_in(console, hit, indent="  ")
    console.print()
    if len({item.citation.passage.id for item in items}) == 1:
        console.print(_quoted_sentence(console, answer_quote))
        console.print()
    _sources(console, replace(answer_quote, also=in_every_item), indent="")


def _written_answer(console: Console, item: Answer) -> None:
    """Print a language model's answer, and a quote from each passage that it cites."""
    text = console.locale.text
    for line in item.composed.splitlines():
        console.print(console.bold(one_line(line)))
    console.print()
    console.print(text(messages.WRITTEN_BY_MODEL))
    console.print()
    console.print(text(messages.QUOTES))
    for quote in item.quotes:
        label = f"[{quote.citation.rank}] "
        indent = " " * len(label)
        console.print(_quoted_sentence(console, quote), first=label, indent=indent)
        console.print(_title_and_line(console.locale, quote), indent=indent)


def _quoted_sentence(console: Console, quote: Quote) -> str:
    return f"“{console.marked_words(quote.citation.article.text, quote.sentence, quote.marks)}”"


def _title_and_line(locale: Locale, quote: Quote) -> str:
    article = quote.citation.article
    line = article.line(quote.sentence.start)
    return locale.text(
        messages.TITLE_AND_LINE,
        title=_title(locale, article),
        path=display_path(article.source),
        line=str(line),
    )


def _sources(console: Console, quote: Quote, indent: str) -> None:
    """Print where a quote stands, where else it does, and its confidence."""
    locale = console.locale
    article = quote.citation.article
    label = indent + locale.text(messages.SOURCE)
    console.print(_title_and_line(locale, quote), first=label, indent=f"{indent}  ")
    if article.url:
        console.print(escape_controls(article.url), indent=f"{indent}  ")
    for source in article.sources[1:]:
        console.print(locale.text(messages.ALSO_IN, source=display_path(source)), indent=f"{indent}  ")
    for hit in quote.also:
        _also_in(console, hit, indent=f"{indent}  ")
    confidence = locale.text(
        messages.CONFIDENCE,
        value=locale.decimal(quote.confidence),
        level=locale.text(_confidence_level(quote.confidence)),
    )
    console.print(confidence, indent=indent)


def _also_in(console: Console, hit: Hit, indent: str) -> None:
    locale = console.locale
    source = f"{_title(locale, hit.article)} · {_place(hit.article, hit.sentence.start)}"
    console.print(locale.text(messages.ALSO_IN, source=source), first=indent, indent=f"{indent}  ")


def _confidence_level(probability: float) -> Message:
    if probability >= HIGH_CONFIDENCE:
        return messages.HIGH
    return messages.MODERATE if probability >= MODERATE_CONFIDENCE else messages.LOW


def _title(locale: Locale, article: Article) -> str:
    """Return the title, or the file's name if there is none, and the date."""
    title = one_line(article.title) or one_line(article.source.rpartition("/")[2])
    return f"{title} · {locale.date(article.date)}" if article.date else title


def _place(article: Article, offset: int) -> str:
    """Return ``path:line``, which editors and terminals can open."""
    return f"{display_path(article.source)}:{article.line(offset)}"


# Passages ------------------------------------------------------------------------------------


def hits(console: Console, found: Sequence[Hit], why: Explanation | None) -> None:
    """Print ranked passages: score, title, date, place, and the text with the sentence that matched best."""
    locale = console.locale
    reasons = {reason.passage_id: reason for reason in why.hits} if why else {}
    for position, hit in enumerate(found):
        if position:
            console.print()
        article = hit.article
        label = f"{hit.rank}. "
        indent = " " * len(label)
        heading = f"{locale.decimal(hit.score)}  {console.bold(_title(locale, article))}"
        console.print(heading, first=label, indent=indent)
        place = _place(article, hit.sentence.start)
        console.print(console.dim(locale.text(messages.PASSAGE_ID, place=place, id=str(hit.passage.id))), indent=indent)
        paragraphs = [block.start for block in article.blocks]
        console.print(console.marked_sentence(article.text, hit.passage.span, hit.sentence, paragraphs), indent=indent)
        if hit.passage.id in reasons:
            _reasons(console, hit.scores, reasons[hit.passage.id], indent)


def _reasons(console: Console, scores: Scores, reason: HitExplanation, indent: str) -> None:
    """Print the components of a hit's score, and the terms that it shares with the query."""
    text = console.locale.text
    console.print(_score_components(console.locale, scores), indent=indent)
    terms = ", ".join(reason.terms) or text(messages.NO_TERMS)
    console.print(text(messages.SHARED_TERMS, terms=terms), indent=indent)
    if reason.folded_terms:
        console.print(text(messages.FOLDED_TERMS, terms=", ".join(reason.folded_terms)), indent=indent)


def _score_components(locale: Locale, scores: Scores) -> str:
    components = []
    for name, label in messages.SIGNALS.items():
        value = getattr(scores, name)
        if value is not None:
            components.append(f"{locale.text(label)} {locale.decimal(value)}")
    signals = " · ".join(components) or locale.text(messages.NO_SIGNALS)
    return locale.text(messages.SCORE, score=locale.decimal(scores.fused), signals=signals)


def explanation(console: Console, why: Explanation) -> None:
    """Print the query's language, the mode of the search, and the weight of each signal."""
    locale = console.locale
    line = locale.text(
        messages.EXPLANATION,
        language=locale.text(messages.QUERY_LANGUAGES[why.language]),
        mode=locale.text(messages.MODES[why.mode]),
    )
    weights = [
        f"{locale.text(messages.SIGNALS[name])} {locale.decimal(weight)}" for name, weight in why.weights.items()
    ]
    if weights:
        line += f" · {locale.text(messages.WEIGHTS, weights=' · '.join(weights))}"
    console.print(console.dim(line))
    console.print()


def passage(console: Console, hit: Hit, context: int | None) -> None:
    """Print a passage in its article, as numbered lines; those of the passage are marked with ``│``.

    Args:
        console: Where to print.
        hit: The passage.
        context: How many lines to print before and after it; None prints the whole article.
    """
    article, span = hit.article, hit.passage.span
    console.print(console.bold(_title(console.locale, article)))
    for source in article.sources:
        console.print(display_path(source))
    details = [one_line(detail) for detail in (article.author, article.url) if detail]
    if details:
        console.print(" · ".join(details))
    console.print()

    first_line = article.line(span.start)
    last_line = article.line(max(span.start, span.end - 1))
    lines = article.text.split("\n")
    digits = len(str(len(lines)))
    start = 0
    for number, line in enumerate(lines, 1):
        line_span = Span(start, start + len(line))
        start = line_span.end + 1
        if context is not None and not first_line - context <= number <= last_line + context:
            continue
        is_inside = first_line <= number <= last_line
        bar = "│" if is_inside else " "
        shown = _passage_line(console, article.text, line_span, span) if is_inside else one_line(line)
        console.print(shown, first=f"{number:>{digits}} {bar} ", indent=f"{' ' * digits} {bar} ")


def _passage_line(console: Console, text: str, line: Span, passage_span: Span) -> str:
    """Return a line of a passage, marked whole or, if the passage is only a part of it, in that part."""
    inside = Span(max(line.start, passage_span.start), min(line.end, passage_span.end))
    if inside.of(text).strip() == line.of(text).strip():
        return console.bold(one_line(line.of(text)))
    return console.marked_sentence(text, line, inside)


# Duplicates ----------------------------------------------------------------------------------


def duplicates(console: Console, groups: Sequence[Duplicates], limit: int | None) -> None:
    """Print the first ``limit`` groups of articles that repeat each other, and how many groups there are."""
    locale = console.locale
    for number, group in enumerate(groups[:limit], 1):
        if number > 1:
            console.print()
        heading = locale.text(
            messages.DUPLICATE_GROUP,
            articles=locale.count(messages.ARTICLES, len(group.members)),
            places=locale.count(messages.PLACES, group.places),
        )
        console.print(console.bold(heading), first=f"{number}. ")
        for member in group.members:
            _duplicate(console, group, member)
    console.print()
    total = locale.count(messages.GROUPS, len(groups))
    if limit is None or limit >= len(groups):
        console.print(locale.text(messages.ALL_GROUPS, groups=total))
    else:
        console.print(locale.text(messages.FIRST_GROUPS, limit=locale.integer(limit), groups=total))


def _duplicate(console: Console, group: Duplicates, member: Duplicate) -> None:
    """Print one article of a group, and how much of it the longest article has."""
    locale = console.locale
    indent = " " * 9
    is_longest = member.article.id == group.representative_id
    roles = []
    if len(group.members) > 1:
        if member is group.members[0] and member.article.date:
            roles.append(locale.text(messages.EARLIEST))
        if is_longest:
            roles.append(locale.text(messages.LONGEST))
    title = _title(locale, member.article)
    if roles:
        title += f" [{', '.join(roles)}]"
    console.print(title, first=f"   {locale.decimal(member.share)}  ", indent=indent)
    for source in member.article.sources:
        console.print(console.dim(display_path(source)), indent=indent)
    if not is_longest:
        comparison = locale.text(
            messages.COMPARED_WITH_LONGEST,
            share=locale.decimal(member.share),
            same=locale.decimal(member.same),
            coverage=locale.decimal(member.coverage),
        )
        console.print(comparison, indent=indent)


# Indexing ------------------------------------------------------------------------------------


def sync_report(console: Console, path: str, report: SyncReport) -> None:
    """Print what ``index`` did, on one or two lines."""
    locale = console.locale
    shown_path = display_path(path)
    if report.nothing_done and not report.failed and not report.encoded:
        if report.unchanged:
            articles = locale.count(messages.ARTICLES, report.unchanged)
            console.print(locale.text(messages.ARTICLES_UNCHANGED, path=shown_path, articles=articles))
        else:
            console.print(locale.text(messages.NO_ARTICLES, path=shown_path))
        return
    counts = locale.text(
        messages.SYNC_COUNTS,
        path=shown_path,
        added=locale.integer(report.added),
        changed=locale.integer(report.changed),
        removed=locale.integer(report.removed),
        unchanged=locale.integer(report.unchanged),
    )
    if report.duplicates:
        counts += f", {locale.count(messages.DUPLICATE_SOURCES, report.duplicates)}"
    if report.failed:
        counts += f", {locale.count(messages.FAILED, len(report.failed))}"
    console.print(counts)
    console.print(_work(locale, messages.SYNC_WORK, report))


def rebuild_report(console: Console, path: str, report: SyncReport) -> None:
    """Print what ``rebuild`` did, on one line."""
    console.print(_work(console.locale, messages.REBUILT, report, path=display_path(path)))


def _work(locale: Locale, message: Message, report: SyncReport, **values: str) -> str:
    seconds = locale.text(messages.SECONDS, seconds=locale.decimal(report.seconds, 1))
    return locale.text(
        message,
        passages=locale.count(messages.PASSAGES, report.passages),
        texts=locale.count(messages.TEXTS, report.encoded),
        seconds=seconds,
        **values,
    )


# The index -----------------------------------------------------------------------------------


def status(console: Console, item: Status) -> None:
    """Print what an index contains and how it was built, one property a line."""
    locale = console.locale
    text = locale.text
    articles = text(
        messages.ARTICLES_FROM_FILES,
        articles=locale.count(messages.ARTICLES, item.articles),
        sources=locale.count(messages.SOURCES, item.sources),
        files=locale.count(messages.FILES, item.files),
    )
    passages = text(
        messages.PASSAGES_AND_SENTENCES,
        passages=locale.count(messages.PASSAGES, item.passages),
        sentences=locale.count(messages.SENTENCES, item.sentences),
    )
    encoder = text(
        messages.ENCODER,
        name=item.encoder,
        dimensions=locale.integer(item.dim),
        fingerprint=item.fingerprint[:12],
    )
    vectors = text(
        messages.VECTORS,
        segments=locale.count(messages.SEGMENTS, item.segments),
        deleted=locale.integer(item.tombstones),
        search=text(messages.VECTOR_SEARCH[item.vectors]),
    )
    updated = text(
        messages.UPDATED,
        time=locale.time(item.updated) if item.updated else text(messages.NEVER),
        revision=locale.integer(item.generation),
    )
    rows = [
        (messages.LABEL_INDEX, display_path(item.path.as_posix())),
        (messages.LABEL_ARTICLES, articles),
        (messages.LABEL_PASSAGES, passages),
        (messages.LABEL_PATHS, ", ".join(map(display_path, item.roots)) or text(messages.NO_PATHS)),
        (messages.LABEL_ENCODER, encoder),
        (messages.LABEL_VECTORS, vectors),
        (messages.LABEL_SIZE, locale.size(item.bytes)),
        (messages.LABEL_UPDATED, updated),
        (messages.LABEL_FORMAT, text(messages.FORMAT, format=str(item.format), version=item.made_with)),
        (messages.LABEL_WRITER, text(messages.WRITING if item.writer else messages.NO_WRITER)),
    ]
    _table(console, rows)


def _table(console: Console, rows: Sequence[tuple[Message, str]], margin: str = "") -> None:
    """Print labels and values in two columns."""
    labels = [console.locale.text(label) for label, _ in rows]
    width = max(map(len, labels), default=0) + 1
    for label, (_, value) in zip(labels, rows, strict=True):
        console.print(value, first=f"{margin}{label:<{width}} ", indent=" " * (len(margin) + width + 1))


def findings(console: Console, found: Sequence[Finding]) -> None:
    """Print what ``doctor`` found, and what to do about it."""
    locale = console.locale
    if not found:
        console.print(locale.text(messages.INDEX_IS_SOUND))
        return
    console.print(locale.count(messages.PROBLEMS, len(found)))
    states = {key: locale.text(message) for key, message in messages.FINDING_STATES.items()}
    width = max(map(len, states.values())) + 1
    for finding in found:
        details = {name: _detail(locale, value) for name, value in finding.details.items()}
        state = states["repaired" if finding.repaired else finding.level]
        problem = locale.text(messages.FINDINGS[finding.code], **details)
        console.print(f"{escape_controls(finding.part)}: {problem}", first=f"{state:<{width}}", indent=" " * width)
        if finding.remedy_code:
            remedy = locale.text(messages.FINDING_REMEDIES[finding.remedy_code], **details)
            console.print(remedy, indent=" " * width)


def _detail(locale: Locale, value: str | int) -> str:
    return locale.integer(value) if isinstance(value, int) else escape_controls(value)


def encoders(console: Console, families: Sequence[Family]) -> None:
    """Print a block for each family of encoders: prompts, segmentation, length and models."""
    locale = console.locale
    for family in families:
        console.print(console.bold(family.name))
        rows = []
        if family.query_prompt:
            rows.append((messages.LABEL_QUERY_PROMPT, repr(family.query_prompt)))
        if family.passage_prompt:
            rows.append((messages.LABEL_PASSAGE_PROMPT, repr(family.passage_prompt)))
        if family.segmentation != "none":
            segmented = locale.text(messages.SEGMENTED_BY, segmenter=family.segmentation)
            rows.append((messages.LABEL_SEGMENTATION, segmented))
        if family.max_length:
            rows.append((messages.LABEL_MAX_LENGTH, locale.count(messages.TOKENS, family.max_length)))
        if family.examples != (family.name,):
            rows.append((messages.LABEL_MODELS, ", ".join(family.examples)))
        note = messages.ENCODER_NOTES.get(family.name)
        if note:
            rows.append((messages.LABEL_NOTE, locale.text(note)))
        _table(console, rows, margin="  ")
    console.print()
    console.print(locale.text(messages.OTHER_ENCODERS))


def measures(console: Console, values: Mapping[str, float]) -> None:
    """Print measures by name, with four decimals; counts and seconds as integers."""
    locale = console.locale
    for name, value in values.items():
        label = messages.MEASURES.get(name)
        shown_name = locale.text(label) if label else name
        is_integer = name in ("queries", "passages", "seconds")
        shown_value = locale.integer(round(value)) if is_integer else locale.decimal(value, 4)
        console.print(f"{shown_name:<16} {shown_value}")
