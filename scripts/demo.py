"""Install semsearch, index the articles of seeds/, and ask them a question.

    python3 scripts/demo.py ["câu hỏi"]

Needs Python 3.11 or later and nothing else; no model is downloaded.
"""

import sys

import environment

QUESTION = "Cầu Bản Lầy dài bao nhiêu mét?"


def main():
    """Each command is shown before it runs, so that it can be typed again by hand."""
    semsearch = environment.prepare() / "semsearch"
    question = " ".join(sys.argv[1:]) or QUESTION
    for words in (["index", "seeds/articles"], ["ask", question, "-k", "2"]):
        shown = " ".join(f'"{w}"' if " " in w else w for w in words)
        environment.say(f"\n$ semsearch {shown}")
        environment.run([str(semsearch), *words])


if __name__ == "__main__":
    main()
