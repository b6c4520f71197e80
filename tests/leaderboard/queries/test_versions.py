from typing import Any

from leaderboard.queries.versions import Change, changes

ALPHA = {"task": "alpha", "title": "Alpha", "metric": "acc", "filter": "none", "num_fewshot": None, "limit": None,
         "higher_is_better": True, "baseline": 0.25}  # fmt: skip
BETA = {**ALPHA, "task": "beta", "title": "Beta", "filter": "strict", "num_fewshot": 4, "limit": 1000}


def suite(*tasks: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {"name": "s", "title": "S", "description": "", "normalise": False, "bundle": None, "tasks": tasks, **changed}


def test_the_same_definition_has_no_changes() -> None:
    assert changes(suite(ALPHA, BETA), suite(ALPHA, BETA)) == []
    # What an older release of this program did not write is what it is by default for both.
    assert changes({"title": "S", "tasks": [ALPHA]}, {"title": "S", "tasks": [ALPHA]}) == []


def test_tasks_come_and_go_with_their_settings() -> None:
    assert changes(suite(ALPHA), suite(BETA)) == [
        Change("added", "Beta (beta)", after="acc (strict), 4 examples shown, the first 1,000 items"),
        Change("removed", "Alpha (alpha)", before="acc, the task’s own examples shown, all items"),
    ]


def test_every_setting_of_a_task_is_told_in_words() -> None:
    new = {**ALPHA, "title": "A", "metric": "acc_norm", "filter": "x", "num_fewshot": 0, "limit": 5,
           "higher_is_better": False, "baseline": 0.5}  # fmt: skip
    found = changes(suite(ALPHA), suite(new))
    assert {change.kind for change in found} == {"changed"}
    assert [(change.what.removeprefix("A (alpha): "), change.before, change.after) for change in found] == [
        ("title", "Alpha", "A"), ("examples shown", "the task’s own", "0"), ("items", "all", "the first 5"),
        ("metric", "acc", "acc_norm"), ("filter of the answers", "none", "x"), ("score of guessing", "25", "50"),
        ("better is", "higher", "lower"),
    ]  # fmt: skip


def test_the_suite_itself_and_the_order() -> None:
    old = suite(ALPHA, BETA, title="Old")
    found = changes(old, suite(BETA, ALPHA, description="Now with words.", normalise=True, bundle="a1" * 32))
    assert [tuple(change)[1:] for change in found] == [
        ("Order of the tasks", "alpha, beta", "beta, alpha"),
        ("Title", "Old", "S"),
        ("Description", "none", "Now with words."),
        ("Scale of the score", "plain scores", "from chance (0) to perfect (100)"),
        ("Task files", "lm-eval’s own", "SHA-256 a1a1a1a1a1a1"),
    ]
