"""Children of one process that has imported lm-eval already, which takes longer than what they do.

python -m tests.evaluator.forks       reads lines, JSON [module, run folder], and writes each run's exit status
"""

import json
import os
import runpy
import sys
from pathlib import Path

import evaluator.harness  # noqa: F401  (imported once, for all)
from evaluator import run


def main() -> None:
    for line in sys.stdin:
        module, folder = json.loads(line)
        child = os.fork()
        if child == 0:
            log = os.open(Path(folder) / run.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(log, 1)
            os.dup2(log, 2)
            sys.argv = [module, folder]
            try:
                runpy.run_module(module, run_name="__main__")
            except SystemExit as end:
                sys.stdout.flush()
                os._exit(int(end.code or 0))
            except BaseException as error:
                print(repr(error), flush=True)
            os._exit(1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
