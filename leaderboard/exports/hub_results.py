"""A submission as the Hub's evaluation results: what a model repository keeps below `.eval_results/`.

The format is that of https://huggingface.co/docs/hub/eval-results as huggingface_hub 2.4 writes and checks it. An entry
names the benchmark by its data set on the Hub: a task whose data is not there is left out, with a line that says so.
"""

from collections.abc import Iterator
from typing import Any

import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from evaluator import hub
from leaderboard.models import Result, Submission
from leaderboard.queries.samples import results_of, submission_with_samples


def eval_results(pk: int, *, url: str) -> str:
    """The YAML of a submission; `url` is where its page is. Raises Missing."""
    row = submission_with_samples(pk)
    results = results_of(row)
    entries = list(entries_of(row, results, url))
    left_out = [name for name in (result.task.task for result in results) if name not in {e.task_id for e in entries}]
    notes = "".join(f"# {name} is left out: it was not measured, or its data is not on the Hub.\n" for name in left_out)
    return notes + yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True)


def entries_of(row: Submission, results: list[Result], url: str) -> Iterator[EvalResultEntry]:
    for result in results:
        dataset = row.provenance.get("datasets", {}).get(result.task.task, "")
        if result.score is None or not on_hub(dataset):
            continue
        shots = "" if result.task.num_fewshot is None else f"{result.task.num_fewshot}-shot, "
        yield EvalResultEntry(
            dataset_id=dataset,
            task_id=result.task.task,
            value=round(100 * result.score, 4),
            date=row.finished_at.isoformat() if row.finished_at else None,
            source_url=url,
            source_name="Parity",
            notes=f"{result.task.metric}, {shots}lm-eval, {row.settings.get('dtype', 'auto')}, n = {result.n}",
        )


def on_hub(dataset: Any) -> bool:
    """Whether it is the name of a data set on the Hub: "json" and folders are not."""
    try:
        return isinstance(dataset, str) and "/" in dataset and bool(hub.check_id(dataset))
    except hub.HubError:
        return False
