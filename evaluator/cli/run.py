"""`parity run`: evaluate a model here, without a site, exactly as a worker would."""

import argparse
import json
import os
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

import msgspec
from msgspec.structs import replace
from tqdm import tqdm

from evaluator import config, hub, planner, suites
from evaluator import run as files
from evaluator.contract import THINK_END, ModelRef, Settings, SuiteSpec, TaskSpec, spelled
from evaluator.jobs import unpack_bundle
from evaluator.run import Scoring
from evaluator.supervisor import Died, supervise


def describe(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--model", required=True, metavar="DIR_OR_ID", help="a folder with weights, or a Hub ID")
    parser.add_argument("--revision", default="main", help="of a Hub ID (default: main)")
    below = "of an adapter's base (default: what the adapter names, else main)"
    parser.add_argument("--base-revision", default="", metavar="SHA", help=below)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--suite", metavar="NAME@V|FILE", help="a built-in suite, or a suite's YAML file")
    what.add_argument("--tasks", metavar="A,B", help="lm-eval tasks; the score of each is its first metric")
    parser.add_argument("--num-fewshot", type=int, metavar="K", help="with --tasks: examples before each question")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N items of each task")
    parser.add_argument("--engine", choices=("vllm", "transformers"), default="vllm")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16", "float16"), default="auto")
    scoring = "log-likelihoods with each context computed once, or lm-eval's own way (default: fast)"
    parser.add_argument("--scoring", choices=("fast", "strict"), default="fast", help=scoring)
    parser.add_argument("--apply-chat-template", action="store_true", help="send prompts as chat messages")
    parser.add_argument("--max-length", type=int, metavar="TOKENS", help="use a shorter context than the model's own")
    describe_thinking(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where results.json and samples go")
    parser.add_argument("--resume", action="store_true", help="keep finished requests in DIR, and go on from them")


def describe_thinking(parser: argparse.ArgumentParser) -> None:
    """The options of models that think before they answer."""
    told = "tell the chat template to have the model think, or not to (default: nothing is told)"
    parser.add_argument("--thinking", action=argparse.BooleanOptionalAction, help=told)
    ends = f"what ends a thought (default with --thinking: {THINK_END}); all before it is no answer"
    parser.add_argument("--think-end", default="", metavar="TEXT", help=ends)
    beside = "what a thought may take beside what the task allows for an answer"
    parser.add_argument("--thinking-tokens", type=int, default=0, metavar="N", help=beside)


def run(options: argparse.Namespace) -> int:
    """Evaluate and write OUT/results.json and OUT/samples.jsonl; returns the exit status."""
    suite, bundle = chosen_suite(options)
    out: Path = options.out.resolve()
    journal = out / "responses" if options.resume else None
    settings = settings_of(options)
    return evaluate(options, suite, bundle, settings, out, scoring=options.scoring, journal=journal)


def evaluate(
    options: argparse.Namespace,
    suite: SuiteSpec,
    bundle: bytes | None,
    settings: Settings,
    out: Path,
    *,
    scoring: Scoring,
    journal: Path | None = None,
    quiet: bool = False,
) -> int:
    """Evaluate `options.model` at `options.revision` on a suite and write to `out`; returns the exit status."""
    out.mkdir(parents=True, exist_ok=True)
    mirrors = hub.mirrors_from(os.environ.get("PARITY_HUB_MIRROR", ""))
    state = config.state_folder()
    model, weights, adapter = chosen_model(options, mirrors, state)
    try:
        plan, fallback = planner.plans(weights, model.name, settings, config.wishes(), adapter)
    except planner.DoesNotFit as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(dir=out, prefix=".run-") as name:
        folder = Path(name)
        task_files = unpack_bundle(bundle, folder / "tasks") if bundle else None
        spec = files.RunSpec(
            model=model,
            model_path=str(weights),
            adapter_path=str(adapter or ""),
            suite=suite,
            scoring=scoring,
            settings=settings,
            task_files=str(task_files) if task_files else None,
            journal=str(journal) if journal else None,
            plan=plan,
            fallback=fallback,
        )
        datasets = hub.merge_datasets(mirrors, state / "datasets").resolve()
        with ProgressBar() as bar:
            try:
                outcome = supervise(folder, spec, working_folder=datasets, watch=bar.show)
            except Died as error:
                shutil.copy(folder / files.LOG, out / files.LOG)
                print(f"error: {error.message}\nThe whole log is {out / files.LOG}", file=sys.stderr)
                return 1
        for name in (files.SAMPLES, files.LOG):
            shutil.copy(folder / name, out / name)
    (out / "results.json").write_text(json.dumps(report(spec, outcome), indent=1))
    print(summary(outcome), file=sys.stderr if quiet else sys.stdout)
    print(f"written to {out / 'results.json'}", file=sys.stderr if quiet else sys.stdout)
    return 0


def settings_of(options: argparse.Namespace) -> Settings:
    return Settings(
        engine=options.engine,
        dtype=options.dtype,
        apply_chat_template=options.apply_chat_template,
        max_length=options.max_length,
        thinking=options.thinking,
        think_end=options.think_end,
        thinking_tokens=options.thinking_tokens,
    )


def chosen_suite(options: argparse.Namespace) -> tuple[SuiteSpec, bytes | None]:
    """The suite by name or file, or one made of the named tasks, with --limit put on every task."""
    if options.suite:
        suite, bundle = suites.find(options.suite)
    else:
        names = [name.strip() for name in options.tasks.split(",") if name.strip()]
        tasks = [TaskSpec(task=name, title=name, metric="", num_fewshot=options.num_fewshot) for name in names]
        suite, bundle = SuiteSpec(name="tasks", version=1, title="Chosen tasks", tasks=tuple(tasks)), None
    if options.limit is not None:
        limited = [msgspec.structs.replace(task, limit=options.limit) for task in suite.tasks]
        suite = msgspec.structs.replace(suite, tasks=tuple(limited))
    return suite, bundle


def chosen_model(
    options: argparse.Namespace, mirrors: tuple[Path, ...], state: Path
) -> tuple[ModelRef, Path, Path | None]:
    """The model's name, what exactly it is, and the folder with its weights; of an adapter, the folder with its base's
    and its own. Raises HubError."""
    token, endpoint, hashes = os.environ.get("HF_TOKEN"), os.environ.get("HF_ENDPOINT"), state / "hashes"
    pin = partial(hub.pin, mirrors=mirrors, token=token, endpoint=endpoint, cache=hashes)

    def weights_of(pinned: ModelRef) -> Path:
        here = hub.locate(pinned.name, pinned.sha, mirrors=mirrors, cache=hashes)
        if here is None:
            here = hub.download(pinned.name, pinned.sha, token=token, target=state / "weights", endpoint=endpoint)
        return here.resolve()

    folder = Path(options.model)
    if folder.is_dir():
        model, own = ModelRef(name=folder.name, sha=hub.digest(folder, cache=hashes)), folder.resolve()
        base = hub.base_of(folder, pin)
    else:
        pinned = pin(options.model, options.revision)
        model, base = ModelRef(name=pinned.name, sha=pinned.sha), pinned.base
        own = weights_of(model)
    if base is None:
        return model, own, None
    below = ModelRef(name=base.name, sha=options.base_revision or base.sha)
    return replace(model, base=below), weights_of(below), own


QUIET_SECONDS = 30.0


class ProgressBar:
    """The run's progress on the terminal; in a file, a word of it every QUIET_SECONDS."""

    def __init__(self) -> None:
        often = 0.1 if sys.stderr.isatty() else QUIET_SECONDS
        self._bar = tqdm(total=None, unit="item", desc="preparing", dynamic_ncols=True, mininterval=often)

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, progress: files.Progress) -> None:
        """Draw the newest progress."""
        self._bar.total = progress.total or None
        self._bar.set_description(progress.phase, refresh=False)
        self._bar.update(progress.done - self._bar.n)


def report(spec: files.RunSpec, outcome: files.Outcome) -> dict[str, object]:
    """results.json: lm-eval's own table under `results`, and what a site would store beside it."""
    return {
        "model": spec.model.name,
        "revision": spec.model.sha,
        **({"base": msgspec.to_builtins(spec.model.base)} if spec.model.base else {}),
        "suite": spec.suite.slug,
        "definition": msgspec.to_builtins(spec.suite),
        "settings": spelled(spec.settings),
        "scoring": spec.scoring,
        "results": outcome.table,
        "tasks": msgspec.to_builtins(outcome.tasks),
        "load_seconds": outcome.load_seconds,
        "evaluation_seconds": outcome.evaluation_seconds,
        "provenance": outcome.provenance,
    }


def summary(outcome: files.Outcome) -> str:
    """One line a task for the terminal."""
    width = max(len(result.task) for result in outcome.tasks)
    lines = []
    for result in outcome.tasks:
        if result.score is None:
            lines.append(f"{result.task:{width}}  -  {result.unavailable}")
        else:
            error = f" ± {result.stderr:.4f}" if result.stderr is not None else ""
            lines.append(f"{result.task:{width}}  {result.score:.4f}{error}  {result.metric}, n = {result.n}")
    timing = f"load {outcome.load_seconds:.1f} s, evaluation {outcome.evaluation_seconds:.1f} s"
    return "\n".join([*lines, timing])
