"""The items of starter@1: enough of them, no two alike, no answer given away by its place or by the question."""

import json
from collections import Counter
from typing import Any

import pytest
import yaml

from evaluator import suites
from evaluator.suites import bundle

SPEC, DATA = suites.find("starter@1")
FILES = bundle.read(DATA or b"")
TASKS = [task.task for task in SPEC.tasks]
CHOICE_TASKS = ["starter_knowledge", "starter_antonyms", "starter_grammar"]
GENERATION_TASKS = ["starter_arithmetic", "starter_instructions"]


def items(task: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in FILES[f"{task}.jsonl"].splitlines()]


def question(item: dict[str, Any]) -> str:
    return " ".join(str(value) for key, value in item.items() if key not in {"answer", "choices"})


def test_tasks() -> None:
    assert sorted(TASKS) == sorted(CHOICE_TASKS + GENERATION_TASKS)
    assert sorted(FILES) == sorted(f"{task}.{kind}" for task in TASKS for kind in ("yaml", "jsonl"))


@pytest.mark.parametrize("specification", SPEC.tasks, ids=TASKS)
def test_the_suite_names_what_the_task_file_measures(specification: Any) -> None:
    task = yaml.safe_load(FILES[f"{specification.task}.yaml"])
    filters = [one["name"] for one in task.get("filter_list", [{"name": "none"}])]
    assert filters == [specification.filter]
    assert [one["metric"] for one in task["metric_list"]] == [specification.metric]
    assert task["num_fewshot"] == specification.num_fewshot
    assert task["metadata"]["version"] == 1.0


@pytest.mark.parametrize("task", TASKS)
def test_items_are_many_and_unique(task: str) -> None:
    found = items(task)
    assert 100 <= len(found) <= 150
    alike = [question(item) + "|".join(sorted(item.get("choices", []))) for item in found]
    assert not [text for text, times in Counter(text.casefold() for text in alike).items() if times > 1]
    assert all(text == text.strip() for item in found for text in [*item.get("choices", []), question(item)])


@pytest.mark.parametrize("task", CHOICE_TASKS)
def test_choices_are_distinct_and_gold_positions_balanced(task: str) -> None:
    found = items(task)
    size = {"starter_grammar": 2}.get(task, 4)
    assert all(len(set(item["choices"])) == len(item["choices"]) == size for item in found)
    positions = Counter(item["answer"] for item in found)
    assert set(positions) == set(range(size))
    assert max(positions.values()) - min(positions.values()) <= 1


@pytest.mark.parametrize("task", CHOICE_TASKS)
def test_the_length_of_a_choice_gives_nothing_away(task: str) -> None:
    """Always taking the shortest, or the longest, choice (ties shared) scores near chance."""
    for pick in (min, max):
        score = 0.0
        found = items(task)
        for item in found:
            lengths = [len(choice) for choice in item["choices"]]
            best = [index for index, length in enumerate(lengths) if length == pick(lengths)]
            score += (item["answer"] in best) / len(best)
        chance = 1 / len(found[0]["choices"])
        assert abs(score / len(found) - chance) < 0.1


@pytest.mark.parametrize("task", ["starter_knowledge", "starter_antonyms"])
def test_questions_do_not_hold_their_answers(task: str) -> None:
    for item in items(task):
        words = set(question(item).casefold().split())
        assert not words & set(item["choices"][item["answer"]].casefold().split()), item


@pytest.mark.parametrize("task", GENERATION_TASKS)
def test_examples_are_fixed_and_not_among_the_items(task: str) -> None:
    shots = yaml.safe_load(FILES[f"{task}.yaml"])["fewshot_config"]
    assert shots["sampler"] == "first_n"
    assert not {question(shot) for shot in shots["samples"]} & {question(item) for item in items(task)}


def test_sums_are_right() -> None:
    operations = {"+": int.__add__, "-": int.__sub__, "x": int.__mul__}
    for item in items("starter_arithmetic"):
        left, sign, right = item["question"].split()
        assert operations[sign](int(left), int(right)) == int(item["answer"]), item


def test_instructions_have_the_answers_they_ask_for() -> None:
    for item in items("starter_instructions"):
        words, answer = item["instruction"].rstrip(".?").split(), item["answer"]
        match words:
            case ["Repeat", "the", "word", word, times, "times"]:
                assert answer.split() == [word] * {"two": 2, "three": 3}[times]
            case ["Write", "the", "word", word, "in", "upper", "case"]:
                assert answer == word.upper()
            case ["Write", "the", "first", "letter", "of", "the", "word", word]:
                assert answer == word[0]
            case ["List", "these", "words", "separated", "by", "commas:", *listed]:
                assert answer == ", ".join(listed)
            case ["Write", "these", "words", "in", "reverse", "order:", *listed]:
                assert answer.split() == listed[::-1]
            case ["Answer", "with", "one", "word,", first, "or", second, *_]:
                assert answer in (first, second.rstrip(":"))
            case _:
                pytest.fail(f"unknown instruction: {item}")
