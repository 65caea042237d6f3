"""What sources that come, change and go mean for the articles, against a model in plain Python."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from factories import HashEncoder, article
from hypothesis import given, settings
from hypothesis import strategies as st

from semsearch.index import Index

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
    """Texts with their sources in the order in which they came, and the date that each source says."""

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
