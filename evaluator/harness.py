"""The child process: one evaluation with lm-eval, from a run's folder to its outcome.

    python -m evaluator.harness RUN_FOLDER [SECONDS]       (evaluator.supervisor and evaluator.kept start it)

evaluator.run has the files. With SECONDS it waits so long for another run. Exit status 0: outcome.json is there. 3:
failure.json says why. 4: the disk is full. 5: the engine ran out of memory. Anything else: it crashed.
"""

import errno
import importlib
import logging
import os
import sys
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import lm_eval.evaluator
import torch
from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager
from msgspec.structs import replace

from evaluator import run
from evaluator.contract import Sample, TaskResult, TaskSpec, encode_sample, spelled
from evaluator.data_digests import data_digest
from evaluator.engines import code_eval, derived, endpoint, looking, memory, passes, replaying, templates, thinking
from evaluator.engines.building import SEEDS, Loaded, engine_of, items_of, leaves, load_tasks, name_of, refused
from evaluator.engines.counting import Counter
from evaluator.engines.guarding import Guard, Unbuildable
from evaluator.engines.provenance import dtype_used, hardware, provenance, template_of, versions
from evaluator.engines.sharding import answered, unscored
from evaluator.journal import Journal, tokenizer_digest
from evaluator.kept import next_run
from evaluator.records import Teller, nothing_told, samples_of, task_result, unavailable
from evaluator.run import Unusable
from evaluator.suites import images

lm_eval.evaluator.get_git_commit_hash = lambda: None  # git would be asked about the folder that this runs in, aloud

ENGINES = {
    "vllm": "evaluator.engines.vllm",
    "transformers": "evaluator.engines.transformers",
    images.ENGINE: "evaluator.engines.vision",
}

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Reporter:
    """Writes progress.json, at most twice a second."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._progress, self._written = folder, run.Progress(), 0.0

    def phase(self, phase: Any, *, total: int | None = None) -> None:
        self._progress = replace(self._progress, phase=phase, total=self._progress.total if total is None else total)
        self._write()

    def call(self, tasks: Iterable[str]) -> None:
        """A call of lm-eval that measures these tasks begins."""
        self._progress = replace(self._progress, call=self._progress.call + 1, tasks=tuple(tasks))
        self._write()

    def items(self, done: int) -> None:
        self._progress = replace(self._progress, done=done)
        if time.monotonic() - self._written > 0.5 or done == self._progress.total:
            self._write()

    def _write(self) -> None:
        run.write(self._folder, run.PROGRESS, self._progress)
        self._written = time.monotonic()


class Phases:
    """Wall seconds of what was done, one after the other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.monotonic()

    def end(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = round(now - self._since, 3)
        self._since = now


class LoadedEngine:
    """The engine, and for what it is loaded: another run of the same revision and settings finds it here."""

    def __init__(self) -> None:
        self._model: Any = None
        self._key: tuple[Any, ...] = ()

    def model(self, folder: Path, spec: run.RunSpec, reporter: Reporter) -> Any:
        """The model, ready for a new run; raises Unusable or OutOfMemory."""
        key = (spec.model_path, spec.model, spec.settings, spec.scoring, spec.plan)
        if key != self._key:
            self._model, self._key = load_engine(folder, spec, reporter), key
        else:
            self._model.begin_again(reporter.items)
        return self._model


def evaluate(folder: Path, spec: run.RunSpec, reporter: Reporter, engine: LoadedEngine) -> run.Outcome:
    """Build the tasks, load the engine, evaluate, and write the samples."""
    phases = Phases()
    reporter.phase("preparing")
    loaded, missing = load_tasks(spec)
    phases.end("preparing")
    if not loaded:
        raise Unusable("no_task_available", "None of the suite's tasks could be built. " + " ".join(missing.values()))
    check_thinking(spec, loaded)
    total = sum(items_of(task, specification.limit) for specification, task in loaded) * passes_of(spec)
    reporter.phase("loading", total=total)
    model = replaying.load(spec, reporter.items) if spec.replies else engine.model(folder, spec, reporter)
    phases.end("loading")
    if spec.settings.apply_chat_template and not (spec.behind or spec.replies or template_of(model)):
        raise Unusable("no_chat_template", f"The tokenizer of {spec.model.name} has no chat template; run it without.")
    for _, entry in loaded:
        for leaf in leaves(entry):
            derived.fit(leaf, model.max_length)
    model.journal, model.shard = journal_of(folder, spec, model), spec.shard
    guard = Guard(leaf for _, entry in loaded for leaf in leaves(entry))
    helps = spec.shard is not None and unscored(spec.shard, (leaf for _, entry in loaded for leaf in leaves(entry)))
    reporter.phase("evaluating")
    results: list[dict[str, Any]] = []
    asked: list[tuple[TaskSpec, Loaded]] = []
    for group in by_limit(loaded):
        reporter.call(task.task for task, _ in group)
        found, some = looking.measured(measure_buildable, folder, model, group, spec)
        results, asked = [*results, *found], [*asked, *some]
    loaded = asked if spec.looks else loaded
    phases.end("evaluating")
    if helps:
        return answered(model, phases.seconds)
    if spec.replies:
        model.check(missing, spec.suite.slug)
    table: dict[str, Any] = {}
    raw: dict[str, Any] = {}
    for result in results:
        table |= result["results"] | result.get("groups", {})
        raw |= result["samples"]
    if spec.behind is not None:
        missing |= refused(model, loaded)
    missing |= failed(guard, loaded)
    if not results:
        raise Unusable("no_task_measured", "None of the suite's tasks could be measured. " + " ".join(missing.values()))
    tokens: dict[str, int] = {}
    tasks = write_samples(folder, spec, model, loaded, missing, table, raw, tokens)
    loaded = [(task, entry) for task, entry in loaded if all(leaf.task_name in raw for leaf in leaves(entry))]
    data = {leaf.task_name: data_digest(leaf) for _, entry in loaded for leaf in leaves(entry)}
    told = provenance(spec, model, results, seeds=SEEDS, data=data)
    counted = {} if spec.replies else {"tokens": tokens | saved(model)}
    phases.end("writing")
    return run.Outcome(
        tasks=tasks,
        table=plain(table),
        provenance={**told, **counted, "seconds": phases.seconds},
        load_seconds=phases.seconds["loading"],
        evaluation_seconds=phases.seconds["evaluating"],
    )


def check_thinking(spec: run.RunSpec, loaded: Iterable[tuple[TaskSpec, Loaded]]) -> None:
    """Raise Unusable where a model is to think and a task's answers are given, before the model is loaded."""
    early = thinking.thoughtless(one for _, entry in loaded for one in leaves(entry)) if spec.settings.thinking else []
    if early:
        raise Unusable(
            "thinking_with_likelihoods",
            f"{', '.join(early)} compare log-likelihoods of given answers, before which no model thinks: run them "
            "without thinking.",
        )


def saved(model: Any) -> dict[str, int]:
    """Tokens of prompts that lm-eval would have computed and that were taken from the cache instead."""
    work = model.path_facts().get("scoring_tokens")
    return {"saved": work["asked"] - work["computed"]} if work else {}


def by_limit(loaded: Iterable[tuple[TaskSpec, Loaded]]) -> list[list[tuple[TaskSpec, Loaded]]]:
    """Tasks that share a limit run in one call, as one `lm_eval run` would, so that they share its batches."""
    groups: dict[int | None, list[tuple[TaskSpec, Loaded]]] = {}
    for task, entry in loaded:
        groups.setdefault(task.limit, []).append((task, entry))
    return list(groups.values())


def load_engine(folder: Path, spec: run.RunSpec, reporter: Reporter) -> Any:
    """Load the model; what an engine refuses is the model's fault and worth its own words."""
    if spec.behind is not None:
        return endpoint.load(spec.behind, reporter.items)
    try:
        engine = importlib.import_module(ENGINES[engine_of(spec)])
    except ImportError as error:
        raise Unusable("engine_missing", f"The {engine_of(spec)} engine cannot be imported: {error}.") from error
    try:
        return engine.load(
            spec.model_path, spec.settings, reporter.items, spec.scoring, plan=spec.plan, **adapter_of(spec)
        )
    except (ValueError, OSError, KeyError, RuntimeError, NotImplementedError, MemoryError) as error:
        if memory.ran_out(error, run.log_tail(folder, limit=20_000)):
            raise memory.OutOfMemory(brief(error)) from error
        raise Unusable(
            "engine_load_failed", f"The {spec.settings.engine} engine could not load {spec.model.name}: {brief(error)}"
        ) from error


def adapter_of(spec: run.RunSpec) -> dict[str, str]:
    """What the engine is told of an adapter, nothing where there is none; raises Unusable."""
    if not spec.adapter_path:
        return {}
    if engine_of(spec) != "vllm":
        raise Unusable("adapter_needs_vllm", f"{spec.model.name} is an adapter, which only the engine vllm runs here.")
    return {"adapter": spec.adapter_path, "tokenizer": spec.tokenizer_path}


def journal_of(folder: Path, spec: run.RunSpec, model: Any) -> Journal | None:
    """The journal of everything that decides this engine's responses, where the run keeps one; the run's folder says
    which."""
    if spec.journal is None:
        return None
    journal = Journal(Path(spec.journal), identity(spec, model), taken=folder / run.TAKEN if spec.shard else None)
    run.write(folder, run.RESPONSES, run.Responses(name=journal.path.name, begin=journal.begin))
    return journal


def identity(spec: run.RunSpec, model: Any) -> dict[str, Any]:
    """What decides a response, beside the request: responses are shared where all of this is equal."""
    return {
        "revision": spec.model.sha,
        **({"base": spec.model.base.sha} if spec.model.base else {}),
        "tokenizer": tokenizer_digest(Path(spec.tokenizer_path)),
        "settings": spelled(spec.settings),
        "dtype": dtype_used(spec, model),
        "quantisation": spec.plan.quantisation,
        "tensor_parallel_size": spec.plan.tensor_parallel_size,
        "max_length": model.max_length,
        "path": model.path_facts()["path"],
        "seeds": SEEDS,
        "versions": versions(),
        "hardware": hardware(),
        "batch_invariant": os.environ.get("VLLM_BATCH_INVARIANT", ""),
        "scope": spec.scope,
    }


def failed(guard: Guard, loaded: Iterable[tuple[TaskSpec, Loaded]]) -> dict[str, str]:
    """The tasks whose own code raised, with the reason."""
    reasons = {
        task.task: " ".join(guard.failed[leaf.task_name] for leaf in leaves(entry) if leaf.task_name in guard.failed)
        for task, entry in loaded
    }
    return {task: reason for task, reason in reasons.items() if reason}


def measure_buildable(model: Any, group: list[tuple[TaskSpec, Loaded]], spec: run.RunSpec) -> list[dict[str, Any]]:
    """A call of lm-eval over these tasks but those whose requests cannot be made, which is found out before any is
    asked; none where nothing is left."""
    while group:
        try:
            return [measure_passes(model, group, spec)]
        except Unbuildable as error:
            group = [one for one in group if error.task not in {leaf.task_name for leaf in leaves(one[1])}]
    return []


def passes_of(spec: run.RunSpec) -> int:
    """How often every item is asked."""
    return 1 if spec.behind is None else spec.behind.sampling.passes


def measure_passes(model: Any, group: list[tuple[TaskSpec, Loaded]], spec: run.RunSpec) -> dict[str, Any]:
    """What one call of lm-eval measures, or as many as there are passes, together."""
    chat = spec.settings.apply_chat_template or (spec.behind is not None and spec.behind.chat)
    runs = []
    for number in range(1, passes_of(spec) + 1):
        model.current_pass = number
        runs.append(measure(model, group, chat=chat))
    return passes.together(runs, {name_of(entry): [leaf.task_name for leaf in leaves(entry)] for _, entry in group})


def measure(model: Any, group: list[tuple[TaskSpec, Loaded]], *, chat: bool) -> dict[str, Any]:
    """One call of lm-eval's `simple_evaluate`, the only one in the project."""
    results = simple_evaluate(
        model=model,
        tasks=[entry for _, entry in group],
        limit=group[0][0].limit,
        apply_chat_template=chat,
        log_samples=True,
        task_manager=TaskManager(include_defaults=False),  # all are built; its own reads thousands of files each time
        confirm_run_unsafe_code=True,  # it runs in the sandbox; where there is none, the task could not be built
        **SEEDS,
    )
    if results is None:
        raise Unusable("no_results", "lm-eval returned nothing: it believes not to be the main process.")
    return dict(results)


def write_samples(
    folder: Path,
    spec: run.RunSpec,
    model: Any,
    loaded: list[tuple[TaskSpec, Loaded]],
    missing: dict[str, str],
    table: dict[str, Any],
    raw: dict[str, Any],
    tokens: dict[str, int],
) -> tuple[TaskResult, ...]:
    """Write every sample, and return the suite's results in the suite's order; `tokens` are added up."""
    results: dict[str, TaskResult] = {}
    with (folder / run.SAMPLES).open("wb") as out:
        for task, entry in loaded:
            samples: list[Sample] = []
            if any(leaf.task_name not in raw for leaf in leaves(entry)):
                continue  # it could not be asked
            for leaf in leaves(entry):
                code_eval.explain(leaf, raw[leaf.task_name])
                told = teller(spec, model, leaf.task_name, tokens)
                said = getattr(model, "said", str)
                samples += samples_of(leaf.task_name, raw[leaf.task_name], suite_task=task.task, told=told, said=said)
            for sample in samples:
                out.write(encode_sample(sample) + b"\n")
            if task.task not in missing:
                results[task.task] = task_result(task, table[name_of(entry)], samples)
    results |= {task: unavailable(specification(spec, task), reason) for task, reason in missing.items()}
    return tuple(results[task.task] for task in spec.suite.tasks)


def teller(spec: run.RunSpec, model: Any, task: str, tokens: dict[str, int]) -> Teller:
    """Who tells of a task's requests. What an endpoint was asked, the gateway counts."""
    if spec.replies:
        return partial(model.told, task=task)
    return Counter(model, task, tokens) if spec.behind is None else nothing_told


def specification(spec: run.RunSpec, task: str) -> TaskSpec:
    return next(one for one in spec.suite.tasks if one.task == task)


def plain(table: dict[str, Any]) -> dict[str, Any]:
    """lm-eval's table with plain numbers and texts only."""
    return {
        task: {
            key: value if isinstance(value, str | bool | int | dict) or value is None else float(value)
            for key, value in row.items()
        }
        for task, row in table.items()
    }


def brief(error: BaseException) -> str:
    """An exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:400]}"


def one_run(folder: Path, engine: LoadedEngine) -> int:
    """Evaluate what the run's folder asks for; returns the exit status."""
    try:
        outcome = evaluate(folder, run.read_spec(folder), Reporter(folder), engine)
    except Unusable as error:
        traceback.print_exc()
        run.write(folder, run.FAILURE, run.Failed(code=error.code, message=error.message))
        return 3
    except (memory.OutOfMemory, MemoryError, torch.OutOfMemoryError) as error:
        traceback.print_exc()
        message = f"The engine ran out of memory on this host: {brief(error)}"
        run.write(folder, run.FAILURE, run.Failed(code="out_of_memory", message=message))
        return run.OUT_OF_MEMORY
    except OSError as error:
        if error.errno not in FULL:
            raise
        with suppress(OSError):  # the log may be on the same disk
            traceback.print_exc()
        os._exit(run.DISK_FULL)  # at once: a last flush that fails would change the status, and no file may fit
    run.write(folder, run.OUTCOME, outcome)
    return 0


def main(arguments: list[str]) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    seconds = float(arguments[1]) if len(arguments) > 1 else 0.0
    templates.install()
    code_eval.install()
    engine = LoadedEngine()
    status = one_run(Path(arguments[0]), engine)
    while status == 0 and (folder := next_run(seconds)) is not None:
        status = one_run(folder, engine)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
