"""Run every check of a change: lint, format, types and tests.

    python3 scripts/test.py [--all] [arguments for pytest]

The tests marked ``slow`` (kills, power cuts, fuzzing, models of torch, whole question sets) run only with ``--all``,
as CI does. Tests run in parallel, one process for each processor; ``-n 0`` runs them in one.

Needs Python 3.11 or later. The first run makes .venv and installs what the tests need.
"""

import subprocess
import sys

import environment

CODE = ("semsearch", "scripts", "tests")
PARALLEL = ("-n", "auto", "--maxprocesses", "8", "--dist", "loadgroup")


def main():
    """Run all checks, even after one has failed."""
    arguments = sys.argv[1:]
    if "--all" in arguments:
        arguments.remove("--all")
    else:
        arguments = ["-m", "not slow", *arguments]
    python = str(environment.prepare("dev") / "python")
    checks = {
        "lint": [python, "-m", "ruff", "check", *CODE],
        "format": [python, "-m", "ruff", "format", "--check", *CODE],
        "types": [python, "-m", "mypy"],
        "tests": [python, "-m", "pytest", *PARALLEL, *arguments],
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
