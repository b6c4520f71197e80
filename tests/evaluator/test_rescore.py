"""Stored responses scored anew by lm-eval: the same as a run of the new version, and no engine is loaded."""

import gzip
from pathlib import Path

import pytest
from msgspec.structs import replace

from evaluator import run
from evaluator.contract import Settings, decode_sample, encode_sample
from evaluator.engines.replaying import likelihood
from tests.evaluator.slow_runs import CHAT, ITEMS, PLAIN, Runs, bundle, few

pytestmark = [pytest.mark.slow, pytest.mark.engine]

OTHER_SCORING = {
    "starter_arithmetic": ("^\\\\s*(-?[0-9]+)", "([0-9])"),
    "starter_antonyms": ('doc_to_target: "{{answer}}"', 'doc_to_target: "{{1 - answer if answer < 2 else answer}}"'),
}
"""Another filter, and other labels; the prompts stay."""


@pytest.mark.parametrize("settings", [PLAIN, CHAT], ids=["plain", "chat"])
def test_another_filter_scores_what_was_answered_as_a_run_would(tmp_path: Path, settings: Settings) -> None:
    runs = Runs(tmp_path)
    first = runs.go(settings=settings)
    stored, before = runs.stored(), runs.samples()
    asked = sum(runs.asked().values())
    found = runs.go("no_engine", few(), bundle(**OTHER_SCORING), settings=settings, replies=stored)
    samples = runs.samples()
    assert sum(runs.asked().values()) == asked
    wanted = runs.go("slow_engine", few(), bundle(**OTHER_SCORING), settings=settings)
    assert (found.tasks, found.table, samples) == (wanted.tasks, wanted.table, runs.samples())
    assert found.tasks != first.tasks and samples != before
    told = found.provenance
    assert told["requests"] == {"asked": 0, "replayed": wanted.provenance["requests"]["replayed"]}
    assert told["task_yaml_sha"] == wanted.provenance["task_yaml_sha"]
    assert told["scored_with"] == wanted.provenance["versions"] and "hardware" not in told


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Runs, Path]:
    """A run, and what is stored of it."""
    runs = Runs(tmp_path_factory.mktemp("measured"))
    runs.go(suite=few(without="starter_grammar"))
    return runs, runs.stored()


@pytest.mark.parametrize(
    ("task", "change", "said"),
    [
        ("starter_antonyms", ("The opposite of", "Opposite of"), "other prompts"),
        ("starter_arithmetic", ("max_gen_toks: 5", "max_gen_toks: 6"), "another room for the answer"),
        ("starter_grammar", ("starter_grammar.jsonl", "starter_grammar.jsonl"), "no stored sample"),
    ],
)
def test_what_is_asked_otherwise_is_told_and_not_guessed(
    measured: tuple[Runs, Path], task: str, change: tuple[str, str], said: str
) -> None:
    runs, stored = measured
    suite = few() if task == "starter_grammar" else few(without="starter_grammar")
    assert runs.end("no_engine", suite, bundle(**{task: change}), replies=stored) == 3
    failure = run.read_failure(runs.here)
    assert failure is not None and failure.code == "responses_missing"
    assert f"{task}: {ITEMS} documents with" in failure.message and said in failure.message
    assert failure.message.count("documents") == 1
    assert run.read_outcome(runs.here) is None


def test_samples_of_older_workers_do_not_say_what_was_asked(measured: tuple[Runs, Path], tmp_path: Path) -> None:
    runs, stored = measured
    older = tmp_path / "older"
    older.mkdir()
    for path in stored.iterdir():
        lines = gzip.decompress(path.read_bytes()).splitlines()
        kept = [encode_sample(replace(decode_sample(line), asked="")) for line in lines]
        (older / path.name).write_bytes(gzip.compress(b"\n".join(kept) + b"\n"))
    assert runs.end("no_engine", few(without="starter_grammar"), replies=older) == 3
    failure = run.read_failure(runs.here)
    assert failure is not None and "a sample that does not tell what was asked" in failure.message


@pytest.mark.parametrize("pair", [(-1.5, True), (-1 / 3, False), (float("-inf"), False)])
def test_a_likelihood_reads_back_as_itself(pair: tuple[float, bool]) -> None:
    assert likelihood(str(pair)) == pair


@pytest.mark.parametrize("text", ["", "-1.5", "(-1.5, 1)", "(os, True)"])
def test_what_is_no_likelihood_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        likelihood(text)
