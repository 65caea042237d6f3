"""A virtual environment with semsearch in it, made with nothing but Python's own library.

It is ``.venv`` beside this folder, or the folder that SEMSEARCH_VENV names.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def prepare(extra=""):
    """Make the environment if need be, install the project with ``extra`` into it, and return its bin folder."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this runs before anything has checked it
        sys.exit("semsearch needs Python 3.11 or later; this is " + sys.version.split()[0])
    venv = Path(os.environ.get("SEMSEARCH_VENV") or ROOT / ".venv").resolve()
    folder = venv / ("Scripts" if os.name == "nt" else "bin")
    python = folder / ("python.exe" if os.name == "nt" else "python")
    project = ROOT / "pyproject.toml"
    # Installed once for each state of pyproject.toml; the code itself is used in place.
    done = venv / f"installed-{extra or 'plain'}-{hashlib.sha256(project.read_bytes()).hexdigest()[:12]}"
    if done.exists():
        compile_code(python)
        return folder
    if not python.exists():
        say(f"Making a virtual environment in {venv}")
        run([sys.executable, "-m", "venv", str(venv)])
    say("Installing semsearch" + (f" with what its tests need ({extra})" if extra else ""))
    wanted = f"{ROOT}[{extra}]" if extra else str(ROOT)
    run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", wanted])
    done.touch()
    compile_code(python)
    return folder


def compile_code(python):
    """Byte code beside the sources, also where PYTHONDONTWRITEBYTECODE is set: a cold question opens faster."""
    subprocess.call([str(python), "-m", "compileall", "-q", str(ROOT / "semsearch")])


def run(command, **more):
    """Run a command from the project's folder; stop with its exit code if it fails."""
    code = subprocess.call(command, cwd=ROOT, **more)
    if code:
        sys.exit(f"{' '.join(command)} failed with exit code {code}")


def say(text):
    print(text, file=sys.stderr, flush=True)
