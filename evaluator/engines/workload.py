"""People's own prompts as a task of lm-eval's: asked as they are, answers generated, scored by `evaluator.scoring`.

The task is this class and a template of ours; what was uploaded is read as data (`evaluator.suites.workload`) and is
never rendered as a template.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import datasets
import yaml
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

from evaluator import sandbox
from evaluator.contract import TaskSpec
from evaluator.engines import code_eval
from evaluator.scoring.scored import score
from evaluator.scoring.spec import UnitTests, scoring_of
from evaluator.suites import workload

Doc = dict[str, Any]
TEMPLATE = {
    "task": workload.TASK,
    "test_split": "test",
    "output_type": "generate_until",
    "doc_to_text": "",
    "doc_to_target": "",
    "num_fewshot": 0,
    "generation_kwargs": {"until": [], "do_sample": False, "temperature": 0.0},
    "filter_list": [{"name": workload.FILTER, "filter": [{"function": "take_first"}]}],
    "metric_list": [
        {"metric": name, "aggregation": "mean", "higher_is_better": True} for name in (workload.METRIC, "extracted")
    ],
    "metadata": {"version": 1.0},
}


def write(folder: Path, tasks: Iterable[TaskSpec], task_files: str | None) -> None:
    """Write the template for the suite of a workload into `folder`; nothing for any other suite."""
    if task_files is None or workload.TASK not in [task.task for task in tasks]:
        return
    told = {**TEMPLATE, "dataset_kwargs": {"file": str(Path(task_files) / workload.FILE)}}
    text = yaml.safe_dump(told, sort_keys=False) + "class: !function evaluator.engines.workload.WorkloadTask\n"
    (folder / f"{workload.TASK}.yaml").write_text(text)


class WorkloadTask(ConfigurableTask):
    """One workload. `documents` have messages (as a list of {role, content}), references, choices and max_tokens."""

    def __init__(self, config: dict[str, Any]) -> None:
        told = {key: value for key, value in config.items() if key != "class"}
        super().__init__(config={**told, "process_results": self.judged})

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **_: Any) -> None:
        """Read the bundle's file; raises SuiteError, BadScoring, and sandbox.Unsafe where answers are programs and
        nothing here keeps them in."""
        head, items = workload.read(Path((dataset_kwargs or {})["file"]))
        self.scoring = scoring_of(head.scoring)
        if isinstance(self.scoring, UnitTests):
            sandbox.chosen_wall()
            self.UNSAFE_CODE = True
        self._config.generation_kwargs["max_gen_toks"] = head.max_tokens
        self.dataset = {"test": datasets.Dataset.from_list([document(one) for one in items])}

    def doc_to_text(self, doc: Doc, doc_to_text: Any = None) -> str:
        return workload.transcript((one["role"], one["content"]) for one in doc["messages"])

    def doc_to_target(self, doc: Doc, doc_to_target: Any = None) -> str:
        return "\n".join(doc["references"])

    def fewshot_context(
        self,
        doc: Doc,
        num_fewshot: int,
        system_instruction: str | None = None,
        apply_chat_template: bool = False,
        fewshot_as_multiturn: bool = False,
        chat_template: Callable[..., str] | None = None,
        gen_prefix: str | None = None,
    ) -> str:
        """The item's own messages, each in its role, and nothing else."""
        if apply_chat_template and chat_template is not None:
            return chat_template([dict(one) for one in doc["messages"]])
        return self.doc_to_text(doc)

    def program_of(self, answer: str, tests: str) -> str:
        """An answer as it is run, for `evaluator.engines.code_eval`; "" for one that has no program."""
        made = ""

        def noted(source: str) -> str:
            nonlocal made
            made = source
            return ""

        score(self.scoring, answer, [tests], run=noted)
        return made

    def construct_requests(self, doc: Doc, ctx: str, **told: Any) -> Instance:
        arguments = dict(self.config.generation_kwargs)
        if doc["max_tokens"]:
            # What fits into the model's window was seen to before (`engines.derived.fit`).
            arguments["max_gen_toks"] = min(arguments["max_gen_toks"], doc["max_tokens"])
        place = {key: told[key] for key in ("metadata",) if key in told}
        return Instance(request_type="generate_until", doc=doc, arguments=(ctx, arguments), idx=0, **place)

    def judged(self, doc: Doc, results: list[str]) -> dict[str, float]:
        """The score, and whether there was an answer in the form asked for."""
        # All tests of a program together, as they are run ahead.
        right = [self.doc_to_target(doc)] if isinstance(self.scoring, UnitTests) else doc["references"]
        found = score(self.scoring, results[0], right, doc["choices"], code_eval.METRIC.why_not)
        return {workload.METRIC: found.score, "extracted": float(found.answer is not None)}


def document(item: workload.Asked) -> Doc:
    """An item as lm-eval's tasks have theirs; columns are always of one type, whatever the first item lacks."""
    return {
        "messages": [{"role": role, "content": text} for role, text in item.messages],
        "references": list(item.references),
        "choices": list(item.choices),
        "max_tokens": item.max_tokens or 0,
    }
