"""A model without weights, slow and exact: its answers follow from the requests, and each one asked is written down.

    python -m tests.evaluator.slow_engine RUN_FOLDER        the harness with this engine, its slices of eight

The model's folder holds `delay` (seconds a request); `disk`, if there, the most bytes of a file; `template`, if there:
it has a chat template.
`.asked` there gets a line for each request, `.loads` the process of each load (hidden: they are no files of the model).
"""

import hashlib
import os
import resource
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM

from evaluator import harness
from evaluator.contract import Settings
from evaluator.engines import reporting
from evaluator.engines.counting import Counting
from evaluator.engines.reporting import ItemCounter, Report, Reporting
from evaluator.run import Scoring


def load(path: str, settings: Settings, report: Report, scoring: Scoring, **_: Any) -> "Slow":
    with (Path(path) / ".loads").open("a") as loads:
        loads.write(f"{os.getpid()}\n")
    full = Path(path) / "disk"
    if full.exists():  # from here on no file grows beyond this
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(full.read_text()),) * 2)
    return Slow(Path(path), report)


class Exact(TemplateLM):
    max_length, max_gen_toks = 128, 256
    tokenizer_name = "none"
    eot_token_id = 0

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.delay = folder, float((folder / "delay").read_text())
        if (folder / "template").exists():
            self.tokenizer = SimpleNamespace(chat_template="<role>content")

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        said = "".join(f"<{one['role']}>{one['content']}" for one in chat_history)
        return f"{said}<assistant>" if add_generation_prompt else said

    def _number(self, request: Instance) -> int:
        with (self.folder / ".asked").open("a") as asked:
            asked.write(f"{request.task_name} {request.doc_id} {request.idx}\n")
        time.sleep(self.delay)
        return int(hashlib.sha256(repr(request.args).encode()).hexdigest()[:8], 16)

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        numbers = [self._number(request) for request in requests]
        return [(-number / 7, number % 2 == 0) for number in numbers]

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        return [-self._number(request) / 7 for request in requests]

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        return [f"{self._number(request) % 10} \ud800\x00" for request in requests]

    def _loglikelihood_tokens(self, requests: Any, **_: Any) -> Any:
        raise NotImplementedError

    def tok_encode(self, string: str, **_: Any) -> list[int]:
        return [0] * len(string)


class Slow(Reporting, Counting, Exact):
    def __init__(self, folder: Path, report: Report) -> None:
        super().__init__(folder=folder)
        self.counter = ItemCounter(report)


if __name__ == "__main__":
    harness.ENGINES["transformers"] = "tests.evaluator.slow_engine"
    reporting.FIRST_SLICE, reporting.SLICE_SECONDS = 8, 0.0
    sys.exit(harness.main(sys.argv[1:]))
