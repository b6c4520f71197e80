from typing import Any

import numpy as np
import pytest

from evaluator.contract import TaskSpec
from evaluator.records import Told, samples_of, task_result, unavailable


def raw(doc_id: int, filter_: str = "none", **metrics: Any) -> dict[str, Any]:
    return {
        "doc_id": doc_id,
        "doc": {"question": f"q{doc_id}"},
        "target": "4",
        "arguments": [("Q: 2+2?", {"until": ["\n"]})],
        "resps": [[" 4"]],
        "filtered_resps": ["4"],
        "filter": filter_,
        "metrics": list(metrics),
        **metrics,
    }


def test_the_filters_of_a_document_are_one_sample() -> None:
    found = samples_of(
        "t", [raw(1, "strict", em=0.0), raw(0, "strict", em=1.0), raw(1, "loose", em=1.0), raw(0, "loose", em=1.0)]
    )
    assert [sample.doc_id for sample in found] == [0, 1]
    assert found[1].scores == {"strict": {"em": 0.0}, "loose": {"em": 1.0}}
    assert found[1].answers == {"strict": "4", "loose": "4"}
    assert (found[0].prompts, found[0].responses) == (("Q: 2+2?",), (" 4",))


def test_a_part_of_a_group_names_the_suites_task() -> None:
    assert samples_of("leaf", [raw(0, em=1.0)], suite_task="group")[0].counts_for == "group"
    assert samples_of("t", [raw(0, em=1.0)], suite_task="t")[0].suite_task == ""


def test_why_a_program_failed_is_kept_by_filter() -> None:
    told = [{**raw(0, "a", em=0.0), "reason": "Wrong answer"}, {**raw(0, "b", em=1.0), "reason": ""}]
    assert samples_of("t", told)[0].reasons == {"a": "Wrong answer"}


def test_what_the_engine_tells_of_a_document_is_kept_once() -> None:
    asked = []

    def told(sample: Any) -> Told:
        asked.append(sample["doc_id"])
        return Told(tokens_in=12, tokens_out=3, finish=("length",), thinking=("Hm.",))

    found = samples_of("t", [raw(0, "a", em=0.0), raw(0, "b", em=1.0)], told=told)[0]
    assert (found.tokens_in, found.tokens_out, found.finish, found.thinking) == (12, 3, ("length",), ("Hm.",))
    assert asked == [0]
    assert samples_of("t", [raw(0, em=0.0)])[0].tokens_in is None


def test_a_choices_context_and_continuation_stay_apart() -> None:
    sample = {
        **raw(0, acc=1.0),
        "arguments": [("Q:", " yes"), ("Q:", " no")],
        "resps": [[(-0.5, True)], [(-2.0, False)]],
    }
    found = samples_of("t", [sample])[0]
    assert found.prompts == ("Q:␟ yes", "Q:␟ no")
    assert found.responses == ("(-0.5, True)", "(-2.0, False)")


def test_only_plain_finite_numbers_are_item_scores() -> None:
    found = samples_of("t", [raw(0, acc=np.float64(1), flag=True, pair=(1.0, 2.0), nan=float("nan"), words="x")])[0]
    assert found.scores == {"none": {"acc": 1.0, "flag": 1.0}}


SPEC = TaskSpec(task="t", title="T", metric="acc")


def test_the_score_is_the_number_that_lm_eval_printed() -> None:
    samples = samples_of("t", [raw(0, acc=1.0), raw(1, acc=0.0)])
    found = task_result(SPEC, {"alias": "t", "acc,none": np.float64(0.5), "acc_stderr,none": 0.35}, samples)
    assert (found.score, found.stderr, found.n, found.item_scores) == (0.5, 0.35, 2, (1.0, 0.0))
    assert found.item_hashes == tuple(sample.item_hash for sample in samples)


@pytest.mark.parametrize("stderr", ["N/A", None, float("nan")])
def test_no_standard_error_is_none(stderr: Any) -> None:
    samples = samples_of("t", [raw(0, acc=1.0)])
    assert task_result(SPEC, {"acc,none": 1.0, "acc_stderr,none": stderr}, samples).stderr is None


def test_a_metric_that_is_not_there_is_said_with_those_that_are() -> None:
    found = task_result(SPEC, {"f1,none": 0.5, "f1_stderr,none": 0.1}, samples_of("t", [raw(0, f1=0.5)]))
    assert found.score is None
    assert "f1,none" in found.unavailable
    assert "f1_stderr" not in found.unavailable


def test_a_metric_without_item_scores_is_said() -> None:
    found = task_result(SPEC, {"acc,none": 0.5}, samples_of("t", [raw(0, f1=0.5)]))
    assert "no score for single items" in found.unavailable


def test_a_task_named_without_metric_takes_the_first() -> None:
    found = task_result(
        TaskSpec(task="t", title="T", metric=""), {"alias": "t", "f1,none": 0.5}, samples_of("t", [raw(0, f1=0.5)])
    )
    assert (found.metric, found.filter, found.score) == ("f1", "none", 0.5)


def test_the_dash_keeps_its_reason() -> None:
    assert unavailable(SPEC, "No data.").unavailable == "No data."
