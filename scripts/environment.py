"""Make a virtual environment with semsearch in it, with Python's standard library alone.

It is ``.venv`` in the project's folder, or the folder that SEMSEARCH_VENV names.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def prepare(extra=""):
    """Install the project with the optional dependencies ``extra``, if needed.

    Returns:
        The folder of the environment's programs (``bin``, or ``Scripts`` on Windows).
    """
    if sys.version_info < (3, 11):  # noqa: UP036 - nothing has checked the version before this
        sys.exit("semsearch needs Python 3.11 or later; this is " + sys.version.split()[0])
    venv = Path(os.environ.get("SEMSEARCH_VENV") or ROOT / ".venv").resolve()
    programs = venv / ("Scripts" if os.name == "nt" else "bin")
    python = programs / ("python.exe" if os.name == "nt" else "python")

    # The marker's name changes with pyproject.toml, so that changed dependencies are installed.
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    marker = venv / f"installed-{extra or 'plain'}-{digest[:12]}"
    if not marker.exists():
        if not python.exists():
            say(f"Making a virtual environment in {venv}")
            run([sys.executable, "-m", "venv", str(venv)])
        say("Installing semsearch" + (f" with its optional dependencies [{extra}]" if extra else ""))
        target = f"{ROOT}[{extra}]" if extra else str(ROOT)
        run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", target])
        marker.touch()
    compile_code(python)
    return programs


def compile_code(python):
    """Write byte code even if PYTHONDONTWRITEBYTECODE is set; without it each command would start slowly."""
    subprocess.call([str(python), "-m", "compileall", "-q", str(ROOT / "semsearch")])


def run(command, **options):
    """Run a command in the project's folder; exit with its code if it fails."""
    code = subprocess.call(command, cwd=ROOT, **options)
    if code:
        sys.exit(f"{' '.join(command)} failed with exit code {code}")


def say(text):
    print(text, file=sys.stderr, flush=True)
