"""A few items of starter@1 in one engine, at once and in shards: tests.evaluator.engines.in_shards MODEL FOLDER

Each run has a folder of its own below FOLDER, with a journal as on a host of its own; what the
second one has answered is carried to the first as the site would. Nothing is told: the folders hold it.
"""

import sys
from pathlib import Path

from msgspec.structs import replace

from evaluator import harness, journal, run, suites
from evaluator.contract import ModelRef, Settings, Shard
from evaluator.engines import templates
from evaluator.jobs import unpack_bundle
from evaluator.planner import Plan

ITEMS = 6
"""Of each task: two that ask for texts, three that compare choices."""
RUNS = {"alone": None, "second": Shard(index=1, of=2, job=1), "first": Shard(index=0, of=2, job=1)}


def prepare(here: Path, model: str, shard: Shard | None) -> None:
    suite, bundle = suites.find("starter@1")
    assert bundle is not None
    here.mkdir()
    spec = run.RunSpec(
        model=ModelRef(name="o/m", sha="a" * 40), model_path=model, shard=shard,
        suite=replace(suite, tasks=tuple(replace(task, limit=ITEMS) for task in suite.tasks)),
        settings=Settings(dtype="float32", max_length=512), plan=Plan(dtype="float32", max_length=512),
        task_files=str(unpack_bundle(bundle, here / "tasks")), journal=str(here / "journal"),
    )  # fmt: skip
    run.write(here, run.SPEC, spec)


def main() -> None:
    model, folder = sys.argv[1], Path(sys.argv[2])
    templates.install()
    engine = harness.LoadedEngine()
    for name, shard in RUNS.items():
        prepare(folder / name, model, shard)
        if name == "first":
            for path in (folder / "second" / "journal").iterdir():
                journal.adopt(folder / name / run.TAKEN, path.stem, path.read_bytes().splitlines(keepends=True))
        status = harness.one_run(folder / name, engine)
        if status:
            sys.exit(status)


if __name__ == "__main__":
    main()
