"""What a child and its supervisor tell each other of a look, and what happens when the site says nothing."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evaluator import early, run
from evaluator.client import SiteError
from evaluator.contract import EarlyReply, EarlyScores, JobSpec, ModelRef, Settings, SuiteSpec

SUITE = SuiteSpec(name="workload.1.shuffled", version=1, title="Workload", tasks=())


@dataclass
class FakeSite:
    """Says `enough` from so many items on; None: it does not answer."""

    enough: int | None
    seen: list[EarlyScores] = field(default_factory=list)

    def look(self, _: JobSpec, scores: EarlyScores) -> EarlyReply:
        self.seen.append(scores)
        if self.enough is None:
            raise SiteError("away")
        return EarlyReply(enough=len(scores.scores) >= self.enough)


def looks(site: Any, folder: Path, asked: tuple[int, ...] = (2, 4)) -> early.Looks:
    job = JobSpec(
        job=7, attempt=3, token="t", lease_seconds=60, heartbeat_seconds=2, model=ModelRef(name="o/m", sha="a" * 40),
        suite=SUITE, settings=Settings(), looks=asked,
    )  # fmt: skip
    return early.Looks(site, job, folder)


def test_each_look_goes_to_the_site_once_and_its_answer_to_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = FakeSite(enough=4)
    watch = looks(site, tmp_path)
    watch()
    assert site.seen == [], "nothing was shown yet"
    monkeypatch.setattr(early.time, "sleep", lambda _: watch())
    assert early.enough(tmp_path, [1.0, 0.0]) is False
    watch()
    assert early.enough(tmp_path, [1.0, 0.0, 1.0, 1.0]) is True
    assert [one.scores for one in site.seen] == [(1.0, 0.0), (1.0, 0.0, 1.0, 1.0)]
    assert {one.attempt for one in site.seen} == {3}


def test_where_the_site_is_away_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = FakeSite(enough=None)
    watch = looks(site, tmp_path)
    monkeypatch.setattr(early.time, "sleep", lambda _: watch())
    assert early.enough(tmp_path, [1.0, 1.0]) is False
    assert run.read_enough(tmp_path) == run.Enough(after=2, enough=False)


def test_a_child_that_hears_nothing_goes_on(tmp_path: Path) -> None:
    run.write(tmp_path, run.ENOUGH, run.Enough(after=2, enough=True))  # of another look
    assert early.enough(tmp_path, [1.0] * 4, patience=0.05) is False


def test_other_jobs_are_not_looked_at(tmp_path: Path) -> None:
    site = FakeSite(enough=0)
    run.write(tmp_path, run.EARLY, run.Early(scores=(1.0,)))
    looks(site, tmp_path, ())()
    assert site.seen == []
