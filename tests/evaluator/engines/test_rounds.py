"""Texts in shards, of an engine that asks the journal itself: rounds of what is to be asked, at the end all of them."""

from pathlib import Path
from typing import Any

import pytest
from lm_eval.api.instance import Instance

from evaluator.contract import Shard
from evaluator.engines import reporting
from evaluator.engines.reporting import ItemCounter, Reporting, place_of
from evaluator.journal import Journal, append, digest
from tests.evaluator.slow_engine import Exact

DOCUMENTS = 40


def asked_for(number: int = DOCUMENTS) -> list[Instance]:
    return [
        Instance(
            request_type="generate_until", doc={}, idx=0, metadata=("story", document, 1),
            arguments=(f"Chapter {document}:", {"until": ["\n"]}),
        )
        for document in range(number)
    ]  # fmt: skip


class Writer(Reporting, Exact):
    """Answers as vLLM's class does: by the journal, under keys of its own."""

    def __init__(self, folder: Path, shard: Shard | None) -> None:
        model = folder / "model"
        model.mkdir(parents=True)
        (model / "delay").write_text("0")
        super().__init__(folder=model)
        self.done: list[int] = []
        self.counter = ItemCounter(self.done.append)
        self.taken = folder / "taken"
        self.journal, self.shard = Journal(folder / "journal", {}, taken=self.taken), shard
        self.calls: list[int] = []

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        return self._in_rounds(self._texts, requests) if self.shard else self._counted(self._texts, requests, True)

    def _texts(self, requests: list[Instance], **_: Any) -> list[str]:
        assert self.journal is not None
        self.calls.append(len(requests))
        found = []
        for request in requests:
            key = digest(["own", request.args[0]])
            self.replayed += key in self.journal
            if key not in self.journal:
                self.asked += 1
                self.journal.record([(key, Exact.generate_until(self, [request])[0])])
            found.append(self.journal[key])
            self.completions.setdefault(place_of(request), []).append(found[-1])
        return found

    def carry(self, other: "Writer") -> None:
        assert self.journal is not None
        append(other.taken, self.journal.path.stem, self.journal.path.read_bytes().splitlines(keepends=True))


@pytest.fixture(autouse=True)
def short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "FIRST_SLICE", 4)
    monkeypatch.setattr(reporting, "SLICE_SECONDS", 0.0)


def test_what_others_have_answered_is_taken_and_all_come_in_their_order(tmp_path: Path) -> None:
    alone = Writer(tmp_path / "alone", None)
    expected = alone.generate_until(asked_for())
    second = Writer(tmp_path / "second", Shard(index=1, of=2, job=1))
    answers = second.generate_until(asked_for())
    assert answers[DOCUMENTS // 2 :] == expected[DOCUMENTS // 2 :]
    assert set(answers[: DOCUMENTS // 2]) == {""}
    assert (second.asked, second.done[-1]) == (DOCUMENTS // 2, DOCUMENTS // 2)
    first = Writer(tmp_path / "first", Shard(index=0, of=2, job=1))
    second.carry(first)
    assert first.generate_until(asked_for()) == expected
    assert first.journal is not None
    assert (first.asked, first.journal.taken, first.replayed) == (DOCUMENTS // 2,) * 3
    assert first.completions == alone.completions, "each text is told once"
    assert first.done == sorted(first.done)
    assert (max(first.calls[:-1]), first.calls[-1]) == (4, DOCUMENTS)


def test_what_nobody_answers_the_first_asks_from_the_ends(tmp_path: Path) -> None:
    first = Writer(tmp_path, Shard(index=0, of=2, job=1))
    first.generate_until(asked_for(8))
    assert [line.split()[1] for line in (tmp_path / "model" / ".asked").read_text().splitlines()] == list("01237654")
    assert (first.asked, first.replayed, first.done[-1]) == (8, 0, 8)
