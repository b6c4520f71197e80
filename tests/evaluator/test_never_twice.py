"""What a revision was asked once on a host is not asked again: of a suite with one more task, of a version that changes
one, of the same suite again. An operator, and a run that is to repeat another one, can have it all asked."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evaluator import jobs, run
from evaluator.bringing import Weights
from evaluator.contract import ModelRef, Settings
from tests.evaluator.slow_runs import Runs, bundle, few

pytestmark = [pytest.mark.slow, pytest.mark.engine]
NEW = "starter_grammar"
CHANGED = "starter_antonyms"


def tasks_of(asked: Counter[str]) -> set[str]:
    return {request.split()[0] for request in asked}


def test_only_the_missing_requests_are_asked(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    first = runs.go(suite=few(without=NEW))
    before = runs.asked()
    assert first.provenance["requests"]["replayed"] == 0 and NEW not in tasks_of(before)
    assert first.provenance["replay"] == "this host's journal"

    more = runs.go(suite=few())
    grown = runs.asked()
    assert tasks_of(grown - before) == {NEW}
    counts = more.provenance["requests"]
    assert counts["replayed"] == first.provenance["requests"]["asked"] == before.total()
    assert counts["asked"] == (grown - before).total()
    assert [task for task in more.tasks if task.task != NEW] == list(first.tasks)

    changed = runs.go("slow_engine", few(), bundle(**{CHANGED: ("The opposite of", "Opposite of")}))
    after = runs.asked()
    assert tasks_of(after - grown) == {CHANGED}
    assert changed.provenance["requests"]["asked"] == (after - grown).total()
    assert changed.provenance["task_yaml_sha"][CHANGED] != more.provenance["task_yaml_sha"][CHANGED]
    assert changed.provenance["task_yaml_sha"][NEW] == more.provenance["task_yaml_sha"][NEW]

    again = runs.go(suite=few())
    assert (runs.asked(), again.tasks) == (after, more.tasks)
    assert again.provenance["requests"] == {"asked": 0, "replayed": grown.total(), "damaged_journal_lines": 0}

    alone = runs.go(suite=few(), scope="job 7")
    assert alone.provenance["requests"]["replayed"] == 0 and alone.tasks == more.tasks
    assert runs.asked() - after == grown
    assert alone.provenance["replay"] == "its own attempts"


@pytest.mark.parametrize(
    ("replay", "fresh", "scope"),
    [(True, False, ""), (False, False, "job 7 of https://x"), (True, True, "job 7 of https://x")],
    ids=["usual", "off", "fresh"],
)
def test_an_operator_and_a_repeat_have_all_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replay: bool, fresh: bool, scope: str
) -> None:
    monkeypatch.setattr(jobs.planner, "plans", lambda *_: (run.Plan(), None))
    config: Any = SimpleNamespace(state=tmp_path, replay=replay, replay_bytes=1, url="https://x", plan=None)
    told = {"private": False, "model": ModelRef(name="o/m", sha="a"), "settings": Settings()}
    job: Any = SimpleNamespace(job=7, shard=None, fresh=fresh, **told)
    spec = run.RunSpec(model=job.model, model_path="", suite=few(), settings=job.settings)
    assert jobs.with_weights(config, job, spec, Weights(tmp_path), tmp_path).scope == scope
