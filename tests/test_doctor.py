"""What doctor finds, what it says to do, and what it mends; where nothing is sealed, by checksums and by counting."""

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
from semsearch.errors import IndexStale
from semsearch.index import Index
from semsearch.indexing.check import doctor
from semsearch.reports import Finding
from semsearch.storage.layout import Folder, Manifest

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
    assert all(finding.problem and finding.cure for finding in findings)
    return [finding for finding in findings if finding.level == "error" and not finding.repaired]


def exit_code(path: Path, *words: str) -> int:
    return int(cli_case.run("doctor", *words, index=path).exit_code)


def test_nothing_to_say(path: Path) -> None:
    assert doctor(path, encoder=ENCODER) == []
    assert exit_code(path) == 0


def first_of_vectors(path: Path) -> None:
    file = min(path.glob("vectors/*/vectors.npy"))
    data = bytearray(file.read_bytes())
    data[-3] ^= 8
    file.unlink()
    file.write_bytes(data)


def terms_of_another_segment(path: Path) -> None:
    files = sorted(path.glob("lexical/001/passages/*.fieldnorm"))
    data = files[1].read_bytes()
    assert data != files[0].read_bytes()
    files[0].unlink()
    files[0].write_bytes(data)


def last_of_terms(path: Path) -> None:
    file = max(path.glob("lexical/001/passages/*.idx"))
    content = bytearray(file.read_bytes())
    content[3] ^= 8
    file.unlink()
    file.write_bytes(content)


def a_term_vector_lost(path: Path) -> None:
    sql(path, "DELETE FROM term_vectors WHERE passage = (SELECT max(passage) FROM term_vectors)")


def a_term_vector_cut(path: Path) -> None:
    sql(path, "UPDATE term_vectors SET terms = substr(terms, 2) WHERE passage % 2")


def a_segment_forgotten(path: Path) -> None:
    sql(path, "DELETE FROM segments WHERE number = (SELECT min(number) FROM segments)")


def a_segment_misnamed(path: Path) -> None:
    sql(path, "UPDATE segments SET first = first - 1 WHERE number = (SELECT max(number) FROM segments)")


def the_living_called_dead(path: Path) -> None:
    sql(path, "INSERT INTO tombstones SELECT max(id) FROM passages")


def the_living_unwanted(path: Path) -> None:
    sql(path, "INSERT INTO pending_term_deletes VALUES (1, ?)", 1 << 60)


def a_number_given_twice(path: Path) -> None:
    sql(path, "UPDATE meta SET value = 3 WHERE key = 'next_passage'")


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (first_of_vectors, "vectors"),
        (last_of_terms, "lexical"),
        (a_term_vector_lost, "lexical"),
        (a_term_vector_cut, "lexical"),
        (a_segment_forgotten, "vectors"),
        (a_segment_misnamed, "vectors"),
        (the_living_called_dead, "numbers"),
        (the_living_unwanted, "numbers"),
        (a_number_given_twice, "numbers"),
    ],
)
def test_what_is_wrong_is_told_and_mended(path: Path, damage: Callable[[Path], None], part: str) -> None:
    expected = sorted(answers(path))
    damage(path)
    found = errors(doctor(path, encoder=ENCODER))
    assert part in {finding.part for finding in found}
    assert all("doctor --repair" in finding.cure for finding in found)
    assert exit_code(path) == 3
    told = doctor(path, repair=True, encoder=ENCODER)
    assert not errors(told) and any(finding.repaired for finding in told)
    assert doctor(path, encoder=ENCODER) == []
    assert sorted(answers(path)) == expected
    with Index.open(path, encoder=ENCODER) as index:
        assert index.add([article(40)]).added == 1
        assert index.doctor() == []


@pytest.mark.parametrize("damage", [a_term_vector_lost, a_term_vector_cut])
def test_a_search_does_without_term_vectors_that_are_lost(path: Path, damage: Callable[[Path], None]) -> None:
    expected = {text for _, text in answers(path)}
    damage(path)
    assert {text for _, text in answers(path)} <= expected


def test_orphans_are_told_and_go(path: Path) -> None:
    for name in ("vectors/000001.other", "lexical/009/x", "manifest.json.tmp"):
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(b"left")
    found = doctor(path, encoder=ENCODER)
    assert {finding.part for finding in found} == {"vectors/000001.other", "lexical/009", "manifest.json.tmp"}
    assert {finding.level for finding in found} == {"warning"}
    assert exit_code(path) == 0
    assert all(finding.repaired for finding in doctor(path, repair=True, encoder=ENCODER))
    assert doctor(path, encoder=ENCODER) == []


def test_lost_changes_are_told(path: Path, tmp_path: Path) -> None:
    """The database of before, with files of after: what a damaged write-ahead log comes to."""
    shutil.copy(path / "store.db", tmp_path / "before.db")
    with Index.open(path, encoder=ENCODER) as index:
        index.add([article(30)])
    shutil.copy(tmp_path / "before.db", path / "store.db")
    assert any("last changes are lost" in finding.problem for finding in errors(doctor(path, encoder=ENCODER)))
    told = errors(doctor(path, repair=True, encoder=ENCODER))
    assert ["index the same paths again" in finding.cure for finding in told] == [True]
    assert doctor(path, encoder=ENCODER) == []
    with Index.open(path, encoder=ENCODER) as index:
        assert index.add([article(30)]).added == 1


def test_an_encoder_that_is_another_now(path: Path, tmp_path: Path) -> None:
    (foreign,) = errors(doctor(path, encoder=HashEncoder(16, "x")))
    assert (foreign.part, foreign.cure) == ("encoder", "run: semsearch rebuild --encoder hashx")
    model = shutil.copytree(BUNDLED, tmp_path / "model")
    with Index.create(tmp_path / "other", str(model)) as index:
        index.add([article(1)])
    assert exit_code(tmp_path / "other") == 0
    weights = model / "model.safetensors"
    data = weights.read_bytes()
    weights.unlink()
    weights.write_bytes(data[:-4096] + bytes(4096))
    (stale,) = errors(doctor(tmp_path / "other"))
    assert stale.part == "encoder" and "rebuild" in stale.cure
    assert exit_code(tmp_path / "other") == 3
    assert cli_case.run("search", "quà", index=tmp_path / "other").exit_code == 3
    shutil.rmtree(model)
    assert exit_code(tmp_path / "other") == 0, "what cannot be loaded is not compared; a search says so"


def written(path: Path, **changes: object) -> None:
    """Both manifests as another version wrote them."""
    folder = Folder(path)
    manifest = folder.manifest()
    assert manifest is not None
    text = replace(manifest, **changes).dump()  # type: ignore[arg-type]
    sql(path, "UPDATE meta SET value = ? WHERE key = 'manifest'", text)
    (path / "manifest.json").write_text(text, "utf-8")


def tables_of_the_future(path: Path) -> None:
    sql(path, "PRAGMA user_version = 99")


def layout_of_the_future(path: Path) -> None:
    written(path, format=99)


@pytest.mark.parametrize("change", [tables_of_the_future, layout_of_the_future])
def test_the_future_is_told_and_left_alone(path: Path, change: Callable[[Path], None]) -> None:
    change(path)
    before = (path / "store.db").read_bytes()
    with pytest.raises(IndexStale, match="update semsearch"):
        answers(path)
    for words in ((), ("--repair",)):
        assert exit_code(path, *words) == 3
    told = errors(doctor(path, repair=True, encoder=ENCODER))
    assert any(finding.part == "store.db" and finding.cure.startswith("update semsearch") for finding in told)
    assert not any("delete" in finding.cure for finding in told)
    assert (path / "store.db").read_bytes() == before


def test_an_index_of_an_earlier_version_asks_for_a_rebuild(path: Path) -> None:
    expected = sorted(answers(path))
    for changes, level in (({"text": 0}, "error"), ({"lexical": 0}, "error"), ({"window": 7}, "warning")):
        written(path, **changes)
        (told,) = doctor(path, encoder=ENCODER)
        assert (told.cure, told.level) == ("run: semsearch rebuild", level)
        assert exit_code(path) == (3 if level == "error" else 0)
        if level == "error":
            with pytest.raises(IndexStale, match="rebuild"):
                answers(path)
        with Index.open(path, encoder=ENCODER) as index:
            index.rebuild()
        assert doctor(path, encoder=ENCODER) == []
        assert sorted(text for _, text in answers(path)) == sorted(text for _, text in expected)


def test_a_manifest_that_is_gone_or_another(path: Path) -> None:
    manifest = (path / "manifest.json").read_text("utf-8")
    for text in (None, "{}", manifest.replace("16", "17"), manifest.replace('"format": 1', '"format": 99')):
        if text is None:
            (path / "manifest.json").unlink()
        else:
            (path / "manifest.json").write_text(text, "utf-8")
        assert {finding.part for finding in doctor(path, encoder=ENCODER)} == {"manifest.json"}
        assert not errors(doctor(path, repair=True, encoder=ENCODER))
        assert Manifest.parse((path / "manifest.json").read_text("utf-8"), "") == Manifest.parse(manifest, "")


@pytest.mark.parametrize("changes", [{"lexical": 1}, {"lexical": 1, "sentences": 0}, {"lexical": 1, "window": 7}])
def test_terms_that_cannot_be_read_are_no_hindrance_to_splitting_anew(path: Path, changes: dict[str, object]) -> None:
    expected = sorted(text for _, text in answers(path))
    written(path, **changes)
    (terms,) = (path / "lexical").glob("*/passages")
    (terms / "meta.json").unlink()
    with Index.open(path, encoder=ENCODER) as index:
        index.rebuild()
    assert doctor(path, encoder=ENCODER) == []
    assert sorted(text for _, text in answers(path)) == expected


@pytest.mark.parametrize("seed", range(16))
def test_a_database_is_mended_or_stays_damaged(path: Path, seed: int) -> None:
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
        assert any("anew" in finding.cure for finding in left)
    else:
        answers(path)
        with Index.open(path, encoder=ENCODER) as index:
            index.add([article(50)])
        assert not errors(doctor(path, encoder=ENCODER))


def test_an_index_of_sqlites_is_made_anew(path: Path) -> None:
    expected = answers(path)
    with closing(sqlite3.connect(path / "store.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        other = "UPDATE sqlite_master SET sql = replace(sql, '(date)', '(title)') WHERE name = 'articles_date'"
        connection.execute(other)
    assert "store.db" in {finding.part for finding in errors(doctor(path, encoder=ENCODER))}
    assert errors(doctor(path, repair=True, encoder=ENCODER)) == []
    assert doctor(path, encoder=ENCODER) == []
    assert answers(path) == expected
