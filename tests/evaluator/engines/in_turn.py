"""Evaluations one after another, each in a fork of one process that has imported everything:

    python -m tests.evaluator.engines.in_turn FOLDER ...

A folder with spec.json is a run, done as the supervisor's child would, without its imports (20 s) each time; one with
asked.json is for lm-eval's own model (tests.evaluator.engines.stock). What is printed goes to child.log there, how it
ended to `status`.
"""

import os
import sys
from pathlib import Path

import vllm  # noqa: F401  (imported once, for all)

from evaluator import harness, run
from tests.evaluator.engines import stock, stock_asked


def main() -> None:
    for name in sys.argv[1:]:
        folder = Path(name)
        child = os.fork()
        if child == 0:
            log = os.open(folder / run.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(log, sys.stdout.fileno())
            os.dup2(log, sys.stderr.fileno())
            status = stock.answer(folder) if (folder / stock_asked.ASKED).exists() else harness.main([str(folder)])
            sys.stdout.flush()
            os._exit(status)
        _, status = os.waitpid(child, 0)
        (folder / "status").write_text(str(os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    main()
