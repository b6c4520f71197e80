"""A child without a model, for tests of what surrounds it: `python -m tests.evaluator.fake_child RUN_FOLDER`.

It does what the suite's description says: succeed, fail, crash, hang (with a child of its own), be killed; show the
environment, or "take 6" seconds, and succeed; run out of memory at first, or always.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from msgspec.structs import asdict

from evaluator import run
from evaluator.contract import Sample, TaskResult, encode_sample


def main() -> int:
    folder = Path(sys.argv[1])
    spec = run.read_spec(folder)
    print("the child has started")
    run.write(folder, run.PROGRESS, run.Progress(phase="evaluating", done=1, total=2))
    what = spec.suite.description
    if what == "fail":
        run.write(folder, run.FAILURE, run.Failed(code="engine_load_failed", message="It cannot be loaded."))
        return 3
    if what == "run out always" or (what == "run out at first" and spec.fallback is not None):
        run.write(folder, run.FAILURE, run.Failed(code="out_of_memory", message="The engine ran out of memory."))
        return run.OUT_OF_MEMORY
    if what == "crash":
        print("the last words", flush=True)
        os._exit(7)
    if what == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "hang":
        grandchild = subprocess.Popen(["sleep", "600"])
        (folder / "grandchild").write_text(str(grandchild.pid))
        time.sleep(600)
    if what == "show the environment":
        (folder / "environment").write_text("\n".join(f"{name}={value}" for name, value in os.environ.items()))
    if what.startswith("take "):
        time.sleep(float(what.removeprefix("take ")))
    succeed(folder, spec)
    return 0


def succeed(folder: Path, spec: run.RunSpec) -> None:
    """Write what a child leaves behind that has measured two items of each task."""
    items = (("0" * 64, 0.0), ("1" * 64, 1.0))
    with (folder / run.SAMPLES).open("wb") as samples:
        for task in spec.suite.tasks:
            for number, (item, score) in enumerate(items):
                sample = Sample(
                    task=task.task, doc_id=number, item_hash=item, target="1", prompts=("Is it?",),
                    responses=(str(score),), answers={task.filter: str(score)},
                    scores={task.filter: {task.metric: score}},
                )  # fmt: skip
                samples.write(encode_sample(sample) + b"\n")
    tasks = tuple(
        TaskResult(
            task=task.task, metric=task.metric, filter=task.filter, score=0.5, stderr=0.5, n=2,
            item_hashes=tuple(item for item, _ in items), item_scores=tuple(score for _, score in items),
        )
        for task in spec.suite.tasks
    )  # fmt: skip
    run.write(
        folder, run.OUTCOME,
        run.Outcome(
            tasks=tasks, table={}, provenance={"engine": "fake", "plan": asdict(spec.plan)},
            load_seconds=0.1, evaluation_seconds=0.2,
        ),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
