"""parity-core's items: always the same of the real data sets, and each read as right when its target is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluator import run, suites
from evaluator.contract import ModelRef, Settings
from evaluator.engines.building import items_of, leaves, load_tasks
from evaluator.engines.core import instructions, items

pytestmark = pytest.mark.engine

READERS = [(items.gsm8k, items.Number), (items.mmlu, items.Letter), (items.bbh, items.Various)]
Split = dict[str, list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def here(shared_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where "org/name" is a data set, as in a worker's child."""
    monkeypatch.chdir(shared_hub / "datasets")


@pytest.mark.parametrize(("load", "reader"), READERS, ids=lambda one: one.__name__)
def test_a_target_that_is_said_is_read_and_right(load: Callable[..., Split], reader: type[items.Reading]) -> None:
    docs = load()["test"]
    said = [[f"It is not easy.\n\n**Answer:** {doc['target']}."] for doc in docs]
    read = reader().apply(said, docs)
    assert [
        doc for doc, answer in zip(docs, read, strict=True) if items.judged(doc, [answer])["exact_match"] != 1
    ] == []


@pytest.mark.parametrize(("load", "reader"), READERS, ids=lambda one: one.__name__)
def test_what_says_nothing_is_unreadable_and_not_just_wrong(
    load: Callable[..., Split], reader: type[items.Reading]
) -> None:
    docs = load()["test"]
    read = reader().apply([["I would rather talk about the weather"]] * len(docs), docs)
    assert {str(items.judged(doc, [answer])) for doc, answer in zip(docs, read, strict=True)} == {
        str({"exact_match": 0.0, "extracted": 0.0})
    }


def test_the_suite_counts_them_all() -> None:
    spec, _ = suites.find("parity-core@1")
    loaded = {"gsm8k": items.gsm8k, "mmlu": items.mmlu, "ifeval": items.ifeval, "bbh": items.bbh}
    for task in spec.tasks:
        docs = loaded[task.task.removeprefix("parity_")]()["test"]
        assert len(docs) == task.limit == len({items.hash_of(doc) for doc in docs})


def test_lm_eval_builds_every_task_of_the_suite() -> None:
    spec, _ = suites.find("parity-core@1")
    asked = run.RunSpec(model=ModelRef(name="o/m", sha="a" * 40), model_path="", suite=spec, settings=Settings())
    built, missing = load_tasks(asked)
    assert missing == {}
    for task, entry in built:
        (leaf,) = leaves(entry)
        leaf.set_fewshot_seed(1234)
        leaf.build_all_requests(limit=3, chat_template=None)
        assert len(leaf.instances) == 3
        assert all(len(one.args[0]) > 20 for one in leaf.instances)
        assert items_of(entry, task.limit) == task.limit


def test_strata_are_even() -> None:
    for split, name, each, many in ((items.mmlu(), "subject", 5, 57), (items.bbh(), "subset", 10, 27)):
        counted: dict[str, int] = {}
        for doc in split["test"]:
            counted[doc[name]] = counted.get(doc[name], 0) + 1
        assert set(counted.values()) == {each} and len(counted) == many
        assert len({doc[name] for doc in split["test"][:25]}) > 12, "the first ones are a sample too"


def test_other_data_is_refused() -> None:
    docs = items.gsm8k()["test"]
    with pytest.raises(items.OtherData, match="openai/gsm8k does not hold the items"):
        items.fixed(items.GSM8K, docs[1:])
    changed = [docs[0] | {"question": docs[0]["question"] + " Or not?"}, *docs[1:]]
    with pytest.raises(items.OtherData):
        items.fixed(items.GSM8K, changed)
    spaced = [docs[0] | {"question": docs[0]["question"].replace(" ", "  ")}, *docs[1:]]
    assert items.fixed(items.GSM8K, spaced)["test"] == spaced


def test_instructions_are_judged_by_ifevals_code_the_same_every_time() -> None:
    doc = {
        "key": 1, "prompt": "Say something in German without commas.",
        "instruction_id_list": ["punctuation:no_comma", "language:response_language"],
        "kwargs": [{}, {"language": "de"}],
    }  # fmt: skip
    good = "Der Hafen lag still im ersten Licht und niemand sprach ein Wort."
    right = {"prompt_level_strict_acc": 1.0, "prompt_level_loose_acc": 1.0}
    assert all(instructions.judged(doc, [good]) == right for _ in range(20))
    assert instructions.judged(doc, [good.replace("Licht", "Licht,")]) == dict.fromkeys(right, 0.0)
    assert instructions.judged(doc, [""]) == dict.fromkeys(right, 0.0)
