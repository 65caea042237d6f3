"""Sources that are added, changed and removed, compared with a model in plain Python."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from factories import HashEncoder, article
from hypothesis import given, settings
from hypothesis import strategies as st

from semsearch.index import Index
from semsearch.types import Article

SOURCES = ("x", "y", "z")
CHANGES = st.lists(
    st.lists(
        st.tuples(st.sampled_from(SOURCES), st.integers(0, 2), st.integers(1, 3)),
        min_size=1,
        max_size=4,
    )
    | st.sampled_from(SOURCES),
    max_size=7,
)


class Model:
    """Texts with their sources in order of arrival, and the date that each source states."""

    def __init__(self) -> None:
        self.sources_of: dict[int, list[str]] = {}
        self.dates: dict[str, dt.date] = {}

    def put(self, source: str, text: int, day: int) -> None:
        self.dates[source] = dt.date(2020, 1, day)
        if source in self.sources_of.get(text, []):
            return
        self.remove(source)
        self.sources_of.setdefault(text, []).append(source)

    def remove(self, source: str) -> None:
        self.sources_of = {text: [s for s in names if s != source] for text, names in self.sources_of.items()}

    def articles(self) -> dict[tuple[str, ...], tuple[dt.date, str]]:
        return {
            tuple(names): (self.dates[names[0]], article(text).text) for text, names in self.sources_of.items() if names
        }


@settings(max_examples=40, deadline=None)
@given(CHANGES)
def test_an_article_has_its_sources_in_order_and_the_metadata_of_the_first(
    tmp_path_factory: pytest.TempPathFactory, changes: list[list[tuple[str, int, int]] | str]
) -> None:
    """Batches of sources put, and sources removed."""
    model = Model()
    with Index.create(tmp_path_factory.mktemp("index") / "i", HashEncoder(4)) as index:
        for change in changes:
            if isinstance(change, str):
                index.remove(change)
                model.remove(change)
                continue
            index.add(replace(article(text, source), date=dt.date(2020, 1, day)) for source, text, day in change)
            for source, text, day in change:
                model.put(source, text, day)
            found = {item.sources: (item.date, item.text) for item in index.articles()}
            assert found == model.articles()
        assert index.doctor() == []


def test_an_article_that_gets_another_title_stays_apart_from_one_with_the_same_lines(tmp_path: Path) -> None:
    """A line that repeats the title does not count when words are compared, so the title of the next source matters."""
    sentence = "Cây cầu mới ở huyện Mường Tè được khánh thành sáng nay."

    def titled(source: str, title: str, first_line: str) -> Article:
        return replace(article(0, source, f"{first_line}\n\n{sentence}"), title=title)

    with Index.create(tmp_path / "i", HashEncoder(4)) as index:
        index.add([titled("a", "Tin một", "Tin một"), titled("b", "Tin hai", "Tin hai")])
        index.add([titled("c", "Tin ba", "Tin một")])
        assert {item.sources for item in index.articles()} == {("a", "b"), ("c",)}

        index.remove("a")
        assert {item.sources: item.title for item in index.articles()} == {("b",): "Tin hai", ("c",): "Tin ba"}

        index.add([titled("d", "Tin bốn", "Tin bốn")])
        assert {item.sources for item in index.articles()} == {("b", "d"), ("c",)}

        index.rebuild()
        assert index.doctor() == []
