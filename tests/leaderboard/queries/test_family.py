import pytest

from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Model, Suite
from leaderboard.queries.family import DEEPEST, SHOWN, Family, family_of
from leaderboard.queries.standings import rankings
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db


def family(name: str) -> Family:
    return family_of(Model.objects.get(name=name), rankings())


def chain(*names: str) -> None:
    """Each model is made from the one before it."""
    for base, name in zip(("", *names), names, strict=False):
        Model.objects.update_or_create(name=name, defaults={"base_model": base})


def test_gains_are_over_the_base_with_the_error_of_both(make_submission: made.Make, suite: Suite) -> None:
    for name, score in (("org/base", 50.0), ("org/tuned", 53.0), ("org/merge", 51.0), ("org/child", 40.0)):
        made.succeed(make_submission(name), score, stderr=2.0)
    chain("org/base", "org/tuned", "org/child")
    Model.objects.filter(name="org/merge").update(base_model="org/tuned", merged=True)
    Model.objects.filter(name="org/tuned").update(training="finetuned")
    build_snapshot(suite=suite)
    found = family("org/tuned")
    assert [(one.name, one.score, one.gain) for one in found.above] == [("org/base", 50.0, None)]
    assert (found.own.score, found.own.gain, found.own.way) == (53.0, 3.0, "fine-tuned")
    assert found.own.half == pytest.approx(1.96 * 8**0.5, abs=0.001)
    assert [(one.name, one.gain, one.way) for one in found.children] == [
        ("org/merge", -2.0, "merge"), ("org/child", -13.0, "")
    ]  # fmt: skip
    assert family("org/base").children[0].made == 2


def test_a_base_that_is_not_here_is_named_all_the_same(make_submission: made.Make, suite: Suite) -> None:
    made.succeed(make_submission(), 50.0)
    Model.objects.update(base_model="lab/absent")
    build_snapshot(suite=suite)
    found = family("org/model")
    assert [(one.name, one.known, one.score) for one in found.above] == [("lab/absent", False, None)]
    assert found.own.gain is None
    assert not found.alone


def test_a_circle_is_followed_once(db: None) -> None:
    chain("org/a", "org/b", "org/c")
    Model.objects.filter(name="org/a").update(base_model="org/c")
    found = family("org/b")
    assert [one.name for one in found.above] == ["org/c", "org/a"]
    assert found.cycle
    Model.objects.create(name="org/self", base_model="org/self")
    alone = family("org/self")
    assert (alone.above, alone.cycle, alone.unranked) == ([], True, 0)


def test_a_circle_further_up_is_seen_too(db: None) -> None:
    chain("org/a", "org/b", "org/c")
    Model.objects.filter(name="org/a").update(base_model="org/b")
    found = family("org/c")
    assert ([one.name for one in found.above], found.cycle) == (["org/a", "org/b"], True)


def test_a_long_line_is_cut_and_says_so(db: None) -> None:
    chain(*(f"org/m{index}" for index in range(DEEPEST + 5)))
    found = family(f"org/m{DEEPEST + 4}")
    assert (len(found.above), found.longer, found.cycle) == (DEEPEST, True, False)


def test_of_many_children_the_best_are_listed_and_all_counted(make_submission: made.Make, suite: Suite) -> None:
    made.many(make_submission, suite, 40)
    Model.objects.exclude(name="org/m000").update(base_model="org/m000")
    Model.objects.create(name="org/unranked", base_model="org/m000")
    build_snapshot(suite=suite, anew=True)
    found = family("org/m000")
    assert [one.name for one in found.children] == [f"org/m{index:03}" for index in range(1, SHOWN + 1)]
    assert (found.made, found.hidden, found.unranked) == (39, 39 - SHOWN, 1)


def test_a_model_without_relatives_is_alone(make_submission: made.Make, suite: Suite) -> None:
    made.succeed(make_submission(), 50.0)
    build_snapshot(suite=suite)
    assert family("org/model").alone
