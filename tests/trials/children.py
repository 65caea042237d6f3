"""Functions of a script in processes of their own, quickly, so that they can be killed by the hundred.

They are forked by a fresh interpreter that has imported everything and has one thread: a child never waits for a lock
that some thread of its parent held when it was forked. One child runs at a time.
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
    """Runs functions of the module in the file ``script`` by name, with arguments that JSON can carry.

    The exit code is what the function returns, 0 for None, 1 after an exception, minus the signal that ended it.
    """

    def __init__(self, script: Path) -> None:
        self._server = subprocess.Popen(
            [sys.executable, __file__, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def start(self, work: str, **given: Any) -> int:
        """The process id of a child that has begun; ``wait`` for it before the next one."""
        assert self._server.stdin
        print(json.dumps([work, given]), file=self._server.stdin, flush=True)
        return self._told()

    def wait(self) -> int:
        """The exit code of the child that was started."""
        return self._told()

    def run(self, work: str, **given: Any) -> int:
        self.start(work, **given)
        return self.wait()

    def _told(self) -> int:
        assert self._server.stdout
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError("the process that forks has ended; what it said stands above")
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


def _module(script: Path) -> ModuleType:
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
    os.dup2(2, 1)  # what a child prints is no answer
    module = _module(script)
    for line in sys.stdin:
        work, given = json.loads(line)
        tasks = Path("/proc/self/task")
        threads = len(list(tasks.iterdir())) if tasks.is_dir() else threading.active_count()
        if threads > 1:
            sys.exit(f"{script} starts threads where it is imported: a fork would not be safe")
        child = os.fork()
        if not child:
            code = 1
            try:
                code = getattr(module, work)(**given) or 0
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
