from datetime import date
from pathlib import Path

import pytest

from leaderboard.imports import licences
from leaderboard.imports.evaluations import Evaluation, Source, SourceError
from leaderboard.imports.open_llm_leaderboard import NO_SHA, NO_SIZE, SUITE, read, training
from tests.leaderboard.imports.made import row, table


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.csv"


def one(path: Path, **changes: str) -> tuple[Evaluation, Source]:
    source = read(table(path, row(**changes)))
    return source.evaluations[0], source


def test_a_row_is_an_evaluation_with_everything_that_it_says(path: Path) -> None:
    found, source = one(path, average="30.25", IFEval="33.02792147058693", **{"IFEval Raw": "0.3302792147058693"})
    assert (found.key, found.model, found.sha) == ("org/model bfloat16", "org/model", "a" * 40)
    assert (found.score, found.stderr, found.unranked_reason) == (30.25, None, "")
    assert found.settings == {"dtype": "bfloat16", "apply_chat_template": True}
    assert found.tasks["leaderboard_ifeval"] == {
        "score": 0.3302792147058693, "normalised": 33.02792147058693, "stderr": None, "n": 0,
        "metric": "strict accuracy", "filter": "none", "unavailable": "",
    }  # fmt: skip
    assert found.of_revision == {"architecture": "LlamaForCausalLM", "parameters": 7_242_000_000}
    assert found.of_model == {
        "licence": "mit", "licence_family": "permissive", "base_model": "org/base", "training": "finetuned",
        "official": True, "merged": False, "mixture": False, "flagged": False, "available": True, "likes": 3,
        "released_on": date(2024, 4, 13),
    }  # fmt: skip
    assert found.facts["co2_kg"] == 0.5
    assert source.as_of == found.evaluated_on == date(2024, 8, 5)
    assert (source.skipped, source.incomplete, source.whole) == ([], [], True)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Model sha": ""}, NO_SHA),
        ({"Model sha": "main"}, NO_SHA),
        ({"#Params (B)": "-1.0"}, NO_SIZE),
        ({"#Params (B)": "0.0"}, NO_SIZE),
        ({"#Params (B)": ""}, NO_SIZE),
        ({"Architecture": "?"}, "The source names no architecture."),
        ({"Submission Date": ""}, "The source has no submission date."),
        ({"Upload To Hub Date": ""}, "The source has no date of upload."),
        ({"Hub License": "unknown"}, "The source names no licence."),
        ({"Base Model": "Removed"}, "The source removed the base model."),
        ({"BBH": "nan"}, "The source has no score for BBH: it is listed without a rank."),
        ({"average": ""}, "The source has no average: it is listed without a rank."),
    ],
)
def test_what_is_missing_is_said_and_never_becomes_a_value(path: Path, changes: dict[str, str], reason: str) -> None:
    found, source = one(path, **changes)
    assert source.incomplete == [("org/model bfloat16", reason)]
    known = (
        found.of_model | found.of_revision | {"sha": found.sha, "evaluated": found.evaluated_on, "score": found.score}
    )
    assert sum(value in ("", None) for value in known.values()) == (2 if "License" in str(changes) else 1)
    assert not {-1, "Removed", "?", "unknown"} & set(map(str, known.values()))


def test_without_a_task_there_is_no_score_whatever_the_average_says(path: Path) -> None:
    found, _ = one(path, BBH="", GPQA="")
    assert (found.score, found.unranked_reason) == (None, "The source has no score for BBH, GPQA.")
    assert found.tasks["leaderboard_bbh"]["unavailable"] == "The source has no score for this task."


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "@SUM(1)", "a b", "../x", "org/model\x00", "a/b/c", "x" * 201])
def test_a_row_without_a_models_name_is_skipped_with_the_reason(path: Path, name: str) -> None:
    source = read(table(path, row(name), row("org/right")))
    assert [found.model for found in source.evaluations] == ["org/right"]
    assert [note.reason for note in source.skipped] == ["It is not the name of a model on the Hub."]


def test_the_oldest_models_have_no_organisation_and_a_row_may_have_no_name(path: Path) -> None:
    source = read(table(path, row("gpt2"), row("")))
    assert [found.model for found in source.evaluations] == ["gpt2"]
    assert source.skipped == [("row 2", "It names no model.")]


def test_a_model_in_two_precisions_is_two_evaluations(path: Path) -> None:
    source = read(table(path, row(), row(Precision="float16")))
    assert [found.precision for found in source.evaluations] == ["bfloat16", "float16"]


def test_the_same_evaluation_twice_is_refused(path: Path) -> None:
    with pytest.raises(SourceError, match="lists 1 evaluations more than once: org/model bfloat16"):
        read(table(path, row(), row(average="31")))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"average": "100.1"}, "column 'Average ⬆️': 100.1 is not between 0 and 100"),
        ({"GPQA": "-0.5"}, "column 'GPQA': -0.5 is not between 0 and 100"),
        ({"GPQA Raw": "41"}, "column 'GPQA Raw': 41 is not between 0 and 1"),
    ],
)
def test_a_score_that_is_none_is_refused(path: Path, changes: dict[str, str], said: str) -> None:
    with pytest.raises(SourceError) as refusal:
        one(path, **changes)
    assert said in str(refusal.value)


def test_a_missing_column_is_named(path: Path) -> None:
    with pytest.raises(SourceError, match="the column 'MUSR Raw' is missing"):
        read(table(path, row(), without="MUSR Raw"))


def test_labels_of_training() -> None:
    labels = {
        "🟢 pretrained": "pretrained", "🟩 continuously pretrained": "continued",
        "💬 chat models (RLHF, DPO, IFT, ...)": "chat",
        "🤝 base merges and moerges": "merge", "🌸 multimodal": "multimodal", "❓ other": "other", "": "", "new": "",
    }  # fmt: skip
    assert {label: training(label) for label in labels} == labels


@pytest.mark.parametrize(
    ("licence", "family"),
    [
        ("apache-2.0", "permissive"), ("MIT", "permissive"), ("cc-by-4.0", "permissive"), ("gpl-3.0", "copyleft"),
        ("cc-by-sa-4.0", "copyleft"), ("cc-by-nc-4.0", "noncommercial"), ("cc-by-nc-sa-4.0", "noncommercial"),
        ("llama3.1", "community"), ("gemma", "community"), ("creativeml-openrail-m", "community"),
        ("bigscience-bloom-rail-1.0", "community"), ("other", "other"), ("something-new", "other"), ("", ""),
        ("unknown", ""),
    ],
)  # fmt: skip
def test_families_of_licences(licence: str, family: str) -> None:
    assert licences.family(licence) == family


def test_the_suite_names_the_six_tasks_in_the_sources_order() -> None:
    assert [task.title for task in SUITE.tasks] == ["IFEval", "BBH", "MATH Lvl 5", "GPQA", "MUSR", "MMLU-PRO"]
