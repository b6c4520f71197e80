"""A model without weights that answers as it was told: python -m tests.evaluator.told_engine RUN_FOLDER

The model's folder holds `answers.json`, a list of [text, answer]: a prompt gets the answer of the first text that lies
behind all others in it, and nothing where it has none. `asked.json` there gets what was asked, once it is done.
"""

import json
import sys
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM

from evaluator import harness
from evaluator.contract import Settings
from evaluator.engines.reporting import ItemCounter, Report, Reporting
from evaluator.run import Scoring


def load(path: str, settings: Settings, report: Report, scoring: Scoring, **_: Any) -> "Told":
    return Told(Path(path), settings, report)


class Answering(TemplateLM):
    tokenizer_name = "none"
    eot_token_id, max_gen_toks = 0, 256

    def __init__(self, folder: Path, settings: Settings) -> None:
        super().__init__()
        self.folder, self.max_length = folder, settings.max_length or 8192
        self.answers: list[list[str]] = json.loads((folder / "answers.json").read_text())
        self.seen: list[Any] = []

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        self.seen += [[one.task_name, one.doc_id, *one.args] for one in requests]
        (self.folder / "asked.json").write_text(json.dumps(self.seen))
        return [self.answer(str(request.args[0])) for request in requests]

    def answer(self, prompt: str) -> str:
        return max(((prompt.rfind(text), answer) for text, answer in self.answers if text in prompt), default=(0, ""))[
            1
        ]

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        raise NotImplementedError

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        raise NotImplementedError

    def _loglikelihood_tokens(self, requests: Any, **_: Any) -> Any:
        raise NotImplementedError

    def tok_encode(self, string: str, **_: Any) -> list[int]:
        """A token a word: enough for counts."""
        return [0] * len(string.split())


class Told(Reporting, Answering):
    def __init__(self, folder: Path, settings: Settings, report: Report) -> None:
        super().__init__(folder=folder, settings=settings)
        self.counter = ItemCounter(report)


if __name__ == "__main__":
    harness.ENGINES["transformers"] = "tests.evaluator.told_engine"
    sys.exit(harness.main(sys.argv[1:]))
