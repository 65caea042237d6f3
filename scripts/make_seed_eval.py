"""Put the answers of seeds back in their places after corpus.jsonl was edited.

``answers.jsonl`` says where an answer stands by its offset in the corpus entry's text. Editing an
article moves it; this finds each answer again (the whole-word occurrence nearest to where it was) and
writes the new offsets, or says which answers are no longer in their article.

    python scripts/make_seed_eval.py            # repair the offsets
    python scripts/make_seed_eval.py --check    # write nothing
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

EVAL = Path(__file__).resolve().parents[1] / "seeds"


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (EVAL / name).read_text(encoding="utf-8").splitlines()]


def article_of() -> dict[str, str]:
    """Return the corpus entry of each query id, without queries that no entry answers."""
    lines = (EVAL / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return dict(line.split("\t")[:2] for line in lines)


def find(text: str, answer: str, near: int) -> int | None:
    """The start of ``answer`` in ``text`` as whole words, nearest to ``near``."""
    if text.startswith(answer, near):
        return near
    starts = [m.start() for m in re.finditer(r"(?<!\w)" + re.escape(answer) + r"(?!\w)", text)]
    return min(starts, key=lambda start: abs(start - near), default=None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    texts = {row["_id"]: row["text"] for row in rows("corpus.jsonl")}
    articles, answers = article_of(), rows("answers.jsonl")
    moved = lost = 0
    for row in answers:
        for answer in row["answers"]:
            start = find(texts[articles[row["_id"]]], answer["text"], answer["start"])
            if start is None:
                lost += 1
                print(f"lost: {row['_id']} {answer['text']!r} is not in {articles[row['_id']]}")
            elif start != answer["start"]:
                moved += 1
                answer["start"] = start
    if moved and not check:
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in answers)
        (EVAL / "answers.jsonl").write_text("".join(lines), encoding="utf-8")
    print(f"{len(answers)} questions, {moved} answers moved, {lost} lost")
    return int(lost > 0 or (check and moved > 0))


if __name__ == "__main__":
    sys.exit(main())
