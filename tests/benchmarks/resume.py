"""What a kill at 90 % costs: part of `make bench-engine`."""

import time
from pathlib import Path
from typing import Any

from evaluator import config, planner, run, suites
from evaluator.contract import ModelRef, Settings
from evaluator.jobs import unpack_bundle
from evaluator.supervisor import Died, supervise
from leaderboard.demo import journey
from tests.environment import ROOT

POINT = 0.9


class Killed(Exception):
    """The run is as far as it was wanted."""


def evaluate(folder: Path, journal: Path, *, until: float | None = None) -> run.Outcome | None:
    """starter@1 with the real engine; killed once `until` of its items are done, and then None."""
    folder.mkdir()
    suite, bundle = suites.find("starter@1")
    assert bundle is not None
    weights, settings = ROOT / ".parity" / "mirror" / "models" / journey.MODEL, Settings(dtype="float32")
    plan, fallback = planner.plans(weights, journey.MODEL, settings, config.wishes())
    spec = run.RunSpec(
        model=ModelRef(name=journey.MODEL, sha="a" * 64),
        model_path=str(weights),
        suite=suite,
        settings=settings,
        plan=plan,
        fallback=fallback,
        task_files=str(unpack_bundle(bundle, folder / "tasks")),
        journal=str(journal),
    )

    def watch(progress: run.Progress) -> None:
        if until is not None and progress.total and progress.done >= until * progress.total:
            raise Killed

    try:
        return supervise(folder, spec, working_folder=folder, watch=watch)
    except Killed:
        return None
    except Died as error:
        raise RuntimeError(error.message) from error


def measure(folder: Path) -> dict[str, Any]:
    """Seconds of evaluation, whole, killed and again; load is what every attempt pays."""
    whole = evaluate(folder / "whole", folder / "journal-whole")
    started = time.monotonic()
    ended = evaluate(folder / "killed", folder / "journal", until=POINT)
    spent = time.monotonic() - started
    retried = evaluate(folder / "again", folder / "journal")
    assert whole is not None and retried is not None and ended is None
    counts = retried.provenance["requests"]
    return {
        "whole_s": round(whole.evaluation_seconds, 2),
        "until_killed_s": round(spent, 2),
        "retry_s": round(retried.evaluation_seconds, 2),
        "ratio": round(retried.evaluation_seconds / whole.evaluation_seconds, 3),
        "load_s": round(retried.load_seconds, 1),
        "replayed": counts["replayed"],
        "asked_again": counts["asked"],
        "equal": retried.table == whole.table,
    }
