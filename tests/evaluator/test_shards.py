"""An evaluation in shards: a real lm-eval evaluation over an exact, slow model, whose requests several runs answer.

Each run has a journal of its own, as on hosts of their own; what the site would carry is carried here by `carry`.
"""

import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from evaluator import journal, run
from evaluator.contract import ModelRef, Shard
from evaluator.jobs import unpack_bundle
from tests.evaluator.slow_runs import FORKS, PLAIN, bundle, few

pytestmark = pytest.mark.slow

ITEMS, SHARDS, SLICE = 6, 3, 8
"""Of each task; jobs; requests of a slice."""


class Host:
    """One run with tests.evaluator.slow_engine, in a folder of its own; its model notes every request."""

    def __init__(self, folder: Path, shard: Shard | None = None, *, delay: float = 0.0) -> None:
        self.here, self.model = folder / "run", folder / "model"
        for new in (self.here, self.model):
            new.mkdir(parents=True)
        (self.model / "delay").write_text(str(delay))
        spec = run.RunSpec(
            model=ModelRef(name="o/m", sha="a" * 40), model_path=str(self.model), shard=shard, suite=few(ITEMS),
            settings=PLAIN, task_files=str(unpack_bundle(bundle(), self.here / "tasks")),
            journal=str(self.here / "journal"),
        )  # fmt: skip
        run.write(self.here, run.SPEC, spec)

    def go(self) -> run.Outcome:
        assert FORKS.status("tests.evaluator.slow_engine", self.here) == 0, run.log_tail(self.here, limit=3000)
        outcome = run.read_outcome(self.here)
        assert outcome is not None
        return outcome

    def asked(self) -> Counter[str]:
        file = self.model / ".asked"
        return Counter(file.read_text().splitlines()) if file.exists() else Counter()

    def samples(self) -> bytes:
        return (self.here / run.SAMPLES).read_bytes()

    def carry(self, other: "Host", lines: int | None = None) -> None:
        """Bring what this one was answered, or so many of it and half a line more, to another one."""
        (file,) = (self.here / "journal").iterdir()
        rows = file.read_bytes().splitlines(keepends=True)
        some = rows if lines is None else [*rows[:lines], rows[lines][:20]]
        assert journal.append(other.here / run.TAKEN, file.stem, some) == len(rows if lines is None else rows[:lines])


def shard(index: int) -> Shard:
    return Shard(index=index, of=SHARDS, job=1)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Host, run.Outcome]:
    """One run that asks everything."""
    host = Host(tmp_path_factory.mktemp("alone"))
    return host, host.go()


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> list[Host]:
    """Shards 1 and 2, done."""
    hosts = [Host(tmp_path_factory.mktemp(f"shard{index}"), shard(index)) for index in range(1, SHARDS)]
    for host in hosts:
        told = host.go()
        assert (told.tasks, told.table) == ((), {})
        assert told.provenance["requests"]["asked"] == host.asked().total() > 0
        assert not (host.here / run.SAMPLES).exists()
    return hosts


def same(host: Host, outcome: run.Outcome, alone: tuple[Host, run.Outcome]) -> None:
    """Scores, table and every sample are those of the run that was alone."""
    assert (outcome.tasks, outcome.table) == (alone[1].tasks, alone[1].table)
    assert host.samples() == alone[0].samples()


def test_shards_together_ask_everything_once_and_the_score_is_the_same(
    tmp_path: Path, alone: tuple[Host, run.Outcome], others: list[Host]
) -> None:
    first = Host(tmp_path, shard(0))
    for other in others:
        other.carry(first)
    outcome = first.go()
    same(first, outcome, alone)
    assert sum((other.asked() for other in others), first.asked()) == alone[0].asked()
    requests = outcome.provenance["requests"]
    assert requests["taken"] == sum(other.asked().total() for other in others)
    assert (requests["asked"], requests["replayed"]) == (first.asked().total(), 0)


def test_with_the_others_gone_the_first_does_it_alone(
    tmp_path: Path, alone: tuple[Host, run.Outcome], others: list[Host]
) -> None:
    """Nobody took shard 1, and who took shard 2 died and left a part of it."""
    first = Host(tmp_path, shard(0))
    others[1].carry(first, others[1].asked().total() // 2)
    same(first, first.go(), alone)
    assert first.asked().total() == alone[0].asked().total() - others[1].asked().total() // 2
    assert max(first.asked().values()) == 1


def test_what_comes_meanwhile_is_not_asked(tmp_path: Path, alone: tuple[Host, run.Outcome], others: list[Host]) -> None:
    """What others have answered while it asks is passed over from the next slice on."""
    first, found = Host(tmp_path, shard(0), delay=0.05), list[run.Outcome]()
    running = threading.Thread(target=lambda: found.append(first.go()))
    running.start()
    while not first.asked() and running.is_alive():
        time.sleep(0.01)
    for other in others:
        other.carry(first)
    running.join()
    same(first, found[0], alone)
    longest = 4 + SLICE  # a slice is never cut within a document
    own = alone[0].asked().total() - sum(other.asked().total() for other in others)
    assert own <= first.asked().total() <= own + 2 * longest
