"""Install semsearch, index the articles of seeds/, and ask them a question.

    python3 scripts/demo.py ["câu hỏi"]

Needs only Python 3.11 or later; no model is downloaded.
"""

import sys

import environment

QUESTION = "Cầu Bản Lầy dài bao nhiêu mét?"


def main():
    """Print each command before it runs, so that it can be typed again by hand."""
    semsearch = environment.prepare() / "semsearch"
    question = " ".join(sys.argv[1:]) or QUESTION
    for arguments in (["index", "seeds/articles"], ["ask", question, "-k", "2"]):
        quoted = [f'"{argument}"' if " " in argument else argument for argument in arguments]
        environment.say(f"\n$ semsearch {' '.join(quoted)}")
        environment.run([str(semsearch), *arguments])


if __name__ == "__main__":
    main()
