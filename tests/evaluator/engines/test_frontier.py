"""frontier@1 on a mini mirror: every task reads a right and a wrong answer as such, and what is absent is said."""

import json
from pathlib import Path

import pytest

from evaluator import run, suites
from evaluator.contract import decode_sample
from tests.evaluator import mini_mirror, told

pytestmark = pytest.mark.engine

SPEC, _ = suites.find("frontier@1")


def answers() -> list[tuple[str, str]]:
    """The first item of everything right, the second wrong; GPQA's choices are shuffled, so all of its letters come."""
    said = [
        (row["question"], "It is itself. The answer is (A).")
        for row in mini_mirror.DATA["TIGER-Lab/MMLU-Pro"]["default", "test"][::2]
    ]
    said += [("What is twice 11?", "I think (B) or (A), at last (D).")]
    said += [("Find the remainder of 7 +", "Long reasoning. \\boxed{907}"), ("Find the remainder of 8 +", "\\boxed{1}")]
    said += [("What is half of 3?", "First $3$, then $\\boxed{1.5}$."), ("What is half of 5?", "$\\boxed{2}$")]
    said += [("def add_1(", "    return x + 1\n"), ("def add_2(", "    return x\n")]
    return [*said, ("in exactly 2 sentences", "Blue. It is, says Mr. Smith, a colour."), ("in capitals", "blue")]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, run.Outcome]:
    here = tmp_path_factory.mktemp("frontier")
    mirror = mini_mirror.write(here / "mirror")
    return here, told.evaluate(here, SPEC, answers(), mirror / "datasets", max_length=4096)


def test_every_task_tells_right_from_wrong(measured: tuple[Path, run.Outcome]) -> None:
    _, outcome = measured
    found = {one.task: one for one in outcome.tasks}
    assert {name: one.unavailable for name, one in found.items() if one.unavailable} == {}
    assert {name: one.score for name, one in found.items() if name != "gpqa_diamond_cot_long"} == {
        "mmlu_pro": 0.5,
        "aime25": 0.5,
        "minerva_math500_long": 0.5,
        "humaneval_plus": 0.5,
        "ifeval": 0.5,
    }
    assert found["mmlu_pro"].n == 2 * len(mini_mirror.CATEGORIES)
    assert found["ifeval"].item_scores == (1.0, 0.0)


def test_gpqas_choices_lie_the_same_in_every_run(measured: tuple[Path, run.Outcome]) -> None:
    """They are shuffled as the task is built; with lm-eval's seeds this is the order."""
    here, _ = measured
    samples = [decode_sample(line) for line in (here / run.SAMPLES).read_bytes().splitlines()]
    mine = [one for one in samples if one.task == "gpqa_diamond_cot_long"]
    assert [one.target for one in mine] == ["(D)", "(C)"]
    assert [one.scores["flexible-extract"]["exact_match"] for one in mine] == [1.0, 0.0]


def test_answers_have_room_as_far_as_the_window_goes(measured: tuple[Path, run.Outcome]) -> None:
    """lm-eval cuts GPQA's and MATH's after 256 tokens, and asks for more than this window for AIME's."""
    here, _ = measured
    asked = json.loads((here / "model" / "asked.json").read_text())
    room = {task: arguments["max_gen_toks"] for task, _, _, arguments in asked}
    wide = {"gpqa_diamond_cot_long", "minerva_math500_long", "aime25"}
    assert {room[task] for task in wide} == {2048}
    assert (room["mmlu_pro_law"], room["humaneval_plus"], room["ifeval"]) == (2048, 1024, 1280)


def test_what_is_absent_is_said_for_each_task(tmp_path: Path) -> None:
    absent = ("Idavidrein/gpqa", "TIGER-Lab/MMLU-Pro")
    mirror = mini_mirror.write(tmp_path / "mirror", without=absent)
    outcome = told.evaluate(tmp_path, SPEC, answers(), mirror / "datasets")
    missing = {one.task: one for one in outcome.tasks if one.score is None}
    assert missing.keys() == {"mmlu_pro", "gpqa_diamond_cot_long"}
    for one, name in zip((missing["gpqa_diamond_cot_long"], missing["mmlu_pro"]), absent, strict=True):
        assert one.unavailable.startswith("Its data is in none of this host's mirrors, and the Hub does not give it.")
        assert name in one.unavailable
    room = {task: how["max_gen_toks"] for task, _, _, how in json.loads((tmp_path / "model/asked.json").read_text())}
    assert room["aime25"] == 4096
