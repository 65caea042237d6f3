"""Runs functions of a script in processes of their own, fast enough to kill them by the hundred.

A fresh interpreter that has imported everything and has one thread forks them, so a child never waits for a lock that
a thread of its parent held. One child runs at a time.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")


class Children:
    """Runs functions of the module ``script`` by name.

    The exit code is what the function returns, 0 for None, 1 after an exception, or minus the signal that ended it.
    """

    def __init__(self, script: Path) -> None:
        self._server = subprocess.Popen(
            [sys.executable, __file__, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def start(self, function: str, **arguments: Any) -> int:
        """Start a child and return its process id; ``wait`` for it before the next one.

        Args:
            function: Name of a function of the script.
            arguments: Its arguments, which must be serialisable as JSON.
        """
        assert self._server.stdin
        print(json.dumps([function, arguments]), file=self._server.stdin, flush=True)
        return self._read_number()

    def wait(self) -> int:
        """Return the exit code of the child that was started."""
        return self._read_number()

    def run(self, function: str, **arguments: Any) -> int:
        """Run a child to its end and return its exit code."""
        self.start(function, **arguments)
        return self.wait()

    def _read_number(self) -> int:
        assert self._server.stdout
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError("the forking process has ended; its error is above")
        return int(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.close()
        self._server.stdout.close()
        self._server.wait()


def _imported(script: Path) -> ModuleType:
    sys.path.insert(0, str(script.parent))
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[script.stem] = module
    spec.loader.exec_module(module)
    return module


def _serve(script: Path) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # standard output of a child must not be taken for an answer
    module = _imported(script)
    for line in sys.stdin:
        function, arguments = json.loads(line)
        tasks = Path("/proc/self/task")
        threads = len(list(tasks.iterdir())) if tasks.is_dir() else threading.active_count()
        if threads > 1:
            sys.exit(f"{script} starts threads when it is imported, so forking it is not safe")
        child = os.fork()
        if not child:
            code = 1
            try:
                code = getattr(module, function)(**arguments) or 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        print(child, file=answers, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers, flush=True)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]).absolute())
