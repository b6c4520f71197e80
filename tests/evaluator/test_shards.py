"""An evaluation in shards: a real lm-eval evaluation over an exact, slow model, whose requests several runs answer.

Each run has a journal of its own, as on hosts of their own; what the site would carry is carried here by `taken`.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from evaluator import journal, run, suites
from evaluator.contract import ModelRef, Settings, Shard
from evaluator.jobs import unpack_bundle
from tests.environment import ROOT

pytestmark = pytest.mark.slow

LIMIT, SHARDS = 8, 3
SUITE, BUNDLE = suites.find("starter@1")


class Hosts:
    """Runs of one suite with tests.evaluator.slow_engine; all ask the same model, which notes every request."""

    def __init__(self, folder: Path, *, delay: float = 0.0) -> None:
        self.folder, self.model = folder, folder / "model"
        self.model.mkdir(parents=True)
        (self.model / "delay").write_text(str(delay))

    def here(self, name: str) -> Path:
        return self.folder / name

    def start(self, name: str, shard: Shard | None) -> subprocess.Popen[bytes]:
        here = self.here(name)
        here.mkdir()
        assert BUNDLE is not None
        spec = run.RunSpec(
            model=ModelRef(name="o/m", sha="a" * 40), model_path=str(self.model), shard=shard,
            suite=replace(SUITE, tasks=tuple(replace(task, limit=LIMIT) for task in SUITE.tasks)),
            settings=Settings(engine="transformers"), task_files=str(unpack_bundle(BUNDLE, here / "tasks")),
            journal=str(here / "journal"),
        )  # fmt: skip
        run.write(here, run.SPEC, spec)
        with (here / "log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.evaluator.slow_engine", str(here)],
                cwd=ROOT, env={**os.environ, "HF_HUB_OFFLINE": "1"}, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def outcome(self, name: str, child: subprocess.Popen[bytes]) -> run.Outcome:
        assert child.wait(180) == 0, (self.here(name) / "log").read_text()[-3000:]
        outcome = run.read_outcome(self.here(name))
        assert outcome is not None
        return outcome

    def whole(self, name: str, shard: Shard | None = None) -> run.Outcome:
        return self.outcome(name, self.start(name, shard))

    def carry(self, whence: str, where: str) -> int:
        """Bring what one has answered so far to another one, as the site does; returns how many responses were new."""
        there = self.here(whence) / "journal"
        return sum(
            journal.adopt(self.here(where) / run.TAKEN, path.stem, path.read_bytes().splitlines(keepends=True))
            for path in (there.iterdir() if there.is_dir() else [])
        )

    def asked(self) -> Counter[str]:
        file = self.model / ".asked"
        return Counter(file.read_text().splitlines()) if file.exists() else Counter()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Hosts, run.Outcome]:
    """One run that asks everything."""
    hosts = Hosts(tmp_path_factory.mktemp("alone"))
    return hosts, hosts.whole("alone")


def same(hosts: Hosts, name: str, outcome: run.Outcome, alone: tuple[Hosts, run.Outcome]) -> None:
    """Scores, table and every sample are those of the run that was alone."""
    assert (outcome.tasks, outcome.table) == (alone[1].tasks, alone[1].table)
    assert (hosts.here(name) / run.SAMPLES).read_bytes() == (alone[0].here("alone") / run.SAMPLES).read_bytes()


def test_shards_together_ask_everything_once_and_the_score_is_the_same(
    tmp_path: Path, alone: tuple[Hosts, run.Outcome]
) -> None:
    hosts = Hosts(tmp_path)
    for index in range(1, SHARDS):
        told = hosts.whole(f"shard {index}", Shard(index=index, of=SHARDS, job=1))
        assert (told.tasks, told.table) == ((), {})
        assert told.provenance["requests"]["asked"] > 0
        assert not (hosts.here(f"shard {index}") / run.SAMPLES).exists()
    before = hosts.asked().total()
    assert 0 < before < alone[0].asked().total()
    first = hosts.start("first", Shard(index=0, of=SHARDS, job=1))
    for index in range(1, SHARDS):
        assert hosts.carry(f"shard {index}", "first") > 0
    same(hosts, "first", hosts.outcome("first", first), alone)
    assert hosts.asked() == alone[0].asked()


def test_with_the_others_gone_the_first_does_it_alone(tmp_path: Path, alone: tuple[Hosts, run.Outcome]) -> None:
    """Nobody came, or whoever came died and left a part of a part."""
    hosts = Hosts(tmp_path)
    child = hosts.start("shard 2", Shard(index=2, of=SHARDS, job=1))
    while hosts.asked().total() < 10:
        assert child.poll() is None, (hosts.here("shard 2") / "log").read_text()[-3000:]
        time.sleep(0.01)
    child.kill()
    child.wait()
    first = hosts.start("first", Shard(index=0, of=SHARDS, job=1))
    hosts.carry("shard 2", "first")
    same(hosts, "first", hosts.outcome("first", first), alone)
    assert set(hosts.asked()) == set(alone[0].asked())


def test_what_comes_meanwhile_is_not_asked(tmp_path: Path, alone: tuple[Hosts, run.Outcome]) -> None:
    """Both at work at the same time: what one has answered, the other passes over from the next slice on."""
    hosts = Hosts(tmp_path, delay=0.02)
    both = {name: hosts.start(name, Shard(index=index, of=2, job=1)) for index, name in enumerate(("first", "second"))}
    while both["first"].poll() is None:
        hosts.carry("second", "first")
        time.sleep(0.05)
    same(hosts, "first", hosts.outcome("first", both["first"]), alone)
    both["second"].kill()
    both["second"].wait()
    twice = sum(count - 1 for count in hosts.asked().values())
    assert twice <= 3 * 12, f"{twice} requests were asked twice: a slice or so at the end is none of it"
