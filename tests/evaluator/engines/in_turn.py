"""Evaluations one after another, each in a fork of one process that has imported everything:

    python -m tests.evaluator.engines.in_turn RUN_FOLDER ...

As the supervisor's child would, without its imports (20 s) each time. What a run prints is in its child.log, how it
ended in `status`.
"""

import os
import sys
from pathlib import Path

import vllm  # noqa: F401  (imported once, for all)

from evaluator import harness, run


def main() -> None:
    for name in sys.argv[1:]:
        folder = Path(name)
        child = os.fork()
        if child == 0:
            log = os.open(folder / run.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(log, sys.stdout.fileno())
            os.dup2(log, sys.stderr.fileno())
            status = harness.main([str(folder)])
            sys.stdout.flush()
            os._exit(status)
        _, status = os.waitpid(child, 0)
        (folder / "status").write_text(str(os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    main()
