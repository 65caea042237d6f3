"""What doctor finds and repairs."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cli_case
import pytest
from factories import HashEncoder, article

from semsearch.encoders import BUNDLED
from semsearch.errors import IndexDamaged, IndexLocked, IndexStale, StorageError
from semsearch.index import Index
from semsearch.indexing.check import doctor
from semsearch.reports import Finding, FindingCode
from semsearch.storage.layout import Folder

ENCODER = HashEncoder(16)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Three segments, and a passage that was removed."""
    path = tmp_path / "index"
    with Index.open_or_create(path, encoder=ENCODER) as index:
        index.add(article(n) for n in range(12))
        index.add(article(n) for n in range(12, 15))
        index.remove("test:2")
    return path


def sql(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path / "store.db")) as connection, connection:
        connection.execute(statement, values)


def answers(path: Path) -> list[tuple[int, str]]:
    with Index.open(path, encoder=ENCODER) as index:
        return [
            (hit.passage.id, hit.passage.text)
            for mode in ("dense", "lexical")
            for hit in index.search("quà", mode=mode)
        ]


def errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level == "error" and not finding.repaired]


def codes(findings: list[Finding]) -> set[FindingCode]:
    return {finding.code for finding in findings}


def exit_code(path: Path, *words: str) -> int:
    return int(cli_case.run("doctor", *words, index=path).exit_code)


def test_a_sound_index(path: Path) -> None:
    assert doctor(path, encoder=ENCODER) == []
    assert exit_code(path) == 0


def change_vectors(path: Path) -> None:
    file = min(path.glob("vectors/*/vectors.npy"))
    data = bytearray(file.read_bytes())
    data[-3] ^= 8
    file.unlink()
    file.write_bytes(data)


def change_terms(path: Path) -> None:
    file = max(path.glob("lexical/001/passages/*.idx"))
    content = bytearray(file.read_bytes())
    content[3] ^= 8
    file.unlink()
    file.write_bytes(content)


def lose_term_vector(path: Path) -> None:
    sql(path, "DELETE FROM term_vectors WHERE passage = (SELECT max(passage) FROM term_vectors)")


def cut_term_vectors(path: Path) -> None:
    sql(path, "UPDATE term_vectors SET terms = substr(terms, 2) WHERE passage % 2")


def forget_segment(path: Path) -> None:
    sql(path, "DELETE FROM segments WHERE number = (SELECT min(number) FROM segments)")


def misname_segment(path: Path) -> None:
    sql(path, "UPDATE segments SET first = first - 1 WHERE number = (SELECT max(number) FROM segments)")


def bury_existing_passage(path: Path) -> None:
    sql(path, "INSERT INTO tombstones SELECT max(id) FROM passages")


def delete_terms_of_existing_passages(path: Path) -> None:
    sql(path, "INSERT INTO pending_term_deletes VALUES (1, ?)", 1 << 60)


def reuse_ids(path: Path) -> None:
    sql(path, "UPDATE meta SET value = 3 WHERE key = 'next_passage'")


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (change_vectors, "segment-damaged"),
        (change_terms, "terms-damaged"),
        (lose_term_vector, "term-vectors-missing"),
        (cut_term_vectors, "term-vectors-missing"),
        (forget_segment, "vectors-missing"),
        (misname_segment, "segment-damaged"),
        (bury_existing_passage, "tombstones-wrong"),
        (delete_terms_of_existing_passages, "pending-deletes-wrong"),
        (reuse_ids, "next-id-wrong"),
    ],
)
def test_damage_is_found_and_repaired(path: Path, damage: Callable[[Path], None], code: FindingCode) -> None:
    expected = sorted(answers(path))
    damage(path)
    found = errors(doctor(path, encoder=ENCODER))
    assert code in codes(found)
    assert all(finding.repairable for finding in found)
    assert exit_code(path) == 3
    repaired = doctor(path, repair=True, encoder=ENCODER)
    assert codes(repaired) >= codes(found)
    assert all(finding.repaired for finding in repaired)
    assert doctor(path, encoder=ENCODER) == []
    assert sorted(answers(path)) == expected
    with Index.open(path, encoder=ENCODER) as index:
        assert index.add([article(40)]).added == 1
        assert index.doctor() == []


def test_lost_vectors_need_the_encoder_that_computed_the_others(path: Path) -> None:
    change_vectors(path)
    found = doctor(path, repair=True, encoder=HashEncoder(16, "x"))
    assert codes(errors(found)) == {"vectors-missing", "encoder-changed", "repair-needs-encoder"}
    found = doctor(path, repair=True)
    assert codes(errors(found)) == {"vectors-missing", "repair-needs-encoder"}, "a test encoder has no name to load by"
    assert not errors(doctor(path, repair=True, encoder=ENCODER))
    assert doctor(path, encoder=ENCODER) == []


def test_a_damaged_article_is_removed_and_said_to_be(path: Path) -> None:
    sql(path, "UPDATE articles SET title = title || 'x' WHERE id = 4")
    (found,) = doctor(path, encoder=ENCODER)
    assert (found.code, found.part, found.details) == ("article-damaged", "articles/4", {"article": 4})
    (repaired,) = doctor(path, repair=True, encoder=ENCODER)
    assert (repaired.code, repaired.repaired, repaired.remedy_code) == ("article-damaged", True, "index-again")
    assert doctor(path, encoder=ENCODER) == []
    with Index.open(path, encoder=ENCODER) as index:
        assert index.add(article(n) for n in range(15) if n != 2).added == 1


def test_findings_are_printed_in_the_language_of_the_output(path: Path) -> None:
    sql(path, "UPDATE articles SET title = title || 'x' WHERE id = 4")
    english = cli_case.run("doctor", "--lang", "en", index=path).stdout
    assert english.splitlines() == [
        "1 problem:",
        "error    articles/4: Article 4 is damaged.",
        "         Run: semsearch doctor --repair; then index its path again.",
    ]
    vietnamese = cli_case.run("doctor", "--repair", "--lang", "vi", index=path).stdout
    assert vietnamese.splitlines() == [
        "Có 1 vấn đề:",
        "đã sửa   articles/4: Bài 4 bị hỏng.",
        "         Bài đã bị bỏ; hãy lập chỉ mục lại đường dẫn của bài.",
    ]


def test_an_unreadable_file_is_not_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise StorageError("the disk cannot be read")

    for place in ("semsearch.storage.segments.open_segment", "semsearch.storage.lexical_files.open_readonly"):
        with monkeypatch.context() as patch:
            patch.setattr(place, refuse)
            with pytest.raises(StorageError):
                doctor(path, repair=True, encoder=ENCODER)
    assert doctor(path, encoder=ENCODER) == []


def test_nothing_is_repaired_while_another_process_writes(path: Path) -> None:
    change_vectors(path)
    with Folder(path).locked():
        assert codes(doctor(path, encoder=ENCODER)) >= {"writer-active", "segment-damaged"}
        with pytest.raises(IndexLocked):
            doctor(path, repair=True, encoder=ENCODER)


@pytest.mark.parametrize("damage", [lose_term_vector, cut_term_vectors])
def test_a_search_works_without_term_vectors(path: Path, damage: Callable[[Path], None]) -> None:
    expected = {text for _, text in answers(path)}
    damage(path)
    assert {text for _, text in answers(path)} <= expected


def test_leftover_files_are_removed(path: Path) -> None:
    for name in ("vectors/000001.other", "lexical/009/x", "manifest.json.tmp"):
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(b"left")
    found = doctor(path, encoder=ENCODER)
    assert codes(found) == {"leftover-file"}
    assert {finding.part for finding in found} == {"vectors/000001.other", "lexical/009", "manifest.json.tmp"}
    assert {finding.level for finding in found} == {"warning"}
    assert exit_code(path) == 0
    assert all(finding.repaired for finding in doctor(path, repair=True, encoder=ENCODER))
    assert doctor(path, encoder=ENCODER) == []


def test_a_database_older_than_the_files_is_repaired(path: Path, tmp_path: Path) -> None:
    """A damaged write-ahead log loses the last transactions."""
    shutil.copy(path / "store.db", tmp_path / "before.db")
    with Index.open(path, encoder=ENCODER) as index:
        index.add([article(30)])
    shutil.copy(tmp_path / "before.db", path / "store.db")
    assert codes(doctor(path, encoder=ENCODER)) == {"terms-orphaned", "leftover-file"}
    assert not errors(doctor(path, repair=True, encoder=ENCODER))
    assert doctor(path, encoder=ENCODER) == []
    with Index.open(path, encoder=ENCODER) as index:
        assert index.add([article(30)]).added == 1


def test_a_changed_encoder(path: Path, tmp_path: Path) -> None:
    (foreign,) = errors(doctor(path, encoder=HashEncoder(16, "x")))
    assert (foreign.code, foreign.details) == ("encoder-changed", {"encoder": "hashx"})
    assert foreign.remedy == "Run: semsearch rebuild --encoder hashx"
    model = shutil.copytree(BUNDLED, tmp_path / "model")
    with Index.create(tmp_path / "other", str(model)) as index:
        index.add([article(1)])
    assert exit_code(tmp_path / "other") == 0
    weights = model / "model.safetensors"
    data = weights.read_bytes()
    weights.unlink()
    weights.write_bytes(data[:-4096] + bytes(4096))
    (stale,) = errors(doctor(tmp_path / "other"))
    assert stale.code == "encoder-changed"
    assert exit_code(tmp_path / "other") == 3
    assert cli_case.run("search", "quà", index=tmp_path / "other").exit_code == 3
    shutil.rmtree(model)
    assert exit_code(tmp_path / "other") == 0, "what cannot be loaded is not compared; a search says so"


def change_manifests(path: Path, **changes: object) -> None:
    """Change the manifest in the database and the one in its file."""
    folder = Folder(path)
    manifest = folder.manifest()
    assert manifest is not None
    text = replace(manifest, **changes).dump()  # type: ignore[arg-type]
    sql(path, "UPDATE meta SET value = ? WHERE key = 'manifest'", text)
    (path / "manifest.json").write_text(text, "utf-8")


def use_newer_tables(path: Path) -> None:
    sql(path, "PRAGMA user_version = 99")


def use_newer_layout(path: Path) -> None:
    change_manifests(path, format=99)


@pytest.mark.parametrize("change", [use_newer_tables, use_newer_layout])
def test_an_index_of_a_later_version_is_left_alone(path: Path, change: Callable[[Path], None]) -> None:
    change(path)
    before = (path / "store.db").read_bytes()
    with pytest.raises(IndexStale, match="update semsearch"):
        answers(path)
    for words in ((), ("--repair",)):
        assert exit_code(path, *words) == 3
    assert codes(doctor(path, repair=True, encoder=ENCODER)) == {"newer-version"}
    assert (path / "store.db").read_bytes() == before


def test_an_index_of_an_earlier_version_asks_for_a_rebuild(path: Path) -> None:
    expected = sorted(answers(path))
    for changes, code in (
        ({"text": 0}, "rebuild-required"),
        ({"lexical": 0}, "rebuild-required"),
        ({"window": 7}, "rebuild-advised"),
    ):
        change_manifests(path, **changes)
        (found,) = doctor(path, encoder=ENCODER)
        assert (found.code, found.remedy_code) == (code, "rebuild")
        assert exit_code(path) == (3 if code == "rebuild-required" else 0)
        if code == "rebuild-required":
            with pytest.raises(IndexStale, match="rebuild"):
                answers(path)
        with Index.open(path, encoder=ENCODER) as index:
            index.rebuild()
        assert doctor(path, encoder=ENCODER) == []
        assert sorted(text for _, text in answers(path)) == sorted(text for _, text in expected)


def test_a_manifest_that_is_missing_damaged_or_outdated(path: Path) -> None:
    manifest = (path / "manifest.json").read_text("utf-8")
    changes: list[tuple[str, FindingCode]] = [
        ("{}", "manifest-damaged"),
        (manifest.replace('"format": 1', '"format": 99'), "manifest-damaged"),
        (manifest.replace("16", "17"), "manifest-outdated"),
        ("", "manifest-missing"),
    ]
    for text, code in changes:
        (path / "manifest.json").unlink()
        if text:
            (path / "manifest.json").write_text(text, "utf-8")
        assert codes(doctor(path, encoder=ENCODER)) == {code}
        assert not errors(doctor(path, repair=True, encoder=ENCODER))
        assert (path / "manifest.json").read_text("utf-8") == manifest


@pytest.mark.parametrize("changes", [{"lexical": 1}, {"lexical": 1, "sentences": 0}, {"lexical": 1, "window": 7}])
def test_a_rebuild_does_not_need_the_terms(path: Path, changes: dict[str, object]) -> None:
    expected = sorted(text for _, text in answers(path))
    change_manifests(path, **changes)
    (terms,) = (path / "lexical").glob("*/passages")
    (terms / "meta.json").unlink()
    with Index.open(path, encoder=ENCODER) as index:
        index.rebuild()
    assert doctor(path, encoder=ENCODER) == []
    assert sorted(text for _, text in answers(path)) == expected


@pytest.mark.parametrize("seed", range(16))
def test_a_damaged_database_is_repaired_or_reported(path: Path, seed: int) -> None:
    """Whatever bytes are changed: after a repair the index works, or the findings say that it does not."""
    with closing(sqlite3.connect(path / "store.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    chance = random.Random(seed)
    content = bytearray((path / "store.db").read_bytes())
    for _ in range(20):
        content[chance.randrange(len(content))] = chance.randrange(256)
    (path / "store.db").write_bytes(content)
    left = errors(doctor(path, repair=True, encoder=ENCODER))
    if left:
        assert codes(left) & {"database-unreadable", "repair-incomplete"}
    else:
        answers(path)
        with Index.open(path, encoder=ENCODER) as index:
            index.add([article(50)])
        assert not errors(doctor(path, encoder=ENCODER))


def test_an_index_of_sqlite_is_rebuilt(path: Path) -> None:
    expected = answers(path)
    with closing(sqlite3.connect(path / "store.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        other = "UPDATE sqlite_master SET sql = replace(sql, '(date)', '(title)') WHERE name = 'articles_date'"
        connection.execute(other)
    assert codes(doctor(path, encoder=ENCODER)) == {"database-inconsistent"}
    assert errors(doctor(path, repair=True, encoder=ENCODER)) == []
    assert doctor(path, encoder=ENCODER) == []
    assert answers(path) == expected


def test_vectors_that_are_not_numbers_are_reported_and_computed_again(path: Path) -> None:
    """A search says so, a merge refuses the file, and a changed article does not take such a vector over."""
    file = min(path.glob("vectors/*/vectors.npy"))
    data = bytearray(file.read_bytes())
    data[-2:] = b"\x00\x7e"  # not a number, in float16
    file.unlink()
    file.write_bytes(data)
    with Index.open(path, encoder=ENCODER) as index, pytest.raises(IndexDamaged, match="doctor --repair"):
        index.search("quà", mode="dense")
    with Index.open(path, encoder=ENCODER) as index, pytest.raises(IndexDamaged, match="checksum"):
        index.add([replace(article(n), title="Tin mới") for n in range(12)])
    doctor(path, repair=True, encoder=ENCODER)
    assert doctor(path, encoder=ENCODER) == []
    assert answers(path)
