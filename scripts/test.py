"""Everything that must hold before a change is done: lint, format, types, tests.

    python3 scripts/test.py [arguments for pytest]

Needs Python 3.11 or later; makes .venv and installs what the tests need at the first run.
"""

import subprocess
import sys

import environment

CODE = ("semsearch", "scripts", "tests")


def main():
    """All checks run, also after one has failed; the tests come last."""
    folder = environment.prepare("dev")
    python = str(folder / "python")
    checks = {
        "lint": [python, "-m", "ruff", "check", *CODE],
        "format": [python, "-m", "ruff", "format", "--check", *CODE],
        "types": [python, "-m", "mypy"],
        "tests": [python, "-m", "pytest", *sys.argv[1:]],
    }
    failed = []
    for name, command in checks.items():
        environment.say(f"\n== {name}: {' '.join(command[1:])}")
        if subprocess.call(command, cwd=environment.ROOT):
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
