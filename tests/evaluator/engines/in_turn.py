"""Evaluations one after another, each in a fork of one process that has imported everything:

    python -m tests.evaluator.engines.in_turn FOLDER ...

A folder with spec.json is a run, done as the supervisor's child would, without its imports (20 s) each time; one with
stock.json (a list of arguments) is lm-eval's own command. What is printed goes to child.log there, how it ended to
`status`.
"""

import json
import os
import sys
from pathlib import Path

import vllm  # noqa: F401  (imported once, for all)
from lm_eval.__main__ import cli_evaluate

from evaluator import harness, run

STOCK = "stock.json"


def do(folder: Path) -> int:
    """The exit status of what the folder asks for."""
    if (folder / STOCK).exists():
        sys.argv = ["lm_eval", *json.loads((folder / STOCK).read_text())]
        cli_evaluate()
        return 0
    return harness.main([str(folder)])


def main() -> None:
    for name in sys.argv[1:]:
        folder = Path(name)
        child = os.fork()
        if child == 0:
            log = os.open(folder / run.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(log, sys.stdout.fileno())
            os.dup2(log, sys.stderr.fileno())
            status = do(folder)
            sys.stdout.flush()
            os._exit(status)
        _, status = os.waitpid(child, 0)
        (folder / "status").write_text(str(os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    main()
