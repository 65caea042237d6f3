"""The language of the output: every message in both, numbers and dates as each writes them."""

from __future__ import annotations

import datetime as dt
import string
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import cli_case
import pytest

from semsearch import Index
from semsearch.cli import messages
from semsearch.cli.language import Count, Locale, Message, language_of
from semsearch.reports import FINDING_KINDS, REMEDIES, FindingCode, RemedyCode, StatusNote

VIETNAMESE, ENGLISH = Locale("vi"), Locale("en")


def all_messages() -> Iterator[tuple[str, Message | Count]]:
    """Every message of the table, by name; those of a dictionary by name and key."""
    for name, value in vars(messages).items():
        if isinstance(value, Message | Count):
            yield name, value
        elif isinstance(value, dict) and name.isupper():
            for key, message in value.items():
                yield f"{name}[{key}]", message


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@pytest.mark.parametrize(("name", "message"), list(all_messages()))
def test_every_message_is_in_both_languages_with_the_same_placeholders(name: str, message: Message | Count) -> None:
    if isinstance(message, Count):
        forms = [message.vi, message.one, message.other]
        assert all(placeholders(form) == {"count"} for form in forms)
    else:
        forms = [message.vi, message.en]
        assert placeholders(message.vi) == placeholders(message.en)
    assert all(form.strip() for form in forms)


@pytest.mark.parametrize(("name", "message"), list(all_messages()))
def test_english_messages_are_ascii(name: str, message: Message | Count) -> None:
    """A Vietnamese word would not be; quotation marks and a raised dot are punctuation."""
    texts = [message.one, message.other] if isinstance(message, Count) else [message.en]
    for text in texts:
        assert text.translate(str.maketrans("“”·", '""-')).isascii()


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "vi"),
        ({"LANG": ""}, "vi"),
        ({"LANG": "C"}, "vi"),
        ({"LANG": "C.UTF-8"}, "vi"),
        ({"LC_ALL": "POSIX"}, "vi"),
        ({"LANG": "vi_VN.UTF-8"}, "vi"),
        ({"LANG": "vi"}, "vi"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_GB@euro"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "vi_VN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "vi_VN.UTF-8"}, "vi"),
        ({"LANG": "vi_VN", "LC_MESSAGES": "vi_VN", "LC_ALL": "en_US"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, "vi"),
        ({"LC_CTYPE": "en_US.UTF-8"}, "vi"),
    ],
)
def test_the_locale_decides(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language


def test_numbers() -> None:
    assert VIETNAMESE.decimal(0.873) == "0,87"
    assert VIETNAMESE.decimal(12) == "12,00"
    assert VIETNAMESE.decimal(1234.5, 1) == "1.234,5"
    assert ENGLISH.decimal(1234.5, 1) == "1,234.5"
    assert VIETNAMESE.integer(150_000) == "150.000"
    assert ENGLISH.integer(150_000) == "150,000"


def test_dates() -> None:
    day = dt.date(2024, 12, 31)
    assert VIETNAMESE.date(day) == "31/12/2024"
    assert ENGLISH.date(day) == "31 Dec 2024"
    assert VIETNAMESE.date(dt.date(2018, 8, 7)) == "7/8/2018"


def test_times_are_those_of_this_computer() -> None:
    moment = dt.datetime(2024, 12, 31, 9, 5).astimezone()
    assert VIETNAMESE.time(moment.astimezone(dt.UTC)) == "09:05 31/12/2024"
    assert ENGLISH.time(moment.astimezone(dt.UTC)) == "31 Dec 2024 09:05"


@pytest.mark.parametrize(
    ("number", "vietnamese", "english"),
    [
        (0, "0 B", "0 B"),
        (1023, "1.023 B", "1,023 B"),
        (1024, "1,0 KiB", "1.0 KiB"),
        (2_600_000_000, "2,4 GiB", "2.4 GiB"),
        (5 * 1024**4, "5.120,0 GiB", "5,120.0 GiB"),
    ],
)
def test_sizes(number: int, vietnamese: str, english: str) -> None:
    assert VIETNAMESE.size(number) == vietnamese
    assert ENGLISH.size(number) == english


def test_counts() -> None:
    assert [ENGLISH.count(messages.PASSAGES, n) for n in (0, 1, 2, 1234)] == [
        "0 passages",
        "1 passage",
        "2 passages",
        "1,234 passages",
    ]
    assert [VIETNAMESE.count(messages.PASSAGES, n) for n in (0, 1, 1234)] == ["0 đoạn", "1 đoạn", "1.234 đoạn"]


def test_every_note_of_an_encoder_is_translated() -> None:
    from semsearch.encoders import known

    with_notes = {family.name for family in known() if family.note}
    assert with_notes == set(messages.ENCODER_NOTES)


def test_every_finding_and_remedy_is_translated() -> None:
    assert set(messages.FINDINGS) == set(get_args(FindingCode)) == set(FINDING_KINDS)
    assert set(messages.FINDING_REMEDIES) == set(get_args(RemedyCode)) == set(REMEDIES)
    assert set(messages.STATUS_NOTES) == set(get_args(StatusNote))


def test_every_signal_has_a_name() -> None:
    from dataclasses import fields

    from semsearch.types import Scores

    assert [field.name for field in fields(Scores) if field.name != "fused"] == list(messages.SIGNALS)


def test_every_stage_of_progress_has_a_name(tmp_path: Path) -> None:
    stages: set[str] = set()

    def note_stage(stage: str, done: int, total: int) -> None:
        stages.add(stage)

    corpus = cli_case.write_corpus(tmp_path / "corpus")
    with Index.open_or_create(tmp_path / "index") as index:
        index.sync([corpus], progress=note_stage)
        index.sync([corpus], progress=note_stage)
        index.rebuild(progress=note_stage)
        index.duplicates(progress=note_stage)
    assert len(stages) >= 4
    assert stages - {"unchanged"} <= set(messages.STAGES)
