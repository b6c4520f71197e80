"""`fast`, `strict` and lm-eval's own VLLM give the same metrics, choices and texts in float32, and results say how.

Here SmolLM2 with its real weights; `make paths` has the other architectures and bfloat16.
"""

from pathlib import Path

import pytest

from evaluator.contract import Sample
from leaderboard.demo import journey
from tests.evaluator.engines import paths
from tests.evaluator.engines.paths import TASKS, Found

pytestmark = pytest.mark.engine

CHOICES = {"mmlu_abstract_algebra": 4, "arc_easy": 4}
"""Requests a document."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, demo_mirror: Path, shared_hub: Path) -> dict[str, Found]:
    model = demo_mirror / "models" / journey.MODEL
    return paths.answers(paths.REAL, model, tmp_path_factory.mktemp("paths") / "of-smollm2", tasks=paths.FEW)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", ["fast", "strict"])
def test_float32_is_the_same_every_way(found: dict[str, Found], way: str) -> None:
    rows = list(paths.differences(found[way], found["stock"]))
    paths.show(paths.REAL, "float32", f"{way} - stock", rows)
    assert [(row.task, row.answers) for row in rows] == [
        (task, documents * CHOICES.get(task, 1)) for task, _, documents in paths.FEW
    ]
    assert all(row.equal for row in rows), rows


@pytest.mark.timeout(900)
def test_every_kind_of_request_is_among_them(found: dict[str, Found]) -> None:
    responses = {sample.task: list(map(paths.read, sample.responses)) for sample in found["fast"].samples}
    mmlu, arc, wikitext, texts = (responses[task] for task, _, _ in TASKS)
    assert len(mmlu) == len(arc) == 4 and len(wikitext) == len(texts) == 1
    assert isinstance(texts[0], str) and not any(isinstance(one, str) for one in [*mmlu, *arc, *wikitext])


@pytest.mark.timeout(900)
def test_a_result_says_how_it_was_made(found: dict[str, Found]) -> None:
    fast, strict = found["fast"].provenance, found["strict"].provenance
    assert (fast["path"], strict["path"]) == ("fast", "strict")
    assert fast["dtype"] == strict["dtype"] == "float32"
    work = fast["scoring_tokens"]
    asked = sum(len(sample.prompts) for sample in found["fast"].samples if sample.task in CHOICES)
    assert work["requests"] == asked + 2 and work["cached"] > 0 and work["fallbacks"] == 0
    assert fast["tokens"]["saved"] == work["asked"] - work["computed"] > 0
    assert "scoring_tokens" not in strict and "saved" not in strict["tokens"]


def made(responses: dict[str, list[str]], accuracy: float = 0.5) -> Found:
    """One document of each task, with these responses where they are given."""
    likely = {
        "mmlu_abstract_algebra": ["(-1.5, True)", "(-2.0, False)"],
        "arc_easy": ["(-4.0, False)", "(-3.0, False)"],
    }
    said = {**likely, "wikitext": ["-1000.0"], "bbh_fewshot_boolean_expressions": ["True"], **responses}
    samples = [
        Sample(
            task=task, doc_id=0, item_hash=task, target="", prompts=tuple(map(str, range(len(said[task])))),
            responses=tuple(said[task]), answers={}, scores={},
        )
        for task, _, _ in TASKS
    ]  # fmt: skip
    table = {task: {"acc,none": accuracy} for task, _, _ in TASKS}
    table["wikitext"] = {"word_perplexity,none": 25.0 + accuracy / 1e6, "word_perplexity_stderr,none": "N/A"}
    return Found(table, samples)


def test_what_differs_is_seen() -> None:
    same = list(paths.differences(made({}), made({})))
    assert all(row.equal for row in same)
    assert [row.largest for row in same] == [0.0, 0.0, 0.0, None]
    other = made(
        {
            "mmlu_abstract_algebra": ["(-2.5, False)", "(-2.0, False)"],
            "wikitext": ["-1000.0001"],
            "bbh_fewshot_boolean_expressions": ["False"],
        },
        accuracy=0.25,
    )
    mmlu, arc, rolling, texts = paths.differences(made({}), other)
    assert (mmlu.metrics, mmlu.flips, mmlu.greedy, mmlu.largest, mmlu.mean) == (False, 1, 1, 1.0, 0.5)
    assert (arc.metrics, arc.flips, arc.largest) == (False, 0, 0.0)
    assert rolling.equal and rolling.largest == pytest.approx(1e-4, rel=1e-3), "a perplexity's last digits may differ"
    assert texts.texts == 1 and not texts.equal
