"""From lm-eval's samples and result table to the contract's samples and task results. Pure; knows no lm-eval.

lm-eval writes one sample for each document and filter; here one `Sample` holds all filters of a document. A sample may
bring a "reason" of its own (`engines.code_eval.explain`).
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from evaluator.contract import SEPARATOR, Sample, TaskResult, TaskSpec, canonical_json, item_hash

RawSample = Mapping[str, Any]


class Told(NamedTuple):
    """What an engine tells of a document's requests, all together; lists have one entry a generated text."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    finish: tuple[str, ...] = ()
    thinking: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    """As they were sent, where the requests do not say it."""


Teller = Callable[[RawSample], Told]


def nothing_told(_: RawSample) -> Told:
    """Of an engine that counts nothing itself."""
    return Told()


Said = Callable[[str], str]
"""What a text of a request says before any chat template; most texts say themselves."""


def samples_of(
    task: str, raw: Iterable[RawSample], *, suite_task: str = "", told: Teller = nothing_told, said: Said = str
) -> list[Sample]:
    """The documents of a leaf task in document order; `suite_task` is the group that it was measured for, `told` what
    is known of a document's requests."""
    by_document: dict[int, list[RawSample]] = {}
    for sample in raw:
        by_document.setdefault(sample["doc_id"], []).append(sample)
    group = "" if suite_task == task else suite_task
    return [one_sample(task, group, by_document[doc_id], told, said) for doc_id in sorted(by_document)]


def one_sample(task: str, group: str, filters: Sequence[RawSample], told: Teller, said: Said) -> Sample:
    """Merge the samples that lm-eval wrote for one document, one for each filter."""
    first = filters[0]
    known = told(first)
    return Sample(
        task=task,
        suite_task=group,
        doc_id=first["doc_id"],
        item_hash=item_hash(task, first["doc"], first["target"]),
        target=text(first["target"]),
        prompts=known.prompts or tuple(prompt_of(arguments) for arguments in first["arguments"]),
        responses=tuple(text(response) for responses in first["resps"] for response in responses),
        answers={sample["filter"]: text(sample["filtered_resps"]) for sample in filters},
        scores={sample["filter"]: metrics_of(sample) for sample in filters},
        reasons={sample["filter"]: sample["reason"] for sample in filters if sample.get("reason")},
        tokens_in=known.tokens_in,
        tokens_out=known.tokens_out,
        finish=known.finish,
        thinking=known.thinking,
        asked=asked_of(first["arguments"], said),
    )


def asked_of(requests: Iterable[Sequence[Any]], said: Said = str) -> str:
    """SHA-256 (hex) of what a document's requests say and allow, by their arguments; "" for those that show images."""
    told = [[said(part) if isinstance(part, str) else part for part in request] for request in requests]
    if any(len(request) > 2 or not all(isinstance(part, str | dict) for part in request) for request in told):
        return ""
    return hashlib.sha256(canonical_json(told)).hexdigest()


def prompt_of(arguments: Sequence[Any]) -> str:
    """What was sent: text alone, context and continuation, or a prompt without its generation arguments."""
    return SEPARATOR.join(text(part) for part in arguments if isinstance(part, str))


def text(value: Any) -> str:
    """A value as text, exactly; one-element lists of text as that text."""
    if isinstance(value, list | tuple) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]
    return str(value)


def metrics_of(sample: RawSample) -> dict[str, float]:
    """The metrics of one document that are plain numbers; others (pairs for perplexity, say) have no item score."""
    found: dict[str, float] = {}
    for name in sample["metrics"]:
        value = sample[name]
        if isinstance(value, bool | int | float) or hasattr(value, "__float__"):
            number = float(value)
            if math.isfinite(number):
                found[name] = number
    return found


def task_result(spec: TaskSpec, table: Mapping[str, Any], samples: Sequence[Sample]) -> TaskResult:
    """The score of a task or group: the number and standard error that lm-eval printed, and the items behind it.

    `table` is lm-eval's row for the task ("acc,none", "acc_stderr,none"); `samples` are those of all its leaf tasks.
    A metric or filter that the task does not have is reported as unavailable, with those it has. A specification
    without a metric (tasks named on the command line) takes the first that lm-eval printed.
    """
    if not spec.metric:
        metric, _, filter_ = next(key for key in table if "," in key).partition(",")
        spec = replace(spec, metric=metric, filter=filter_)
    score = number(table.get(f"{spec.metric},{spec.filter}"))
    if score is None:
        known = sorted(key for key in table if "," in key and "_stderr" not in key)
        return unavailable(
            spec, f"The task reports no {spec.metric} with filter {spec.filter}; it reports {', '.join(known)}."
        )
    scored = [
        (sample.item_hash, sample.scores[spec.filter][spec.metric])
        for sample in samples
        if spec.metric in sample.scores.get(spec.filter, {})
    ]
    if not scored:
        return unavailable(spec, f"The metric {spec.metric} has no score for single items.")
    return TaskResult(
        task=spec.task,
        metric=spec.metric,
        filter=spec.filter,
        score=score,
        stderr=number(table.get(f"{spec.metric}_stderr,{spec.filter}")),
        n=len(scored),
        item_hashes=tuple(item for item, _ in scored),
        item_scores=tuple(value for _, value in scored),
    )


def unavailable(spec: TaskSpec, reason: str) -> TaskResult:
    """The dash with its reason."""
    return TaskResult(task=spec.task, metric=spec.metric, filter=spec.filter, unavailable=reason)


def number(value: Any) -> float | None:
    """A finite number, or None for lm-eval's "N/A", a missing key or NaN."""
    if isinstance(value, bool) or not (isinstance(value, int | float) or hasattr(value, "__float__")):
        return None
    return float(value) if math.isfinite(float(value)) else None
