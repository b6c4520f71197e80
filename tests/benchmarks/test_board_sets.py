"""The data sets of benchmarks fit the tables as they are, and every page that is timed is there."""

from pathlib import Path

import pytest
from django.test import Client

from leaderboard.actions.rank import build_snapshot
from leaderboard.imports.open_llm_leaderboard import read
from tests.benchmarks.board import dataset, evidence
from tests.benchmarks.evidence import questions
from tests.benchmarks.web import CSV

MODELS = 40


@pytest.mark.django_db(transaction=True)
def test_what_bench_evidence_asks_is_there(files: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    if not CSV.is_file():
        pytest.skip("../shared/data (the Open LLM Leaderboard's table) is not here")
    monkeypatch.setattr(evidence, "LONG", 1_000)
    suite = dataset.measured(read(CSV), MODELS)
    made = evidence.furnish()
    build_snapshot(suite=suite)
    evidence.answers()
    assert made["samples"] == MODELS * evidence.SAMPLES + 1_000
    for name, paths in questions(made, MODELS).items():
        assert client.get(paths[0]).status_code == 200, name
    shown = client.get(questions(made, MODELS)["item"][0]).content.decode()
    assert f"of {MODELS} models" in shown or f"of {MODELS - 1} models" in shown
